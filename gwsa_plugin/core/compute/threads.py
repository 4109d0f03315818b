"""Independent tasks on the cores of this machine, with progress and a stop that reaches each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

from ..base.errors import Cancelled
from ..base.progress import SILENT, Progress

POLL_SECONDS = 0.2


def run_all(
    tasks: Sequence[Callable[[Callable[[], None]], object]], progress: Progress = SILENT
) -> list:
    """The results of ``tasks``, in their order.

    A task is called with a function that it should call often: it raises ``Cancelled`` once the user asked to stop or
    another task failed. The first failure is raised here when all tasks have ended.
    """
    stop = Event()

    def go_on():
        if stop.is_set():
            raise Cancelled

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = futures = [pool.submit(task, go_on) for task in tasks]
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
