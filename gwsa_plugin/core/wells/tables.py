"""Wells and their readings as arrays, made from the columns of any table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..base.columns import parse_numbers
from ..base.dates import parse_days
from ..base.errors import InputError
from ..base.grid import Grid

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

    def near(self, grid: Grid) -> Wells:
        """Return the wells with longitudes moved by a full turn where a grid needs it.

        A grid may begin or end beyond 180°. Wells outside of it keep their longitudes.
        """
        west, _, east, _ = grid.bounds
        turned = west + (self.longitude - west) % 360
        return replace(self, longitude=np.where(turned <= east, turned, self.longitude))

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
        index_by_id = {wells.ids[i]: i for i in np.flatnonzero(~wells.is_repeated) if wells.ids[i]}
        index = np.array([index_by_id.get(as_id(value), -1) for value in ids], dtype=int)
        listed = index >= 0
        if not listed.any():
            hint = _difference(wells.ids, list(map(as_id, ids)))
            raise InputError(
                f"No reading belongs to any of the wells: wells are called {_examples(wells.ids)}, "
                f"those of readings {_examples(map(as_id, ids))}{hint and f' ({hint})'}; choose "
                "the fields with the same identifier in both tables."
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


def unmatched(wells: Wells, ids: Sequence) -> str:
    """Describe the identifiers that only one of two tables has.

    Parameters
    ----------
    wells : Wells
    ids : sequence
        Identifier of the well of each reading.

    Returns
    -------
    str
        Part of a sentence with examples of both sides; empty when all readings have their well.
    """
    read = list(dict.fromkeys(filter(None, map(as_id, ids))))
    listed = set(wells.ids)
    unlisted = [name for name in read if name not in listed]
    if not unlisted:
        return ""
    read_names = set(read)
    silent = [name for name in dict.fromkeys(wells.ids) if name and name not in read_names]
    text = f"{len(unlisted)} wells of readings are not listed ({_examples(unlisted)})"
    if silent:
        hint = _difference(silent, unlisted)
        text += f", and {len(silent)} listed wells have no readings ({_examples(silent)})"
        text += hint and f": {hint}"
    return text


# What makes two spellings of an identifier equal, with what it shows.
_SPELLINGS: dict[str, Callable[[str], str]] = {
    "they differ in upper and lower case": str.casefold,
    "zeros at the beginning are missing in one table": lambda name: name.lstrip("0"),
    "numbers end in .0 in one table": lambda name: re.sub(r"\.0+$", "", name),
    "they differ in spaces or signs": lambda name: re.sub(r"\W|_", "", name).casefold(),
}


def _difference(ids: Iterable[str], others: Iterable[str]) -> str:
    """Why identifiers do not meet, as part of a sentence; empty if it is unknown."""
    sides = [set(filter(None, names)) for names in (ids, others)]
    if any(re.fullmatch(r"\d[.,]?\d*[eE]\+?\d+", name) for side in sides for name in side):
        return "a spreadsheet has shortened long numbers; format that column as text"
    for text, spelling in _SPELLINGS.items():
        if set(map(spelling, sides[0])) & set(map(spelling, sides[1])):
            return text
    return ""


def _examples(ids: Iterable[str]) -> str:
    """The first few distinct identifiers."""
    distinct = list(dict.fromkeys(filter(None, ids)))
    return ", ".join(f"“{name}”" for name in distinct[:3]) or "nothing"


def as_id(value) -> str:
    """Convert the identifier of a well to text.

    Whole floats lose their ".0", which spreadsheets add: 14, 14.0 and "14" are one well. None is an
    empty text, which belongs to no well.
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
