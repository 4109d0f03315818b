"""Trend and seasonal amplitude of a monthly series with intervals that allow for its memory.

The noise around trend and seasons is modelled as a first-order autoregressive process of calendar
months, so that gaps and quarterly readings count as what they are. Its autocorrelation is not
known: the restricted likelihood weighs all values of it (Harville 1974), and the intervals are
averaged with these weights. A single best value makes them too narrow, because the fit of trend
and seasons takes slow noise away.

References
----------
Harville, D. A. (1974): Bayesian inference for variance components using only error contrasts.
    Biometrika 61, 383-385.
Theil (1950) and Sen (1968), see ``trends``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import ncx2, norm
from scipy.stats import t as student

from ..base.months import decimal_years
from .harmonics import HARMONICS, harmonic_design
from .trends import deseasonalise, theil_sen

# Of all intervals of the results.
LEVEL = 0.9
# Autocorrelations from month to month among which the likelihood decides.
AUTOCORRELATIONS = np.concatenate([np.arange(0.0, 0.9, 0.05), np.arange(0.9, 0.985, 0.01)])
# Fewest values, and the shortest span in months, of which a trend or a season is computed.
FEWEST_VALUES = 18
SHORTEST_SPAN = 24
# Above this ratio of length to standard error the length is normal. Beyond far larger ones, scipy's
# noncentral chi-squared distribution ends the process.
_NORMAL_RATIO = 20.0
# Smallest singular value of a design matrix whose waves are determined.
RANK_TOLERANCE = 1e-3


class Estimate(NamedTuple):
    """A number with the limits of its interval; all three are NaN where it is not known."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


class Behaviour(NamedTuple):
    """Trend per year and amplitude of the annual wave, in the unit of the series."""

    trend: Estimate
    amplitude: Estimate


def trend_and_amplitude(months: np.ndarray, values: np.ndarray, level: float = LEVEL) -> Behaviour:
    """Estimate the trend and the annual amplitude of a series with their intervals.

    The trend is the Theil-Sen slope of the deseasonalised series. The amplitude is half the range
    of the annual wave that is fitted together with a straight line and a semi-annual wave.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (n,)
        In order, not necessarily consecutive.
    values : ndarray of float, shape (n,)
        NaN where there is no value.
    level : float
        Probability of the intervals.

    Returns
    -------
    Behaviour
        The interval of the trend is symmetric, that of the amplitude inverts the test of each
        amplitude and may begin at 0. Unknown for fewer than FEWEST_VALUES values, for a span of
        less than SHORTEST_SPAN months, and where the values are in so few calendar months that the
        annual wave is not determined (the amplitude alone).
    """
    known = np.isfinite(values)
    months, values = months[known], np.asarray(values, dtype=float)[known]
    steps = (months - months[:1]).astype(int)
    if values.size < FEWEST_VALUES or steps[-1] + 1 < SHORTEST_SPAN:
        return Behaviour(UNKNOWN, UNKNOWN)
    years = decimal_years(months)
    slope = float(theil_sen(years, deseasonalise(months, values)))
    if np.ptp(values) == 0:
        return Behaviour(Estimate(0.0, 0.0, 0.0), Estimate(0.0, 0.0, 0.0))
    design, harmonics = _design(years - years.mean())
    noise = _noise(steps, design, values)
    half = _half_width(np.sqrt(noise.variances[:, 1]), noise, level)
    trend = Estimate(slope, slope - half, slope + half)
    if not harmonics:
        return Behaviour(trend, UNKNOWN)
    annual = [2, 2 + harmonics]  # columns of the cosine and the sine
    wave = (np.linalg.pinv(design) @ values)[annual]
    variance = float(noise.weights @ noise.variances[:, annual].mean(axis=1))
    return Behaviour(trend, _length(float(np.hypot(*wave)), variance, level))


def _design(years: np.ndarray) -> tuple[np.ndarray, int]:
    """Design matrix with as many waves as the times determine, and their number.

    Quarterly readings have an annual wave but no semi-annual one.
    """
    for harmonics in range(HARMONICS, 0, -1):
        design = harmonic_design(years, harmonics)
        if np.linalg.matrix_rank(design, RANK_TOLERANCE) == design.shape[1]:
            return design, harmonics
    return harmonic_design(years, 0), 0


class _Noise(NamedTuple):
    """Weights of AUTOCORRELATIONS, the variances of the coefficients for each, and freedom."""

    weights: np.ndarray
    variances: np.ndarray
    freedom: int


def _noise(steps: np.ndarray, design: np.ndarray, values: np.ndarray) -> _Noise:
    """Weigh autocorrelations by their restricted likelihood.

    ``variances`` are those of ordinary least squares with noise of that autocorrelation, which the
    Theil-Sen slope shares within a few per cent.
    """
    count, coefficients = design.shape
    inverse = np.linalg.pinv(design)
    lags = np.abs(steps[:, None] - steps)
    columns = np.column_stack([design, values])
    logs, variances = [], []
    for correlation in AUTOCORRELATIONS:
        whitened, log_scale = _whitened(columns, np.diff(steps), correlation)
        corner = np.abs(np.diag(np.linalg.qr(whitened, mode="r")))
        freedom = count - coefficients
        # At most the rounding of a straight line; the likelihood of a perfect fit is not finite.
        misfit = max(corner[-1] ** 2, np.finfo(float).eps * float(values @ values))
        logs.append(-log_scale - np.log(corner[:-1]).sum() - freedom / 2 * np.log(misfit))
        spread = np.einsum("ij,jk,ik->i", inverse, correlation**lags, inverse)
        variances.append(misfit / freedom * spread)
    weights = np.exp(np.array(logs) - max(logs)) * np.gradient(AUTOCORRELATIONS)
    return _Noise(weights / weights.sum(), np.array(variances), count - coefficients)


def _whitened(
    columns: np.ndarray, gaps: np.ndarray, correlation: float
) -> tuple[np.ndarray, float]:
    """Turn autoregressive columns into white ones, and return the logarithm of their scale."""
    memory = correlation ** gaps.astype(float)
    scale = np.sqrt(1 - memory**2)
    white = columns.copy()
    white[1:] = (columns[1:] - memory[:, None] * columns[:-1]) / scale[:, None]
    return white, float(np.log(scale).sum())


def _half_width(errors: np.ndarray, noise: _Noise, level: float) -> float:
    """Half the interval of a mixture of Student's t with these standard errors."""
    tail = (1 - level) / 2

    def excess(width: float) -> float:
        return float(noise.weights @ student.sf(width / errors, noise.freedom)) - tail

    widest = float(errors.max() * student.isf(tail, noise.freedom))
    return float(brentq(excess, 0.0, widest * 1.001))


def _length(length: float, variance: float, level: float) -> Estimate:
    """Interval of the length of a vector of two coefficients with this variance each.

    The squared length over the variance has a noncentral chi-squared distribution; limits are the
    lengths for which the found one would be at the edge of what is expected. A length that is by
    chance smaller than the noise does not show that there is none: the upper limit is at least
    that of the posterior with a flat prior of both coefficients.
    """
    error = np.sqrt(variance)
    if length > _NORMAL_RATIO * error:
        half = error * norm.isf((1 - level) / 2)
        return Estimate(length, float(length - half), float(length + half))
    squared = length**2 / variance
    top = squared + 50 * np.sqrt(squared) + 100

    def limit(probability: float) -> float:
        if ncx2.cdf(squared, 2, 0.0) <= probability:
            return 0.0
        found = brentq(lambda shift: ncx2.cdf(squared, 2, shift) - probability, 0.0, top)
        return float(np.sqrt(found) * error)

    upper = (1 + level) / 2
    least = float(np.sqrt(ncx2.ppf(upper, 2, squared)) * error)
    return Estimate(length, limit(upper), max(limit((1 - level) / 2), least))
