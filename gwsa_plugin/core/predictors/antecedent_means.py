"""Means over the last months of a monthly variable: storage remembers what fell long ago.

Written here in numpy; where numba is to be had ``trailing_kernel`` does the same, to the bit, many times faster.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..compute.numba_modules import load_numba_module

_kernel = partial(load_numba_module, "predictors.antecedent_means_numba")


def antecedent_means(
    values: np.ndarray, known: np.ndarray, months: np.ndarray, windows: tuple[int, ...]
) -> np.ndarray:
    """Means of a variable over the last months of each of ``months``: float32, (months, windows, ...), NaN where none
    of them has a value.

    ``values``: float32, (known months, ...), NaN where there is none; ``known``: their months, ascending, others have
    no values. A window of n months is the month itself and the n - 1 before it; its mean is over those that have a
    value. Every sum runs from its own month backwards, in float64, so that it has the same bits whichever other months
    are asked for.
    """
    order = np.argsort(windows)
    newest = np.searchsorted(known, months, side="right") - 1
    oldest = np.searchsorted(known, months[:, None] - (np.take(windows, order) - 1))
    means = np.empty((months.size, len(windows), values[0].size), dtype=np.float32)
    kernel = _kernel()
    fill = antecedent_means_numpy if kernel is None else kernel.antecedent_means
    fill(values.reshape(len(values), -1), newest, oldest, order, means)
    return means.reshape(*means.shape[:2], *values.shape[1:])


def antecedent_means_numpy(values, newest, oldest, order, means) -> None:
    """As ``antecedent_means``, in numpy: the definition, against which the other is tested.

    ``values``: (bands, pixels). Of each month asked for ``newest`` is its last band and ``oldest`` the first band of
    each window, the shortest window first; ``order``: the places of these windows in ``means``.
    """
    known = np.isfinite(values)
    addends = np.where(known, values, 0)
    for of_month, last, firsts in zip(means, newest, oldest):
        total, count = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for place, first in zip(order, firsts):
            for band in range(last, first - 1, -1):
                total += addends[band]
                count += known[band]
            of_month[place] = np.divide(
                total, count, out=np.full(total.shape, np.nan), where=count > 0
            )
            last = first - 1
