"""The loops of ``trailing``, compiled: some pixels at a time, whose sums stay in the first cache of the processor."""

from __future__ import annotations

import numpy as np
from numba import njit

PIXELS = 2048  # at a time

compiled = njit(
    nogil=True, error_model="numpy"
)  # of all freedoms of fastmath none: the bits are to be those of numpy


@njit(nogil=True, cache=True)
def antecedent_means(values, newest, oldest, order, means):
    """See ``trailing.antecedent_means_numpy``."""
    total, count = np.empty(PIXELS), np.empty(PIXELS)
    for begin in range(0, values.shape[1], PIXELS):
        pixels = slice(begin, min(begin + PIXELS, values.shape[1]))
        for month in range(newest.size):
            total[:] = 0.0
            count[:] = 0.0
            band = newest[month]
            for window in range(order.size):
                while band >= oldest[month, window]:
                    _add(values[band, pixels], total, count)
                    band -= 1
                _put(total, count, means[month, order[window], pixels])


@compiled
def _add(values, total, count):
    for pixel in range(values.size):
        value = np.float64(values[pixel])
        known = abs(value) < np.inf
        total[pixel] += value if known else 0.0
        count[pixel] += 1.0 if known else 0.0


@compiled
def _put(total, count, means):
    for pixel in range(means.size):
        means[pixel] = total[pixel] / count[pixel] if count[pixel] > 0 else np.nan
