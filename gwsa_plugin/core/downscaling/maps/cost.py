"""Estimate of the time, disk space and memory that the maps need, from one tile of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ...base.months import calendar_year
from ...base.progress import Progress, duration_name
from ...base.tiles import Tile
from ...compute.threads import run_all, run_measured
from ...predictors.features import FEATURE_BYTES
from .map_job import MapJob
from .predict_tile import make_folders, predict_tile
from .write_years import SHARES, periods_at_once, years_together

# Bytes of one pixel and month in a checkpoint, in addition to those of its encoded tile.
PART_BYTES = 4.0
GB = 1e9


class Cost(NamedTuple):
    """Estimated cost of the maps of all products.

    Parameters
    ----------
    predictions : int
        Number of predictions, one for each pixel and month of each product.
    seconds : float
        Time with all workers.
    disk : float
        Upper bound of the disk space, bytes.
    memory : float
        Upper bound of the memory, bytes.
    """

    predictions: int
    seconds: float
    disk: float
    memory: float


def estimate_cost(
    job: MapJob, folder: Path, progress: Progress, run: Callable[..., list] = run_all
) -> Cost:
    """Estimate the cost of a job from a measurement.

    Parameters
    ----------
    job : MapJob
        The first years of its tile with most pixels are predicted and timed.
    folder : Path
        Existing folder for the temporary files of the measurement.
    progress : Progress
        Only checked for cancellation.
    run : callable
        Runs the measurement where the tasks of the maps will run.
    """
    years = calendar_year(job.months)
    together = years_together(job)
    first = np.flatnonzero(np.isin(years, np.unique(years)[:together]))
    pixels = [int(job.conservation.pixels(tile).sum()) for tile in job.tiles]
    largest = int(np.argmax(pixels))
    scratch = folder / "measured"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    measuring = partial(_time_prediction, job, scratch, first, job.tiles[largest])
    elapsed, workers = run_measured(run, measuring, progress)
    shutil.rmtree(scratch)
    products = len(job.products)
    per_month = sum(pixels) * products
    predictions = per_month * job.months.size
    most = 12 * together * periods_at_once(len(job.tiles), workers)
    in_parts = per_month * min(most, job.months.size)
    stored = job.options.storage.bytes
    tasks = len(pixels) * ceil(np.unique(years).size / together)
    fraction_measured = pixels[largest] * products * first.size / predictions
    return Cost(
        predictions,
        # Tasks are alike, and the last ones leave workers idle.
        seconds=elapsed / fraction_measured / SHARES[0] * ceil(tasks / workers) / tasks,
        disk=in_parts * (PART_BYTES + stored) + predictions * stored,
        memory=workers * 2.0 * FEATURE_BYTES,
    )


def _time_prediction(
    job: MapJob, scratch: Path, months: np.ndarray, tile: Tile, progress: Progress
) -> float:
    """Seconds in which a tile is predicted, after a first month for which files are opened."""
    started = 0.0
    for name, wanted in (("opening", months[:1]), ("measuring", months)):
        make_folders(scratch / name, job.products)
        started = perf_counter()
        predict_tile(job, list(job.products), scratch / name, wanted, tile, progress)
    return perf_counter() - started


def report_cost(expected: Cost, folder: Path, progress: Progress) -> None:
    """Log the cost, and a warning when the disk of ``folder`` has less free space than needed."""
    progress.info(
        f"{expected.predictions / 1e6:,.1f} million pixels and months will take about "
        f"{duration_name(expected.seconds)} and need up to {expected.disk / GB:.1f} GB of disk "
        f"space and {expected.memory / GB:.1f} GB of memory."
    )
    free = shutil.disk_usage(folder).free
    if free < expected.disk:
        progress.warn(
            f"The disk of {folder.parent.name} has {free / GB:.1f} GB of free space and the maps "
            f"may need {expected.disk / GB:.1f} GB; free some space or choose a folder on another "
            "disk."
        )
