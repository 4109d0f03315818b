"""Whether borders show in a map: steps across them over steps elsewhere."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion

from ...spatial.mass_conservation import spread


def edge_ratio(field: np.ndarray, cells: np.ndarray, factor: int) -> float:
    """How much steeper ``field`` is across the edges of coarse cells than inside them: 1 where no edge shows.

    ``field``: fine shape, NaN where there is no value. ``cells``: bool, coarse shape, the valid ones; only pixels of
    cells with eight valid neighbours count. See ``border_ratio``.
    """
    return ratio_of(edge_steps(field, surrounded(cells), factor))


def border_ratio(field: np.ndarray, numbers: np.ndarray) -> float:
    """How much steeper ``field`` is across the borders of ``numbers`` (int, both of one shape) than elsewhere.

    Mean |difference| of adjacent pixels with different numbers, over what is expected of as many pairs in the same
    directions: the mean |difference| of pixels with the same number, so that the slope of the land along one direction
    counts for nothing. Pairs with a NaN are left out. NaN when no border is in the field or the field is flat, infinite
    when it is flat except at borders.
    """
    return ratio_of(_steps(field, numbers))


def surrounded(cells: np.ndarray) -> np.ndarray:
    """The ``cells`` with eight neighbours among them: bool."""
    return binary_erosion(cells, np.ones((3, 3)))


def edge_steps(field: np.ndarray, cells: np.ndarray, factor: int) -> np.ndarray:
    """What ``ratio_of`` makes an edge ratio of, to be added up over the parts of a field, ``cells`` being those of the
    part that count (bool, coarse): steps down and across; at borders and elsewhere; their sum and number."""
    numbers = spread(np.arange(cells.size).reshape(cells.shape), factor)
    return _steps(np.where(spread(cells, factor), field, np.nan), numbers)


def ratio_of(steps: np.ndarray) -> float:
    """See ``border_ratio``; directions in which there is no step elsewhere are left out."""
    known = steps[steps[:, 1, 1] > 0]
    across = known[:, 0, 0].sum()
    expected = (known[:, 0, 1] * known[:, 1, 0] / known[:, 1, 1]).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(across, expected))


def _steps(field: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    steps = np.empty((2, 2, 2))
    for direction, (values, number) in enumerate(((field, numbers), (field.T, numbers.T))):
        step = np.abs(np.diff(values.astype(np.float64), axis=0))
        border = number[1:] != number[:-1]
        for place, where in enumerate((border, ~border)):
            there = step[where & np.isfinite(step)]
            steps[direction, place] = there.sum(), there.size
    return steps
