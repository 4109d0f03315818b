"""Estimate of the time, disk space and memory that the maps need, from one tile of them.

The tile is predicted, corrected and encoded, and timed. The time of all tiles on all workers is
that of the schedule of ``write_maps`` with these times.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ...base.months import calendar_year
from ...base.progress import SILENT, Progress, duration_name
from ...base.tiles import Tile
from ...compute.simulated_pool import SimulatedPool, taking
from ...compute.steps import Steps, run_works
from ...compute.threads import run_all, run_measured
from ...predictors.features import FEATURE_BYTES
from .correct_tile import YearOfPart, correct_tile, save_nodes
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


class Seconds(NamedTuple):
    """Times of a month of a tile.

    Parameters
    ----------
    predict : float
        Predicting it for all products.
    correct : float
        Correcting and encoding it for one product.
    """

    predict: float
    correct: float


def estimate_cost(
    job: MapJob, folder: Path, progress: Progress, run: Callable[..., list] = run_all
) -> Cost:
    """Estimate the cost of a job from a measurement.

    Parameters
    ----------
    job : MapJob
        The first years of its tile with most pixels are made and timed.
    folder : Path
        Existing folder for the temporary files of the measurement.
    progress : Progress
        Only checked for cancellation.
    run : callable
        Runs the measurement where the tasks of the maps will run.
    """
    pixels = np.array([job.conservation.pixels(tile).sum() for tile in job.tiles])
    scratch = folder / "measured"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    measuring = partial(_time_tile, job, scratch, job.tiles[int(pixels.argmax())])
    seconds, workers = run_measured(run, measuring, progress)
    shutil.rmtree(scratch)
    per_month = int(pixels.sum()) * len(job.products)
    predictions = per_month * job.months.size
    most = 12 * years_together(job) * periods_at_once(len(job.tiles), workers)
    in_parts = per_month * min(most, job.months.size)
    stored = job.options.storage.bytes
    return Cost(
        predictions,
        # About half of the time is that of blocks, which are decoded and encoded with their sea.
        seconds=simulated_seconds(job, seconds, (1 + pixels / pixels.max()) / 2, workers),
        disk=in_parts * (PART_BYTES + stored) + predictions * stored,
        memory=workers * 2.0 * FEATURE_BYTES,
    )


def simulated_seconds(job: MapJob, seconds: Seconds, sizes: np.ndarray, workers: int) -> float:
    """Return the time of the maps in the schedule of ``write_maps``.

    Parameters
    ----------
    job : MapJob
        The job.
    seconds : Seconds
        Times of the tile that was measured.
    sizes : numpy.ndarray, shape (tiles,)
        Time of each tile, relative to that of that tile.
    workers : int
        Number of tasks that run at the same time.
    """
    months = iter(np.unique(calendar_year(job.months), return_counts=True)[1])
    periods = []
    while years := list(islice(months, years_together(job))):
        periods.append(_simulated_period(seconds, sizes, years * len(job.products), sum(years)))
    pool = SimulatedPool(workers)
    run_works(periods, pool, SILENT, partial(periods_at_once, len(job.tiles)))
    return pool.now


def _simulated_period(seconds: Seconds, sizes: np.ndarray, maps: list[int], months: int) -> Steps:
    """The steps of a period of ``months``; ``maps`` has the months of each map that it makes."""

    predicting = [taking(months * seconds.predict * size) for size in sizes]
    correcting = [taking(count * seconds.correct * size) for count in maps for size in sizes]
    join = seconds.correct * sizes.sum() * SHARES[2] / SHARES[1]
    joining = [taking(count * join) for count in maps]
    return Steps(predicting, [lambda results: correcting, lambda results: joining])


def _time_tile(job: MapJob, scratch: Path, tile: Tile, progress: Progress) -> Seconds:
    """Time the first years of a tile, after a first month for which files are opened."""
    years = calendar_year(job.months)
    together = np.flatnonzero(np.isin(years, np.unique(years)[: years_together(job)]))
    _time_months(job, scratch / "opening", tile, together[:1], progress)
    return _time_months(job, scratch / "measuring", tile, together, progress)


def _time_months(
    job: MapJob, scratch: Path, tile: Tile, months: np.ndarray, progress: Progress
) -> Seconds:
    """Time the prediction of months for all products, and the correction of a year of one."""
    make_folders(scratch, job.products)
    product = next(iter(job.products))
    years = calendar_year(job.months[months])
    first = int((years == years[0]).sum())
    nodes = np.where(job.conservation.cells, 0.0, np.nan)
    save_nodes(scratch, product, np.repeat(nodes[None], first, axis=0))
    begin = perf_counter()
    predict_tile(job, list(job.products), scratch, months, tile, progress)
    middle = perf_counter()
    part = YearOfPart(int(years[0]), months[:first], slice(0, first))
    correct_tile(job, product, scratch, part, tile, progress)
    return Seconds((middle - begin) / months.size, (perf_counter() - middle) / first)


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
