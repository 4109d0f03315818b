"""How much too flat models are at a finer scale than the one they learned at: tried where the answer is known.

Trees that learned from means over cells have seen fewer extremes than there are among pixels, and what they say of them
is too near the mean. One scale up the same step can be watched: models are trained on means over 2 x 2 cells and asked
for the cells. By what their contrasts have to be multiplied there, those of the maps are multiplied too. That differs
much between places; so it is never less than what the cells tell of models of cells, which is well known.
"""

from __future__ import annotations

import numpy as np

from ...base.progress import Progress
from ..folds import Split
from ..samples import ONE_SCALE_UP, Samples
from .training import Boosting, train

LARGEST_SLOPE = 1.5  # more than that is no matter of scale


def contrast_slope(across: np.ndarray, within: np.ndarray) -> float:
    """What contrasts are multiplied by at a finer scale, 1 to 1.5, from rows of ``contrast_sums_across_scales``; and of the same
    evidence ``within`` a scale, of cells from models of cells: what is too flat there is no better at a finer scale."""
    return float(np.clip(max(_slope(across), _slope(within)), 1.0, LARGEST_SLOPE))


def _slope(evidence: np.ndarray) -> float:
    covariance, variance = evidence.sum(axis=0) if len(evidence) else (0.0, 0.0)
    return covariance / variance if variance > 0 else 1.0


def contrast_sums_across_scales(
    samples: Samples, split: Split, boosting: Boosting, progress: Progress
) -> tuple[float, float]:
    """Covariance of predicted and observed differences of cells from the mean of their 2 x 2, and variance of the
    predicted ones, over what ``split`` holds out of models that were trained on such means; 0 where there are none."""
    fours = in_fours(samples)
    training_months, asked = (
        where[fours].all(axis=1) for where in (split.trained(samples), split.held(samples))
    )
    if not (training_months.any() and asked.any()):
        return 0.0, 0.0
    booster = train(averaged(samples, fours), training_months, boosting, progress=progress)
    cells = fours[asked]
    said = booster.inplace_predict(samples.pixel_table(cells.ravel())).reshape(*cells.shape, -1)
    values = said.mean(axis=-1, dtype=np.float64), samples.target[cells]
    predicted, observed = (of_cells - of_cells.mean(axis=1, keepdims=True) for of_cells in values)
    return float((predicted * observed).sum()), float((predicted**2).sum())


def averaged(samples: Samples, fours: np.ndarray) -> Samples:
    """The samples of 2 x 2 cells, as ``in_fours`` gives them: their means, and as many pixels of each as a cell had."""
    first = fours[:, 0]
    count = max(1, samples.pixels.shape[1] // ONE_SCALE_UP**2)
    pixels = samples.pixels[fours, :count].reshape(len(fours), -1, samples.pixels.shape[2])
    row, column = samples.row[first] // ONE_SCALE_UP, samples.column[first] // ONE_SCALE_UP
    target, cells = samples.target[fours].mean(axis=1), samples.cells[fours].mean(axis=1)
    return Samples(samples.month[first], row, column, target, cells, pixels, samples.names)


def in_fours(samples: Samples) -> np.ndarray:
    """The numbers of the samples of each 2 x 2 cells that all have one in a month: int, (fours, 4), in their order."""
    row, column = samples.row // ONE_SCALE_UP, samples.column // ONE_SCALE_UP
    place = (samples.month * (row.max() + 1) + row) * (column.max() + 1) + column
    _, four, count = np.unique(place, return_inverse=True, return_counts=True)
    whole = np.flatnonzero(count[four] == ONE_SCALE_UP**2)
    return whole[np.argsort(four[whole], kind="stable")].reshape(-1, ONE_SCALE_UP**2)
