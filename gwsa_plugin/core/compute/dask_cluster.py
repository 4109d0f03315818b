"""The tasks of ``threads.run_all`` on the workers of a Dask cluster that share a file system with this machine.

Dask schedules, moves data, and repeats elsewhere what was on a worker that died. Workers need only the libraries; they
are sent this package, and refused where their libraries would not make the same bytes.
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
from pathlib import Path
from time import sleep

import rasterio

from ..base.errors import InputError
from ..base.progress import SILENT, Progress
from ..files.provenance import LIBRARIES, version_of
from .threads import POLL_SECONDS, TaskProgress, run_all

PACKAGE = Path(__file__).parents[1]
CONNECT_SECONDS = 10


@contextmanager
def task_runner(scheduler: str, progress: Progress = SILENT) -> Iterator[Callable]:
    """Yield what runs tasks: ``threads.run_all``, or that of the Cluster of ``scheduler`` where one is named."""
    if not scheduler:
        yield run_all
        return
    with Cluster(scheduler) as cluster:
        if cluster.workers:
            progress.info(f"{cluster.workers} workers of {scheduler} predict and write the maps.")
        else:
            progress.warn(f"No worker has joined {scheduler} yet; the maps wait for one.")
        yield cluster.run_all


class Cluster:
    """The workers of the Dask scheduler at ``address`` (``tcp://host:8786``, or ``tls://`` with Dask's own settings of
    keys and certificates), from entering the context to leaving it.

    InputError without dask.distributed, without a scheduler there, and for workers whose versions differ from ours.
    """

    def __init__(self, address: str):
        self._address, self._client = address, _connect(address)
        self._sent = cache(partial(self._client.submit, _given, pure=False))

    def __enter__(self) -> Cluster:
        try:
            self._bring_code()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *failure) -> None:
        self._client.close()

    @property
    def workers(self) -> int:
        return len(self._client.nthreads())

    def run_all(self, tasks: Sequence[partial], progress: Progress = SILENT) -> list:
        """As ``threads.run_all``, of tasks that can be pickled and whose first argument is one and the same object: it
        goes to each worker once, however often this is called.

        The first failure, or the user, cancels what has not ended; it is not waited for.
        """
        from dask.distributed import CancelledError, KilledWorker

        if not tasks:
            return []
        futures = self._submit(tasks)
        try:
            while waiting := self._waiting(futures):
                progress.advance(1 - waiting / len(futures))
                sleep(POLL_SECONDS)
            return self._client.gather(futures)
        except KilledWorker as death:
            raise InputError(
                f"Worker after worker of {self._address} died of the same task ({death}); give each more memory, 1 GB "
                "for each of its threads."
            ) from None
        except CancelledError:
            raise InputError(
                f"The scheduler at {self._address} was lost; start it again, then the same run: it goes on from "
                "what is done."
            ) from None
        finally:
            for future in futures:
                future.release()

    def _submit(self, tasks: Sequence[partial]) -> list:
        with warnings.catch_warnings():
            # That the first argument is large. It is not scattered, as Dask advises: what was scattered is lost with
            # the workers that have it, what was submitted is brought again.
            warnings.simplefilter("ignore", UserWarning)
            shared = self._sent(tasks[0].args[0])
            rests = [partial(task.func, *task.args[1:]) for task in tasks]
            return self._client.map(_run, rests, shared=shared, expected=versions(), pure=False)

    def _waiting(self, futures: list) -> int:
        """How many are to be waited for: none once one has failed."""
        states = [future.status for future in futures]
        return states.count("pending") if {*states} <= {"pending", "finished"} else 0

    def _bring_code(self) -> None:
        unpack = _unpacking(_archive())
        try:
            self._client.run_on_scheduler(unpack)
            self._client.register_worker_callbacks(unpack)
            self._client.run(_refuse_others, versions())
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"The cluster at {self._address} cannot run the code of GWSA ({type(error).__name__}: {error}); start "
                "scheduler and workers with the Python and the libraries of this machine."
            ) from None


def _connect(address: str):
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise InputError(
            f"A cluster needs the Python library distributed, which could not be loaded here ({error}); install it, or "
            "name no scheduler."
        ) from None
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {address} ({error}); start one with dask scheduler, and name its address as "
            "it states it, tcp://host:8786."
        ) from None


# What workers are sent


@cache
def versions() -> dict[str, str | None]:
    """Of all that the bytes of a map depend on; None for what is not installed."""
    libraries = {name: version_of(name) for name in (*LIBRARIES, "numba")}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **libraries, "GDAL": rasterio.__gdal_version__, "GWSA": _digest()}


def _digest() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _archive() -> bytes:
    """This package under the name by which it is imported here; inside QGIS it is another than in a script."""
    packed, names = io.BytesIO(), __package__.split(".")[:-1]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for depth in range(1, len(names)):
            archive.writestr("/".join([*names[:depth], "__init__.py"]), "")
        for path in _sources():
            archive.write(path, "/".join([*names, path.relative_to(PACKAGE).as_posix()]))
    return packed.getvalue()


def _unpacking(archive: bytes) -> Callable[[], None]:
    """A function within a function is sent as it is, not as the name of what only the archive has."""

    def unpack(dask_worker=None) -> None:
        # Files, because numba keeps nothing of what it compiles from an archive.
        import atexit
        import io
        import shutil
        import sys
        import tempfile
        import zipfile

        # A worker's folder goes with it, however it ends; the scheduler has none, and Dask hands it in like a worker.
        folder = tempfile.mkdtemp(prefix="gwsa-", dir=getattr(dask_worker, "local_directory", None))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
        sys.path.append(folder)

    return unpack


# On a worker


def _given(shared):
    return shared


def _run(rest: partial, shared, expected: dict):
    _refuse_others(expected)
    return rest.func(shared, *rest.args, _task_progress())


def _refuse_others(expected: dict) -> None:
    for name, here in versions().items():
        if here != expected[name]:
            raise InputError(
                f"The worker on {platform.node()} has {name} {here or 'not at all'} where this machine has "
                f"{expected[name] or 'none'}, which could make other maps; restart it with the same."
            )


def _task_progress() -> TaskProgress:
    from dask.distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    return TaskProgress(lambda: task.state == "cancelled")
