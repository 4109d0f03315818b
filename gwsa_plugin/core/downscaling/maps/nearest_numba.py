"""Search for the nearest sample, compiled by numba.

The distance in the first coordinates, in which samples vary most, is computed to all samples at
once. Only samples that are near enough in these are compared in all coordinates.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# First coordinates, in which all samples are compared.
LEADING = 8
# Slack for the rounding of float32, relative and absolute.
RELATIVE = 1.0001
ABSOLUTE = 1e-9
# Coordinates that are added between two comparisons with the nearest sample so far.
AT_ONCE = 4


@njit(nogil=True, cache=True)
def nearest(points, samples, leading, numbers):
    """Find the nearest sample of each point.

    Parameters
    ----------
    points : numpy.ndarray of float64, shape (points, coordinates)
        At least LEADING coordinates, finite. The search starts from the nearest sample of the point
        before.
    samples : numpy.ndarray of float64, shape (samples, coordinates)
        In the first coordinates they vary most.
    leading : numpy.ndarray of float32, shape (LEADING, samples)
        Their first coordinates.
    numbers : numpy.ndarray of int64, shape (points,)
        Filled with the number of the nearest sample.
    """
    near = np.empty(len(samples), dtype=np.float32)
    number = 0
    for i in range(len(points)):
        least = _squared_distance(points[i], samples[number], np.inf)
        _sum_squares(points[i], leading, near)
        bound = np.float32(least * RELATIVE + ABSOLUTE)
        for candidate in range(near.size):
            if near[candidate] <= bound:
                distance = _squared_distance(points[i], samples[candidate], least)
                if distance < least:
                    least = distance
                    number = candidate
                    bound = np.float32(least * RELATIVE + ABSOLUTE)
        numbers[i] = number


# The order of the sums does not matter: they only select samples.
@njit(nogil=True, fastmath=True)
def _sum_squares(point, leading, total):
    """Squared distance of all samples in the first coordinates."""
    a, b = np.float32(point[0]), np.float32(point[1])
    c, d = np.float32(point[2]), np.float32(point[3])
    e, f = np.float32(point[4]), np.float32(point[5])
    g, h = np.float32(point[6]), np.float32(point[7])
    for j in range(total.size):
        total[j] = (
            (leading[0, j] - a) ** 2
            + (leading[1, j] - b) ** 2
            + (leading[2, j] - c) ** 2
            + (leading[3, j] - d) ** 2
            + (leading[4, j] - e) ** 2
            + (leading[5, j] - f) ** 2
            + (leading[6, j] - g) ** 2
            + (leading[7, j] - h) ** 2
        )


@njit(nogil=True)
def _squared_distance(one, other, most):
    """Squared distance; any larger value than ``most`` where it is larger."""
    total = 0.0
    for begin in range(0, one.size, AT_ONCE):
        for k in range(begin, min(begin + AT_ONCE, one.size)):
            difference = one[k] - other[k]
            total += difference * difference
        if total > most:
            break
    return total
