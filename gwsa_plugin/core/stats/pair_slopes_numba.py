"""Order statistics of the slopes of all pairs of points of a series, compiled by numba.

The slope of a pair i < j is below t exactly when y[j] - t x[j] < y[i] - t x[i]: the pairs below t
are the inversions of y - t x. They are counted on values rounded to 16 bits, of which a processor
compares 16 or more at a time. A few counts bracket the slope that is sought. Then the slopes of the
pairs in the bracket, usually some thirty, are computed in full and sorted. Pairs whose rounded
values are equal are among them, so that the result is that of sorting all slopes.

References
----------
Dillencourt, M. B., Mount, D. M. & Netanyahu, N. S. (1992): A randomized algorithm for slope
    selection. Int. J. Comput. Geom. Appl. 2, 1-27.
Matousek, J. (1991): Randomized optimal algorithm for slope selection. Inf. Process. Lett. 39.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .trend_fields import LONGEST

# Without fastmath: a slope must have the same bits as in numpy.
compiled = njit(nogil=True, error_model="numpy")

# Space of an array of rounded values of the longest series, with what is read behind its end.
SPACE = LONGEST + 176
HALF_RANGE = 32000.0  # rounded values are -32000..32000
BEHIND = np.int16(32767)  # behind the end of a series: no inversion with any value
# Pairs between the lower end of the bracket and the slope that is sought. The count at that end is
# too small by the pairs, seldom more than two, whose rounded values are equal.
MARGIN = 3
FEW = 64
BEYOND = 8  # pairs that a bracket should have beyond the slope that is sought
MANY = 256  # pairs in a bracket for which there is room
CHAINS = 4096  # chains over which rounded values are distributed, a power of two
NO_NUMBER = np.int16(-1)
PLACES = 2048  # more than LONGEST, a power of two
MAX_COUNTS = 24
MAX_EXTENSIONS = 4

# Index arithmetic is unsigned: numba checks signed indices for negative ones, and such a loop is
# not compiled to vector instructions. The arrays of a loop are parts of one buffer at fixed
# distances, so that the compiler knows that they do not overlap. Eight rows share the accesses to
# the sums.
INT16 = np.int16
U = np.uint64
LANES = U(16)
THIRD = U(2 * SPACE)


@compiled
def round_values(y, x, slope, low, high, buffer, start):
    """Round y - slope x, which is within low..high, to 16 bits; equal values stay equal."""
    scale = 2 * HALF_RANGE / (high - low) if high > low else 0.0
    offset = low * scale + HALF_RANGE
    for i in range(x.size):
        value = (y[i] - slope * x[i]) * scale - offset
        buffer[start + i] = INT16(np.int32(value))


@compiled
def count_inversions(buffer, n):
    """Count the pairs i < j with buffer[j] < buffer[i]; the third part is scratch space."""
    for lane in range(U(n + 24)):
        buffer[THIRD + lane] = 0
    for i in range(0, n - 1, 8):
        row = U(i)
        r0, r1, r2, r3 = buffer[row], buffer[row + U(1)], buffer[row + U(2)], buffer[row + U(3)]
        row += U(4)
        r4, r5, r6, r7 = buffer[row], buffer[row + U(1)], buffer[row + U(2)], buffer[row + U(3)]
        for j in range(i + 1, n, 16):
            first = U(j)
            for lane in range(LANES):
                k = first + lane
                buffer[THIRD + k] = INT16(
                    buffer[THIRD + k]
                    + INT16(buffer[k] < r0)
                    + INT16(buffer[k + U(1)] < r1)
                    + INT16(buffer[k + U(2)] < r2)
                    + INT16(buffer[k + U(3)] < r3)
                    + INT16(buffer[k + U(4)] < r4)
                    + INT16(buffer[k + U(5)] < r5)
                    + INT16(buffer[k + U(6)] < r6)
                    + INT16(buffer[k + U(7)] < r7)
                )
    total = 0
    for lane in range(U(n + 24)):
        total += buffer[THIRD + lane]
    return total


@compiled
def count_smaller(buffer, n):
    """Set the third part to the number of values that are smaller than each value."""
    for lane in range(U(n + 16)):
        buffer[THIRD + lane] = 0
    for i in range(0, n, 8):
        row = U(i)
        r0, r1, r2, r3 = buffer[row], buffer[row + U(1)], buffer[row + U(2)], buffer[row + U(3)]
        row += U(4)
        r4, r5, r6, r7 = buffer[row], buffer[row + U(1)], buffer[row + U(2)], buffer[row + U(3)]
        for j in range(0, n, 16):
            first = U(j)
            for lane in range(LANES):
                k = first + lane
                value = buffer[k]
                buffer[THIRD + k] = INT16(
                    buffer[THIRD + k]
                    + INT16(r0 < value)
                    + INT16(r1 < value)
                    + INT16(r2 < value)
                    + INT16(r3 < value)
                    + INT16(r4 < value)
                    + INT16(r5 < value)
                    + INT16(r6 < value)
                    + INT16(r7 < value)
                )


@compiled
def order_values(buffer, n, order):
    """Sort the numbers 0..n-1 by the rounded values, equal ones by number.

    Returns True where values are equal.
    """
    count_smaller(buffer, n)
    equal = False
    for i in range(n):
        order[i] = -1
    for i in range(n):
        place = int(buffer[THIRD + U(i)])
        while order[place] >= 0:
            place += 1
            equal = True
        order[place] = i
    return equal


@compiled
def sort_by(values, order):
    """Sort an order that is nearly right by insertion; return the number of exchanges."""
    exchanges = 0
    highest = -np.inf
    for place in range(order.size):
        number = order[place]
        value = values[number]
        if value >= highest:
            highest = value
            continue
        before = place - 1
        while before >= 0 and values[order[before]] > value:
            order[before + 1] = order[before]
            before -= 1
        order[before + 1] = number
        exchanges += place - 1 - before
    return exchanges


@compiled
def falling_equals(y, buffer, chains):
    """Count the pairs i < j with y[j] < y[i] whose rounded values are equal.

    ``chains`` is scratch space of ``CHAINS`` + n numbers, of which the first ``CHAINS`` are and
    will be NO_NUMBER. Returns -1 where values of y are equal.
    """
    falling, equal = 0, False
    for j in range(y.size):
        value = buffer[j]
        chain = U(value) & U(CHAINS - 1)
        i = chains[chain]
        chains[CHAINS + j] = i
        chains[chain] = j
        while i >= 0:
            if buffer[i] == value:
                falling += y[j] < y[i]
                equal |= y[j] == y[i]
            i = chains[CHAINS + i]
    for j in range(y.size):
        chains[U(buffer[j]) & U(CHAINS - 1)] = NO_NUMBER
    return -1 if equal else falling


@compiled
def collect(y, times, buffer, order, passed, found):
    """Put the slopes of the pairs in the bracket into ``found``; return their number.

    They are the pairs that change places, or are level, between ``order``, which is that at the
    lower end of the bracket, and the order of the second part of the buffer, rounded at the upper
    end. ``passed`` is scratch space of n numbers.
    """
    count = 0
    highest = -BEHIND * PLACES
    for place in range(order.size):
        j = order[place]
        level = int(buffer[SPACE + U(j)]) * PLACES
        if level > highest:
            highest = level + j
            passed[place] = highest
            continue
        before = place - 1
        while before >= 0 and passed[before] >= level:
            i = passed[before] & (PLACES - 1)
            if i < j:
                if count < found.size:
                    found[count] = (y[j] - y[i]) / (times[j] - times[i])
                count += 1
            passed[before + 1] = passed[before]
            before -= 1
        passed[before + 1] = level + j
    return count


@compiled
def nth_smallest(values, count, number):
    """Return a value by its number, from 0, in the ascending order of the first ``count``."""
    for i in range(count):
        value = values[i]
        smaller, equal = 0, 0
        for k in range(U(count)):
            smaller += values[k] < value
            equal += values[k] == value
        if smaller <= number < smaller + equal:
            return value
    return np.nan


@compiled
def select_by_sorting(y, times, first, last):
    """Mean of the slopes number first..last, by sorting all of them."""
    n = y.size
    slopes = np.empty(n * (n - 1) // 2)
    count = 0
    for i in range(n - 1):
        for j in range(i + 1, n):
            slopes[count] = (y[j] - y[i]) / (times[j] - times[i])
            count += 1
    slopes.sort()
    return slopes[first] if first == last else 0.5 * (slopes[first] + slopes[last])


@compiled
def select(y, times, x, residuals, extent, line, per_slope, first, last, work):
    """Mean of the slopes number first..last (equal, or one apart), counted from 0.

    Parameters
    ----------
    y, times, x : ndarray of float64, shape (n,)
        Values, rising times, and times less that in the middle.
    residuals : ndarray of float64, shape (n,)
        y - line x. Slopes are counted relative to ``line``, which keeps the rounding fine.
    extent : tuple of float
        Least and greatest residual, and the greatest absolute time.
    line : float
        A slope near the middle of all.
    per_slope : float
        Estimate of the number of pairs per unit of slope near ``line``.
    first, last : int
        Numbers in ascending order.
    work : tuple
        Buffer of int16, an order of the times (int64), as many such numbers as scratch space, and
        space for slopes. The order receives that of y - t x for a slope t near the result.

    Returns
    -------
    float
    """
    buffer, order, scratch, found = work
    n = x.size
    at, number, per_slope = _approach(residuals, x, extent, per_slope, first, buffer)
    if MARGIN <= first - number <= FEW or number == 0 <= FEW - first:
        _round_relative(residuals, x, at, extent, buffer, 0)
        order_values(buffer, n, order)
        start, end = first - number, last - number
        distance = (end + BEYOND) / per_slope
        for _ in range(MAX_EXTENSIONS):
            high = at + distance
            _round_relative(residuals, x, high, extent, buffer, SPACE)
            count = collect(y, times, buffer, order, scratch, found)
            if count > found.size:
                break
            if end < count:
                low = nth_smallest(found, count, start)
                top = nth_smallest(found, count, end) if end > start else low
                if low < at + line:
                    break
                if top <= high + line:
                    return low if start == end else 0.5 * (low + top)
            distance *= 2.0
    return select_by_sorting(y, times, first, last)


@compiled
def _round_relative(residuals, x, slope, extent, buffer, start):
    """Round residuals - slope x into the buffer from ``start`` on."""
    reach = abs(slope) * extent[2]
    round_values(residuals, x, slope, extent[0] - reach, extent[1] + reach, buffer, start)


@compiled
def _approach(residuals, x, extent, per_slope, first, buffer):
    """Find a slope with a few pairs less than ``first`` below it, by the secant method.

    Returns
    -------
    float, int, float
        The slope, the number of pairs below it, and the number of pairs per unit of slope.
    """
    low, high = -np.inf, np.inf
    at, number, before, was_at = 0.0, 0, 0, 0.0
    for step in range(MAX_COUNTS):
        _round_relative(residuals, x, at, extent, buffer, 0)
        number = count_inversions(buffer, x.size)
        if MARGIN <= first - number <= FEW or number == 0 <= FEW - first:
            break
        if step > 0 and abs(number - before) > FEW // 4:
            rate = (number - before) / (at - was_at)
            if rate > 0:
                per_slope = rate
        before, was_at = number, at
        if number < first - FEW:
            low = at
        else:
            high = at
        aim = first - min(BEYOND + 0.05 * abs(number - first), FEW / 2)
        at += (aim - number) / per_slope
        if high - low < np.inf and (step > 5 or not low < at < high):
            at = 0.5 * (low + high)
    return at, number, per_slope
