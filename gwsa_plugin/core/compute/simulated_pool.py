"""Workers in simulated time, to learn how long tasks will take before they run."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import cast

from ..base.progress import SILENT, Progress
from .steps import Task


def taking(seconds: float) -> Task:
    """Return a task that would take ``seconds``."""

    def task(progress: Progress) -> float:
        return seconds

    return task


class SimulatedPool:
    """A ``Pool`` whose tasks return the seconds that they would take, as those of ``taking``.

    Parameters
    ----------
    workers : int
        Number of tasks that run at the same time.

    Attributes
    ----------
    now : float
        Simulated time, seconds. What is done between the steps of a work may add to it.
    """

    def __init__(self, workers: int):
        self.workers = workers
        self.now = 0.0
        # Times at which workers became free, running tasks by their end, waiting tasks by key.
        self._free = [0.0] * workers
        self._running: list[tuple[float, tuple]] = []
        self._waiting: list[tuple[tuple, Task]] = []

    def submit(self, tasks: list[tuple[tuple, Task]]) -> None:
        """Start tasks, as ``Pool`` does."""
        self._waiting += tasks
        heapify(self._waiting)
        while self._free and self._waiting:
            self._start(max(heappop(self._free), self.now))

    def finished(self) -> list[tuple[tuple, object]]:
        """Proceed to the end of the next task and return its key, without a result."""
        if not self._running:
            return []
        end, key = heappop(self._running)
        self.now = max(self.now, end)
        if self._waiting:
            self._start(end)
        else:
            heappush(self._free, end)
        return [(key, None)]

    def _start(self, begin: float) -> None:
        key, task = heappop(self._waiting)
        heappush(self._running, (begin + cast(float, task(SILENT)), key))
