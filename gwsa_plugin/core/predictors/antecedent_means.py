"""Antecedent means: means of a monthly variable over a month and the months before it.

Groundwater storage depends on the rain and the evapotranspiration of many months. The loops are
written in numpy here. Where numba is installed, ``antecedent_means_numba`` computes the same bits
many times faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..base.numba_modules import load_numba_module
from .stored_features import Feature, StoredFeature, feature_values, take_rows

_kernel = partial(load_numba_module, "predictors.antecedent_means_numba")


def antecedent_means(
    values: np.ndarray, known: np.ndarray, months: np.ndarray, windows: tuple[int, ...]
) -> np.ndarray:
    """Compute antecedent means over windows of several lengths.

    A window of n months is the month itself and the n - 1 months before it. Its mean is over the
    months that have a value. Each sum starts at its own month and goes backwards, in float64, so
    that its bits do not depend on which other months are requested.

    Parameters
    ----------
    values : numpy.ndarray of float32
        The variable, shape (known months, ...), NaN for no value.
    known : numpy.ndarray
        Months of ``values``, datetime64[M], ascending. All other months have no values.
    months : numpy.ndarray
        Months to compute means for, datetime64[M].
    windows : tuple of int
        Lengths of the windows in months.

    Returns
    -------
    numpy.ndarray of float32
        Shape (months, windows, ...), NaN where no month of the window has a value.
    """
    order = np.argsort(windows)
    newest = np.searchsorted(known, months, side="right") - 1
    oldest = np.searchsorted(known, months[:, None] - (np.take(windows, order) - 1))
    means = np.empty((months.size, len(windows), values[0].size), dtype=np.float32)
    kernel = _kernel()
    fill = antecedent_means_numpy if kernel is None else kernel.antecedent_means
    fill(values.reshape(len(values), -1), newest, oldest, order, means)
    return means.reshape(*means.shape[:2], *values.shape[1:])


def column_means(
    values: Feature,
    columns: np.ndarray,
    known: np.ndarray,
    months: np.ndarray,
    windows: tuple[int, ...],
    means: np.ndarray,
) -> None:
    """Compute antecedent means at some pixels.

    Parameters
    ----------
    values : Feature
        The variable, shape (known months, all pixels).
    columns : numpy.ndarray of int, shape (pixels,)
        The pixels.
    known, months, windows
        As ``antecedent_means``.
    means : numpy.ndarray of float32, shape (windows, months, pixels)
        Filled with the bits of ``antecedent_means``.
    """
    kernel = _kernel()
    if (
        kernel is None
        or not isinstance(values, StoredFeature)
        or not sums_are_exact(len(known), [(values.scale, values.offset)])
    ):
        floats = feature_values(take_rows(values, (slice(None), columns)))
        means_by_window(floats, known, months, windows, means)
        return
    newest = np.searchsorted(known, months, side="right") - 1
    oldest = np.searchsorted(known, months[:, None] - (np.array(windows) - 1))
    numbers = np.float32(values.scale), np.float32(values.offset), np.int16(values.nodata)
    kernel.stored_means(values.stored, columns, *numbers, newest, oldest, means)


def means_by_window(
    values: np.ndarray,
    known: np.ndarray,
    months: np.ndarray,
    windows: tuple[int, ...],
    means: np.ndarray,
    exact: bool = False,
) -> None:
    """Compute ``antecedent_means`` with the windows first.

    Parameters
    ----------
    values : numpy.ndarray of float32
        The variable, shape (known months, pixels), NaN for no value.
    known, months, windows
        As ``antecedent_means``.
    means : numpy.ndarray of float32, shape (windows, months, pixels)
        Filled with the bits of ``antecedent_means``.
    exact : bool
        Whether sums of the values have no rounding error, see ``sums_are_exact``.
    """
    kernel = _kernel()
    if kernel is None or not exact:
        means[:] = antecedent_means(values, known, months, windows).swapaxes(0, 1)
        return
    newest = np.searchsorted(known, months, side="right") - 1
    oldest = np.searchsorted(known, months[:, None] - (np.array(windows) - 1))
    kernel.exact_means(values, newest, oldest, means)


def sums_are_exact(months: int, scalings: Sequence[tuple[float, float]]) -> bool:
    """Return whether float64 sums of stored values have no rounding error.

    Values in float32 are multiples of the last bits of scale and offset. If their sum over all
    months is less than 2**53 of these, each sum is exact, in any order, and the sum over a window
    is the difference of two sums from the first month on.

    Parameters
    ----------
    months : int
        Number of addends.
    scalings : sequence of (float, float)
        Scales and offsets of the int16 numbers. Of several, differences are added.
    """
    numbers = [np.float32(number) for pair in scalings for number in pair if number]
    last_bit = min((_last_bit(number) for number in numbers), default=1.0)
    largest = sum(abs(scale) * 2.0**15 + abs(offset) for scale, offset in scalings)
    return bool(2 * months * largest / last_bit < 2.0**53)


def _last_bit(number: np.float32) -> float:
    """The largest power of two of which a number is a multiple."""
    fraction, exponent = np.frexp(np.float64(abs(number)))
    integer = int(fraction * 2**24)
    return float((integer & -integer) * 2.0 ** (int(exponent) - 24))


def antecedent_means_numpy(
    values: np.ndarray,
    newest: np.ndarray,
    oldest: np.ndarray,
    order: np.ndarray,
    means: np.ndarray,
) -> None:
    """Compute antecedent means in numpy, the reference for the compiled version.

    Parameters
    ----------
    values : numpy.ndarray of float32
        Shape (bands, pixels), NaN for no value.
    newest : numpy.ndarray of int
        Last band of the windows of each month, shape (months,).
    oldest : numpy.ndarray of int
        First band of each window, the shortest window first, shape (months, windows).
    order : numpy.ndarray of int
        Place in ``means`` of each window of ``oldest``, shape (windows,).
    means : numpy.ndarray of float32
        Filled with the means, shape (months, windows, pixels).
    """
    known = np.isfinite(values)
    addends = np.where(known, values, 0)
    for month_means, last, firsts in zip(means, newest, oldest):
        total = np.zeros(values.shape[1])
        count = np.zeros(values.shape[1])
        # Each window continues the sum of the next shorter one.
        for place, first in zip(order, firsts):
            for band in range(last, first - 1, -1):
                total += addends[band]
                count += known[band]
            month_means[place] = np.divide(
                total, count, out=np.full(total.shape, np.nan), where=count > 0
            )
            last = first - 1
