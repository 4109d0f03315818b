"""The months that the bands of a raster state, in their descriptions or in their metadata."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..base.cf_time import times_from_numbers
from ..base.errors import InputError
from ..base.months import FIRST_YEAR, LAST_YEAR, calendar_year, find_months
from .raster import Raster

# Tags of bands in which programs write a date. TIFFTAG_DATETIME is the time of writing.
DATE_TAGS = ("time", "date", "datetime", "timestamp", "month")
NETCDF_DIMENSION = "NETCDF_DIM_"
CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
GRIB_TIME = "GRIB_VALID_TIME"


def stated_months(source: Raster, name: str) -> list[np.datetime64 | None]:
    """Find the month that each band of an open raster states.

    Parameters
    ----------
    source : Raster
    name : str
        Name of the file, for messages.

    Returns
    -------
    list of datetime64[M] or None, one per band
        By the description of the band, else by its metadata: NETCDF_DIM_time with the unit of the
        dimension, GRIB_VALID_TIME, or a tag such as ``time``. None for a band without a month.

    Raises
    ------
    InputError
        When the description or the metadata of a band names several months.
    """
    file_tags = source.tags()
    months: list[np.datetime64 | None] = []
    for number, band in enumerate(source.bands, start=1):
        found = find_months(band.description)
        if not found.size:
            found = _months_in_tags(source.tags(number), file_tags)
        if found.size > 1:
            raise InputError(
                f"Band {number} of {name} names several months "
                f"({', '.join(map(str, found[:3]))}); set its description to the one it holds, "
                "written as YYYY-MM, for example 2004-01."
            )
        months.append(found[0] if found.size else None)
    return months


def _months_in_tags(tags: Mapping[str, str], file_tags: Mapping[str, str]) -> np.ndarray:
    """The distinct months in the metadata of a band, in order."""
    found = [find_months(text) for key, text in tags.items() if key.lower() in DATE_TAGS]
    for key, text in tags.items():
        if key.startswith(NETCDF_DIMENSION):
            found.append(_month_of(text, _unit_of_time(key[len(NETCDF_DIMENSION) :], file_tags)))
        elif key == GRIB_TIME:
            found.append(_month_of(text.split()[0], "seconds since 1970-01-01"))
    return np.unique(np.concatenate(found)) if found else np.array([], dtype="datetime64[M]")


def _unit_of_time(dimension: str, file_tags: Mapping[str, str]) -> str:
    """The unit of a dimension; empty where its calendar has other days."""
    if file_tags.get(f"{dimension}#calendar", "standard").lower() not in CALENDARS:
        return ""
    return file_tags.get(f"{dimension}#units") or file_tags.get(f"{dimension}#Units") or ""


def _month_of(number: str, unit: str) -> np.ndarray:
    """The month of a time that is a number in a unit, as an array of one or no month."""
    try:
        time = times_from_numbers(np.array([float(number)]), unit)
    except ValueError:
        time = None
    none = np.array([], dtype="datetime64[M]")
    if time is None or np.isnat(time[0]):
        return none
    month = time.astype("datetime64[M]")
    return month if FIRST_YEAR <= calendar_year(month)[0] <= LAST_YEAR else none
