"""Speed of the cross-validation of SSA windows and numbers of components against a plain loop.

The loop fills one series for each window, number of components and artificial gap, with a full
singular value decomposition in every iteration. This plugin, on one thread, has the results of all
numbers of components of a window from one path. Both increase the components in the same steps and
stop at the same tolerance, so that their results are comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions
from gwsa.gwsa_plugin.core.gapfill.selection import WINDOWS
from gwsa.gwsa_plugin.core.gapfill.ssa import COMPONENT_STEPS, Embedding, fill_path

from .gapfill_auto import MONTHS, generate_series
from .literal_ssa import literal_path
from .result import race

SERIES = 3
GAPS = 4
GAP_MONTHS = 12
# At the usual tolerance both agree within 5 %, and ours takes half the time.
TOLERANCE = FillOptions().tolerance / 10
# Relative difference of the RMSE. Both stop when the gaps converge, but in different iterations.
AGREE = 0.005


def measure_ssa_cv(folder: Path) -> dict:
    """Measure seconds per series, ours and of the loop.

    ``equal`` is True if the same window and number of components are best, and the RMSE of every
    pair agrees within 0.5 %.
    """
    series = generate_series(SERIES)
    cross_validate(series[0])  # compiles
    seconds, scores = zip(*(_compare(one) for one in series))
    ours, peer = np.mean(seconds, axis=0)
    rmse = np.reshape(scores, (SERIES, 2, -1))
    difference = np.abs(rmse[:, 0] / rmse[:, 1] - 1).max()
    best = rmse.argmin(axis=2)
    same_choice = best[:, 0] == best[:, 1]
    return {
        "values": {
            "series": SERIES,
            "pairs of window and number": rmse.shape[2],
            "artificial gaps": GAPS,
            "RMSE of the best pair, mean (cm)": rmse[:, 1].min(axis=1).mean(),
            "RMSE of any pair, largest difference (%)": 100 * difference,
            "series with the same choice": float(same_choice.sum()),
        },
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "equal": bool(difference < AGREE and same_choice.all()),
        "unit": "s per series",
        "peer_name": "a loop over windows, numbers and gaps, numpy SVD",
    }


def _compare(series: np.ndarray) -> tuple[list[float], list[np.ndarray]]:
    """Return the seconds of ours and of the loop, run in turn, and the scores of both."""
    scores: list[np.ndarray] = []
    contestants = {
        "ours": lambda: scores.append(cross_validate(series)),
        "peer": lambda: scores.append(cross_validate_by_loop(series)),
    }
    return list(race(contestants, 1).values()), scores


def cross_validate(series: np.ndarray) -> np.ndarray:
    """Return the RMSE in artificial gaps: cm, shape (windows, numbers of components)."""

    def fill(start, gap, window):
        return fill_path(start[None], gap, _embedding(COMPONENT_STEPS, window))[:, 0]

    return _scores(series, fill)


def cross_validate_by_loop(series: np.ndarray) -> np.ndarray:
    """Return the same as ``cross_validate``, with each number of components filled separately."""

    def fill(start, gap, window):
        paths = [COMPONENT_STEPS[: i + 1] for i in range(len(COMPONENT_STEPS))]
        embeddings = [_embedding(path, window) for path in paths]
        return np.array([literal_path(start, gap, embedding)[-1] for embedding in embeddings])

    return _scores(series, fill)


def _embedding(components: tuple[int, ...], window: int) -> Embedding:
    return Embedding(window, components, TOLERANCE)


def _scores(series: np.ndarray, fill: Callable) -> np.ndarray:
    squares = np.zeros((len(WINDOWS), len(COMPONENT_STEPS)))
    for gap in _artificial_gaps():
        start = series - series[~gap].mean()
        truth = start[gap]
        start[gap] = 0.0
        for i, window in enumerate(WINDOWS):
            squares[i] += ((fill(start, gap, window) - truth) ** 2).mean(axis=1)
    return np.sqrt(squares / GAPS)


def _artificial_gaps() -> Iterator[np.ndarray]:
    """Yield evenly spaced gaps: bool, shape (months,) each."""
    for first in np.linspace(0, MONTHS.size, GAPS + 2)[1:-1].astype(int):
        gap = np.zeros(MONTHS.size, dtype=bool)
        gap[first : first + GAP_MONTHS] = True
        yield gap
