"""Fetch the files of a plan, several at once, and record them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from ..base.errors import Cancelled, InputError
from ..base.progress import Progress
from ..files.atomic import remove_file
from .client import Client
from .download import Downloaded, download, forget_part
from .http import LoginRefused, NotReady
from .plan import Plan, way_of
from .record import Entry, Record
from .remote_file import RemoteFile
from .sources import read_sources

AT_ONCE = 4
# The caller can let events be processed so often.
POLL_S = 0.05
MEGABYTE = 1e6


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
    """

    record: Record
    fetched: list[RemoteFile] = field(default_factory=list)
    failed: list[tuple[RemoteFile, str]] = field(default_factory=list)

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
    idle: Callable[[], None] = lambda: None,
) -> Outcome:
    """Fetch the missing files of a plan.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Folder of the inputs; made where it does not exist.
    client : Client
    progress : Progress
        Receives a line for each file and the fraction of the bytes.
    idle : callable
        Called at least ten times in a second in the thread of the caller.

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
    bytes_done = _Bytes(plan)
    timed = progress.timed("Fetching")
    refused: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = _Queue(_prepared(plan, folder, client, progress, pool, idle, outcome))
        running: dict[Future, RemoteFile] = {}
        while waiting or running:
            while len(running) < AT_ONCE and (file := waiting.pop()):
                if file.login in refused:
                    outcome.failed.append((file, refused[file.login]))
                    continue
                task = pool.submit(_fetch_one, client, file, folder, progress, bytes_done.add)
                running[task] = file
            done = _wait(running)
            idle()
            for task in done:
                try:
                    _take(task, running[task], outcome, refused, progress)
                except NotReady as error:
                    waiting.put_back(running[task], error, progress)
                del running[task]
            if progress.is_cancelled():
                waiting.clear()
            timed.show(bytes_done.fraction)
    progress.stop_if_cancelled()
    with _disk_errors(folder):
        outcome.record.write(read_sources())
        for path in outcome.record.entries:
            # Facts that a run left which was killed after it had recorded the file.
            forget_part(folder / path)
    return outcome


def _prepared(
    plan: Plan,
    folder: Path,
    client: Client,
    progress: Progress,
    pool: ThreadPoolExecutor,
    idle: Callable[[], None],
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
        idle()
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
    record.entries[file.path] = _entry(file, downloaded)
    with _disk_errors(record.folder):
        record.write(read_sources())
        forget_part(record.folder / file.path)
        for path in replaced:
            remove_file(record.folder / path)
    outcome.fetched.append(file)
    progress.info(f"{file.path}: {downloaded.bytes / MEGABYTE:.2f} MB, {downloaded.verified}.")


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
        raise InputError(
            f"{folder} cannot be written to ({error.strerror or error}); free space on its disk, "
            "or choose another folder."
        ) from None


def _entry(file: RemoteFile, downloaded: Downloaded) -> Entry:
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
            f"The files need up to {needed / MEGABYTE:,.0f} MB, but the disk of {folder} has "
            f"{free / MEGABYTE:,.0f} MB free; choose a folder on another disk."
        )


class _Bytes:
    """Counts the bytes that came in all threads."""

    def __init__(self, plan: Plan):
        self._expected = sum(plan.bytes) / 2
        self._lock = Lock()
        self._count = 0

    def add(self, count: int) -> None:
        with self._lock:
            self._count += count

    @property
    def fraction(self) -> float:
        """The part of the expected bytes that came, at most 1."""
        return min(self._count / self._expected, 1.0) if self._expected else 1.0
