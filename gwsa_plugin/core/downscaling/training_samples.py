"""TODO."""

from __future__ import annotations

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

PIXELS = 16  # of each coarse cell that training sees in a month

MOST_SAMPLES = (
    100_000  # cells times months that models are trained on; about 4 kB each with 60 features
)

FEWEST_MONTHS = 24

PLOT = 8  # cells along a side: neighbours, whose contrast is learned, are taught together


class TrainingPlan(NamedTuple):
    """What training sees: ``cells`` (bool, coarse shape) in those of the ``months`` that have the numbers ``chosen``
    (int)."""

    months: np.ndarray
    chosen: np.ndarray
    cells: np.ndarray


def choose_months(observed: np.ndarray, cells: int) -> np.ndarray:
    """Numbers of months, of which ``observed`` (bool, (months,)) were. Filled ones, of which GRACE saw nothing, only
    where too few others are; of many, as many as memory allows, evenly spaced."""
    choice = (
        np.flatnonzero(observed) if observed.sum() >= FEWEST_MONTHS else np.arange(observed.size)
    )
    count = min(choice.size, max(MOST_SAMPLES // cells, FEWEST_MONTHS))
    return choice[np.linspace(0, choice.size - 1, count).round().astype(int)]


def choose_cells(cells: np.ndarray, regions: np.ndarray, most: int) -> np.ndarray:
    """All ``cells``, or of more than ``most`` those of random plots, to which the regions contribute in turn."""
    if cells.sum() <= most:
        return cells
    plots = split_into_squares(cells, PLOT)
    shuffled = np.random.default_rng(1).permutation(len(plots))
    of_regions = [
        [
            number
            for number in shuffled
            if (regions[plots[number]] == region)[cells[plots[number]]].any()
        ]
        for region in np.unique(regions[cells])
    ]
    training_months = np.zeros_like(cells)
    for number in chain.from_iterable(zip_longest(*of_regions)):
        if number is not None and training_months.sum() < most:
            training_months[plots[number]] = cells[plots[number]]
    return training_months


def read_samples(
    training_months: TrainingPlan, target: np.ndarray, conservation, predictors, progress: Progress
) -> Samples:
    """``target``: cm, (chosen months, taught cells)."""
    names = predictors.features
    month = np.repeat(training_months.chosen, target.shape[1])
    row, column = np.tile(np.nonzero(training_months.cells), training_months.chosen.size)
    cells = np.empty((month.size, len(names)), dtype=np.float32)
    pixels = np.empty((month.size, PIXELS, len(names)), dtype=np.float32)
    samples = Samples(month, row, column, target.ravel(), cells, pixels, names)
    tiles = split_into_tiles(training_months.cells, predictors.factor)
    run_all(
        [
            partial(_read_tile, samples, training_months, conservation, predictors, tile)
            for tile in tiles
        ],
        progress,
    )
    absent = np.isnan(cells).mean(axis=0)
    if (absent == 1).all():
        raise InputError(
            f"The predictor set {predictors.folder.name} has no value in any cell of the GWSA stack."
        )
    for name, share in zip(names, absent):
        if share > 0:
            progress.info(
                f"{name} is missing in {share:.1%} of the samples; the trees have a branch for that."
            )
    return samples


def _read_tile(
    samples: Samples,
    training_months: TrainingPlan,
    conservation,
    predictors: PredictorSet,
    tile: Tile,
    progress: Progress,
) -> None:
    """Fill in the features of the samples of a tile, and of a few random land pixels of each, of others in each
    month."""
    cells, count = training_months.cells[tile], int(training_months.cells.sum())
    numbers = (np.cumsum(training_months.cells) - 1).reshape(training_months.cells.shape)[tile][
        cells
    ]
    down, across = _picked(conservation, tile, training_months)
    place = PixelSelection(tile.fine(predictors.factor), conservation.pixels(tile))
    order = np.cumsum(place.pixels).reshape(place.pixels.shape) - 1
    at_once = months_at_once(predictors, tile)
    for first in range(0, training_months.chosen.size, at_once):
        progress.stop_if_cancelled()
        months = training_months.months[training_months.chosen[first : first + at_once]]
        fine, coarse = (
            read_pixels(predictors, months, place),
            read_features(predictors, COARSE, months, tile),
        )
        for i, (of_pixels, of_cells) in enumerate(zip(fine, coarse), start=first):
            into, picked = i * count + numbers, order[down[i], across[i]]
            samples.cells[into] = of_cells[:, cells].T
            samples.pixels[into] = np.stack(
                [feature_values(take_rows(feature, picked)) for feature in of_pixels], axis=-1
            )


def _picked(
    conservation: MassConservation, tile: Tile, training_months: TrainingPlan
) -> np.ndarray:
    """Row and column in the tile of PIXELS random land pixels of each of its taught cells in each chosen month, some
    twice where it has fewer: int, (2, months, cells, PIXELS)."""
    factor, (height, width) = conservation.factor, tile.shape
    land = conservation.pixels(tile).reshape(height, factor, width, factor).swapaxes(1, 2)
    places, corner = np.argwhere(training_months.cells[tile]), [tile.rows.start, tile.columns.start]
    months = training_months.chosen.size
    picked = [
        _pick(land[tuple(place)], months, np.random.default_rng(corner + place)) for place in places
    ]
    return (np.stack(picked, axis=1) + places[:, None] * factor).transpose(3, 0, 1, 2)


def _pick(land: np.ndarray, months: int, rng) -> np.ndarray:
    """One of each of PIXELS parts of the land, whose mean is nearer to that of all than of as many from anywhere:
    (months, PIXELS, 2). The parts lie in strips from north to south, and any few that follow each other in others."""
    strips, (rows, columns) = isqrt(PIXELS), np.nonzero(land)
    order = np.lexsort((rows, columns, rows * strips // len(land)))
    parts = np.arange(PIXELS) * (strips + 1) % PIXELS
    picked = (parts + rng.random((months, PIXELS))) * order.size / PIXELS
    return np.argwhere(land)[order[picked.astype(int)]]
