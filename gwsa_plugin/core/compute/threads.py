"""Independent tasks on the cores of this machine, with progress and a stop that reaches each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

from ..base.progress import SILENT, Progress

POLL_SECONDS = 0.2


class TaskProgress(Progress):
    """The progress that one task reports to: silent, it only passes on a request to stop."""

    def __init__(self, is_cancelled: Callable[[], bool]):
        self.is_cancelled = is_cancelled


def run_all(tasks: Sequence[Callable[[Progress], object]], progress: Progress = SILENT) -> list:
    """The results of ``tasks``, in their order.

    Each task is called with a Progress of its own, whose ``stop_if_cancelled`` it should call
    often: it raises ``Cancelled`` once the user asked to stop or another task failed. The first
    failure is raised here when all tasks have ended.
    """
    stop = Event()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = futures = [pool.submit(task, TaskProgress(stop.is_set)) for task in tasks]
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=POLL_SECONDS)
                for future in done:
                    future.result()
                progress.advance(1 - len(waiting) / len(futures))
        except BaseException:
            stop.set()
            raise
    return [future.result() for future in futures]
