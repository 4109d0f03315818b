"""The loop of ``tile_correction``, compiled with numba: one pass over the pixels of a month."""

from __future__ import annotations

import numpy as np
from numba import njit

compiled = njit(nogil=True, error_model="numpy")


@njit(nogil=True, cache=True, error_model="numpy")
def correct(predicted, pixels, change, cells, row_areas, factor, after, downwards, across, totals):
    """Correct a month of a tile and add up what its closure is made of.

    Parameters
    ----------
    predicted : numpy.ndarray of float32, shape (mapped pixels,)
        The prediction, cm.
    pixels : numpy.ndarray of bool, shape (rows, columns)
        The mapped pixels.
    change : numpy.ndarray of float64, shape (rows, columns)
        The correction, cm, NaN outside ``pixels``.
    cells : numpy.ndarray of bool, coarse shape
        The cells whose steps are summed.
    row_areas : numpy.ndarray of float64, shape (rows,)
        Area of a pixel of each row.
    factor : int
        Pixels along the side of a coarse cell.
    after : numpy.ndarray of float32, shape (rows, columns)
        Receives the corrected map, NaN outside ``pixels``.
    downwards : numpy.ndarray of float64, shape (2, 2, columns)
        At edges of cells and elsewhere, before and after the correction: sums of the steps from a
        pixel to the one below it. They are added to what the array holds.
    across : numpy.ndarray of float64, shape (2, columns - 1)
        The same for the steps from a pixel to the next one in its row.
    totals : numpy.ndarray of float64, coarse shape
        Receives the area-weighted sum of the corrected pixels of each cell.

    Returns
    -------
    float
        Largest absolute correction of a pixel, cm.
    """
    rows, columns = pixels.shape
    # Before and after the correction: the row and the one above it, NaN where steps are not summed.
    current, above = np.empty((2, columns)), np.empty((2, columns))
    row_before, row_after = np.empty(columns), np.empty(columns)
    used = np.empty(columns, dtype=np.bool_)
    largest, total = np.zeros(columns), np.empty(columns)
    taken = 0
    for row in range(rows):
        if row % factor == 0:
            total[:] = 0.0
            for column in range(columns):
                used[column] = cells[row // factor, column // factor]
        taken = _spread(predicted, taken, pixels[row], row_before)
        _add(row_before, change[row], row_after, after[row], largest)
        _sum(row_after, row_areas[row], total)
        _keep_used(row_before, used, current[0])
        _keep_used(row_after, used, current[1])
        for field in range(2):
            if row > 0:
                place = 0 if row % factor == 0 else 1
                _add_steps(above[field], current[field], downwards[place, field])
            _add_steps(current[field, :-1], current[field, 1:], across[field])
        current, above = above, current
        if (row + 1) % factor == 0:
            for cell in range(totals.shape[1]):
                totals[row // factor, cell] = total[cell * factor : (cell + 1) * factor].sum()
    return largest.max()


@compiled
def _spread(predicted, taken, pixels, values):
    """Put the next predictions at the mapped pixels of a row, and return how many are taken."""
    for column in range(pixels.size):
        if pixels[column]:
            values[column] = np.float64(predicted[taken])
            taken += 1
        else:
            values[column] = np.nan
    return taken


@compiled
def _add(before, change, after, rounded, largest):
    for column in range(before.size):
        after[column] = before[column] + change[column]
        rounded[column] = np.float32(after[column])
        size = abs(after[column] - before[column])
        largest[column] = size if size > largest[column] else largest[column]


@compiled
def _sum(values, area, total):
    for column in range(total.size):
        value = values[column]
        total[column] += area * value if abs(value) < np.inf else 0.0


@compiled
def _keep_used(values, used, kept):
    for column in range(values.size):
        kept[column] = values[column] if used[column] else np.nan


@compiled
def _add_steps(one, other, total):
    for column in range(total.size):
        step = abs(other[column] - one[column])
        total[column] += step if step < np.inf else 0.0
