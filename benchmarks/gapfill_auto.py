"""Speed of the trials behind ``auto`` against the loop that one would write down, and the memory of a global field.

The loop takes a series at a time and the singular value decomposition of its trajectory matrix in every pass, in numpy,
over the same windows, numbers of components and starts. Both do the same work in one run, series by series in turn;
ours on one thread, numpy on as many as it likes. The time of a global field is projected from that. Its memory is that
of a whole one, filled with the trials of one window, and then chosen for from trials of all windows: more than a run
with all of them needs, which would take the better part of an hour.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.gapfill import selection as fill_choice
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import LONG, SHORT, gap_folds
from gwsa.gwsa_plugin.core.gapfill.fill import fill_gaps
from gwsa.gwsa_plugin.core.gapfill.methods import SSA, FillOptions
from gwsa.gwsa_plugin.core.gapfill.selection import WINDOWS
from gwsa.gwsa_plugin.core.gapfill.ssa import STEPS, Embedding
from gwsa.gwsa_plugin.core.sample_world.grace_files import MISSING

from .literal_ssa import literal_path

MONTHS = month_range("2002-04", "2020-12")
GAPS = np.isin(MONTHS.astype(str), MISSING)
TOLERANCE = FillOptions().tolerance
COMPARED = 100  # series, each in one of the rounds of hiding
GLOBAL = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
UNIQUE = 15_000  # distinct land series of a global mascon field
LAND_CELLS = 365_326  # of CSR's land mask
AGREE = 0.02  # of the error of the loop's best candidate


def measure_gapfill_auto(folder) -> dict:
    """``ours`` and ``peer``: seconds a series and round. ``equal``: for 95 % of the series our best candidate is the
    loop's, or its error by the loop within 2 % of it."""
    series, rounds = made_series(COMPARED), gap_folds(GAPS)
    _ours(series[:1], GAPS | rounds[0])  # compiles
    times, errors = np.zeros((2, COMPARED)), []
    for number, one in enumerate(series[:, None]):
        hidden = rounds[number % len(rounds)]
        missing = GAPS | hidden
        seen, both = np.where(missing, 0.0, one), []
        for place, fill in enumerate((_ours, _literal)):
            start = time.perf_counter()
            filled = fill(seen, missing)
            times[place, number] = time.perf_counter() - start
            both.append(np.square(filled[:, hidden[missing]] - one[0, hidden]).sum(axis=1))
        errors.append(both)
    errors = np.array(errors)
    ours, peer = times.mean(axis=1)
    chosen, best = errors[:, 0].argmin(axis=1), errors[:, 1].min(axis=1)
    agree = errors[np.arange(COMPARED), 1, chosen] <= (1 + AGREE) * best
    cost = len(rounds) * UNIQUE / 3600
    return {
        "values": {
            "series": COMPARED,
            "same_choice_share": float(agree.mean()),
            "median_difference_of_errors": float(np.median(np.abs(errors[:, 0] / errors[:, 1] - 1))),
            "global_ours_one_core_h": ours * cost,
            "global_peer_h": peer * cost,
            "global_peak_memory_gb": _global_peak_gb(),
        },
        "ours": ours, "peer": peer, "ratio": peer / ours, "equal": bool(agree.mean() >= 0.95),
        "unit": "s a series and round", "peer_name": "numpy SVD of the trajectory matrix, series by series",
    }  # fmt: skip


def made_series(count: int) -> np.ndarray:
    """Trend, seasons that change, an oscillation of some years, a memory and noise: float64 (series, months)."""
    random, months = np.random.default_rng(11), np.arange(MONTHS.size)
    phase, size = random.uniform(0, 6, (3, count, 1)), random.gamma(2, 2, (4, count, 1))
    season = (
        (1 + 0.3 * np.sin(months / 40 + phase[0]))
        * size[0]
        * np.cos(2 * np.pi * months / 12 + phase[1])
    )
    slow = size[1] * np.cos(2 * np.pi * months / random.uniform(30, 90, (count, 1)) + phase[2])
    memory = np.cumsum(random.normal(size=(count, MONTHS.size)), axis=1) * size[2] / 8
    return (
        season + slow + memory - 0.02 * size[3] * months + random.normal(size=(count, MONTHS.size))
    )


def _ours(series, missing) -> np.ndarray:
    """Every SSA candidate: shape (candidates, missing months)."""
    starts = [start(series, missing) for start in SSA.values()]
    paths = [
        one.fill(missing, Embedding(window, STEPS, TOLERANCE))
        for one in starts
        for window in WINDOWS
    ]
    return np.concatenate(paths)[:, 0]


def _literal(series, missing) -> np.ndarray:
    filled = []
    for start in (start(series, missing) for start in SSA.values()):
        noise = None if start.noise is None else start.noise[0]
        for window in WINDOWS:
            path = literal_path(
                start.series[0], missing, Embedding(window, STEPS, TOLERANCE), noise
            )
            filled += [start.model[0] + one for one in path]
    return np.array(filled)


def global_stack() -> MonthlyStack:
    """A field like CSR's: so many land cells, so many distinct series, the mission's gaps."""
    rows = made_series(UNIQUE).astype(np.float32)
    rows[:, GAPS] = np.nan
    values = np.full((MONTHS.size, GLOBAL.rows * GLOBAL.columns), np.nan, dtype=np.float32)
    cells = np.arange(LAND_CELLS) * 2
    for month, field in enumerate(values):
        field[cells] = rows[np.arange(LAND_CELLS) * UNIQUE // LAND_CELLS, month]
    return MonthlyStack.on_calendar(GLOBAL, MONTHS, values.reshape(-1, *GLOBAL.shape), "TWSA")


def _global_peak_gb() -> float:
    """In a process of its own, as its memory is asked for."""
    command = [sys.executable, "-m", "gwsa.benchmarks.gapfill_auto"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _run_global() -> None:
    stack = global_stack()
    fill_choice.WINDOWS = WINDOWS[:1]
    filled = fill_gaps(stack)
    fill_choice.WINDOWS = WINDOWS
    fill_choice.choose(_trials_of_all_windows())
    assert not np.isnan(filled.values[:-1]).any()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def _trials_of_all_windows() -> fill_choice.Trials:
    candidates, rounds = (
        fill_choice.candidates_for(MONTHS.size, TOLERANCE),
        len(gap_folds(GAPS)),
    )
    random = np.random.default_rng(12)
    squares = {
        kind: random.random((rounds, len(candidates), UNIQUE), dtype=np.float32)
        for kind in (LONG, SHORT)
    }
    return fill_choice.Trials(candidates, squares, dict.fromkeys(squares, np.full(rounds, 10)))


if __name__ == "__main__":
    _run_global()
