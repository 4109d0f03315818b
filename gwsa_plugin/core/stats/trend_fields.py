"""Trends and seasons of many monthly series, such as the pixels of a map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..base.months import decimal_years
from ..base.numba_modules import load_numba_module
from .harmonics import annual_wave
from .red_noise import TREND, noise_around_seasons
from .trends import (
    seasonal_design,
    seasonal_solver,
    significant_correlation,
    subtract_season,
    theil_sen_test,
)

# Fewest months with a value for a trend.
LEAST_MONTHS = 24
# Longest series for the compiled loops, and zeros behind the ranks of a series.
LONGEST = 1024
PADDING = 48
# Longest series whose sums of products of ranks are whole numbers of single precision.
LONGEST_SINGLE = 369


class TrendFields(NamedTuple):
    """Trends and seasons, each an ndarray of float64 of shape (series,).

    All are NaN for a series with fewer than ``LEAST_MONTHS`` values and for a constant one, such as
    the zeros of masked pixels.

    Parameters
    ----------
    slope, lower, upper : ndarray
        Theil-Sen slope of the deseasonalised series per year, and the limits of its interval.
        The interval is symmetric and allows for noise with a memory, see ``red_noise``.
    p : ndarray
        Two-sided p-value of the Mann-Kendall test of Hamed & Rao (1998).
    amplitude : ndarray
        Amplitude of the annual wave.
    peak_month : ndarray
        Time of the maximum of the annual wave, from 0.5 to 12.5; 1 is the middle of January.
    """

    slope: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    p: np.ndarray
    amplitude: np.ndarray
    peak_month: np.ndarray


def trend_fields(months: np.ndarray, values: np.ndarray, confidence: float = 0.9) -> TrendFields:
    """Compute the trend and the season of each series.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (n,)
        Distinct, in order; they need not be consecutive.
    values : ndarray of float, shape (n, series)
        NaN in the months without a value. Series with the same months are computed together.
    confidence : float
        Of the interval, 0 to 1.

    Returns
    -------
    TrendFields

    References
    ----------
    See ``trends``, whose ``deseasonalise`` and ``theil_sen_test`` define slope and p, and
    ``red_noise`` for the interval.
    """
    fields = TrendFields(*np.full((6, values.shape[1]), np.nan))
    for known, members in same_months(values):
        chosen = values if known.all() else values[known]
        chosen = chosen if members.all() else chosen[:, members]
        for field, result in zip(fields, _trends(months[known], chosen, confidence)):
            field[members] = result
    return fields


def same_months(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Find the series that have values in the same months.

    Parameters
    ----------
    values : ndarray of float, shape (n, series)

    Yields
    ------
    known : ndarray of bool, shape (n,)
        The months with values, at least ``LEAST_MONTHS``.
    members : ndarray of bool, shape (series,)
        The series.
    """
    known = np.isfinite(values)
    used = known.sum(axis=0, dtype=np.int32) >= LEAST_MONTHS
    if not used.any():
        return
    usual = known[:, np.argmax(used)]
    if ((known == usual[:, None]) | ~used).all():
        yield usual, used
        return
    packed = np.ascontiguousarray(np.packbits(known, axis=0).T)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, index, inverse = np.unique(keys, return_index=True, return_inverse=True)
    for number, first in enumerate(index):
        if used[first]:
            yield known[:, first], inverse == number


def _trends(months: np.ndarray, values: np.ndarray, confidence: float) -> np.ndarray:
    """Compute ``TrendFields`` of series without gaps as an array, shape (6, series)."""
    times = decimal_years(months)
    compiled = load_numba_module("stats.trend_series_numba")
    if compiled is None or times.size > LONGEST:
        flat, coefficients = subtract_season(months, values)
        slope, p = np.array([theil_sen_test(times, y) for y in flat.T]).T
    else:
        (slope, p), coefficients = _compiled_trends(compiled, months, values)
    compiled = load_numba_module("stats.red_noise_numba")
    noise = noise_around_seasons(months, values, compiled)
    half = noise.half_widths(TREND, confidence, compiled)
    amplitude, peak = annual_wave(coefficients[2], coefficients[4])
    fields = np.array([slope, slope - half, slope + half, p, amplitude, peak])
    fields[:, values.min(axis=0) == values.max(axis=0)] = np.nan
    return fields


def _compiled_trends(compiled, months, values) -> tuple[np.ndarray, np.ndarray]:
    """``theil_sen_test`` of the series that ``subtract_season`` returns, and its coefficients."""
    design = seasonal_design(months)
    fit = seasonal_solver(design), np.ascontiguousarray(design[:, 2:])
    coefficients = np.empty((design.shape[1], values.shape[1]))
    results = np.empty((2, values.shape[1]))
    compiled.deseasonalised_trends(
        np.ascontiguousarray(values),
        fit,
        decimal_years(months),
        significant_correlation(months.size),
        _ranks(months.size),
        coefficients,
        results,
    )
    return results, coefficients


def slopes_and_tests(compiled, times, flat, lines) -> np.ndarray:
    """Compute ``theil_sen_test`` of many series with the compiled loops.

    Parameters
    ----------
    compiled : module
        ``trend_series_numba``.
    times : ndarray of float64, shape (n,)
    flat : ndarray of float64, shape (series, n)
    lines : ndarray of float64, shape (series,)
        A slope near the trend.

    Returns
    -------
    ndarray of float64, shape (2, series)
        Slope and p.
    """
    results = np.empty((2, len(flat)))
    correlation, ranks = significant_correlation(times.size), _ranks(times.size)
    compiled.trends(flat, times, np.ascontiguousarray(lines), correlation, ranks, results)
    return results


def _ranks(n: int) -> np.ndarray:
    """Space for the ranks of a series of ``n`` values."""
    return np.zeros(n + PADDING, np.float32 if n <= LONGEST_SINGLE else np.float64)
