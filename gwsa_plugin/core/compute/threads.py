"""Run independent tasks on the cores of this machine, with progress and cancellation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import BoundedSemaphore, Event

from ..base.cores import usable_cores
from ..base.progress import SILENT, Progress

# Time between two progress reports and checks for cancellation.
POLL_SECONDS = 0.2


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


def run_all(tasks: Sequence[Callable[[Progress], object]], progress: Progress = SILENT) -> list:
    """Run tasks in threads and return their results.

    Parameters
    ----------
    tasks : sequence of callable
        Each is called with a ``TaskProgress``. It should call ``stop_if_cancelled`` often, which
        raises Cancelled once the user has cancelled or another task has failed.
    progress : Progress
        Shows the fraction of tasks that are done.

    Returns
    -------
    list
        Results in the order of ``tasks``.

    Raises
    ------
    Cancelled
        When the user has cancelled.
    Exception
        The first exception of a task, after all tasks have ended.
    """
    stop = Event()
    with ThreadPoolExecutor(usable_cores()) as pool:
        futures = [pool.submit(task, TaskProgress(stop.is_set)) for task in tasks]
        waiting: set[Future] = set(futures)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=POLL_SECONDS)
                # Raise the exception of a failed task at once, so that the others stop.
                for future in done:
                    future.result()
                progress.advance(1 - len(waiting) / len(futures))
        except BaseException:
            stop.set()
            raise
    return [future.result() for future in futures]
