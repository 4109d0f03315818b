"""Trends of monthly series with gaps: their size, and whether they can be told from none."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, rankdata

from ..base.months import decimal_years


def trend(months: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Theil-Sen slope per year of the deseasonalised series.

    ``months``: datetime64[M], shape (n,), those that have a value, in order and not necessarily consecutive (quarterly
    series are fine). ``values``: finite, shape (n,) or (n, series). Returns a float or shape (series,).
    """
    return theil_sen(decimal_years(months), deseasonalise(months, values))


def deseasonalise(months: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values without their yearly and half-yearly waves; same shape, mean kept.

    The waves are fitted together with a linear trend, so that a trend sampled in other months of early and late years
    is not taken for a season. Four months a year or fewer are fitted exactly at their phases.
    """
    years = decimal_years(months)
    phase = 2 * np.pi * np.outer(years, (1, 2))
    waves = np.hstack([np.cos(phase), np.sin(phase)])
    waves -= waves.mean(axis=0)
    line = np.stack([np.ones_like(years), years - years.mean()], axis=1)
    coefficients = np.linalg.lstsq(np.hstack([line, waves]), values, rcond=None)[0]
    return values - waves @ coefficients[2:]


def theil_sen(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Median of the slopes of all pairs (Theil 1950, Sen 1968); NaN for fewer than two times.

    ``times``: shape (n,), distinct. ``values``: shape (n,) or (n, series). Returns a float or shape (series,).
    """
    first, second = np.triu_indices(len(times), k=1)
    if not first.size:
        return np.full(values.shape[1:], np.nan)[()]
    steps = (times[second] - times[first]).reshape(-1, *(1,) * (values.ndim - 1))
    return np.median((values[second] - values[first]) / steps, axis=0)


def mann_kendall(times: np.ndarray, values: np.ndarray, level: float = 0.05) -> float:
    """Two-sided p-value of the Mann-Kendall test with the variance of Hamed & Rao (1998, J. Hydrol. 204, 182-196).

    ``times`` and ``values``: shape (n,), in order. The variance is enlarged by the autocorrelations of the ranks of the
    detrended series that are significant at ``level``; lags count observations, so a quarterly series has lags of a
    quarter. NaN for fewer than four values; 1 for a constant series.
    """
    n = len(values)
    if n < 4:
        return np.nan
    first, second = np.triu_indices(n, k=1)
    score = np.sign(values[second] - values[first]).sum()
    ties = np.unique(values, return_counts=True)[1]
    variance = (_pairs_term(n) - _pairs_term(ties).sum()) / 18 * _inflation(times, values, level)
    if score == 0 or variance <= 0:
        return 1.0
    return float(2 * norm.sf((abs(score) - 1) / np.sqrt(variance)))


def _pairs_term(n):
    return n * (n - 1.0) * (2 * n + 5)


def _inflation(times: np.ndarray, values: np.ndarray, level: float) -> float:
    """n/n*, equation 16 of Hamed & Rao; 1 where the sum of the correlations would make it no variance at all."""
    n = len(values)
    ranks = rankdata(values - theil_sen(times, values) * times)
    ranks -= ranks.mean()
    if not ranks.any():
        return 1.0
    lags = np.arange(1, n)
    correlation = np.correlate(ranks, ranks, "full")[n:] / (ranks @ ranks)
    significant = np.abs(correlation) > norm.isf(level / 2) / np.sqrt(n)
    weights = (n - lags) * (n - lags - 1.0) * (n - lags - 2.0)
    inflation = 1 + 2 / (n * (n - 1.0) * (n - 2.0)) * (weights * correlation)[significant].sum()
    return inflation if inflation > 0 else 1.0


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """p-values of many tests adjusted for the false discovery rate (Benjamini & Hochberg 1995); NaN stays NaN."""
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    falling = tested[np.argsort(p[tested])[::-1]]
    ranks = np.arange(falling.size, 0, -1)
    adjusted[falling] = np.minimum.accumulate(np.minimum(p[falling] * tested.size / ranks, 1.0))
    return adjusted
