"""Calibration slope of the predicted local contrast, estimated one scale up.

Models are trained on coarse cells and applied to pixels, whose predictors vary more. Trees then
underestimate the contrast. The same step can be tested one scale up: models are trained on averages
of 2 x 2 cells and applied to the cells, where GWSA is known. The slope found there multiplies the
contrast of the maps. Estimates vary much between places, so the slope is never smaller than that of
models of cells applied to held-out cells, which is better known.
"""

from __future__ import annotations

import numpy as np

from ...base.progress import Progress
from ..folds import Split
from ..samples import ONE_SCALE_UP, Samples
from .bins import Bins
from .training import Boosting, train

# A larger slope cannot be explained by the change of scale.
LARGEST_SLOPE = 1.5


def contrast_slope(across: np.ndarray, within: np.ndarray) -> float:
    """Estimate the calibration slope by which predicted contrasts are multiplied.

    Parameters
    ----------
    across : numpy.ndarray, shape (splits, 2)
        Results of ``contrast_sums_across_scales``: covariance and variance of each split.
    within : numpy.ndarray, shape (splits, 2)
        The same sums for models of cells that are applied to cells.

    Returns
    -------
    float
        The larger of the two slopes, limited to 1..1.5.
    """
    return float(np.clip(max(_slope(across), _slope(within)), 1.0, LARGEST_SLOPE))


def _slope(sums: np.ndarray) -> float:
    """Slope of observed on predicted contrast; 1 without data."""
    covariance, variance = sums.sum(axis=0) if len(sums) else (0.0, 0.0)
    return covariance / variance if variance > 0 else 1.0


def contrast_sums_across_scales(
    samples: Samples, split: Split, boosting: Boosting, bins: Bins, progress: Progress
) -> tuple[float, float]:
    """Compare predicted and observed contrast inside blocks of 2 x 2 held-out cells.

    A model is trained on averages over such blocks and predicts the cells.

    Parameters
    ----------
    samples : Samples
        The training set.
    split : Split
        Samples that are trained on and held out.
    boosting : Boosting
        Hyper-parameters.
    bins : Bins
        Bins of the features.
    progress : Progress
        Allows cancellation.

    Returns
    -------
    covariance, variance : float
        Sums over cells of predicted times observed and of predicted squared contrast, cm², where
        contrast is the difference from the mean of the block. Both are 0 without complete blocks.
    """
    blocks = group_into_blocks(samples)
    trained = split.trained(samples)[blocks].all(axis=1)
    held = split.held(samples)[blocks].all(axis=1)
    if not (trained.any() and held.any()):
        return 0.0, 0.0
    booster = train(average_blocks(samples, blocks), trained, boosting, None, bins, progress)
    cells = blocks[held]
    pixels = booster.inplace_predict(samples.pixel_table(cells.ravel())).reshape(*cells.shape, -1)
    predicted = _contrast_in_blocks(pixels.mean(axis=-1, dtype=np.float64))
    observed = _contrast_in_blocks(samples.target[cells])
    return float((predicted * observed).sum()), float((predicted**2).sum())


def _contrast_in_blocks(values: np.ndarray) -> np.ndarray:
    """Differences of cells from the mean of their block, shape (blocks, 4)."""
    return values - values.mean(axis=1, keepdims=True)


def average_blocks(samples: Samples, blocks: np.ndarray) -> Samples:
    """Average samples over blocks of 2 x 2 cells.

    Parameters
    ----------
    samples : Samples
        The samples of cells.
    blocks : numpy.ndarray
        Result of ``group_into_blocks``.

    Returns
    -------
    Samples
        A sample per block. It has about as many pixels as that of a cell: some of each cell.
    """
    first = blocks[:, 0]
    count = max(1, samples.pixels.shape[1] // ONE_SCALE_UP**2)
    pixels = samples.pixels[blocks, :count].reshape(len(blocks), -1, samples.pixels.shape[2])
    return Samples(
        month=samples.month[first],
        row=samples.row[first] // ONE_SCALE_UP,
        column=samples.column[first] // ONE_SCALE_UP,
        target=samples.target[blocks].mean(axis=1),
        cells=samples.cells[blocks].mean(axis=1),
        pixels=pixels,
        names=samples.names,
    )


def group_into_blocks(samples: Samples) -> np.ndarray:
    """Group samples into blocks of 2 x 2 cells that all have a sample in a month.

    Returns
    -------
    numpy.ndarray of int, shape (blocks, 4)
        Numbers of the samples of each complete block, ordered by month, row and column.
    """
    row = samples.row // ONE_SCALE_UP
    column = samples.column // ONE_SCALE_UP
    place = (samples.month * (row.max() + 1) + row) * (column.max() + 1) + column
    _, block, count = np.unique(place, return_inverse=True, return_counts=True)
    complete = np.flatnonzero(count[block] == ONE_SCALE_UP**2)
    # A stable sort keeps the order of the cells within a block.
    return complete[np.argsort(block[complete], kind="stable")].reshape(-1, ONE_SCALE_UP**2)
