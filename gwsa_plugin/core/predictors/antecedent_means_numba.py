"""The loops of ``antecedent_means``, compiled by numba.

A few pixels are processed at a time, so that their sums stay in the processor's first-level cache.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

# Pixels that are processed at a time.
PIXELS = 2048
# The same where the sums of all bands are kept.
EXACT_PIXELS = 512

# Without fastmath, because the results must have the same bits as those of numpy.
compiled = njit(nogil=True, error_model="numpy")


@njit(nogil=True, cache=True)
def antecedent_means(values, newest, oldest, order, means):
    """Compute antecedent means; parameters as in ``antecedent_means_numpy``."""
    total = np.empty(PIXELS)
    count = np.empty(PIXELS)
    for begin in range(0, values.shape[1], PIXELS):
        pixels = slice(begin, min(begin + PIXELS, values.shape[1]))
        for month in range(newest.size):
            total[:] = 0.0
            count[:] = 0.0
            band = newest[month]
            # Each window continues the sum of the next shorter one.
            for window in range(order.size):
                while band >= oldest[month, window]:
                    _add_band(values[band, pixels], total, count)
                    band -= 1
                _divide(total, count, means[month, order[window], pixels])


@compiled
def _add_band(values, total, count):
    """Add the finite values of a band to the sums and counts of its pixels."""
    for pixel in range(values.size):
        value = np.float64(values[pixel])
        known = abs(value) < np.inf
        total[pixel] += value if known else 0.0
        count[pixel] += 1.0 if known else 0.0


@compiled
def _divide(total, count, means):
    """Write total / count, NaN where the count is 0."""
    for pixel in range(means.size):
        means[pixel] = total[pixel] / count[pixel] if count[pixel] > 0 else np.nan


@njit(nogil=True, cache=True, error_model="numpy")
def stored_means(stored, columns, scale, offset, nodata, newest, oldest, means):
    """Compute ``antecedent_means.column_means`` where sums are exact.

    Parameters
    ----------
    stored : numpy.ndarray of int16, shape (bands, all pixels)
        Stored numbers.
    columns : numpy.ndarray of int, shape (pixels,)
        The pixels.
    scale, offset, nodata
        As ``StoredFeature``.
    newest, oldest
        As ``antecedent_means_numpy``, with windows in any order.
    means : numpy.ndarray of float32
        Filled with the means, shape (windows, months, pixels).
    """
    bands = stored.shape[0]
    totals = np.zeros((bands + 1, EXACT_PIXELS))
    counts = np.zeros((bands + 1, EXACT_PIXELS), dtype=np.float32)
    row = np.empty(EXACT_PIXELS, dtype=np.float32)
    for begin in range(0, means.shape[2], EXACT_PIXELS):
        size = min(EXACT_PIXELS, means.shape[2] - begin)
        complete = True
        for band in range(bands):
            _take_stored(stored[band], columns, begin, scale, offset, nodata, row[:size])
            complete &= _add(
                row[:size], totals[band], counts[band], totals[band + 1], counts[band + 1]
            )
        _subtract(totals, counts, complete, newest, oldest, slice(begin, begin + size), means)


@njit(nogil=True, cache=True, error_model="numpy")
def exact_means(values, newest, oldest, means):
    """Compute ``antecedent_means.exact_means``; parameters as ``stored_means``."""
    bands = values.shape[0]
    totals = np.zeros((bands + 1, EXACT_PIXELS))
    counts = np.zeros((bands + 1, EXACT_PIXELS), dtype=np.float32)
    for begin in range(0, values.shape[1], EXACT_PIXELS):
        size = min(EXACT_PIXELS, values.shape[1] - begin)
        complete = True
        for band in range(bands):
            complete &= _add(
                values[band, begin : begin + size],
                totals[band],
                counts[band],
                totals[band + 1],
                counts[band + 1],
            )
        _subtract(totals, counts, complete, newest, oldest, slice(begin, begin + size), means)


@compiled
def _take_stored(stored, columns, first, scale, offset, nodata, row):
    """The values of a band at the pixels from ``first`` on, NaN for no value.

    Consecutive columns, which most pixels inland are, are read as vectors.
    """
    for begin in range(0, row.size, EXACT_PIXELS):
        part = row[begin : begin + EXACT_PIXELS]
        own = columns[first + begin : first + begin + part.size]
        if own[-1] - own[0] == own.size - 1:
            _scale(stored[own[0] : own[0] + own.size], scale, offset, nodata, part)
        else:
            for pixel in range(part.size):
                number = stored[own[pixel]]
                value = np.float32(number) * scale + offset
                part[pixel] = value if number != nodata else np.float32(np.nan)


@compiled
def _scale(stored, scale, offset, nodata, values):
    """The values of stored numbers, NaN for no value."""
    for place in range(values.size):
        number = stored[place]
        value = np.float32(number) * scale + offset
        values[place] = value if number != nodata else np.float32(np.nan)


@compiled
def _add(row, total, count, next_total, next_count):
    """Sums and counts from the first band to the next one; whether all values are known."""
    unknown = np.int64(0)
    for pixel in range(row.size):
        value = row[pixel]
        known = abs(value) < np.float32(np.inf)
        next_total[pixel] = total[pixel] + (np.float64(value) if known else 0.0)
        next_count[pixel] = count[pixel] + (np.float32(1.0) if known else np.float32(0.0))
        unknown += 0 if known else 1
    return unknown == 0


@compiled
def _subtract(totals, counts, complete, newest, oldest, pixels, means):
    """Means over the windows from differences of sums."""
    for month in range(newest.size):
        last = newest[month] + 1
        for window in range(means.shape[0]):
            first = min(oldest[month, window], last)
            mean = means[window, month, pixels]
            if complete and first < last:
                _divide_by(totals[last], totals[first], np.float64(last - first), mean)
            else:
                _divide_by_counts(totals[last], totals[first], counts[last], counts[first], mean)


@compiled
def _divide_by(last, first, count, mean):
    """Divide differences of sums by a count.

    The product with the reciprocal is corrected by the rest of the division. The result is that of
    a division, which takes many times as long (Markstein, 1990, IBM J. Res. Dev. 34, 111-119).
    """
    reciprocal = 1.0 / count
    for pixel in range(mean.size):
        total = last[pixel] - first[pixel]
        quotient = total * reciprocal
        rest = _fused(-quotient, count, total)
        mean[pixel] = _fused(rest, reciprocal, quotient)


@intrinsic
def _fused(typing, one, other, addend):
    """one * other + addend with one rounding."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@compiled
def _divide_by_counts(last, first, last_count, first_count, mean):
    for pixel in range(mean.size):
        count = np.float64(last_count[pixel] - first_count[pixel])
        total = last[pixel] - first[pixel]
        mean[pixel] = total / count if count > 0 else np.nan


@njit(nogil=True, cache=True, error_model="numpy")
def differences(one, one_numbers, other, other_numbers, columns, values):
    """Fill in the differences of two stored variables at some pixels.

    Parameters
    ----------
    one, other : numpy.ndarray of int16, shape (bands, all pixels)
        Stored numbers.
    one_numbers, other_numbers : tuple of (float32, float32, int16)
        Scale, offset and nodata of each.
    columns : numpy.ndarray of int, shape (pixels,)
        The pixels.
    values : numpy.ndarray of float32, shape (bands, pixels)
        Filled with the differences, NaN where one of them has no value.
    """
    row = np.empty(values.shape[1], dtype=np.float32)
    for band in range(values.shape[0]):
        _take_stored(one[band], columns, 0, *one_numbers, values[band])
        _take_stored(other[band], columns, 0, *other_numbers, row)
        for pixel in range(row.size):
            values[band, pixel] -= row[pixel]


@njit(nogil=True, cache=True, error_model="numpy")
def add_stored(stored, columns, scale, offset, nodata, total, count):
    """Add the values of a stored band to sums and counts of some pixels.

    Parameters
    ----------
    stored : numpy.ndarray of int16, shape (all pixels,)
        Stored numbers.
    columns : numpy.ndarray of int, shape (pixels,)
        The pixels.
    scale, offset, nodata
        As ``StoredFeature``.
    total, count : numpy.ndarray of float64, shape (pixels,)
        Increased by the value and by 1 where there is one.
    """
    for pixel in range(columns.size):
        number = stored[columns[pixel]]
        if number != nodata:
            total[pixel] += np.float64(np.float32(number) * scale + offset)
            count[pixel] += 1.0
