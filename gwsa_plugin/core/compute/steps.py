"""Tasks in steps: those of a step are made from the results of the step before.

Several works are in progress at the same time, so that no worker waits for the end of a step of one
of them. The schedule is the same for threads and for a cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, Union

from ..base.progress import Progress

Task = Callable[[Progress], object]


class Steps(NamedTuple):
    """A work in steps.

    Parameters
    ----------
    tasks : sequence of callable
        Tasks of the first step.
    following : sequence of callable
        One for each further step. It is called here, not on a worker, with the results of the step
        before in the order of its tasks, and returns the tasks of its step.
    shares : sequence of float
        Share of each step in the time of all, for the fraction done; by default they are equal.
    """

    tasks: Sequence[Task]
    following: Sequence[Callable[[list], Sequence[Task]]] = ()
    shares: Sequence[float] = ()


Work = Union[Task, Steps]


class Pool(Protocol):
    """Workers that run tasks."""

    @property
    def workers(self) -> int:
        """Number of tasks that run at the same time."""
        ...

    def submit(self, tasks: list[tuple[tuple, Task]]) -> None:
        """Start tasks, given as (key, task). Those with the smallest keys are run first."""
        ...

    def finished(self) -> list[tuple[tuple, object]]:
        """Wait a moment and return (key, result) of tasks that have ended since the last call.

        Returns at once when there is nothing to wait for. Raises the exception of a failed task.
        """
        ...


def run_works(
    works: Sequence[Work],
    pool: Pool,
    progress: Progress,
    at_once: Callable[[int], int] | None = None,
) -> list:
    """Run works and return their results.

    Parameters
    ----------
    works : sequence of callable or Steps
        A single task, or tasks in steps.
    pool : Pool
        Runs the tasks: later steps first, so that works end early, then in the order of works.
    progress : Progress
        Receives the fraction done.
    at_once : callable, optional
        Number of works in progress for a number of workers; by default all.

    Returns
    -------
    list
        In the order of ``works``: the result of a task, or the list of the results of the last
        step.
    """
    waiting = deque(enumerate(works))
    running: dict[int, _Work] = {}
    results: list = [None] * len(works)
    done = 0.0
    while waiting or running:
        tasks: list[tuple[tuple, Task]] = []
        changed = []
        for (_, number, place), result in pool.finished():
            done += running[number].take(place, result)
            tasks += running[number].proceed()
            changed.append(number)
        progress.advance(min(done / len(works), 1.0))
        most = at_once(pool.workers) if at_once and waiting else len(works)
        while waiting and len(running) < max(1, most):
            number, work = waiting.popleft()
            running[number] = _Work(number, work)
            tasks += running[number].begin()
            changed.append(number)
        pool.submit(tasks)
        for number in set(changed):
            if running[number].ended:
                results[number] = running.pop(number).result
    return results


class _Work:
    """A work in progress."""

    def __init__(self, number: int, work: Work):
        self._number = number
        self._is_single = not isinstance(work, Steps)
        steps = work if isinstance(work, Steps) else Steps([work])
        self._first = steps.tasks
        self._following = list(steps.following)
        count = 1 + len(steps.following)
        self._shares = list(steps.shares) or [1 / count] * count
        self._step = 0
        self._results: list = []
        self._missing = 0

    @property
    def ended(self) -> bool:
        """Whether all steps have ended."""
        return not self._missing and not self._following

    @property
    def result(self):
        """The result, when the work has ended."""
        return self._results[0] if self._is_single else self._results

    def begin(self) -> list[tuple[tuple, Task]]:
        """The tasks of the first step that has any, with their keys."""
        return self._enter(self._first)

    def take(self, place: int, result) -> float:
        """Keep the result of a task and return its share in the time of the work."""
        self._results[place] = result
        self._missing -= 1
        return self._shares[self._step] / len(self._results)

    def proceed(self) -> list[tuple[tuple, Task]]:
        """The tasks of the next step that has any, with their keys, once the step has ended."""
        if self._missing or not self._following:
            return []
        self._step += 1
        return self._enter(self._following.pop(0)(self._results))

    def _enter(self, tasks: Sequence[Task]) -> list[tuple[tuple, Task]]:
        self._results = [None] * len(tasks)
        self._missing = len(tasks)
        keys = [(-self._step, self._number, place) for place in range(len(tasks))]
        return list(zip(keys, tasks)) or self.proceed()
