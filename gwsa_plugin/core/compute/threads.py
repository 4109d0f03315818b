"""Run independent tasks on the cores of this machine, with progress and cancellation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, PriorityQueue, SimpleQueue
from threading import BoundedSemaphore, Event
from typing import TypeVar

from ..base.cores import usable_cores
from ..base.progress import SILENT, Progress
from .steps import Task, Work, run_works

# Time between two progress reports and checks for cancellation.
POLL_SECONDS = 0.2

Measured = TypeVar("Measured")


class TaskProgress(Progress):
    """The progress given to one of several parallel tasks: silent, but it can be cancelled.

    Parameters
    ----------
    is_cancelled : callable
        Returns True once the task should stop.
    """

    def __init__(self, is_cancelled: Callable[[], bool]):
        self._is_cancelled = is_cancelled

    def is_cancelled(self) -> bool:
        return self._is_cancelled()


class Limit:
    """Lets at most a number of tasks of a process into its context at once.

    A task that takes much memory runs inside of it. A copy in another process counts its own tasks.

    Parameters
    ----------
    count : int
        Number of tasks.
    """

    def __init__(self, count: int):
        self.count = count
        self._free = BoundedSemaphore(count)

    def __reduce__(self) -> tuple:
        return Limit, (self.count,)

    def __enter__(self) -> None:
        self._free.acquire()

    def __exit__(self, *failure) -> None:
        self._free.release()


def run_all(
    tasks: Sequence[Work],
    progress: Progress = SILENT,
    at_once: Callable[[int], int] | None = None,
) -> list:
    """Run tasks in threads and return their results.

    Parameters
    ----------
    tasks : sequence of callable or Steps
        Each task is called with a ``TaskProgress``. It should call ``stop_if_cancelled`` often,
        which raises Cancelled once the user has cancelled or another task has failed.
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
    Exception
        The first exception of a task, after all tasks have ended.
    """
    workers = usable_cores()
    with ThreadPoolExecutor(workers) as executor:
        pool = _Threads(executor, workers)
        try:
            return run_works(tasks, pool, progress, at_once)
        except BaseException:
            pool.stop.set()
            raise


def run_measured(
    run: Callable[..., list], task: Callable[[Progress], Measured], progress: Progress
) -> tuple[Measured, int]:
    """Run a task where others will run, to estimate their time.

    Parameters
    ----------
    run : callable
        Runs tasks, as ``run_all`` of threads or of a cluster does.
    task : callable
        The task.
    progress : Progress
        Allows cancellation.

    Returns
    -------
    measured
        Result of the task, what it measured.
    workers : int
        Number of tasks that run at the same time.
    """
    workers = 1

    def keep(count: int) -> int:
        nonlocal workers
        workers = count
        return 1

    (measured,) = run([task], TaskProgress(progress.is_cancelled), keep)
    return measured, workers


class _Threads:
    """Threads as a ``Pool``: the task with the smallest key is run first."""

    def __init__(self, executor: ThreadPoolExecutor, workers: int):
        self.workers = workers
        self.stop = Event()
        self._executor = executor
        self._waiting: PriorityQueue = PriorityQueue()
        self._ended: SimpleQueue = SimpleQueue()
        self._pending = 0

    def submit(self, tasks: list[tuple[tuple, Task]]) -> None:
        self._pending += len(tasks)
        for key, task in tasks:
            self._waiting.put((key, task))
        for _ in tasks:
            self._executor.submit(self._run_first)

    def finished(self) -> list[tuple[tuple, object]]:
        ended: list[tuple[tuple, object]] = []
        while self._pending and (not ended or not self._ended.empty()):
            try:
                key, future = self._ended.get(timeout=POLL_SECONDS)
            except Empty:
                break
            self._pending -= 1
            ended.append((key, future.result()))
        return ended

    def _run_first(self) -> None:
        """Run the first of the waiting tasks unless another one has failed."""
        key, task = self._waiting.get()
        if self.stop.is_set():
            return
        future: Future = Future()
        try:
            future.set_result(task(TaskProgress(self.stop.is_set)))
        except BaseException as error:
            future.set_exception(error)
        self._ended.put((key, future))
