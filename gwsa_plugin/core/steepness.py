"""How much too flat models are at a finer scale than the one they learned at: tried where the answer is known.

Trees that learned from means over cells have seen fewer extremes than there are among pixels, and what they say of them
is too near the mean. One scale up the same step can be watched: models are trained on means over 2 x 2 cells and asked
for the cells. By what their contrasts have to be multiplied there, those of the maps are multiplied too.
"""

from __future__ import annotations

import numpy as np

from .boosting import Boosting, Samples, train
from .folds import Split

ONE_SCALE_UP = 2
STEEPEST = 1.5  # more than that is no matter of scale


def steepness(evidence: np.ndarray) -> float:
    """What contrasts are multiplied by at a finer scale, 1 to 1.5, from rows of ``evidence_across``."""
    covariance, variance = evidence.sum(axis=0) if len(evidence) else (0.0, 0.0)
    return float(np.clip(covariance / variance, 1.0, STEEPEST)) if variance > 0 else 1.0


def evidence_across(samples: Samples, split: Split, boosting: Boosting, go_on) -> tuple[float, float]:
    """Covariance of predicted and observed differences of cells from the mean of their 2 x 2, and variance of the
    predicted ones, over what ``split`` holds out of models that were trained on such means; 0 where there are none."""
    known = np.isfinite(samples.target) & samples.usable
    taught, asked = (_whole(known & where) for where in (split.trained, split.held))
    if not (taught.any() and asked.any()):
        return 0.0, 0.0
    booster = train(averaged(samples), taught, boosting, go_on=go_on)
    cells = asked.repeat(ONE_SCALE_UP, axis=1).repeat(ONE_SCALE_UP, axis=2)
    cells = np.pad(cells, [(0, 0), *((0, size % ONE_SCALE_UP) for size in known.shape[1:])])
    said = np.zeros(known.shape)
    said[cells] = booster.inplace_predict(samples.pixel_table(cells)).reshape(-1, samples.pixels.shape[1]).mean(axis=1)
    predicted, observed = (_detail(np.where(cells, field, 0.0)) for field in (said, samples.target))
    return float((predicted * observed).sum()), float((predicted**2).sum())


def averaged(samples: Samples) -> Samples:
    """The samples of 2 x 2 cells that all have one: their means, and as many pixels of each as a cell had."""
    known = np.isfinite(samples.target) & samples.usable
    usable = _whole(known)
    numbers = _in_fours(np.cumsum(samples.usable).reshape(known.shape) - 1)[usable]
    share = max(1, samples.pixels.shape[1] // ONE_SCALE_UP**2)
    pixels = samples.pixels[numbers, :share].reshape(len(numbers), -1, samples.pixels.shape[2])
    target = _in_fours(np.where(known, samples.target, np.nan)).mean(axis=-1)
    return Samples(target, usable, samples.cells[numbers].mean(axis=1), pixels, samples.names)


def _whole(where: np.ndarray) -> np.ndarray:
    """The 2 x 2 cells that are all in ``where`` (months, rows, columns)."""
    return _in_fours(where).all(axis=-1)


def _in_fours(field: np.ndarray) -> np.ndarray:
    """The cells of each 2 x 2 together, (months, half the rows, half the columns, 4); an odd last row or column is left
    out."""
    months, rows, columns = field.shape[0], *(size // ONE_SCALE_UP for size in field.shape[1:])
    whole = field[:, : rows * ONE_SCALE_UP, : columns * ONE_SCALE_UP]
    fours = whole.reshape(months, rows, ONE_SCALE_UP, columns, ONE_SCALE_UP).swapaxes(2, 3)
    return fours.reshape(months, rows, columns, -1)


def _detail(field: np.ndarray) -> np.ndarray:
    fours = _in_fours(field)
    return fours - fours.mean(axis=-1, keepdims=True)
