"""Fetch the files of a plan, several at once, and record them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from ..base.errors import Cancelled, InputError
from ..base.progress import Progress
from ..files.atomic import remove_file
from .client import Client
from .download import Downloaded, download, forget_part
from .estimate import AT_ONCE, Arrivals, bytes_text
from .http import LoginRefused, NotReady
from .pieces import forget_pieces
from .plan import Plan, way_of
from .record import Entry, Record
from .remote_file import RemoteFile
from .sources import read_sources

# The caller can let events be processed so often.
POLL_S = 0.05
KEPT = "Cancelled; what came is kept, and the next run goes on from there."


@dataclass
class Outcome:
    """What came of a plan.

    Attributes
    ----------
    record : Record
        All files that are there.
    fetched : list of RemoteFile
        Files that came in this run.
    failed : list of (RemoteFile, str)
        Files that did not come, and why.
    bytes : int
        Bytes that came in this run.
    awaited : int
        Number of files that a server has not made yet.
    """

    record: Record
    fetched: list[RemoteFile] = field(default_factory=list)
    failed: list[tuple[RemoteFile, str]] = field(default_factory=list)
    bytes: int = 0
    awaited: int = 0

    def require_all(self) -> None:
        """Raise InputError if a file did not come."""
        if not self.failed:
            return
        reasons = dict.fromkeys(reason for _, reason in self.failed)
        count = len(self.failed)
        files = f"{count} of {count + len(self.fetched)} files" if count > 1 else "A file"
        raise InputError(
            f"{files} could not be fetched, and what came is kept: {next(iter(reasons))}"
            + (f" The log has {len(reasons) - 1} more reasons." if len(reasons) > 1 else "")
        )


def fetch(
    plan: Plan,
    folder: Path,
    client: Client,
    progress: Progress,
    watch: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Fetch the missing files of a plan.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Folder of the inputs; made where it does not exist.
    client : Client
    progress : Progress
        Receives a line for each file and the fraction that is done.
    watch : callable
        Called at least ten times in a second in the thread of the caller, with what came so far.

    Returns
    -------
    Outcome
        Files that failed are listed in it; the others were fetched nevertheless.

    Raises
    ------
    InputError
        When the disk is too small.
    Cancelled
        When the user cancelled. What has come is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(plan, folder)
    _remove_scratch(folder)
    outcome = Outcome(_record(plan, folder))
    arrivals = Arrivals(plan.missing)
    timed = progress.timed("Fetching")
    refused: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = _Queue(_prepared(plan, folder, client, progress, pool, watch, outcome))
        for refused_file, _ in outcome.failed:
            arrivals.settle(refused_file)
        running: dict[Future, RemoteFile] = {}
        while waiting or running:
            while len(running) < AT_ONCE and (file := waiting.pop()):
                if file.login in refused:
                    outcome.failed.append((file, refused[file.login]))
                    arrivals.settle(file)
                    continue
                arrived = partial(arrivals.add, file)
                task = pool.submit(_fetch_one, client, file, folder, progress, arrived)
                running[task] = file
            for task in _wait(running):
                tried = running.pop(task)
                try:
                    _take(task, tried, outcome, refused, progress)
                    arrivals.settle(tried)
                except NotReady as error:
                    waiting.put_back(tried, error, progress)
            if progress.is_cancelled():
                waiting.clear()
            outcome.bytes, outcome.awaited = arrivals.bytes, waiting.later
            timed.show(arrivals.fraction)
            watch(outcome)
    if progress.is_cancelled():
        raise Cancelled(KEPT)
    with _disk_errors(folder):
        outcome.record.write(read_sources())
        for path in outcome.record.entries:
            # What a run left which was killed, or was refused it, after it had recorded the file.
            forget_part(folder / path)
            forget_pieces(folder / path)
    return outcome


def _prepared(
    plan: Plan,
    folder: Path,
    client: Client,
    progress: Progress,
    pool: ThreadPoolExecutor,
    watch: Callable[[Outcome], None],
    outcome: Outcome,
) -> list[RemoteFile]:
    """Let the ways prepare what servers make on request; return the files that can be fetched."""
    files = list(plan.missing)
    tasks = {
        pool.submit(way_of(read_sources()[name]).prepare, group, folder, client, progress): group
        for name, group in plan.by_source().items()
        if hasattr(way_of(read_sources()[name]), "prepare")
    }
    running = set(tasks)
    while running:
        done = _wait(running)
        watch(outcome)
        running -= done
        for task in done:
            try:
                task.result()
            except Cancelled:
                continue
            except InputError as error:
                progress.warn(str(error))
                outcome.failed += [(file, str(error)) for file in tasks[task]]
                files = [file for file in files if file not in tasks[task]]
    return files


def _wait(running: Collection[Future]) -> set[Future]:
    """Wait a moment for one of the tasks to end; return those that have."""
    if not running:
        sleep(POLL_S)
        return set()
    return wait(running, POLL_S, FIRST_COMPLETED).done


class _Queue:
    """The files that are to be fetched, and those that a server has not made yet."""

    def __init__(self, files: Sequence[RemoteFile]):
        self._files = list(reversed(files))
        self._later: list[tuple[float, RemoteFile]] = []
        self._reasons: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._files or self._later)

    @property
    def later(self) -> int:
        """Number of files that a server has not made yet."""
        return len(self._later)

    def pop(self) -> RemoteFile | None:
        """Take the next file; None if all have to wait."""
        if self._files:
            return self._files.pop()
        now = monotonic()
        ready = next((item for item in self._later if item[0] <= now), None)
        if ready is None:
            return None
        self._later.remove(ready)
        return ready[1]

    def put_back(self, file: RemoteFile, error: NotReady, progress: Progress) -> None:
        """Let a file wait; the reason is written to the log once."""
        self._later.append((monotonic() + error.wait_s, file))
        if str(error) not in self._reasons:
            self._reasons.add(str(error))
            progress.info(f"{error}; the run goes on with other files and waits for it.")

    def clear(self) -> None:
        """Forget the files that wait."""
        self._files.clear()
        self._later.clear()


def _fetch_one(
    client: Client,
    file: RemoteFile,
    folder: Path,
    progress: Progress,
    arrived: Callable[[int], None],
) -> Downloaded:
    progress.stop_if_cancelled()
    way = way_of(read_sources()[file.source])
    fetch_file = getattr(way, "fetch_file", download)
    with _disk_errors(folder):
        return fetch_file(client, file, folder / file.path, progress, arrived)


def _take(
    task: Future,
    file: RemoteFile,
    outcome: Outcome,
    refused: dict[str, str],
    progress: Progress,
) -> None:
    """Record a file that came, or note why it did not."""
    try:
        downloaded = task.result()
    except Cancelled:
        return
    except InputError as error:
        if isinstance(error, LoginRefused):
            refused[file.login] = str(error)
        outcome.failed.append((file, str(error)))
        progress.warn(str(error))
        return
    record = outcome.record
    replaced = _replaced(file, record)
    record.entries[file.path] = _entry(file, downloaded, record.bounds)
    with _disk_errors(record.folder):
        record.write(read_sources())
        forget_part(record.folder / file.path)
        for path in replaced:
            remove_file(record.folder / path)
    outcome.fetched.append(file)
    progress.info(f"{file.path}: {bytes_text(downloaded.bytes)}, {downloaded.verified}.")


def _replaced(file: RemoteFile, record: Record) -> list[str]:
    """Take the earlier version of a file, which has another name, from the record.

    Returns its path. Two versions of the mascons in a folder could not be told apart.
    """
    if not file.newest:
        return []
    names = [name for name, entry in record.entries.items() if entry.source == file.source]
    for name in names:
        del record.entries[name]
    return [name for name in names if name != file.path]


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Raise what the disk refuses as InputError."""
    try:
        yield
    except OSError as error:
        place = error.filename2 or error.filename or folder
        raise InputError(
            f"{place} cannot be written ({error.strerror or error}); free space on its disk, or "
            "choose another folder."
        ) from None


def _entry(file: RemoteFile, downloaded: Downloaded, bounds: list[float]) -> Entry:
    return Entry(
        path=file.path,
        source=file.source,
        release=read_sources()[file.source].version,
        url=file.url,
        version=downloaded.version,
        bytes=downloaded.bytes,
        sha256=downloaded.sha256,
        verified=downloaded.verified,
        fetched=datetime.now(timezone.utc).date().isoformat(),
        region=list(bounds),
    )


def _record(plan: Plan, folder: Path) -> Record:
    """The record of the folder, with the region and the period of the plan."""
    record = Record.read(folder)
    record.bounds = list(plan.order.bounds)
    record.period = [str(plan.order.start), str(plan.order.end)]
    return record


def _remove_scratch(folder: Path) -> None:
    """Remove what was being written when an earlier run was killed."""
    for path in folder.rglob(".*-*.part"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _check_space(plan: Plan, folder: Path) -> None:
    needed, free = plan.bytes[1], shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"The files need up to {bytes_text(needed)}, but the disk of {folder} has "
            f"{bytes_text(free)} free; choose a folder on another disk."
        )
