"""Scaling of the mapping with the size of the region: a year of three extents, each doubled."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from gwsa.gwsa_plugin.core.base.grid import Grid

from .generated import SetOptions, make_set, train_model
from .result import race
from .stage import LAND_FRACTION, MODEL, MONTHS, make_job, map_all

# Rows and columns of coarse cells.
ROWS = 40
COLUMNS = (160, 320, 640)
REPEATS = 5


def measure_scaling(folder: Path) -> dict:
    """Measure the time per pixel and month.

    Returns
    -------
    dict
        ``ours`` and ``peer`` are microseconds with the largest and the smallest extent.
    """
    sets = [
        make_set(folder / str(columns), SetOptions(_grid(columns), MONTHS, LAND_FRACTION))
        for columns in COLUMNS
    ]
    booster = train_model(sets[0], MODEL)
    jobs = [make_job(predictors, booster) for predictors in sets]
    counts = [
        job.months.size * sum(int(job.conservation.pixels(tile).sum()) for tile in job.tiles)
        for job in jobs
    ]
    contestants = {
        str(columns): partial(map_all, job, folder / "maps") for columns, job in zip(COLUMNS, jobs)
    }
    seconds = race(contestants, REPEATS)
    shutil.rmtree(folder)
    times = [seconds[str(columns)] / count * 1e6 for columns, count in zip(COLUMNS, counts)]
    values = {f"{ROWS} x {columns} cells (s)": seconds[str(columns)] for columns in COLUMNS}
    for small, large, before, after in zip(COLUMNS, COLUMNS[1:], times, times[1:]):
        doubling = f"{small} to {large} columns: time ratio for twice the pixels"
        values[doubling] = 2 * after / before
    mean = (times[-1] / times[0]) ** (1 / (len(COLUMNS) - 1))
    values["mean doubling: time ratio for twice the pixels"] = 2 * mean
    return {
        "values": values,
        "ours": times[-1],
        "peer": times[0],
        "ratio": times[0] / times[-1],
        "equal": None,
        "unit": "us a pixel and month",
        "peer_name": "a quarter of the extent",
    }


def _grid(columns: int) -> Grid:
    return Grid(70.0, 35.0, 0.25, 0.25, ROWS, columns)
