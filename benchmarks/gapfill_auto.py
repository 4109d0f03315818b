"""Speed of the cross-validation behind ``auto`` against a plain loop, and memory of a global field.

The loop fills one series at a time and decomposes its trajectory matrix in every iteration, in
numpy, with the same windows, numbers of components and starts. Both do the same work in one run,
series by series in turn: this plugin on one thread, numpy on as many as it likes. The time of a
global field is extrapolated from that. Its memory is measured on a full global field that is filled
with the trials of one window, followed by a selection from trials of all windows. That is more
memory than a run with all windows needs, which would take the better part of an hour.
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
from gwsa.gwsa_plugin.core.gapfill import selection
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import LONG, SHORT, gap_folds
from gwsa.gwsa_plugin.core.gapfill.fill import fill_gaps
from gwsa.gwsa_plugin.core.gapfill.methods import SSA, FillOptions
from gwsa.gwsa_plugin.core.gapfill.selection import WINDOWS
from gwsa.gwsa_plugin.core.gapfill.ssa import COMPONENT_STEPS, Embedding
from gwsa.gwsa_plugin.core.sample_world.grace_files import MISSING

from .literal_ssa import literal_path

MONTHS = month_range("2002-04", "2020-12")
GAPS = np.isin(MONTHS.astype(str), MISSING)
TOLERANCE = FillOptions().tolerance
COMPARED = 100  # series, each in one of the folds
GLOBAL = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
UNIQUE = 15_000  # distinct land series of a global mascon field
LAND_CELLS = 365_326  # of CSR's land mask
AGREE = 0.02  # relative difference from the error of the loop's best candidate


def measure_gapfill_auto(folder) -> dict:
    """Measure seconds per series and fold, ours and of the loop.

    ``equal`` is True if for 95 % of the series our best candidate has an error, computed by the
    loop, within 2 % of that of the loop's best candidate.
    """
    series = generate_series(COMPARED)
    folds = gap_folds(GAPS)
    _fill_by_ours(series[:1], GAPS | folds[0])  # compiles
    times = np.zeros((2, COMPARED))
    errors = np.zeros((COMPARED, 2, 2 * len(WINDOWS) * len(COMPONENT_STEPS)))
    for number, one in enumerate(series[:, None]):
        artificial = folds[number % len(folds)]
        missing = GAPS | artificial
        withheld = np.where(missing, 0.0, one)
        for i, fill in enumerate((_fill_by_ours, _fill_by_loop)):
            start = time.perf_counter()
            filled = fill(withheld, missing)
            times[i, number] = time.perf_counter() - start
            difference = filled[:, artificial[missing]] - one[0, artificial]
            errors[number, i] = np.square(difference).sum(axis=1)
    ours, peer = times.mean(axis=1)
    # Both choices are judged by the errors of the loop.
    chosen = errors[:, 0].argmin(axis=1)
    best = errors[:, 1].min(axis=1)
    agree = errors[np.arange(COMPARED), 1, chosen] <= (1 + AGREE) * best
    cost = len(folds) * UNIQUE / 3600
    difference = np.abs(errors[:, 0] / errors[:, 1] - 1)
    return {
        "values": {
            "series": COMPARED,
            "same_choice_fraction": float(agree.mean()),
            "median_difference_of_errors": float(np.median(difference)),
            "global_ours_one_core_h": ours * cost,
            "global_peer_h": peer * cost,
            "global_peak_memory_gb": _global_peak_gb(),
        },
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "equal": bool(agree.mean() >= 0.95),
        "unit": "s per series and fold",
        "peer_name": "numpy SVD of the trajectory matrix, series by series",
    }


def generate_series(count: int) -> np.ndarray:
    """Generate series with a trend, changing seasons, an oscillation of some years, and noise.

    Returns float64, shape (series, months). The noise is a random walk plus white noise.
    """
    random = np.random.default_rng(11)
    months = np.arange(MONTHS.size)
    phase = random.uniform(0, 6, (3, count, 1))
    size = random.gamma(2, 2, (4, count, 1))
    amplitude = (1 + 0.3 * np.sin(months / 40 + phase[0])) * size[0]
    season = amplitude * np.cos(2 * np.pi * months / 12 + phase[1])
    slow = size[1] * np.cos(2 * np.pi * months / random.uniform(30, 90, (count, 1)) + phase[2])
    walk = np.cumsum(random.normal(size=(count, MONTHS.size)), axis=1) * size[2] / 8
    trend = 0.02 * size[3] * months
    return season + slow + walk - trend + random.normal(size=(count, MONTHS.size))


def _fill_by_ours(series, missing) -> np.ndarray:
    """Fill one series by every SSA candidate: shape (candidates, missing months)."""
    starts = [start(series, missing) for start in SSA.values()]
    paths = [
        start.fill(missing, Embedding(window, COMPONENT_STEPS, TOLERANCE))
        for start in starts
        for window in WINDOWS
    ]
    return np.concatenate(paths)[:, 0]


def _fill_by_loop(series, missing) -> np.ndarray:
    filled = []
    for start in (start(series, missing) for start in SSA.values()):
        noise = None if start.noise is None else start.noise[0]
        for window in WINDOWS:
            embedding = Embedding(window, COMPONENT_STEPS, TOLERANCE)
            path = literal_path(start.series[0], missing, embedding, noise)
            filled += [start.model[0] + one for one in path]
    return np.array(filled)


def global_stack() -> MonthlyStack:
    """Generate a field with the land cells, distinct series and gaps of CSR's mascons."""
    rows = generate_series(UNIQUE).astype(np.float32)
    rows[:, GAPS] = np.nan
    values = np.full((MONTHS.size, GLOBAL.rows * GLOBAL.columns), np.nan, dtype=np.float32)
    cells = np.arange(LAND_CELLS) * 2
    for month, field in enumerate(values):
        field[cells] = rows[np.arange(LAND_CELLS) * UNIQUE // LAND_CELLS, month]
    return MonthlyStack.on_calendar(GLOBAL, MONTHS, values.reshape(-1, *GLOBAL.shape), "TWSA")


def _global_peak_gb() -> float:
    """Measure the peak memory in a process of its own."""
    command = [sys.executable, "-m", "gwsa.benchmarks.gapfill_auto"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _run_global() -> None:
    stack = global_stack()
    selection.WINDOWS = WINDOWS[:1]
    filled = fill_gaps(stack)
    selection.WINDOWS = WINDOWS
    selection.choose(_trials_of_all_windows())
    assert not np.isnan(filled.values[:-1]).any()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def _trials_of_all_windows() -> selection.Trials:
    candidates = selection.candidates_for(MONTHS.size, TOLERANCE)
    folds = len(gap_folds(GAPS))
    random = np.random.default_rng(12)
    shape = (folds, len(candidates), UNIQUE)
    squared_errors = {kind: random.random(shape, dtype=np.float32) for kind in (LONG, SHORT)}
    months = dict.fromkeys(squared_errors, np.full(folds, 10))
    return selection.Trials(candidates, squared_errors, months)


if __name__ == "__main__":
    _run_global()
