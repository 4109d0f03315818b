"""The GRACE groundwater drought index (GGDI) of series of groundwater storage.

The climatology of a calendar month is the mean of GWSA in that month over the years of reference.
The deviation of GWSA from it, divided by the standard deviation of the deviations, is the index.

References
----------
Thomas, B. F., Famiglietti, J. S., Landerer, F. W., Wiese, D. N., Molotch, N. P. & Argus, D. F.
    (2017): GRACE Groundwater Drought Index: Evaluation of California Central Valley groundwater
    drought. Remote Sens. Environ. 198, 384-392.
Zhao, M., A, G., Velicogna, I. & Kimball, J. S. (2017): Satellite observations of regional drought
    severity in the continental United States using GRACE-based terrestrial water storage changes.
    J. Climate 30, 6297-6308.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.months import calendar_month, decimal_years
from ..files.stack import OBSERVED

VARIABLE = "GGDI"
# What the deviations are divided by: one standard deviation of all months (Thomas et al. 2017), or
# that of the calendar month (as the drought severity index of Zhao et al. 2017).
ALL_MONTHS = "all_months"
CALENDAR_MONTH = "calendar_month"
SCALES = (ALL_MONTHS, CALENDAR_MONTH)
# A series that varies less has no index: it is constant, apart from rounding. In cm.
LEAST_DEVIATION_CM = 1e-3
CALENDAR = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class IndexOptions:
    """How the index is computed.

    Parameters
    ----------
    scale : str
        One of ``SCALES``.
    detrend : bool
        Whether the linear trend of each series is removed before.
    first, last : datetime64[M] or None
        First and last month of the reference; None for those of the maps.
    least_years : int
        Calendar months with fewer values in the reference have no index.
    """

    scale: str = ALL_MONTHS
    detrend: bool = False
    first: np.datetime64 | None = None
    last: np.datetime64 | None = None
    least_years: int = 5

    def record(self) -> dict:
        """Return the options as plain values for tags and run.json."""
        return {
            name: str(value) if isinstance(value, np.datetime64) else value
            for name, value in asdict(self).items()
        }


class DroughtIndex(NamedTuple):
    """The index of series, and the deviations it is made of.

    Parameters
    ----------
    values : ndarray of float32, shape (months, ...)
        Standard deviations; negative where there is less groundwater than usual in the month.
    deviation : ndarray of float32, same shape
        Deviation of GWSA from the climatology, and from the trend where it is removed, cm.
    scale : ndarray of float64, shape (12, ...)
        Standard deviation of the deviations in January to December, cm.
    """

    values: np.ndarray
    deviation: np.ndarray
    scale: np.ndarray


def reference_months(
    months: np.ndarray, source: tuple[str, ...], options: IndexOptions
) -> np.ndarray:
    """Find the months that define the climatology: observed ones of the reference.

    Filled months are estimates that vary less than observations, so that they would make the
    standard deviation too small. They have an index but do not count here.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    options : IndexOptions

    Returns
    -------
    ndarray of bool, shape (months,)

    Raises
    ------
    InputError
        When no calendar month has ``least_years`` such months.
    """
    used = np.array([one == OBSERVED for one in source], dtype=bool)
    if options.first is not None:
        used &= months >= options.first
    if options.last is not None:
        used &= months <= options.last
    most = int(_years(months, used).max())
    if most < options.least_years:
        raise InputError(
            f"The maps have at most {most} observed values of a calendar month in the reference, "
            f"and the index needs {options.least_years}; give a longer record or a longer "
            "reference (START, END), or lower LEAST_YEARS."
        )
    return used


def months_without_index(months: np.ndarray, used: np.ndarray, options: IndexOptions) -> list[str]:
    """Name the calendar months that have too few values in the reference.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
    used : ndarray of bool, shape (months,)
        As returned by ``reference_months``.
    options : IndexOptions
    """
    years = _years(months, used)
    return [name for name, count in zip(CALENDAR, years) if count < options.least_years]


def drought_index(
    months: np.ndarray, values: np.ndarray, used: np.ndarray, options: IndexOptions
) -> DroughtIndex:
    """Compute the index of one or many series.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        In order; some may be left out.
    values : ndarray of float, shape (months, ...)
        GWSA, cm; NaN where there is no value.
    used : ndarray of bool, shape (months,)
        Months that define the climatology, as returned by ``reference_months``.
    options : IndexOptions

    Returns
    -------
    DroughtIndex
        NaN without a value, where a calendar month has fewer than ``least_years`` values in the
        reference, and for a constant series.
    """
    times = decimal_years(months) - decimal_years(months[:1])
    slope = _slope(months, times, values, used) if options.detrend else None
    deviation = np.full(values.shape, np.nan, dtype=np.float32)
    squares = np.full((12, *values.shape[1:]), np.nan)
    counts = np.zeros((12, *values.shape[1:]))
    for number, places in _calendar(months):
        reference = places[used[places]]
        count, mean, mean_time = _means(times[reference], values[reference])
        enough = count >= max(options.least_years, 2)
        departure = values[places] - mean
        if slope is not None:
            departure -= slope * (_along(times[places], values) - mean_time)
        departure = np.where(enough, departure, np.nan)
        deviation[places] = departure
        known = departure[np.isin(places, reference)]
        squares[number] = np.where(enough, np.nansum(known**2, axis=0), np.nan)
        counts[number] = np.where(enough, count, 0)
    scale = _scale(squares, counts, options)
    # By calendar month, because the scales of all months together would take much memory.
    index = np.full_like(deviation, np.nan)
    for number, places in _calendar(months):
        index[places] = deviation[places] / scale[number]
    return DroughtIndex(index, deviation, scale)


def _scale(squares: np.ndarray, counts: np.ndarray, options: IndexOptions) -> np.ndarray:
    """Sample standard deviations, shape (12, ...); NaN where a series is constant."""
    if options.scale == ALL_MONTHS:
        total = np.where(np.isfinite(squares), squares, 0).sum(axis=0)
        number = counts.sum(axis=0)
        scale = np.where(np.isfinite(squares), np.sqrt(total / np.maximum(number - 1, 1)), np.nan)
    else:
        scale = np.sqrt(squares / np.maximum(counts - 1, 1))
    return np.where(scale >= LEAST_DEVIATION_CM, scale, np.nan)


def _slope(
    months: np.ndarray, times: np.ndarray, values: np.ndarray, used: np.ndarray
) -> np.ndarray:
    """Least-squares trend beside a mean of each calendar month, cm/yr; 0 where undetermined.

    By the theorem of Frisch, Waugh and Lovell it is the regression of the departures of the values
    on those of the times, both from the means of their calendar month.
    """
    product = np.zeros(values.shape[1:])
    square = np.zeros(values.shape[1:])
    for _, places in _calendar(months):
        reference = places[used[places]]
        _, mean, mean_time = _means(times[reference], values[reference])
        departure = values[reference] - mean
        time = np.where(
            np.isfinite(departure), _along(times[reference], values) - mean_time, np.nan
        )
        product += np.nansum(departure * time, axis=0)
        square += np.nansum(time**2, axis=0)
    return np.divide(product, square, out=np.zeros_like(product), where=square > 0)


def _means(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of values, their mean, and the mean of their times; NaN without a value."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    divisor = np.where(count > 0, count, np.nan)
    mean = np.nansum(values, axis=0, dtype=np.float64) / divisor
    mean_time = (finite * _along(times, values)).sum(axis=0) / divisor
    return count, mean, mean_time


def _along(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The times as an array that broadcasts along the first axis of ``values``."""
    return times.reshape(-1, *(1,) * (values.ndim - 1))


def _calendar(months: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Number of each calendar month, from 0, and the places of its months."""
    numbers = calendar_month(months) - 1
    for number in range(12):
        places = np.flatnonzero(numbers == number)
        if places.size:
            yield number, places


def _years(months: np.ndarray, used: np.ndarray) -> np.ndarray:
    return np.bincount(calendar_month(months[used]) - 1, minlength=12)
