"""Wells and their readings as arrays, made from the columns of any table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ..base.errors import InputError

SAME_LOCATION = 0.01  # degrees: the largest difference between two records of one well
MAX_YIELD = 0.6  # no porous medium drains a larger fraction of its volume


@dataclass(frozen=True)
class Wells:
    """Records of a list of wells, one for each row; all arrays have the shape (wells,).

    Parameters
    ----------
    ids : ndarray of str
    longitude, latitude : ndarray of float64
        Degrees; NaN where unknown.
    specific_yield : ndarray of float64
        Dimensionless, of unconfined wells; NaN where unknown.
    confined : ndarray of bool
    storativity : ndarray of float64
        Dimensionless, of confined wells; NaN where unknown.
    region : ndarray of str
        Aquifer that contains the well; empty where there is none.
    """

    ids: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    specific_yield: np.ndarray
    confined: np.ndarray
    storativity: np.ndarray
    region: np.ndarray

    @classmethod
    def from_columns(
        cls,
        ids: Iterable,
        longitude,
        latitude,
        specific_yield=np.nan,
        confined=False,
        storativity=np.nan,
        region="",
    ) -> Wells:
        """Make wells from columns, or from one value for all wells.

        Parameters
        ----------
        ids : iterable
            Converted by ``as_id``.
        longitude, latitude, specific_yield, confined, storativity, region
            See ``Wells``; array-like of shape (wells,) or a scalar.
        """
        ids = np.array([as_id(value) for value in ids], dtype=object)

        def column(values, kind):
            return np.broadcast_to(np.asarray(values, dtype=kind), ids.shape).copy()

        return cls(
            ids=ids,
            longitude=column(longitude, float),
            latitude=column(latitude, float),
            specific_yield=column(specific_yield, float),
            confined=column(confined, bool),
            storativity=column(storativity, float),
            region=column(region, object),
        )

    def __len__(self):
        return self.ids.size

    @property
    def storage_coefficient(self) -> np.ndarray:
        """Storativity of confined wells, specific yield of the others: dimensionless."""
        return np.where(self.confined, self.storativity, self.specific_yield)

    def with_default_yield(self, specific_yield) -> Wells:
        """Return the wells with a specific yield where their own is unknown.

        Parameters
        ----------
        specific_yield : float or ndarray of float64, shape (wells,)
        """
        own = self.specific_yield
        return replace(self, specific_yield=np.where(np.isfinite(own), own, specific_yield))

    def take(self, rows: np.ndarray) -> Wells:
        """Return the selected records."""
        return Wells(*(column[rows] for column in vars(self).values()))

    @property
    def is_repeated(self) -> np.ndarray:
        """Whether an earlier record has the same id: bool, shape (wells,)."""
        repeated = np.ones(len(self), dtype=bool)
        repeated[np.unique(self.ids.astype(str), return_index=True)[1]] = False
        return repeated

    @property
    def has_two_locations(self) -> np.ndarray:
        """Whether the records of the id have different locations: bool, shape (wells,)."""
        _, first, record = np.unique(self.ids.astype(str), return_index=True, return_inverse=True)
        locations = np.stack([self.longitude, self.latitude])
        differs = (np.abs(locations - locations[:, first][:, record]) > SAME_LOCATION).any(axis=0)
        return np.isin(record, record[differs])

    def merge_records(self) -> Wells:
        """Return one record for each id, with NaN coordinates where its locations differ.

        For a long table, which repeats the well with each reading.
        """
        one_location = ~self.has_two_locations
        longitude = np.where(one_location, self.longitude, np.nan)
        latitude = np.where(one_location, self.latitude, np.nan)
        return replace(self, longitude=longitude, latitude=latitude).take(~self.is_repeated)


@dataclass(frozen=True)
class Readings:
    """Water levels in the order of wells and days; all arrays have the shape (readings,).

    Parameters
    ----------
    well : ndarray of int
        Index of the well.
    day : ndarray of datetime64[D]
        NaT where the table has no date.
    level : ndarray of float64
        m; NaN where the table has no number.
    unlisted : int
        Number of readings of wells that are not in the list.
    """

    well: np.ndarray
    day: np.ndarray
    level: np.ndarray
    unlisted: int = 0

    @classmethod
    def from_columns(
        cls, wells: Wells, ids: Sequence, days: Sequence, levels: Sequence
    ) -> Readings:
        """Make readings from the columns of a long table.

        Parameters
        ----------
        wells : Wells
        ids : sequence
            Identifier of the well of each reading.
        days : sequence
            Anything that ``parse_days`` reads.
        levels : sequence
            Anything that ``parse_numbers`` reads.

        Raises
        ------
        InputError
            When no reading belongs to one of the wells.
        """
        index_by_id = {wells.ids[i]: i for i in np.flatnonzero(~wells.is_repeated)}
        index = np.array([index_by_id.get(as_id(value), -1) for value in ids], dtype=int)
        listed = index >= 0
        if not listed.any():
            raise InputError(
                "No reading belongs to any of the wells; choose the fields with the same "
                "identifier in both tables."
            )
        day = parse_days(days)
        level = parse_numbers(levels)
        order = np.flatnonzero(listed)[np.lexsort((day[listed], index[listed]))]
        return cls(index[order], day[order], level[order], int((~listed).sum()))

    def by_well(self) -> dict[int, slice]:
        """Return the slice of the readings of each well that has any."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.well) > 0])
        stops = np.r_[starts[1:], self.well.size]
        return {int(self.well[start]): slice(start, stop) for start, stop in zip(starts, stops)}


def as_id(value) -> str:
    """Convert the identifier of a well to text.

    Whole floats lose their ".0", which spreadsheets add: 14, 14.0 and "14" are one well.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def parse_numbers(values: Sequence) -> np.ndarray:
    """Convert numbers, or their text with a decimal point or comma, to floats.

    Parameters
    ----------
    values : sequence

    Returns
    -------
    ndarray of float64
        NaN for anything else, such as "dry" or an empty text.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        return values.astype(float)
    return np.array([_number(value) for value in values], dtype=float)


def _number(value) -> float:
    if isinstance(value, str):
        value = value.replace(",", "") if "." in value else value.replace(",", ".")
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def parse_flags(values: Sequence) -> np.ndarray:
    """Convert a column that marks confined wells to bool.

    Parameters
    ----------
    values : sequence

    Returns
    -------
    ndarray of bool
        True for 1, true, t, yes, y, confined, c and artesian; False for anything else.
    """
    words = {"1", "1.0", "true", "t", "yes", "y", "confined", "c", "artesian"}
    return np.array([str(value).strip().lower() in words for value in values], dtype=bool)


_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ].*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?: .*)?")


def parse_days(values: Sequence) -> np.ndarray:
    """Convert dates to datetime64[D].

    Parameters
    ----------
    values : sequence
        date and datetime objects, datetime64, or texts such as 2004-05-31, 2004/5/31T10:00,
        20040531, 2004-05 (read as its 15th), 31/05/2004 and 05/31/2004. The order of day and month
        in the last two is determined by any number above 12 in the column.

    Returns
    -------
    ndarray of datetime64[D]
        NaT where a text is not a date.

    Raises
    ------
    InputError
        When no value is a date, or when the order of day and month is ambiguous.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[D]")
    texts = [
        value.isoformat() if isinstance(value, date) else str(value).strip() for value in values
    ]
    distinct = list(dict.fromkeys(texts))
    day_first = _day_first(distinct)
    parsed = {text: _day(text, day_first) for text in distinct}
    days = np.array([parsed[text] for text in texts], dtype="datetime64[D]")
    if days.size and np.isnat(days).all():
        raise InputError(
            f"The date field has no dates (for example “{texts[0]}”); write them as YYYY-MM-DD."
        )
    return days


def _day_first(texts: Sequence[str]) -> bool:
    """Return True if short dates are day/month/year; with dots they always are."""
    short = [found for found in map(_SHORT.fullmatch, texts) if found]
    if any(int(found[1]) > 12 for found in short) or all("." in found[0] for found in short):
        return True
    if any(int(found[2]) > 12 for found in short):
        return False
    raise InputError(
        f"Dates such as “{short[0][0]}” can be day/month or month/day; write them as YYYY-MM-DD."
    )


def _day(text: str, day_first: bool) -> np.datetime64:
    year_first = _ISO.fullmatch(text) or _COMPACT.fullmatch(text)
    short = _SHORT.fullmatch(text)
    if year_first:
        year, month, day = year_first[1], year_first[2], year_first[3] or "15"
    elif short:
        year = short[3]
        day, month = (short[1], short[2]) if day_first else (short[2], short[1])
    else:
        return np.datetime64("NaT")
    try:
        return np.datetime64(date(int(year), int(month), int(day)))
    except ValueError:
        return np.datetime64("NaT")
