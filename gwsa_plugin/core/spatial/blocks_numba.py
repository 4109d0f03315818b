"""The loops of ``blocks``, compiled: rows are taken whole and in their order, as they lie in memory.

Sums go into one number for each column of pixels, which makes the processor work on many columns at once; between
nodes, the two rows of nodes around a row of pixels are drawn out to the width of the pixels once, and rows of pixels
are mixed from them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be taken in any order; NaN and infinity keep their meaning, and a division by zero is one of floats.
LOOSE = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}


@njit(cache=True, **LOOSE)
def block_sums(values, where, row_weights, factor, top, left, totals, weights):
    """See ``blocks.block_sums``; ``top`` and ``left`` are the corner, ``where`` may be None."""
    rows, columns = values.shape
    total, weight = np.empty(columns), np.empty(columns)
    for down in range(totals.shape[0]):
        first, stop = max(down * factor - top, 0), min((down + 1) * factor - top, rows)
        total[:] = 0.0
        weight[:] = 0.0
        for row in range(
            first, stop, 3
        ):  # three at once, so that the sums are fetched and put back less often
            second, third = min(row + 1, stop - 1), min(row + 2, stop - 1)
            _add(
                values[row], values[second], values[third],
                _of_row(where, row), _of_row(where, second), _of_row(where, third),
                row_weights[row], row_weights[second] * (row + 1 < stop), row_weights[third] * (row + 2 < stop),
                total, weight,
            )  # fmt: skip
        for across in range(totals.shape[1]):
            begin, end = max(across * factor - left, 0), min((across + 1) * factor - left, columns)
            totals[down, across] = _sum(total[begin:end])
            weights[down, across] = _sum(weight[begin:end])


@njit(**LOOSE)
def _of_row(where, row):
    return None if where is None else where[row]


@njit(**LOOSE)
def _add(
    one, two, three, in_one, in_two, in_three, weight_one, weight_two, weight_three, total, weight
):
    """The values of three rows that count to the sums of their columns."""
    for column in range(total.size):
        a, b, c = np.float64(one[column]), np.float64(two[column]), np.float64(three[column])
        has_a, has_b, has_c = (
            _counts(a, in_one, column),
            _counts(b, in_two, column),
            _counts(c, in_three, column),
        )
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
    for place in range(values.size):
        total += values[place]
    return total


@njit(cache=True, **LOOSE)
def interpolate(values, weights, rows_before, row_shares, columns_before, column_shares, field):
    """See ``blocks.interpolate_numpy``."""
    above, below = np.empty((2, field.shape[1])), np.empty((2, field.shape[1]))
    drawn = -1
    for row in range(field.shape[0]):
        if rows_before[row] != drawn:
            drawn = rows_before[row]
            for nodes, into in ((drawn, above), (drawn + 1, below)):
                _draw_out(values[nodes], columns_before, column_shares, into[0])
                _draw_out(weights[nodes], columns_before, column_shares, into[1])
        _mix(above, below, row_shares[row], field[row])


@njit(**LOOSE)
def _draw_out(nodes, before, shares, pixels):
    for column in range(pixels.size):
        share = shares[column]
        pixels[column] = nodes[before[column]] * (1 - share) + nodes[before[column] + 1] * share


@njit(**LOOSE)
def _mix(above, below, share, pixels):
    """One row of pixels: sums of weighted values over the sums of the weights."""
    for column in range(pixels.size):
        total = above[0, column] * (1 - share) + below[0, column] * share
        pixels[column] = total / (above[1, column] * (1 - share) + below[1, column] * share)
