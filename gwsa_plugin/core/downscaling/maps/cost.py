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
from ...compute.steps import Steps, Task, run_works
from ...compute.threads import run_all, run_measured
from ...predictors.features import PixelSelection
from ...predictors.tile_features import decoded_pixels, months_in_memory, raster_bytes
from .correct_tile import YearOfPart, correct_tile, save_nodes
from .map_job import MapJob
from .predict_tile import BLOCK_PIXELS, make_folders, predict_tile
from .write_years import SHARES, periods_at_once, years_together

# Bytes of one pixel and month in a checkpoint, in addition to those of its encoded tile.
PART_BYTES = 4.0
# Bytes of a feature of a pixel and month while trees are evaluated, and of a task apart from its
# rasters, features and predictions. Measured.
CODE_BYTES = 3.0
TASK_BYTES = 8e6
# Bytes of the factorised matrix of the correction for a coarse cell.
NODE_BYTES = 4e3
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
    """Times of a month of a tile of average size.

    Parameters
    ----------
    predict : float
        Predicting it for all products.
    correct : float
        Correcting and encoding it for one product.
    solve : float
        Solving the correction of all tiles for one product, where the run was started.
    """

    predict: float
    correct: float
    solve: float


class Sizes(NamedTuple):
    """Sizes of tiles, relative to the average.

    Parameters
    ----------
    mapped, decoded, encoded : numpy.ndarray, shape (tiles,)
        Mapped pixels, pixels of the blocks of predictors that are decoded for a tile, and pixels of
        its own block, which has sea.
    """

    mapped: np.ndarray
    decoded: np.ndarray
    encoded: np.ndarray

    @classmethod
    def from_job(cls, job: MapJob) -> Sizes:
        """Return the sizes of all tiles of a job."""
        fine = [tile.fine(job.conservation.factor) for tile in job.tiles]
        needed = (*job.features, *job.terms)
        return cls(
            _relative([int(job.conservation.pixels(tile).sum()) for tile in job.tiles]),
            _relative([decoded_pixels(job.predictors, needed, tile) for tile in fine]),
            _relative([tile.shape[0] * tile.shape[1] for tile in fine]),
        )

    @property
    def average(self) -> int:
        """Number of the tile that is nearest to the average.

        Where it is measured, errors in the relation between size and time cancel.
        """
        return int(np.abs(np.stack(self) - 1).sum(axis=0).argmin())

    @property
    def predict(self) -> np.ndarray:
        """Time of predicting each tile: about half of it is decoding."""
        return (self.mapped + self.decoded) / 2

    @property
    def correct(self) -> np.ndarray:
        """Time of correcting each tile: about half of it is encoding."""
        return (self.mapped + self.encoded) / 2


def _relative(values: list) -> np.ndarray:
    return np.array(values) / np.mean(values)


def estimate_cost(
    job: MapJob, folder: Path, progress: Progress, run: Callable[..., list] = run_all
) -> Cost:
    """Estimate the cost of a job from a measurement.

    Parameters
    ----------
    job : MapJob
        The first years of a tile of average size are made and timed.
    folder : Path
        Existing folder for the temporary files of the measurement.
    progress : Progress
        Only checked for cancellation.
    run : callable
        Runs the measurement where the tasks of the maps will run.
    """
    sizes = Sizes.from_job(job)
    number = sizes.average
    scratch = folder / "measured"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    measuring = partial(_time_tile, job, scratch, job.tiles[number])
    (predict, correct), workers = run_measured(run, measuring, progress)
    shutil.rmtree(scratch)
    seconds = Seconds(
        predict / sizes.predict[number], correct / sizes.correct[number], _time_solution(job)
    )
    pixels = sum(int(job.conservation.pixels(tile).sum()) for tile in job.tiles)
    per_month = pixels * len(job.products)
    predictions = per_month * job.months.size
    most = 12 * years_together(job) * periods_at_once(len(job.tiles), workers)
    in_parts = per_month * min(most, job.months.size)
    stored = job.options.storage.bytes
    return Cost(
        predictions,
        seconds=simulated_seconds(job, seconds, sizes, workers),
        disk=in_parts * (PART_BYTES + stored) + predictions * stored,
        memory=workers * _bytes_of_task(job) + NODE_BYTES * int(job.conservation.cells.sum()),
    )


def _bytes_of_task(job: MapJob) -> float:
    """Memory of a task that predicts a tile: its rasters, predictions and features."""
    side = job.conservation.block_side
    months = min(12 * years_together(job), job.months.size)
    needed = (*job.features, *job.terms)
    selection = PixelSelection(Tile(slice(0, side), slice(0, side)), ...)
    earlier, each = raster_bytes(job.predictors, needed, selection)
    held = min(months, months_in_memory(job.predictors, needed, selection))
    features = sum(len(one.features) for one in needed)
    return (
        earlier
        + held * (each + CODE_BYTES * BLOCK_PIXELS * features)
        + PART_BYTES * months * selection.size * len(job.products)
        + TASK_BYTES
    )


def simulated_seconds(job: MapJob, seconds: Seconds, sizes: Sizes, workers: int) -> float:
    """Return the time of the maps in the schedule of ``write_maps``.

    Parameters
    ----------
    job : MapJob
        The job.
    seconds : Seconds
        Times of an average tile.
    sizes : Sizes
        Sizes of the tiles.
    workers : int
        Number of tasks that run at the same time.
    """
    months = iter(np.unique(calendar_year(job.months), return_counts=True)[1])
    pool = SimulatedPool(workers)
    periods = []
    while years := list(islice(months, years_together(job))):
        periods.append(_simulated_period(pool, seconds, sizes, years, len(job.products)))
    run_works(periods, pool, SILENT, partial(periods_at_once, len(job.tiles)))
    return pool.now


def _simulated_period(
    pool: SimulatedPool, seconds: Seconds, sizes: Sizes, years: list[int], products: int
) -> Steps:
    """The steps of a period; ``years`` are the numbers of months of its years."""
    predicting = [taking(sum(years) * seconds.predict * size) for size in sizes.predict]
    join = seconds.correct * sizes.correct.sum() * SHARES[2] / SHARES[1]

    def correct(results: list) -> list[Task]:
        pool.now += products * sum(years) * seconds.solve
        return [
            taking(months * seconds.correct * size)
            for months in products * years
            for size in sizes.correct
        ]

    return Steps(
        predicting, [correct, lambda results: [taking(n * join) for n in products * years]]
    )


def _time_solution(job: MapJob) -> float:
    """Time the solution of a month, after a first one for which the matrix is factorised."""
    job.conservation.nodes(job.target[0])
    begin = perf_counter()
    job.conservation.nodes(job.target[0])
    return perf_counter() - begin


def _time_tile(job: MapJob, scratch: Path, tile: Tile, progress: Progress) -> tuple[float, float]:
    """Time the first years of a tile, after a first month for which files are opened.

    Returns the seconds of a month: of predicting it for all products, and of correcting it for one.
    """
    years = calendar_year(job.months)
    together = np.flatnonzero(np.isin(years, np.unique(years)[: years_together(job)]))
    _time_months(job, scratch / "opening", tile, together[:1], progress)
    return _time_months(job, scratch / "measuring", tile, together, progress)


def _time_months(
    job: MapJob, scratch: Path, tile: Tile, months: np.ndarray, progress: Progress
) -> tuple[float, float]:
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
    return (middle - begin) / months.size, (perf_counter() - middle) / first


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
