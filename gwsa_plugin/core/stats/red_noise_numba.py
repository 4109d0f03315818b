"""The loops of ``red_noise`` for many series, compiled by numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from .red_noise import ITERATIONS, TABLE_END, TABLE_STEP

U = np.uint64
# Series that are computed at a time, and sums of each that are added to at a time.
SIDE = 128
BLOCK = U(SIDE)
TOGETHER = 2
quick = njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})


@njit(nogil=True, cache=True)
def residual_sums(values, design, inverse, squares, products, projections, sums):
    """Fit the design to each series, and sum its residuals with factors.

    All matrices are of float64, and those of factors have an even number of columns, of which the
    last ones may be zeros.

    Parameters
    ----------
    values : ndarray of float, shape (n, series)
    design, inverse : ndarray, shape (n, 6)
        The design and its transposed inverse.
    squares, products, projections : ndarray, shape (n, rows)
        Factors of the squared residuals, of their products with the residual of the month before,
        and of the residuals.
    sums : ndarray of float64, shape (1 + all rows, series)
        Receives the sum of the squares of the values, and the sums in this order.
    """
    n, series = values.shape
    first, second = squares.shape[1] * SIDE, (squares.shape[1] + products.shape[1]) * SIDE
    fit, total = np.empty(6 * SIDE), np.empty((sums.shape[0] - 1) * SIDE)
    powers = np.empty(3 * SIDE)
    for begin in range(0, series, SIDE):
        end = min(begin + SIDE, series)
        fit[:] = 0.0
        total[:] = 0.0
        powers[:] = 0.0
        for month in range(n):
            _add_squares(values[month, begin:end], powers)
            _add_products(powers[:SIDE], inverse[month], fit)
        sums[0, begin:end] = powers[SIDE : SIDE + end - begin]
        powers[:] = 0.0
        for month in range(n):
            _residuals(values[month, begin:end], design[month], fit, powers)
            _add_products(powers[:SIDE], projections[month], total[second:])
            _add_products(powers[SIDE : 2 * SIDE], squares[month], total)
            _add_products(powers[2 * SIDE :], products[month], total[first:])
        for row in range(1, sums.shape[0]):
            start = (row - 1) * SIDE
            sums[row, begin:end] = total[start : start + end - begin]


@quick
def _add_squares(values, powers):
    """Copy the values into the first part, and add their squares to the second one."""
    for i in range(U(values.size)):
        value = np.float64(values[i])
        powers[i] = value
        powers[i + BLOCK] += value * value


@quick
def _residuals(values, design, fit, powers):
    """Set the parts: residuals, their squares, their products with those of the month before."""
    d0, d1, d2, d3, d4, d5 = design[0], design[1], design[2], design[3], design[4], design[5]
    for i in range(U(values.size)):
        value = np.float64(values[i]) - d0 * fit[i] - d1 * fit[i + BLOCK]
        value -= d2 * fit[i + U(2) * BLOCK] + d3 * fit[i + U(3) * BLOCK]
        value -= d4 * fit[i + U(4) * BLOCK] + d5 * fit[i + U(5) * BLOCK]
        powers[i + U(2) * BLOCK] = value * powers[i]
        powers[i + BLOCK] = value * value
        powers[i] = value


@quick
def _add_products(values, factors, total):
    """Add the products of values and factors to a sum for each factor and series."""
    for first in range(0, factors.size, TOGETHER):
        _add_two(values, factors[first : first + TOGETHER], total[first * SIDE :])


@quick
def _add_two(values, factors, total):
    f0, f1 = factors[0], factors[1]
    for i in range(U(values.size)):
        value = values[i]
        total[i] += f0 * value
        total[i + BLOCK] += f1 * value


@njit(nogil=True, cache=True, error_model="numpy")
def half_widths(weights, errors, table, quantile, tail):
    """Compute ``Noise.half_widths`` for standard errors.

    Parameters
    ----------
    weights, errors : ndarray of float64, shape (autocorrelations, series)
    table : ndarray of float64
        Of ``red_noise``.
    quantile : float
        Of Student's t, where its tail is ``tail``.

    Returns
    -------
    ndarray of float64, shape (series,)
    """
    half = np.empty(errors.shape[1])
    for series in range(half.size):
        low, high, variance = np.inf, 0.0, 0.0
        for k in range(errors.shape[0]):
            error = errors[k, series]
            low = min(low, error * quantile)
            high = max(high, error * quantile)
            variance += weights[k, series] * error * error
        width = np.sqrt(variance) * quantile
        for _ in range(ITERATIONS):
            tails, rate = 0.0, 0.0
            for k in range(errors.shape[0]):
                place = min(width / errors[k, series], TABLE_END) * (1 / TABLE_STEP)
                index = U(place)
                above = table[index]
                falls = above - table[index + U(1)]
                tails += weights[k, series] * (above - (place - np.floor(place)) * falls)
                rate += weights[k, series] * falls * place
            width = min(max(width * (tails / tail) ** (tails / rate), low), high)
        half[series] = width
    return half
