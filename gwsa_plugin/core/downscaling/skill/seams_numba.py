"""The loops of ``seams``, compiled with numba; their results have the bits of those of numpy."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def add_steps(field, cells, factor, downwards, across):
    """Add the steps of a field to sums by columns.

    Parameters
    ----------
    field : numpy.ndarray, shape (rows, columns)
        The map.
    cells : numpy.ndarray of bool, coarse shape
        The cells whose pixels are used.
    factor : int
        Pixels along the side of a coarse cell.
    downwards : numpy.ndarray of float64, shape (2, 2, columns)
        Sum and number of the steps from a pixel to the one below it, at edges and elsewhere.
    across : numpy.ndarray of float64, shape (2, columns - 1)
        Sum and number of the steps from a pixel to the next one in its row.
    """
    rows, columns = field.shape
    used = np.empty(columns, dtype=np.bool_)
    current = np.empty(columns)
    below = np.empty(columns)
    for row in range(rows):
        if row % factor == 0:
            for column in range(columns):
                used[column] = cells[row // factor, column // factor]
        _take(field[row], used, below)
        if row > 0:
            place = 0 if row % factor == 0 else 1
            _add(current, below, downwards[place, 0], downwards[place, 1])
        _add(below[:-1], below[1:], across[0], across[1])
        current, below = below, current


@njit(nogil=True, error_model="numpy")
def _take(values, used, row):
    """Copy a row of values with NaN where they are not used."""
    for column in range(row.size):
        row[column] = np.float64(values[column]) if used[column] else np.nan


@njit(nogil=True, error_model="numpy")
def _add(one, other, total, count):
    for column in range(total.size):
        step = abs(other[column] - one[column])
        total[column] += step if step < np.inf else 0.0
        count[column] += 1.0 if step < np.inf else 0.0
