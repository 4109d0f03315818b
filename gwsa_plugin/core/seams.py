"""Whether borders show in a map: steps across them over steps elsewhere."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion

from .conservation import spread


def edge_ratio(field: np.ndarray, cells: np.ndarray, factor: int) -> float:
    """How much steeper ``field`` is across the edges of coarse cells than inside them: 1 where no edge shows.

    ``field``: fine shape, NaN where there is no value. ``cells``: bool, coarse shape, the valid ones; only pixels of
    cells with eight valid neighbours count. See ``border_ratio``.
    """
    numbers = spread(np.arange(cells.size).reshape(cells.shape), factor)
    surrounded = spread(binary_erosion(cells, np.ones((3, 3))), factor)
    return border_ratio(np.where(surrounded, field, np.nan), numbers)


def border_ratio(field: np.ndarray, numbers: np.ndarray) -> float:
    """How much steeper ``field`` is across the borders of ``numbers`` (int, both of one shape) than elsewhere.

    Mean |difference| of adjacent pixels with different numbers, over what is expected of as many pairs in the same
    directions: the mean |difference| of pixels with the same number, so that the slope of the land along one direction
    counts for nothing. Pairs with a NaN are left out. NaN when no border is in the field or the field is flat, infinite
    when it is flat except at borders.
    """
    across = expected = 0.0
    for values, number in ((field, numbers), (field.T, numbers.T)):
        step = np.abs(np.diff(values.astype(np.float64), axis=0))
        border = number[1:] != number[:-1]
        at_border, elsewhere = step[border & np.isfinite(step)], step[~border & np.isfinite(step)]
        if elsewhere.size:
            across += at_border.sum()
            expected += at_border.size * elsewhere.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(across, expected))
