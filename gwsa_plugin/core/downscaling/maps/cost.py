"""What the maps will take, told before they are made, from a measured tile of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ...base.months import calendar_year
from ...base.progress import Progress
from ...predictors.features import FEATURE_BYTES
from .predict_tile import MapJob, make_folders, predict_tile

PART_BYTES, EXACT_BYTES, LERC_BYTES = (
    4.0,
    3.5,
    1.5,
)  # of a pixel and month: in a part file, in a map of either encoding
YEARS_IN_PARTS = 2  # one is predicted while the one before is written
GB, MINUTE = 1e9, 60.0


class Cost(NamedTuple):
    """``rows``: predictions, pixels times months of all products. ``seconds``: of all cores at work. ``disk`` and
    ``memory``: bytes, at most."""

    rows: int
    seconds: float
    disk: float
    memory: float


def estimate_cost(job: MapJob, folder: Path, progress: Progress) -> Cost:
    """From the first year of the tile with most pixels, which is predicted in a scratch folder in ``folder``."""
    tiles, years = job.tiles, calendar_year(job.months)
    pixels = [int(job.conservation.pixels(tile).sum()) for tile in tiles]
    largest = int(np.argmax(pixels))
    wanted, scratch = np.flatnonzero(years == years[0]), folder / "measured"
    make_folders(scratch, job.products)
    started = perf_counter()
    predict_tile(job, list(job.products), scratch, wanted, tiles[largest], progress)
    elapsed = perf_counter() - started
    shutil.rmtree(scratch)
    of_month, cores = sum(pixels) * len(job.products), os.cpu_count()
    rows = of_month * job.months.size
    in_parts = of_month * min(12 * YEARS_IN_PARTS, job.months.size)
    disk = in_parts * PART_BYTES + rows * (EXACT_BYTES if job.mapping.exact else LERC_BYTES)
    share_measured = pixels[largest] * len(job.products) * wanted.size / rows
    return Cost(rows, elapsed / share_measured / cores, disk, cores * 2.0 * FEATURE_BYTES)


def report_cost(expected: Cost, folder: Path, progress: Progress) -> None:
    """In a sentence; and a warning when the disk of ``folder`` has less room."""
    if expected.seconds < 2 * MINUTE:
        time = f"{expected.seconds:.0f} seconds"
    else:
        time = f"{expected.seconds / MINUTE:.0f} minutes"
    progress.info(
        f"{expected.rows / 1e6:,.1f} million predictions will take about {time}, and up to {expected.disk / GB:.1f} GB "
        f"of disk and {expected.memory / GB:.1f} GB of memory."
    )
    free = shutil.disk_usage(folder).free
    if free < expected.disk:
        progress.warn(
            f"The disk of {folder.parent.name} has {free / GB:.1f} GB left and the maps may take "
            f"{expected.disk / GB:.1f}; make room or choose another folder if it does not suffice."
        )
