"""The loops of ``antecedent_means``, compiled by numba.

A few pixels are processed at a time, so that their sums stay in the processor's first-level cache.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Pixels that are processed at a time.
PIXELS = 2048

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
