"""Cross-validation of windows and numbers of components of SSA on one series, beside a loop over all pairs of them.

The loop fills anew for each window, number of components and hidden block, by a full singular value decomposition in
every pass. Ours, on one thread, has all numbers of components of a window from one path. Both grow the components in
the same steps and stop by the same tolerance, so that they fill alike.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions
from gwsa.gwsa_plugin.core.gapfill.selection import WINDOWS
from gwsa.gwsa_plugin.core.gapfill.ssa import STEPS, Embedding, fill_path

from .gapfill_auto import MONTHS, made_series
from .literal_ssa import literal_path
from .result import race

SERIES = 3
BLOCKS, BLOCK_MONTHS = 4, 12
TOLERANCE = (
    FillOptions().tolerance / 10
)  # at the usual one both fill alike within 5 %, ours in half of the time
AGREE = (
    0.005  # of the loop's RMSE: both stop when the gaps hardly move, but not after the same pass
)


def measure_ssa_cv(folder: Path) -> dict:
    """``ours`` and ``peer``: seconds a series. ``equal``: the same window and number are best, and the RMSE of every
    pair is the loop's within half a per cent."""
    series = made_series(SERIES)
    cross_validate(series[0])  # compiles
    seconds, rmse = zip(*(_compare(one) for one in series))
    ours, peer = np.mean(seconds, axis=0)
    rmse = np.reshape(rmse, (SERIES, 2, -1))
    off, best = np.abs(rmse[:, 0] / rmse[:, 1] - 1).max(), rmse.argmin(axis=2)
    alike = best[:, 0] == best[:, 1]
    return {
        "values": {
            "series": SERIES,
            "pairs of window and number": rmse.shape[2],
            "hidden blocks": BLOCKS,
            "RMSE of the best pair, mean (cm)": rmse[:, 1].min(axis=1).mean(),
            "RMSE of any pair, largest difference (%)": 100 * off,
            "series with the same choice": float(alike.sum()),
        },
        "ours": ours, "peer": peer, "ratio": peer / ours, "equal": bool(off < AGREE and alike.all()),
        "unit": "s a series", "peer_name": "a loop over windows, numbers and blocks, numpy SVD",
    }  # fmt: skip


def _compare(series: np.ndarray) -> tuple[list[float], list[np.ndarray]]:
    """Seconds of ours and of the loop, one after the other, and the scores of both."""
    scores = []
    contestants = {
        "ours": lambda: scores.append(cross_validate(series)),
        "peer": lambda: scores.append(cross_validate_plainly(series)),
    }
    return list(race(contestants, 1).values()), scores


def cross_validate(series: np.ndarray) -> np.ndarray:
    """RMSE of the hidden months: cm, (windows, numbers of components)."""
    return _scores(
        series,
        lambda start, hidden, window: fill_path(start[None], hidden, _up_to(STEPS, window))[:, 0],
    )


def cross_validate_plainly(series: np.ndarray) -> np.ndarray:
    """Likewise, each number of components by itself."""

    def fill(start, hidden, window):
        steps = [_up_to(STEPS[: i + 1], window) for i in range(len(STEPS))]
        return np.array([literal_path(start, hidden, embedding)[-1] for embedding in steps])

    return _scores(series, fill)


def _up_to(steps: tuple[int, ...], window: int) -> Embedding:
    return Embedding(window, steps, TOLERANCE)


def _scores(series: np.ndarray, fill) -> np.ndarray:
    squares = np.zeros((len(WINDOWS), len(STEPS)))
    for hidden in _hidden_blocks():
        start = series - series[~hidden].mean()
        truth = start[hidden]
        start[hidden] = 0.0
        for i, window in enumerate(WINDOWS):
            squares[i] += ((fill(start, hidden, window) - truth) ** 2).mean(axis=1)
    return np.sqrt(squares / BLOCKS)


def _hidden_blocks():
    """Evenly spaced: bool, (months,) each."""
    for place in np.linspace(0, MONTHS.size, BLOCKS + 2)[1:-1].astype(int):
        hidden = np.zeros(MONTHS.size, dtype=bool)
        hidden[place : place + BLOCK_MONTHS] = True
        yield hidden
