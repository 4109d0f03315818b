"""Which readings of a well can be trusted: from readings to one monthly series of depth to water."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from ..base.months import calendar_month, decimal_years
from ..stats.trends import theil_sen

UNREADABLE = "no date or no number"
PLACEHOLDER = "placeholder such as -999"
NEGATIVE = "negative depth"
SAME_DAY = "second reading of a day"
PLATEAU = "unchanging for half a year or more"
OUTLIER = "outlier"

_NINES = np.array([999, 999.9, 999.99, 9999, 9999.9, 9999.99, 99999, 999999])
CODES = np.concatenate([_NINES, -_NINES, [-9, -99, -99.9, -99.99, -88, -888, -8888, -7777, -1111]])
PLATEAU_DAYS, PLATEAU_READINGS = 180, 4
OUTLIER_METRES = 1.0  # never an outlier when closer than this, however quiet the well
SIGMA_OF_MAD = 1.4826
SHIFT_METRES, SHIFT_NOISE = 5.0, 8.0
SHIFT_SIDE, SHIFT_SMOOTH = 6, 13  # monthly values


@dataclass(frozen=True)
class Rules:
    """``elevation``: readings are water-level elevations (m above a datum), not depths to water. ``min_years``: span
    of a usable well, first to last month. ``min_months``: months with a reading in it. ``outlier``: robust standard
    deviations from the well's own trend and season and from the readings before and after. ``bounds``: (west, south,
    east, north) in degrees, None for no limit. ``period``: first and last month that count, datetime64[M], None for an
    open end."""

    elevation: bool = False
    min_years: float = 8.0
    min_months: int = 24
    outlier: float = 6.0
    bounds: tuple[float, float, float, float] | None = None
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)


@dataclass(frozen=True)
class MonthlyDepths:
    """``months``: datetime64[M], shape (months,), those with a reading. ``depth``: m below ground (or minus the
    elevation), same shape. ``dropped``: readings left out by reason. ``shifted``: the level jumps as between datums."""

    months: np.ndarray
    depth: np.ndarray
    dropped: Counter
    shifted: bool


def clean(days: np.ndarray, levels: np.ndarray, rules: Rules) -> MonthlyDepths:
    """The monthly depths of one well, means of the trusted readings of each month.

    ``days``: datetime64[D] in order, ``levels``: m, NaN where unreadable, both shape (readings,). After the checks of
    global well compilations (Jasechko et al. 2024, Nature 625, 715-721): placeholders, negative depths, repeated days,
    plateaus (the first reading of one stays) and outliers are dropped; a jump between two lasting levels that exceeds
    the well's noise many times is reported, not repaired.
    """
    dropped: Counter = Counter()
    days, levels = _without(
        np.isnat(days) | ~np.isfinite(levels), UNREADABLE, days, levels, dropped
    )
    days, levels = _without(np.isin(levels, CODES), PLACEHOLDER, days, levels, dropped)
    if not rules.elevation:
        days, levels = _without(levels < 0, NEGATIVE, days, levels, dropped)
    days, levels = _one_a_day(days, levels, dropped)
    days, levels = _without(_plateaus(days, levels), PLATEAU, days, levels, dropped)
    days, levels = _without(_outliers(days, levels, rules.outlier), OUTLIER, days, levels, dropped)
    months, means = monthly_means(days, levels)
    return MonthlyDepths(
        months, -means if rules.elevation else means, dropped, _has_shift(months, means)
    )


def monthly_means(days: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The months that occur, datetime64[M], and the mean of the values in each."""
    months, place, count = np.unique(
        days.astype("datetime64[M]"), return_inverse=True, return_counts=True
    )
    return months, np.bincount(place, values, months.size) / count


def _without(bad: np.ndarray, reason: str, days, levels, dropped: Counter):
    dropped[reason] += int(bad.sum())
    return days[~bad], levels[~bad]


def _one_a_day(days, levels, dropped: Counter):
    """The median where a day has several readings."""
    distinct, first = np.unique(days, return_index=True)
    dropped[SAME_DAY] += days.size - distinct.size
    if distinct.size == days.size:
        return days, levels
    return distinct, np.array([np.median(part) for part in np.split(levels, first[1:])])


def _plateaus(days, levels) -> np.ndarray:
    """True for the repeats of a value that a stuck sensor or a copied record holds too long."""
    bad = np.zeros(days.size, dtype=bool)
    starts = np.flatnonzero(np.r_[True, np.diff(levels) != 0])
    stops = np.r_[starts[1:], days.size]
    long_enough = stops - starts >= PLATEAU_READINGS
    for start, stop in zip(starts[long_enough], stops[long_enough]):
        if (days[stop - 1] - days[start]).astype(int) >= PLATEAU_DAYS:
            bad[start + 1 : stop] = True
    return bad


def _outliers(days, levels, threshold: float) -> np.ndarray:
    """True for readings too far from the well's own trend and calendar-month medians, and from both neighbours.

    A wet season that lifts several readings is far from the rest, but not alone.
    """
    months, means = monthly_means(days, levels)
    if months.size < 12:
        return np.zeros(days.size, dtype=bool)
    slope = theil_sen(decimal_years(months), means)
    at = days.astype("datetime64[M]")
    offsets = _calendar_medians(months, means - slope * decimal_years(months))
    residual = levels - slope * decimal_years(at) - offsets[calendar_month(at) - 1]
    distance = np.abs(residual - np.median(residual))
    steps = np.abs(np.diff(residual))
    alone = np.minimum(np.r_[np.inf, steps], np.r_[steps, np.inf])
    return np.minimum(distance, alone) > max(
        threshold * SIGMA_OF_MAD * np.median(distance), OUTLIER_METRES
    )


def _calendar_medians(months, values) -> np.ndarray:
    """Median of each calendar month, shape (12,); of all values where a month has fewer than three."""
    calendar = calendar_month(months)
    groups = (values[calendar == number] for number in range(1, 13))
    return np.array([np.median(group if group.size > 2 else values) for group in groups])


def _has_shift(months, values) -> bool:
    """A jump from one level to another, each held for several readings: two datums, or two wells under one name."""
    if months.size < 4 * SHIFT_SIDE:
        return False
    smooth = median_filter(values, SHIFT_SMOOTH, mode="nearest")  # keeps a jump a jump
    values = values - _calendar_medians(months, values - smooth)[calendar_month(months) - 1]
    sides = np.median(np.lib.stride_tricks.sliding_window_view(values, SHIFT_SIDE), axis=1)
    shift = np.abs(sides[SHIFT_SIDE:] - sides[:-SHIFT_SIDE])
    steps = np.abs(np.diff(values))
    noise = SIGMA_OF_MAD * np.median(steps)
    at_once = steps[SHIFT_SIDE - 1 : steps.size - SHIFT_SIDE + 1] > shift / 2
    return bool((at_once & (shift > SHIFT_METRES) & (shift > SHIFT_NOISE * noise)).any())
