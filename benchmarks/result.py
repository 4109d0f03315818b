"""The result of a benchmark, and measurements of time and memory."""

from __future__ import annotations

import resource
from collections.abc import Callable
from statistics import median
from time import perf_counter

GB = 1e9


def score_result(
    values: dict[str, float], ours: float, peer: float, unit: str, peer_name: str
) -> dict:
    """Return the result of a benchmark that compares scores.

    It has no ratio, because some scores are better when high and others when low.

    Parameters
    ----------
    values : dict of str to float
        Further measurements.
    ours, peer : float
        The scores of the plugin and of the peer.
    unit : str
    peer_name : str
    """
    return {
        "values": values,
        "ours": ours,
        "peer": peer,
        "ratio": None,
        "equal": None,
        "unit": unit,
        "peer_name": peer_name,
    }


def race(
    contestants: dict[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, float]:
    """Measure the run time of several functions.

    The functions run in turn, so that other load on the machine affects all of them.

    Parameters
    ----------
    contestants : dict of str to callable
        The functions by name.
    repeats : int
        Number of runs of each function.
    clock : callable
        Returns the time in seconds; ``time.process_time`` measures processor time.

    Returns
    -------
    dict of str to float
        Median of the run times, seconds.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, work in contestants.items():
            start = clock()
            work()
            times[name].append(clock() - start)
    return {name: median(seconds) for name, seconds in times.items()}


def peak_memory() -> float:
    """Return the largest memory that this process has used so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB
