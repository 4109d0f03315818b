"""The definitions of ``trends`` for many series, compiled by numba."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from numba import njit

from .pair_slopes_numba import (
    BEHIND,
    CHAINS,
    MANY,
    NO_NUMBER,
    SPACE,
    U,
    compiled,
    count_inversions,
    falling_equals,
    order_values,
    round_values,
    select,
    sort_by,
)

# Pixels that are deseasonalised at a time.
PIXELS = 128
BLOCK = U(PIXELS)


# Without fastmath: the sums must have the same bits as in numpy.
@compiled
def _add_products(values, factors, sums):
    """Add the products of values and six factors to six sums of each pixel."""
    f0, f1, f2, f3, f4, f5 = factors[0], factors[1], factors[2], factors[3], factors[4], factors[5]
    for pixel in range(U(values.size)):
        value = np.float64(values[pixel])
        sums[pixel] += f0 * value
        sums[pixel + BLOCK] += f1 * value
        sums[pixel + U(2) * BLOCK] += f2 * value
        sums[pixel + U(3) * BLOCK] += f3 * value
        sums[pixel + U(4) * BLOCK] += f4 * value
        sums[pixel + U(5) * BLOCK] += f5 * value


@compiled
def _subtract_waves(values, waves, sums, target):
    """Subtract four waves, whose coefficients are the last four sums of each pixel."""
    w0, w1, w2, w3 = waves[0], waves[1], waves[2], waves[3]
    for pixel in range(U(values.size)):
        value = np.float64(values[pixel]) - w0 * sums[pixel + U(2) * BLOCK]
        value -= w1 * sums[pixel + U(3) * BLOCK]
        value -= w2 * sums[pixel + U(4) * BLOCK]
        target[pixel] = value - w3 * sums[pixel + U(5) * BLOCK]


@njit(nogil=True, cache=True)
def trends(flat, times, lines, significance, ranks, results):
    """Compute the trend and its p-value of many series.

    Parameters
    ----------
    flat : ndarray of float64, shape (series, n)
        Deseasonalised.
    times : ndarray of float64, shape (n,)
        Rising.
    lines : ndarray of float64, shape (series,)
        A slope near the trend, such as that of a regression.
    significance : float
        Autocorrelations of the ranks beyond it count.
    ranks : ndarray of float32 or float64, shape (n + PADDING,)
        Zeros. Their type must hold the integers up to n³ / 3.
    results : ndarray of float64, shape (2, series)
        Receives slope and p.
    """
    n = times.size
    buffer = np.full(3 * SPACE, BEHIND)
    order = np.arange(n)
    scratch = np.empty(n, np.int64)
    work = (buffer, order, scratch, np.empty(MANY))
    chains = np.full(CHAINS + n, NO_NUMBER)
    centred = times - 0.5 * (times[0] + times[-1])
    residuals, detrended = np.empty(n), np.empty(n)
    pairs = n * (n - 1) // 2
    lower = (pairs - 1) // 2
    distances = 0.0
    for i in range(n):
        distances += (2 * i - n + 1) * times[i]
    for series in range(flat.shape[0]):
        y = flat[series]
        line = lines[series]
        extent, spread = _subtract_line(y, centred, line, residuals)
        score, independent = _score(y, centred, line, extent, buffer, order, chains)
        # The density of the differences of two normal values at 0 is 0.28 over their spread.
        per_slope = 0.2821 * distances / max(spread, 1e-300)
        slope = select(
            y, times, centred, residuals, extent, line, per_slope, lower, pairs // 2, work
        )
        for i in range(n):
            detrended[i] = y[i] - slope * times[i]
        sort_by(detrended, order)
        variance = independent * _inflation(detrended, order, ranks, significance)
        results[0, series] = slope
        if score == 0 or variance <= 0:
            results[1, series] = 1.0
        else:
            results[1, series] = erfc((abs(score) - 1) / sqrt(2 * variance))


@njit(nogil=True, cache=True)
def deseasonalised_trends(values, fit, times, significance, ranks, coefficients, results):
    """Fit trend and waves, subtract the waves, and compute ``trends``.

    Parameters
    ----------
    values : ndarray of float, shape (n, series)
    fit : tuple of ndarray of float64, shapes (6, n) and (n, 4)
        Pseudo-inverse of the design of the fit, and its waves without mean.
    times, significance, ranks, results
        As in ``trends``.
    coefficients : ndarray of float64, shape (6, series)
        Receives the fit.
    """
    solver, waves = fit
    n, series = values.shape
    sums = np.empty(6 * PIXELS)
    # They stay in the cache of the processor.
    flat, found = np.empty((PIXELS, n)), np.empty((2, PIXELS))
    for begin in range(0, series, PIXELS):
        end = min(begin + PIXELS, series)
        sums[:] = 0.0
        for month in range(n):
            _add_products(values[month, begin:end], solver[:, month], sums)
        for row in range(6):
            coefficients[row, begin:end] = sums[row * PIXELS : row * PIXELS + end - begin]
        for month in range(n):
            _subtract_waves(values[month, begin:end], waves[month], sums, flat[:, month])
        lines = coefficients[1, begin:end]
        trends(flat[: end - begin], times, lines, significance, ranks, found)
        results[:, begin:end] = found[:, : end - begin]


@compiled
def _subtract_line(y, x, line, residuals):
    """Subtract a line; return the range of the residuals and times, and the residuals' spread."""
    low, high = np.inf, -np.inf
    total, square = 0.0, 0.0
    for i in range(x.size):
        value = y[i] - line * x[i]
        residuals[i] = value
        low = min(low, value)
        high = max(high, value)
        total += value
        square += value * value
    spread = sqrt(max(square - total * total / x.size, 0.0) / x.size)
    return (low, high, max(-x[0], x[-1])), spread


@compiled
def _score(y, centred, line, extent, buffer, order, chains):
    """The Mann-Kendall score, and its variance for independent values."""
    n = y.size
    reach = abs(line) * extent[2]
    round_values(y, centred, 0.0, extent[0] - reach, extent[1] + reach, buffer, 0)
    falling = count_inversions(buffer, n)
    more = falling_equals(y, buffer, chains)
    ties, tied_pairs = 0, 0
    if more < 0:
        order_values(buffer, n, order)
        # Equal rounded values are in the order of time; exchanges are pairs that fall.
        more = sort_by(y, order)
        ties, tied_pairs = _count_ties(y, order)
    score = n * (n - 1) // 2 - 2 * (falling + more) - tied_pairs
    return score, (n * (n - 1) * (2 * n + 5) - ties) / 18


@compiled
def _count_ties(values, order):
    """Sum of t (t - 1) (2 t + 5) over the groups of t equal values, and number of equal pairs."""
    ties, pairs, first = 0, 0, 0
    for place in range(1, order.size + 1):
        if place == order.size or values[order[place]] > values[order[first]]:
            size = place - first
            ties += size * (size - 1) * (2 * size + 5)
            pairs += size * (size - 1) // 2
            first = place
    return ties, pairs


@compiled
def _inflation(residuals, order, ranks, significance):
    """n/n*, equation 16 of Hamed & Rao (1998); 1 where it would not be positive.

    ``order`` is that of the residuals, and ``ranks`` receives twice their ranks less n + 1.
    """
    n = residuals.size
    equal = False
    before = residuals[order[0]] - 1.0
    for place in range(n):
        number = order[place]
        value = residuals[number]
        equal |= value == before
        before = value
        ranks[number] = 2 * place + 1 - n
    square = n * (n * n - 1.0) / 3
    if equal:
        square = _share_ranks(residuals, order, ranks)
    if square == 0:
        return 1.0
    total = 0.0
    limit = significance * square
    for first in range(1, n, 8):
        products = _lagged_products(ranks, n, first)
        for k in range(8):
            lag = first + k
            if abs(products[k]) > limit:
                total += (n - lag) * (n - lag - 1.0) * (n - lag - 2.0) * products[k] / square
    inflation = 1 + 2 / (n * (n - 1.0) * (n - 2.0)) * total
    return inflation if inflation > 0 else 1.0


@compiled
def _share_ranks(residuals, order, ranks):
    """Give equal values their mean rank; return the sum of the squares."""
    n = residuals.size
    first = 0
    for place in range(1, n + 1):
        if place == n or residuals[order[place]] > residuals[order[first]]:
            for same in range(first, place):
                ranks[order[same]] = first + place - n
            first = place
    square = 0.0
    for i in range(n):
        square += np.float64(ranks[i]) * np.float64(ranks[i])
    return square


# All sums are whole numbers, so that their order does not matter.
@njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _lagged_products(ranks, n, first):
    """Sums of the products of ranks ``first`` .. ``first`` + 7 apart."""
    zero = ranks[n]
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    lag = U(first)
    # Complete vectors: the ranks end with zeros.
    for i in range(U((n - first + 31) // 32 * 32)):
        value = ranks[i]
        k = i + lag
        s0 += value * ranks[k]
        s1 += value * ranks[k + U(1)]
        s2 += value * ranks[k + U(2)]
        s3 += value * ranks[k + U(3)]
        s4 += value * ranks[k + U(4)]
        s5 += value * ranks[k + U(5)]
        s6 += value * ranks[k + U(6)]
        s7 += value * ranks[k + U(7)]
    return (
        np.float64(s0),
        np.float64(s1),
        np.float64(s2),
        np.float64(s3),
        np.float64(s4),
        np.float64(s5),
        np.float64(s6),
        np.float64(s7),
    )
