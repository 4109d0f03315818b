"""Quality control of water levels: from the readings of a well to monthly depths to water."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from ..base.months import calendar_month, decimal_years
from ..stats.trends import theil_sen
from .reading_kind import CODES

# Reasons why a reading is left out.
UNREADABLE = "without date or number"
PLACEHOLDER = "placeholder such as -999"
NEGATIVE = "negative depth"
SAME_DAY = "merged with a reading of the same day"
PLATEAU = "constant for half a year or more"
OUTLIER = "outlier"

PLATEAU_DAYS = 180
PLATEAU_READINGS = 4
OUTLIER_METRES = 1.0  # deviations below this value are never outliers
SIGMA_OF_MAD = 1.4826  # standard deviation of a normal distribution over its median deviation
SHIFT_METRES = 5.0
SHIFT_NOISE = 8.0  # multiples of the noise
SHIFT_SIDE = 6  # monthly values on either side of a shift
SHIFT_SMOOTH = 13  # monthly values
SHIFT_GAP_MONTHS = 12  # a longer gap between readings separates two stretches


@dataclass(frozen=True)
class Rules:
    """Rules for usable readings and wells.

    Parameters
    ----------
    elevation : bool
        Readings are water-level elevations (m above a datum), not depths to water.
    min_years : float
        Minimum span of a well, from the first to the last month.
    min_months : int
        Minimum number of months with a reading.
    outlier : float
        Threshold of outliers, in robust standard deviations.
    bounds : (west, south, east, north), optional
        Region of the wells, in degrees.
    period : (first, last)
        Months that are compared, datetime64[M]; None for an open end.
    """

    elevation: bool = False
    min_years: float = 8.0
    min_months: int = 24
    outlier: float = 6.0
    bounds: tuple[float, float, float, float] | None = None
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)


@dataclass(frozen=True)
class MonthlyDepths:
    """Monthly depths to water of one well.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        Months with a reading.
    depth : ndarray of float64, shape (months,)
        m below ground, or minus the elevation.
    dropped : Counter
        Reason -> number of readings that were left out.
    """

    months: np.ndarray
    depth: np.ndarray
    dropped: Counter


def clean(days: np.ndarray, levels: np.ndarray, rules: Rules) -> MonthlyDepths:
    """Check the readings of one well and average them to months.

    Placeholders, negative depths, repeated days, plateaus (except their first reading) and outliers
    are left out.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (readings,)
        In ascending order.
    levels : ndarray of float64, shape (readings,)
        Depth or elevation in m; NaN where it is unreadable.
    rules : Rules

    Returns
    -------
    MonthlyDepths

    References
    ----------
    Jasechko et al. (2024), Nature 625, 715-721 (checks of a global compilation of wells).
    """
    dropped: Counter = Counter()
    unreadable = np.isnat(days) | ~np.isfinite(levels)
    days, levels = _drop(unreadable, UNREADABLE, days, levels, dropped)
    days, levels = _drop(np.isin(levels, CODES), PLACEHOLDER, days, levels, dropped)
    if not rules.elevation:
        days, levels = _drop(levels < 0, NEGATIVE, days, levels, dropped)
    days, levels = _merge_same_day(days, levels, dropped)
    days, levels = _drop(_plateaus(days, levels), PLATEAU, days, levels, dropped)
    days, levels = _drop(_outliers(days, levels, rules.outlier), OUTLIER, days, levels, dropped)
    months, means = monthly_means(days, levels)
    depth = -means if rules.elevation else means
    return MonthlyDepths(months, depth, dropped)


def monthly_means(days: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average values by month.

    Parameters
    ----------
    days : ndarray of datetime64, shape (values,)
    values : ndarray of float64, shape (values,)

    Returns
    -------
    months : ndarray of datetime64[M], shape (months,)
        Months that occur, in ascending order.
    means : ndarray of float64, shape (months,)
    """
    months, index, count = np.unique(
        days.astype("datetime64[M]"), return_inverse=True, return_counts=True
    )
    return months, np.bincount(index, values, months.size) / count


def _drop(bad: np.ndarray, reason: str, days, levels, dropped: Counter):
    dropped[reason] += int(bad.sum())
    return days[~bad], levels[~bad]


def _merge_same_day(days, levels, dropped: Counter):
    """Replace the readings of a day by their median."""
    distinct, first = np.unique(days, return_index=True)
    dropped[SAME_DAY] += days.size - distinct.size
    if distinct.size == days.size:
        return days, levels
    return distinct, np.array([np.median(part) for part in np.split(levels, first[1:])])


def _plateaus(days, levels) -> np.ndarray:
    """Mark the repeats of a value that a stuck sensor or a copied record holds too long."""
    bad = np.zeros(days.size, dtype=bool)
    starts = np.flatnonzero(np.r_[True, np.diff(levels) != 0])
    stops = np.r_[starts[1:], days.size]
    enough = stops - starts >= PLATEAU_READINGS
    for start, stop in zip(starts[enough], stops[enough]):
        if (days[stop - 1] - days[start]).astype(int) >= PLATEAU_DAYS:
            bad[start + 1 : stop] = True
    return bad


def _outliers(days, levels, threshold: float) -> np.ndarray:
    """Mark readings far from the trend and the calendar-month medians and from both neighbours.

    The comparison with the neighbours keeps a wet season, in which several readings deviate.
    """
    months, means = monthly_means(days, levels)
    if months.size < 12:
        return np.zeros(days.size, dtype=bool)
    slope = theil_sen(decimal_years(months), means)
    reading_months = days.astype("datetime64[M]")
    offsets = _calendar_medians(months, means - slope * decimal_years(months))
    season = offsets[calendar_month(reading_months) - 1]
    residual = levels - slope * decimal_years(reading_months) - season
    deviation = np.abs(residual - np.median(residual))
    steps = np.abs(np.diff(residual))
    nearest_step = np.minimum(np.r_[np.inf, steps], np.r_[steps, np.inf])
    limit = max(threshold * SIGMA_OF_MAD * np.median(deviation), OUTLIER_METRES)
    return np.minimum(deviation, nearest_step) > limit


def _calendar_medians(months, values) -> np.ndarray:
    """Return the median of each calendar month, shape (12,); of all values for fewer than three."""
    calendar = calendar_month(months)
    groups = (values[calendar == number] for number in range(1, 13))
    return np.array([np.median(group if group.size > 2 else values) for group in groups])


def has_shift(months: np.ndarray, depth: np.ndarray) -> bool:
    """Return True if the level shifts from one reading to the next between two lasting values.

    Such a shift points to two datums, or to two wells under one identifier. A steady fall or rise
    is no shift, and nothing is concluded from what happens while there are no readings.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        Months with a reading, in ascending order.
    depth : ndarray of float64, shape (months,)
        m.
    """
    if months.size < 4 * SHIFT_SIDE:
        return False
    depth = depth - theil_sen(decimal_years(months), depth) * decimal_years(months)
    # Remove the season. The median filter preserves a shift.
    smooth = median_filter(depth, SHIFT_SMOOTH, mode="nearest")
    depth = depth - _calendar_medians(months, depth - smooth)[calendar_month(months) - 1]
    noise = SIGMA_OF_MAD * np.median(np.abs(np.diff(depth)))
    gaps = np.flatnonzero(np.diff(months).astype(int) > SHIFT_GAP_MONTHS) + 1
    return any(_shifts(stretch, noise) for stretch in np.split(depth, gaps))


def _shifts(depth: np.ndarray, noise: float) -> bool:
    """Return True for a shift within a stretch of readings without trend and season."""
    if depth.size < 2 * SHIFT_SIDE:
        return False
    sides = np.median(np.lib.stride_tricks.sliding_window_view(depth, SHIFT_SIDE), axis=1)
    # Element i compares the values i .. i + 5 with the values i + 6 .. i + 11.
    shift = np.abs(sides[SHIFT_SIDE:] - sides[:-SHIFT_SIDE])
    steps = np.abs(np.diff(depth))
    abrupt = steps[SHIFT_SIDE - 1 : steps.size - SHIFT_SIDE + 1] > shift / 2
    return bool((abrupt & (shift > SHIFT_METRES) & (shift > SHIFT_NOISE * noise)).any())
