"""Choose the coarse cells and months that are trained and scored on, and read their features."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain, zip_longest
from math import isqrt
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.progress import Progress
from ..base.tiles import Tile, split_into_squares, split_into_tiles
from ..compute.threads import run_all
from ..predictors.features import PixelSelection, months_at_once, read_features, read_pixels
from ..predictors.files import COARSE
from ..predictors.predictor_set import PredictorSet
from ..predictors.stored_features import feature_values, take_rows
from ..spatial.mass_conservation import MassConservation
from .samples import Samples

# Pixels that are drawn in each coarse cell and month.
PIXELS_PER_CELL = 16
# Cells times months of the training set; a sample takes about 4 kB with 60 features.
MOST_SAMPLES = 100_000
# Months that are used if they exist, even if fewer cells fit into MOST_SAMPLES.
FEWEST_MONTHS = 24
# Cells along the side of a patch. Patches are chosen as a unit, because the loss compares
# neighbouring cells.
PATCH = 8


class TrainingPlan(NamedTuple):
    """The coarse cells and months of the training set.

    Parameters
    ----------
    months : numpy.ndarray
        The mapped months, datetime64[M].
    numbers : numpy.ndarray of int
        Numbers of those of ``months`` that are in the training set.
    cells : numpy.ndarray of bool
        Cells that are in the training set, coarse shape.
    """

    months: np.ndarray
    numbers: np.ndarray
    cells: np.ndarray


def choose_months(observed: np.ndarray, cells: int) -> np.ndarray:
    """Choose the months of the training set.

    Months that GRACE observed are preferred. Filled months are used only if fewer than
    ``FEWEST_MONTHS`` months were observed. If there are more months than fit into ``MOST_SAMPLES``,
    evenly spaced ones are chosen.

    Parameters
    ----------
    observed : numpy.ndarray of bool, shape (months,)
        True for a month that GRACE observed.
    cells : int
        Number of coarse cells.

    Returns
    -------
    numpy.ndarray of int
        Numbers of the chosen months, ascending.
    """
    candidates = (
        np.flatnonzero(observed) if observed.sum() >= FEWEST_MONTHS else np.arange(observed.size)
    )
    count = min(candidates.size, max(MOST_SAMPLES // cells, FEWEST_MONTHS))
    return candidates[np.linspace(0, candidates.size - 1, count).round().astype(int)]


def choose_cells(cells: np.ndarray, regions: np.ndarray, most: int) -> np.ndarray:
    """Choose the cells of the training set.

    Parameters
    ----------
    cells : numpy.ndarray of bool
        Cells with GWSA, coarse shape.
    regions : numpy.ndarray of int
        Region of each cell, coarse shape.
    most : int
        Number of cells from which no further patch is added.

    Returns
    -------
    numpy.ndarray of bool
        Coarse shape: all ``cells``, or those of random patches if there are more than ``most``. The
        regions contribute patches in turn, so that small regions are represented.
    """
    if cells.sum() <= most:
        return cells
    patches = split_into_squares(cells, PATCH)
    shuffled = np.random.default_rng(1).permutation(len(patches))
    patches_by_region = [
        [
            number
            for number in shuffled
            if (regions[patches[number]] == region)[cells[patches[number]]].any()
        ]
        for region in np.unique(regions[cells])
    ]
    chosen = np.zeros_like(cells)
    # The first patch of every region, then the second of every region, and so on.
    for number in chain.from_iterable(zip_longest(*patches_by_region)):
        if number is not None and chosen.sum() < most:
            chosen[patches[number]] = cells[patches[number]]
    return chosen


def make_samples(plan: TrainingPlan, target: np.ndarray) -> Samples:
    """Return the training set without features.

    Parameters
    ----------
    plan : TrainingPlan
        The cells and months.
    target : numpy.ndarray, shape (months of the plan, cells of the plan)
        GWSA, cm.
    """
    month = np.repeat(plan.numbers, target.shape[1])
    row, column = np.tile(np.nonzero(plan.cells), plan.numbers.size)
    cells = np.empty((month.size, 0), dtype=np.float32)
    pixels = np.empty((month.size, PIXELS_PER_CELL, 0), dtype=np.float32)
    return Samples(month, row, column, target.ravel(), cells, pixels, ())


def read_samples(
    samples: Samples,
    plan: TrainingPlan,
    conservation: MassConservation,
    predictors: PredictorSet,
    progress: Progress,
) -> Samples:
    """Return the training set with its features.

    Parameters
    ----------
    samples : Samples
        Result of ``make_samples``.
    plan : TrainingPlan
        Its cells and months.
    conservation : MassConservation
        Gives the land pixels of the cells.
    predictors : PredictorSet
        The predictors.
    progress : Progress
        Receives the fraction of features that have no value.

    Raises
    ------
    InputError
        When no feature has a value in any sample.
    """
    names = predictors.features
    cells = np.empty((samples.month.size, len(names)), dtype=np.float32)
    pixels = np.empty((samples.month.size, PIXELS_PER_CELL, len(names)), dtype=np.float32)
    samples = replace(samples, cells=cells, pixels=pixels, names=names)
    tiles = split_into_tiles(plan.cells, predictors.factor)
    run_all(
        [partial(_read_tile, samples, plan, conservation, predictors, tile) for tile in tiles],
        progress,
    )
    missing = np.isnan(cells).mean(axis=0)
    if (missing == 1).all():
        raise InputError(
            f"The predictor set {predictors.folder.name} has no value in any cell of the GWSA "
            "stack."
        )
    for name, fraction in zip(names, missing):
        if fraction > 0:
            progress.info(
                f"{name} has no value in {fraction:.1%} of the samples; the trees send missing "
                "values along a default branch."
            )
    return samples


def _read_tile(
    samples: Samples,
    plan: TrainingPlan,
    conservation: MassConservation,
    predictors: PredictorSet,
    tile: Tile,
    progress: Progress,
) -> None:
    """Fill in the features of the samples of a tile.

    The pixels of a cell are drawn anew for each month.
    """
    cells = plan.cells[tile]
    count = int(plan.cells.sum())
    # Position of each cell of the tile among the samples of a month.
    positions = (np.cumsum(plan.cells) - 1).reshape(plan.cells.shape)[tile][cells]
    down, across = _draw_pixels(conservation, tile, plan)
    land = conservation.pixels(tile)
    selection = PixelSelection(tile.fine(predictors.factor), land)
    # Position of each pixel of the tile among its land pixels.
    order = np.cumsum(land).reshape(land.shape) - 1
    at_once = months_at_once(predictors, tile)
    for first in range(0, plan.numbers.size, at_once):
        progress.stop_if_cancelled()
        months = plan.months[plan.numbers[first : first + at_once]]
        fine = read_pixels(predictors, months, selection)
        coarse = read_features(predictors, COARSE, months, tile)
        for i, (pixel_features, cell_features) in enumerate(zip(fine, coarse), start=first):
            rows = i * count + positions
            drawn = order[down[i], across[i]]
            samples.cells[rows] = cell_features[:, cells].T
            samples.pixels[rows] = np.stack(
                [feature_values(take_rows(feature, drawn)) for feature in pixel_features], axis=-1
            )


def _draw_pixels(conservation: MassConservation, tile: Tile, plan: TrainingPlan) -> np.ndarray:
    """Row and column in the tile of the pixels drawn in each cell and month.

    Shape (2, months, cells, PIXELS_PER_CELL); pixels repeat where a cell has fewer land pixels.
    """
    factor = conservation.factor
    height, width = tile.shape
    land = conservation.pixels(tile).reshape(height, factor, width, factor).swapaxes(1, 2)
    cells = np.argwhere(plan.cells[tile])
    corner = [tile.rows.start, tile.columns.start]
    # The seed is the position of the cell in the grid, so that the pixels do not depend on tiles.
    drawn = [
        draw_stratified(land[tuple(cell)], plan.numbers.size, np.random.default_rng(corner + cell))
        for cell in cells
    ]
    return (np.stack(drawn, axis=1) + cells[:, None] * factor).transpose(3, 0, 1, 2)


def draw_stratified(land: np.ndarray, months: int, rng: np.random.Generator) -> np.ndarray:
    """Draw pixels of a cell by stratified random sampling.

    The land pixels are split into ``PIXELS_PER_CELL`` strata of equal size, and one pixel is drawn
    in each. The mean over such pixels varies less than that over pixels drawn from all of the cell.

    Parameters
    ----------
    land : numpy.ndarray of bool, shape (rows, columns)
        Land pixels of the cell.
    months : int
        Number of independent draws.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    numpy.ndarray of int, shape (months, PIXELS_PER_CELL, 2)
        Row and column in the cell. Pixels that follow each other lie in different strips of rows,
        so that the first few represent the cell too.
    """
    strips = isqrt(PIXELS_PER_CELL)
    rows, columns = np.nonzero(land)
    # Strips from north to south, and within a strip from west to east.
    order = np.lexsort((rows, columns, rows * strips // len(land)))
    strata = np.arange(PIXELS_PER_CELL) * (strips + 1) % PIXELS_PER_CELL
    drawn = (strata + rng.random((months, PIXELS_PER_CELL))) * order.size / PIXELS_PER_CELL
    return np.argwhere(land)[order[drawn.astype(int)]]
