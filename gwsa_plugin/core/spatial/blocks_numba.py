"""The loops of ``blocks``, compiled with numba.

Rows are processed in the order in which they lie in memory. Sums are kept for each column of
pixels, so that the compiler can vectorise over columns. For interpolation, the two rows of nodes
around a row of pixels are first interpolated to the columns of the pixels, once for all rows of
pixels between them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be reordered. NaN and infinity are kept, and a division by zero gives infinity or NaN.
LOOSE = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}


@njit(cache=True, **LOOSE)
def block_sums(values, where, row_weights, factor, top, left, totals, weights):
    """See ``blocks.block_sums``; ``top`` and ``left`` are the corner, ``where`` may be None."""
    rows, columns = values.shape
    total = np.empty(columns)
    weight = np.empty(columns)
    for down in range(totals.shape[0]):
        first = max(down * factor - top, 0)
        stop = min((down + 1) * factor - top, rows)
        total[:] = 0.0
        weight[:] = 0.0
        # Three rows at once, so that the sums are loaded and stored less often. Beyond the last
        # row the last row is repeated with a weight of 0.
        for row in range(first, stop, 3):
            second = min(row + 1, stop - 1)
            third = min(row + 2, stop - 1)
            _add_rows(
                values[row],
                values[second],
                values[third],
                _row_mask(where, row),
                _row_mask(where, second),
                _row_mask(where, third),
                row_weights[row],
                row_weights[second] * (row + 1 < stop),
                row_weights[third] * (row + 2 < stop),
                total,
                weight,
            )
        for across in range(totals.shape[1]):
            begin = max(across * factor - left, 0)
            end = min((across + 1) * factor - left, columns)
            totals[down, across] = _sum(total[begin:end])
            weights[down, across] = _sum(weight[begin:end])


@njit(**LOOSE)
def _row_mask(where, row):
    return None if where is None else where[row]


@njit(**LOOSE)
def _add_rows(
    one,
    two,
    three,
    mask_one,
    mask_two,
    mask_three,
    weight_one,
    weight_two,
    weight_three,
    total,
    weight,
):
    """Add three rows of pixels to the sums of their columns."""
    for column in range(total.size):
        a = np.float64(one[column])
        b = np.float64(two[column])
        c = np.float64(three[column])
        has_a = _counts(a, mask_one, column)
        has_b = _counts(b, mask_two, column)
        has_c = _counts(c, mask_three, column)
        total[column] += (
            (weight_one * a if has_a else 0.0)
            + (weight_two * b if has_b else 0.0)
            + (weight_three * c if has_c else 0.0)
        )
        weight[column] += (
            (weight_one if has_a else 0.0)
            + (weight_two if has_b else 0.0)
            + (weight_three if has_c else 0.0)
        )


@njit(**LOOSE)
def _counts(value, where, column):
    return abs(value) < np.inf if where is None else where[column]


@njit(**LOOSE)
def _sum(values):
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total


@njit(cache=True, **LOOSE)
def interpolate(
    values, weights, rows_before, row_fractions, columns_before, column_fractions, where, field
):
    """See ``blocks.interpolate``; the result is written to ``field``. ``where`` may be None."""
    above = np.empty((2, field.shape[1]))
    below = np.empty((2, field.shape[1]))
    current = -1
    for row in range(field.shape[0]):
        # Rows of pixels between the same two rows of nodes share their interpolation along columns.
        if rows_before[row] != current:
            current = rows_before[row]
            for node_row, strip in ((current, above), (current + 1, below)):
                _interpolate_columns(values[node_row], columns_before, column_fractions, strip[0])
                _interpolate_columns(weights[node_row], columns_before, column_fractions, strip[1])
        _interpolate_rows(above, below, row_fractions[row], _row_mask(where, row), field[row])


@njit(**LOOSE)
def _interpolate_columns(nodes, before, fractions, pixels):
    for column in range(pixels.size):
        fraction = fractions[column]
        pixels[column] = (
            nodes[before[column]] * (1 - fraction) + nodes[before[column] + 1] * fraction
        )


@njit(**LOOSE)
def _interpolate_rows(above, below, fraction, where, pixels):
    """One row of pixels: weighted sums of the values over the sums of the weights."""
    for column in range(pixels.size):
        total = above[0, column] * (1 - fraction) + below[0, column] * fraction
        value = total / (above[1, column] * (1 - fraction) + below[1, column] * fraction)
        pixels[column] = value if where is None or where[column] else np.nan
