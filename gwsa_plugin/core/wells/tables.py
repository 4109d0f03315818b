"""Wells and their readings as arrays, made from the columns of any table."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ..base.errors import InputError

SAME_PLACE = 0.01  # degrees: one well is not written at two places farther apart than this
MAX_YIELD = 0.6  # no porous medium drains more of its volume


@dataclass(frozen=True)
class Wells:
    """One record a row of the list of wells; every array has shape (wells,).

    ``ids``: str. ``longitude``, ``latitude``: degrees, NaN where unknown. ``specific_yield`` of unconfined wells and
    ``storativity`` of confined ones: dimensionless, NaN where unknown. ``confined``: bool. ``region``: str, the aquifer
    a well lies in, empty where it lies in none.
    """

    ids: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    specific_yield: np.ndarray
    confined: np.ndarray
    storativity: np.ndarray
    region: np.ndarray

    @classmethod
    def of(
        cls,
        ids,
        longitude,
        latitude,
        specific_yield=np.nan,
        confined=False,
        storativity=np.nan,
        region="",
    ) -> Wells:
        """From columns, or one value for all wells; ids become text (14, 14.0 and "14" are one well)."""
        ids = np.array([as_id(value) for value in ids], dtype=object)

        def column(values, kind):
            return np.broadcast_to(np.asarray(values, dtype=kind), ids.shape).copy()

        return cls(
            ids, column(longitude, float), column(latitude, float), column(specific_yield, float),
            column(confined, bool), column(storativity, float), column(region, object),
        )  # fmt: skip

    def __len__(self):
        return self.ids.size

    @property
    def storage(self) -> np.ndarray:
        """Volume of water per volume of aquifer and metre of head: storativity if confined, else specific yield."""
        return np.where(self.confined, self.storativity, self.specific_yield)

    def filled(self, specific_yield) -> Wells:
        """The same wells with this specific yield, a number or one a well, where their own is unknown."""
        own = self.specific_yield
        return replace(self, specific_yield=np.where(np.isfinite(own), own, specific_yield))

    def take(self, rows) -> Wells:
        return Wells(*(column[rows] for column in vars(self).values()))

    @property
    def repeats(self) -> np.ndarray:
        """Records of an id that an earlier record has: bool, shape (wells,)."""
        repeated = np.ones(len(self), dtype=bool)
        repeated[np.unique(self.ids.astype(str), return_index=True)[1]] = False
        return repeated

    @property
    def scattered(self) -> np.ndarray:
        """Records whose id occurs at two places: bool, shape (wells,)."""
        _, first, record = np.unique(self.ids.astype(str), return_index=True, return_inverse=True)
        places = np.stack([self.longitude, self.latitude])
        apart = (np.abs(places - places[:, first][:, record]) > SAME_PLACE).any(axis=0)
        return np.isin(record, record[apart])

    def merged(self) -> Wells:
        """One record an id, for a long table that repeats a well with each reading; NaN for two places."""
        one_place = ~self.scattered
        longitude, latitude = (
            np.where(one_place, x, np.nan) for x in (self.longitude, self.latitude)
        )
        return replace(self, longitude=longitude, latitude=latitude).take(~self.repeats)


@dataclass(frozen=True)
class Readings:
    """Water levels by well and day; every array has shape (readings,).

    ``well``: index into the wells. ``day``: datetime64[D], NaT where the table has no date. ``level``: m, NaN where it
    has no number. ``unlisted`` counts the readings of wells that are not in the list.
    """

    well: np.ndarray
    day: np.ndarray
    level: np.ndarray
    unlisted: int = 0

    @classmethod
    def of(cls, wells: Wells, ids, days, levels) -> Readings:
        """From the columns of a long table: ids as in ``wells``, anything ``parse_days`` and ``parse_numbers`` read.

        InputError when no reading belongs to a listed well.
        """
        place = {wells.ids[i]: i for i in np.flatnonzero(~wells.repeats)}
        index = np.array([place.get(as_id(value), -1) for value in ids], dtype=int)
        listed = index >= 0
        if not listed.any():
            raise InputError(
                "No observation belongs to any of the wells; choose the fields with the same identifier in both tables."
            )
        day, level = parse_days(days), parse_numbers(levels)
        order = np.flatnonzero(listed)[np.lexsort((day[listed], index[listed]))]
        return cls(index[order], day[order], level[order], int((~listed).sum()))

    def by_well(self) -> dict[int, slice]:
        """Where the readings of each well lie; readings are ordered by well and day."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.well) > 0])
        stops = np.r_[starts[1:], self.well.size]
        return {int(self.well[start]): slice(start, stop) for start, stop in zip(starts, stops)}


def as_id(value) -> str:
    """A well's identifier as text; whole floats lose their ".0", as spreadsheets add it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def parse_numbers(values) -> np.ndarray:
    """Numbers, or their text with a decimal point or comma, as float; NaN for anything else ("dry", empty)."""
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


def parse_flags(values) -> np.ndarray:
    """Whether a well is confined, as bool: 1, true, yes, y, confined, c, artesian; anything else is False."""
    words = {"1", "1.0", "true", "t", "yes", "y", "confined", "c", "artesian"}
    return np.array([str(value).strip().lower() in words for value in values], dtype=bool)


_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ].*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?: .*)?")


def parse_days(values) -> np.ndarray:
    """Dates as datetime64[D]; NaT where a text is no date.

    Reads date and datetime objects, datetime64, and texts such as 2004-05-31, 2004/5/31T10:00, 20040531, 2004-05 (its
    15th) and 31/05/2004 or 05/31/2004, whose order is taken from a day above 12 anywhere in the column. Raises
    InputError when nothing is a date, or when the order of day and month cannot be told.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[D]")
    texts = [
        value.isoformat() if isinstance(value, date) else str(value).strip() for value in values
    ]
    distinct = dict.fromkeys(texts)
    day_first = _day_first(distinct)
    for text in distinct:
        distinct[text] = _day(text, day_first)
    days = np.array([distinct[text] for text in texts], dtype="datetime64[D]")
    if days.size and np.isnat(days).all():
        raise InputError(
            f"The date field holds no dates (“{texts[0]}” for one); write them as YYYY-MM-DD."
        )
    return days


def _day_first(texts) -> bool:
    """Whether short dates are day/month/year; with dots they always are."""
    short = [found for found in map(_SHORT.fullmatch, texts) if found]
    if any(int(found[1]) > 12 for found in short) or all("." in found[0] for found in short):
        return True
    if any(int(found[2]) > 12 for found in short):
        return False
    raise InputError(
        f"The dates such as “{short[0][0]}” could be day/month or month/day; write them as YYYY-MM-DD."
    )


def _day(text: str, day_first: bool):
    whole = _ISO.fullmatch(text) or _COMPACT.fullmatch(text)
    short = _SHORT.fullmatch(text)
    if whole:
        year, month, day = whole[1], whole[2], whole[3] or 15
    elif short:
        year, month, day = short[3], *((short[2], short[1]) if day_first else (short[1], short[2]))
    else:
        return np.datetime64("NaT")
    try:
        return np.datetime64(date(int(year), int(month), int(day)))
    except ValueError:
        return np.datetime64("NaT")
