"""Variables over time, latitude and longitude in NetCDF files, whatever the order and the names.

References
----------
CF conventions, https://cfconventions.org, chapters 4 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..base.cf_time import times_from_numbers
from ..base.errors import InputError
from .netcdf import NetCdfFile

TIME, LATITUDE, LONGITUDE = "time", "latitude", "longitude"
NAMES = {
    TIME: {"time", "t", "date", "dates", "datetime", "month", "months", "valid_time"},
    LATITUDE: {"lat", "lats", "latitude", "latitudes", "y", "nav_lat"},
    LONGITUDE: {"lon", "lons", "long", "longitude", "longitudes", "x", "nav_lon"},
}
UNITS = {
    TIME: re.compile(r".* since |(?:day|month) as %Y", re.IGNORECASE),
    LATITUDE: re.compile(r"degrees?_?n(?:orth)?$", re.IGNORECASE),
    LONGITUDE: re.compile(r"degrees?_?e(?:ast)?$", re.IGNORECASE),
}
CALENDARS = ("", "standard", "gregorian", "proleptic_gregorian", "none")
MONTHS_SINCE = re.compile(r"\s*months?\s+since\s+(\d{4})-(\d{1,2})(?:-0?1)?(?:[T ][0:.]*Z?)?\s*$")


class GriddedVariable:
    """A variable over latitude and longitude, and time where it has that dimension.

    Dimensions of one element are left out. ``read`` returns times, rows and columns in this order.

    Parameters
    ----------
    file : NetCdfFile
    name : str
        The variable.

    Attributes
    ----------
    latitudes, longitudes : ndarray of float64
        Centres of the cells in degrees, in the order of the file.
    time : str or None
        The variable with the times, None without that dimension.
    shape : (int, int, int)
        Times, rows and columns; one time without that dimension.

    Raises
    ------
    InputError
        When the file does not have the variable, or its dimensions are not understood.
    """

    def __init__(self, file: NetCdfFile, name: str):
        self.file = file
        self.name = name
        sizes = file.shape(name)
        dimensions = file.dimensions(name)
        coordinates = [_coordinate(file, dimension) for dimension in dimensions]
        kinds = [_kind(file, one, at) for one, at in zip(dimensions, coordinates)]
        self._places = {kind: place for place, kind in enumerate(kinds) if kind}
        extra = [place for place, kind in enumerate(kinds) if not kind and sizes[place] != 1]
        repeated = len(self._places) < sum(bool(kind) for kind in kinds)
        if extra or repeated or not {LATITUDE, LONGITUDE} <= set(self._places):
            raise InputError(
                f"{name} in {file.name} has the dimensions {', '.join(dimensions) or 'none'}; "
                "give a variable over time, latitude and longitude, each with its coordinates."
            )
        if 0 in sizes:
            raise InputError(
                f"{name} in {file.name} is empty; crop it again so that it holds cells and months."
            )
        self.latitudes = self._degrees(coordinates[self._places[LATITUDE]], 90.0)
        self.longitudes = self._degrees(coordinates[self._places[LONGITUDE]], 540.0)
        self.time = coordinates[self._places[TIME]] if TIME in self._places else None
        self._sizes = sizes

    @property
    def shape(self) -> tuple[int, int, int]:
        """Times, rows and columns."""
        return self._in_order(self._sizes)

    @property
    def chunk(self) -> tuple[int, int, int]:
        """Times, rows and columns of a compressed block, 1 where the file has none."""
        return self._in_order(self.file.chunk(self.name))

    def _in_order(self, sizes: Sequence[int]) -> tuple[int, int, int]:
        time = sizes[self._places[TIME]] if TIME in self._places else 1
        return time, sizes[self._places[LATITUDE]], sizes[self._places[LONGITUDE]]

    def read(self, times: slice, rows: slice, columns: slice) -> np.ndarray:
        """Read a window; each slice has start and stop.

        Returns
        -------
        ndarray of float32 or float64, shape (times, rows, columns)
            NaN where the file has its fill value.
        """
        window = [slice(0, size) for size in self._sizes]
        for kind, part in zip((TIME, LATITUDE, LONGITUDE), (times, rows, columns)):
            if kind in self._places:
                window[self._places[kind]] = part
        values = self.file.read(self.name, *window)
        kept = sorted(self._places, key=self._places.__getitem__)
        values = values.reshape([values.shape[self._places[kind]] for kind in kept])
        order = [kept.index(kind) for kind in (TIME, LATITUDE, LONGITUDE) if kind in kept]
        values = values.transpose(order)
        return values if self.time else values[None]

    def _degrees(self, coordinate: str, limit: float) -> np.ndarray:
        degrees = self.file.read(coordinate).astype(np.float64)
        if not (np.abs(degrees) <= limit + 1e-3).all():
            raise InputError(
                f"{coordinate} in {self.file.name} is not in degrees (it has "
                f"{degrees.flat[0]:g} to {degrees.flat[-1]:g}); "
                "give a file in longitudes and latitudes."
            )
        steps = np.diff(degrees)
        # Longitudes can continue at -180 or 0 within a row.
        if not (steps.all() and (limit > 90 or (steps > 0).all() or (steps < 0).all())):
            raise InputError(
                f"{coordinate} in {self.file.name} repeats values or goes up and down; give the "
                "file as distributed."
            )
        return degrees


def is_gridded(file: NetCdfFile, name: str) -> bool:
    """Return True for a variable over time, latitude and longitude."""
    try:
        return GriddedVariable(file, name).time is not None
    except InputError:
        return False


def read_times(file: NetCdfFile, variable: str, unit: str | None = None) -> np.ndarray:
    """Read a variable with times.

    Parameters
    ----------
    file : NetCdfFile
    variable : str
    unit : str, optional
        By default that of the variable.

    Returns
    -------
    ndarray of datetime64[m], the shape of the variable
        Numbers since a date in nanoseconds to days; a count of months that are all complete or all
        half; YYYYMMDD or YYYYMM.

    Raises
    ------
    InputError
        When the unit or the calendar is not understood, or a time is empty.
    """
    unit = file.unit(variable) if unit is None else unit
    calendar = file.text("calendar", variable).lower()
    if calendar not in CALENDARS:
        raise InputError(
            f"{variable} in {file.name} is in the calendar {calendar}, which has other days; give "
            "a file with the standard calendar."
        )
    numbers = file.read(variable).astype(np.float64)
    times = times_from_numbers(numbers, unit)
    if times is None:
        times = _months_since(numbers, unit)
    if times is None:
        times = _written_dates(numbers, unit)
    if times is None:
        raise InputError(
            f"{variable} in {file.name} has {unit_text(unit)}; it must be days since a date, or "
            "hours, seconds or milliseconds, for example “days since 2002-01-01”."
        )
    if np.isnat(times).any():
        raise InputError(
            f"{variable} in {file.name} has an empty entry; give the file as distributed."
        )
    return times.astype("datetime64[m]")


def unit_text(unit: str) -> str:
    """Return a unit for messages."""
    return f"the unit “{unit}”" if unit else "no unit"


def _coordinate(file: NetCdfFile, dimension: str) -> str:
    """The variable with the coordinates of a dimension, empty where there is none."""
    if file.has(dimension):
        return dimension
    along = [name for name in file.variables if file.dimensions(name) == (dimension,)]
    stated = [name for name in along if _kind(file, name, name)]
    return stated[0] if len(stated) == 1 else ""


def _kind(file: NetCdfFile, dimension: str, coordinate: str) -> str | None:
    """TIME, LATITUDE or LONGITUDE; None for another dimension, or one without coordinates."""
    if not coordinate:
        return None
    stated = file.text("standard_name", coordinate).lower()
    unit = file.unit(coordinate)
    for kind, pattern in UNITS.items():
        if stated == kind or pattern.match(unit):
            return kind
    names = {dimension.lower(), coordinate.lower()}
    return next((kind for kind, known in NAMES.items() if names & known), None)


def _months_since(numbers: np.ndarray, unit: str) -> np.ndarray | None:
    """Times of a count of months, where all of them begin a month or all are in its middle."""
    stated = MONTHS_SINCE.match(unit.lower())
    if not stated or not 1 <= int(stated[2]) <= 12 or not np.isfinite(numbers).all():
        return None
    fractions = np.unique(numbers % 1)
    if fractions.size != 1 or fractions[0] not in (0.0, 0.5):
        return None
    epoch = np.datetime64(f"{stated[1]}-{int(stated[2]):02}", "M")
    begins = (epoch + np.floor(numbers).astype(int)).astype("datetime64[m]")
    return begins + np.timedelta64(15 * 1440, "m") if fractions[0] else begins


def _written_dates(numbers: np.ndarray, unit: str) -> np.ndarray | None:
    """Times of numbers that are written as YYYYMMDD or YYYYMM, as CDO does."""
    if "since" in unit.lower() or not np.isfinite(numbers).all():
        return None
    dates = np.floor(numbers).astype(np.int64)
    if (dates > 999_999).all():
        dates, days = dates // 100, dates % 100
    else:
        days = np.ones_like(dates)
    years, months = dates // 100, dates % 100
    if not (
        ((years >= 1900) & (years <= 2100)).all()
        and ((months >= 1) & (months <= 12)).all()
        and ((days >= 1) & (days <= 31)).all()
    ):
        return None
    begins = ((years - 1970) * 12 + months - 1).astype("datetime64[M]").astype("datetime64[D]")
    return begins + (days - 1)
