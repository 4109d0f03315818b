"""Whether mapping takes as long a pixel however large the region: a year of three extents, each twice the last one."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from gwsa.gwsa_plugin.core.base.grid import Grid

from .generated import Wanted, make_set, teach
from .result import race
from .stage import LAND_SHARE, MODEL, MONTHS, job_of, map_all

ROWS, COLUMNS = 40, (160, 320, 640)  # of cells
REPEATS = 5


def measure_scaling(folder: Path) -> dict:
    """``ours`` and ``peer``: microseconds a pixel and month of the largest extent and of the smallest."""
    sets = [
        make_set(folder / str(columns), Wanted(_grid(columns), MONTHS, LAND_SHARE))
        for columns in COLUMNS
    ]
    booster = teach(sets[0], MODEL)
    jobs = [job_of(predictors, booster) for predictors in sets]
    counts = [
        job.months.size * sum(int(job.conservation.pixels(tile).sum()) for tile in job.tiles)
        for job in jobs
    ]
    contestants = {
        columns: partial(map_all, job, folder / "maps") for columns, job in zip(COLUMNS, jobs)
    }
    seconds = race(contestants, REPEATS)
    shutil.rmtree(folder)
    each = [seconds[columns] / count * 1e6 for columns, count in zip(COLUMNS, counts)]
    values = {f"{ROWS} x {columns} cells (s)": seconds[columns] for columns in COLUMNS}
    for small, large, before, after in zip(COLUMNS, COLUMNS[1:], each, each[1:]):
        values[f"{small} to {large} columns: times as long for twice the pixels"] = (
            2 * after / before
        )
    values["mean doubling: times as long for twice the pixels"] = 2 * (each[-1] / each[0]) ** (
        1 / (len(COLUMNS) - 1)
    )
    return {
        "values": values, "ours": each[-1], "peer": each[0], "ratio": each[0] / each[-1], "equal": None,
        "unit": "us a pixel and month", "peer_name": "a quarter of the extent",
    }  # fmt: skip


def _grid(columns: int) -> Grid:
    return Grid(70.0, 35.0, 0.25, 0.25, ROWS, columns)
