"""Trends of monthly series with gaps, and tests of their significance.

References
----------
Theil, H. (1950): A rank-invariant method of linear and polynomial regression analysis.
    Proc. K. Ned. Akad. Wet. A 53.
Sen, P. K. (1968): Estimates of the regression coefficient based on Kendall's tau.
    J. Am. Stat. Assoc. 63, 1379-1389.
Hamed, K. H. & Rao, A. R. (1998): A modified Mann-Kendall trend test for autocorrelated data.
    J. Hydrol. 204, 182-196.
Benjamini, Y. & Hochberg, Y. (1995): Controlling the false discovery rate.
    J. R. Stat. Soc. B 57, 289-300.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, rankdata

from ..base.months import decimal_years
from .harmonics import harmonic_design


def trend(months: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Compute the Theil-Sen slope of the deseasonalised series.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (n,)
        The months that have a value, in order. They need not be consecutive: quarterly series are
        accepted.
    values : ndarray of float, shape (n,) or (n, series)
        Finite.

    Returns
    -------
    float or ndarray, shape (series,)
        Slope per year.
    """
    return theil_sen(decimal_years(months), deseasonalise(months, values))


def deseasonalise(months: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Subtract the annual and semi-annual waves.

    The waves are fitted together with a linear trend. Otherwise a trend would be taken for a
    season where the early and the late years are sampled in different months. A season sampled in
    at most four months of the year is removed entirely.

    Parameters
    ----------
    months, values
        As in ``trend``.

    Returns
    -------
    ndarray, same shape as ``values``
        The mean of each series is unchanged.
    """
    years = decimal_years(months)
    design = harmonic_design(years)
    design[:, 1] = years - years.mean()
    # Waves without a mean leave the mean of the series unchanged.
    waves = design[:, 2:]
    waves -= waves.mean(axis=0)
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    return values - waves @ coefficients[2:]


def theil_sen(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Compute the Theil-Sen slope, the median of the slopes of all pairs of points.

    Parameters
    ----------
    times : ndarray of float, shape (n,)
        Distinct.
    values : ndarray of float, shape (n,) or (n, series)

    Returns
    -------
    float or ndarray, shape (series,)
        NaN for fewer than two times.

    References
    ----------
    Theil (1950); Sen (1968), J. Am. Stat. Assoc. 63, 1379-1389.
    """
    first, second = np.triu_indices(len(times), k=1)
    if not first.size:
        return np.full(values.shape[1:], np.nan)[()]
    steps = (times[second] - times[first]).reshape(-1, *(1,) * (values.ndim - 1))
    return np.median((values[second] - values[first]) / steps, axis=0)


def mann_kendall(times: np.ndarray, values: np.ndarray, level: float = 0.05) -> float:
    """Compute the two-sided p-value of the Mann-Kendall test for autocorrelated series.

    The variance is corrected with the autocorrelations of the ranks of the detrended series that
    are significant at ``level``. Lags count observations: a quarterly series has lags of a quarter.

    Parameters
    ----------
    times, values : ndarray of float, shape (n,)
        In order of time.
    level : float
        Significance level of the autocorrelations.

    Returns
    -------
    float
        NaN for fewer than four values; 1 for a constant series.

    References
    ----------
    Hamed & Rao (1998), J. Hydrol. 204, 182-196.
    """
    n = len(values)
    if n < 4:
        return np.nan
    first, second = np.triu_indices(n, k=1)
    score = np.sign(values[second] - values[first]).sum()
    ties = np.unique(values, return_counts=True)[1]
    independent = (_variance_term(n) - _variance_term(ties).sum()) / 18
    variance = independent * _variance_inflation(times, values, level)
    if score == 0 or variance <= 0:
        return 1.0
    return float(2 * norm.sf((abs(score) - 1) / np.sqrt(variance)))


def _variance_term(n):
    """Variance of the Mann-Kendall score of ``n`` independent values, times 18."""
    return n * (n - 1.0) * (2 * n + 5)


def _variance_inflation(times: np.ndarray, values: np.ndarray, level: float) -> float:
    """n/n*, equation 16 of Hamed & Rao (1998); 1 where it would not be positive."""
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
    """Adjust the p-values of many tests for the false discovery rate.

    Parameters
    ----------
    p : array_like of float
        A NaN is a test that was not made.

    Returns
    -------
    ndarray of float, same shape
        Adjusted p-values; NaN where ``p`` is NaN.

    References
    ----------
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300.
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    falling = tested[np.argsort(p[tested])[::-1]]
    ranks = np.arange(falling.size, 0, -1)
    adjusted[falling] = np.minimum.accumulate(np.minimum(p[falling] * tested.size / ranks, 1.0))
    return adjusted
