"""Run independent tasks on a Dask cluster that shares a file system with this machine.

Dask schedules the tasks, moves their data and repeats tasks of a worker that died. Workers need
only Python and the libraries: they are sent the source code of this package. A worker whose
versions differ from those of this machine is refused, because its maps could differ.
"""

from __future__ import annotations

import hashlib
import io
import platform
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from ipaddress import ip_address
from pathlib import Path
from time import sleep
from typing import cast

from ..base.errors import InputError
from ..base.progress import SILENT, Progress
from ..files.provenance import LIBRARIES, version_of
from ..rasters.backend import gdal_version
from .steps import Task, Work, run_works
from .threads import POLL_SECONDS, TaskProgress, run_all

PACKAGE = Path(__file__).parents[1]
CONNECT_SECONDS = 10


@contextmanager
def task_runner(
    scheduler: str, progress: Progress = SILENT, unencrypted: bool = False
) -> Iterator[Callable]:
    """Yield the function that runs tasks.

    Parameters
    ----------
    scheduler : str
        Address of a Dask scheduler; empty to use the cores of this machine.
    progress : Progress
        Its log states the number of workers.
    unencrypted : bool
        As of ``Cluster``.

    Yields
    ------
    callable
        ``threads.run_all`` or ``Cluster.run_all``.

    Raises
    ------
    InputError
        As in ``Cluster``.
    """
    if not scheduler:
        yield run_all
        return
    with Cluster(scheduler, unencrypted) as cluster:
        if cluster.worker_count:
            progress.info(
                f"{cluster.worker_count} workers of {scheduler} predict and write the maps."
            )
        else:
            progress.warn(f"No worker has joined {scheduler} yet; the maps wait for one.")
        yield cluster.run_all


class Cluster:
    """The workers of a Dask scheduler; a context manager that closes the connection.

    Parameters
    ----------
    address : str
        ``tls://host:8786`` with keys and certificates in Dask's settings, or ``tcp://host:8786``.
    unencrypted : bool
        Allow ``tcp`` to another machine, where anyone in the network can read and change what is
        sent, and run code on the workers.

    Raises
    ------
    InputError
        When a remote scheduler is not encrypted, dask.distributed is not installed or no scheduler
        answers; on entering the context, when the workers cannot run the code or have other
        versions than this machine.
    """

    def __init__(self, address: str, unencrypted: bool = False):
        if not (unencrypted or is_private(address)):
            raise InputError(
                f"The scheduler at {address} is on another machine and not encrypted, so that "
                "others in the network could run code there; start it with TLS and give its "
                "tls:// address, or allow it with UNENCRYPTED."
            )
        self._address = address
        self._client = _connect(address)
        # The future of an object that was submitted once, from the object.
        self._shared_future = cache(partial(self._client.submit, _identity, pure=False))

    def __enter__(self) -> Cluster:
        try:
            self._send_code()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *failure) -> None:
        self._client.close()

    @property
    def worker_count(self) -> int:
        """Number of workers that have joined the scheduler."""
        return len(self._client.nthreads())

    def run_all(
        self,
        tasks: Sequence[Work],
        progress: Progress = SILENT,
        at_once: Callable[[int], int] | None = None,
    ) -> list:
        """Run tasks on the workers and return their results.

        After a failure or a cancellation the remaining tasks are cancelled and not waited for.

        Parameters
        ----------
        tasks : sequence of partial or Steps
            As for ``threads.run_all``. They must be picklable and have the same object as their
            first argument, which is sent to each worker once, in all calls of this method together.
        progress : Progress
            Shows the fraction of tasks that are done.
        at_once : callable, optional
            See ``run_works``.

        Returns
        -------
        list
            Results in the order of ``tasks``; for ``Steps`` the results of the last step.

        Raises
        ------
        Cancelled
            When the user has cancelled.
        InputError
            When several workers died of one task, the scheduler was lost, or a worker has other
            versions than this machine.
        Exception
            The first exception of a task.
        """
        from dask.distributed import CancelledError, KilledWorker

        pool = _Workers(self._client, self._shared_future)
        try:
            return run_works(tasks, pool, progress, at_once)
        except KilledWorker as death:
            raise InputError(
                f"Several workers of {self._address} died while they ran the same task ({death}); "
                "give each worker more memory, 1 GB for each of its threads."
            ) from None
        except CancelledError:
            raise InputError(
                f"The connection to the scheduler at {self._address} was lost; start the scheduler "
                "again and repeat the run, which continues from the results so far."
            ) from None
        finally:
            pool.release()

    def _send_code(self) -> None:
        """Send this package to the scheduler and to all workers, also those that join later."""
        unpack = _make_unpack(_pack_sources())
        try:
            self._client.run_on_scheduler(unpack)
            self._client.register_worker_callbacks(unpack)
            self._client.run(_require_versions, versions())
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"The cluster at {self._address} cannot run the code of GWSA "
                f"({type(error).__name__}: {error}); start scheduler and workers with the Python "
                "and the libraries of this machine."
            ) from None


def is_private(address: str) -> bool:
    """Return True for a scheduler on this machine or one whose connection is encrypted."""
    protocol, _, place = address.rpartition("://")
    if protocol in ("tls", "inproc"):
        return True
    host = place.rpartition(":")[0] or place
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _connect(address: str):
    try:
        from dask.distributed import Client
    except Exception as error:  # libraries that do not fit to each other raise errors of any kind
        raise InputError(
            "A cluster needs the Python library distributed, which could not be loaded here "
            f"({error}); install it or leave the scheduler empty."
        ) from None
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except TypeError as error:
        raise InputError(
            f"The scheduler at {address} needs a key and a certificate ({error}); state their "
            "files in Dask's settings, distributed.comm.tls."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {address} ({error}); start one with “dask scheduler” "
            "and give the address that it prints, such as tcp://host:8786."
        ) from None


class _Workers:
    """The workers of a cluster as a ``Pool``."""

    def __init__(self, client, shared_future: Callable):
        self._client = client
        self._shared_future = shared_future
        # Keys of the tasks that have not ended, by their futures.
        self._pending: dict = {}

    @property
    def workers(self) -> int:
        return sum(self._client.nthreads().values())

    def submit(self, tasks: list[tuple[tuple, Task]]) -> None:
        # Dask runs tasks of the highest priority first, and of equal priority in their order.
        for step in sorted({key[0] for key, _ in tasks}):
            members = [(key, task) for key, task in tasks if key[0] == step]
            futures = self._map([cast(partial, task) for _, task in members], priority=-step)
            self._pending.update(zip(futures, (key for key, _ in members)))

    def finished(self) -> list[tuple[tuple, object]]:
        ended = [future for future in self._pending if future.status != "pending"]
        if not ended:
            if self._pending:
                sleep(POLL_SECONDS / 10)
            return []
        # Dask cancels tasks whose futures are released, and forgets results.
        results = self._client.gather(ended)
        keys = [self._pending.pop(future) for future in ended]
        for future in ended:
            future.release()
        return list(zip(keys, results))

    def release(self) -> None:
        """Cancel the tasks that have not ended."""
        for future in self._pending:
            future.release()

    def _map(self, tasks: Sequence[partial], priority: int) -> list:
        with warnings.catch_warnings():
            # Dask warns that the first argument is large and advises to scatter it. Scattered data
            # are lost with the workers that hold them, whereas submitted data are sent again.
            warnings.simplefilter("ignore", UserWarning)
            shared = self._shared_future(tasks[0].args[0])
            own_parts = [partial(task.func, *task.args[1:]) for task in tasks]
            return self._client.map(
                _run_task,
                own_parts,
                shared=shared,
                expected=versions(),
                pure=False,
                priority=priority,
            )


# What workers are sent


@cache
def versions() -> dict[str, str | None]:
    """Return the versions of all that the bytes of a map depend on.

    Returns
    -------
    dict
        Name -> version, None for a library that is not installed. The version of GWSA is a digest
        of its source code.
    """
    libraries = {name: version_of(name) for name in (*LIBRARIES, "numba")}
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "Python": python,
        **libraries,
        "GDAL": gdal_version(),
        "GWSA": _source_digest(),
    }


def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in _source_files():
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _source_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _pack_sources() -> bytes:
    """Zip archive of this package under the name by which it is imported here.

    The name of the parent packages in QGIS differs from that in a script.
    """
    buffer = io.BytesIO()
    names = __package__.split(".")[:-1]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for depth in range(1, len(names)):
            archive.writestr("/".join([*names[:depth], "__init__.py"]), "")
        for path in _source_files():
            archive.write(path, "/".join([*names, path.relative_to(PACKAGE).as_posix()]))
    return buffer.getvalue()


def _make_unpack(archive: bytes) -> Callable[..., None]:
    """Make the function that unpacks the archive on a worker or on the scheduler.

    It is nested because Dask sends nested functions as code. A function of a module would be sent
    by its name, and workers can import the module only after they have unpacked the archive.
    """

    def unpack(dask_worker=None) -> None:
        import atexit
        import io
        import shutil
        import sys
        import tempfile
        import zipfile

        # Dask passes the worker or the scheduler. A worker has a local folder, which is deleted
        # with it however it ends; the scheduler has none and uses the default temporary folder.
        folder = tempfile.mkdtemp(prefix="gwsa-", dir=getattr(dask_worker, "local_directory", None))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # Unpacked, because numba does not cache compiled functions of modules in an archive.
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
        sys.path.append(folder)

    return unpack


# What runs on a worker


def _identity(shared):
    return shared


def _run_task(own_part: partial, shared, expected: dict):
    """Run a task that was sent without its shared first argument."""
    _require_versions(expected)
    return own_part.func(shared, *own_part.args, _task_progress())


def _require_versions(expected: dict) -> None:
    """Raise InputError when a version on this worker differs from the expected one."""
    for name, here in versions().items():
        if here != expected[name]:
            raise InputError(
                f"The worker on {platform.node()} has {name} version {here or 'none'} and this "
                f"machine has {expected[name] or 'none'}, so that their maps could differ; "
                "restart the worker with the same version."
            )


def _task_progress() -> TaskProgress:
    """Progress that is cancelled when Dask has cancelled the task that calls this function."""
    from dask.distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    return TaskProgress(lambda: task.state == "cancelled")
