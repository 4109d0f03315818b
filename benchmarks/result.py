"""What a benchmark returns, and how contestants are timed and what they hold is weighed."""

from __future__ import annotations

import resource
from collections.abc import Callable
from statistics import median
from time import perf_counter

GB = 1e9


def score_result(
    values: dict[str, float], ours: float, peer: float, unit: str, peer_name: str
) -> dict:
    """One score of ours beside that of a peer, and whatever else was measured. Scores are better high or low as the
    case may be, so that there is no ratio."""
    return {
        "values": values, "ours": ours, "peer": peer, "ratio": None, "equal": None,
        "unit": unit, "peer_name": peer_name,
    }  # fmt: skip


def race(contestants: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Seconds of each, the median of ``repeats``: they take turns, so that a slow moment of the machine meets all."""
    times = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, work in contestants.items():
            start = perf_counter()
            work()
            times[name].append(perf_counter() - start)
    return {name: median(of_name) for name, of_name in times.items()}


def peak_memory() -> float:
    """The most that this process has held so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB
