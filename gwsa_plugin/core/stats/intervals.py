"""Trend and seasonal amplitude of a monthly series with intervals that allow for its memory.

The model of the noise is that of ``red_noise``, the slope that of ``trends``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import ncx2, norm

from ..base.months import decimal_years
from .red_noise import TREND, determined_design, noise_around_seasons
from .trends import deseasonalise, theil_sen

# Of all intervals of the results.
LEVEL = 0.9
# Fewest values, and the shortest span in months, of which a trend or a season is computed.
FEWEST_VALUES = 18
SHORTEST_SPAN = 24
# Above this ratio of length to standard error the length is normal. Beyond far larger ones, scipy's
# noncentral chi-squared distribution ends the process.
_NORMAL_RATIO = 20.0


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
    design, harmonics = determined_design(months)
    noise = noise_around_seasons(months, values[:, None])
    half = float(noise.half_widths(TREND, level)[0])
    trend = Estimate(slope, slope - half, slope + half)
    if not harmonics:
        return Behaviour(trend, UNKNOWN)
    annual = [2, 2 + harmonics]  # columns of the cosine and the sine
    wave = (np.linalg.pinv(design) @ values)[annual]
    variance = float(noise.variances()[annual].mean())
    return Behaviour(trend, _length(float(np.hypot(*wave)), variance, level))


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
