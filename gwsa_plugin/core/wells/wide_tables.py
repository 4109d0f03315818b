"""Tables with one column for each month, which agencies publish, as readings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from ..base.dates import full_year, month_number

# Fewer columns with the name of a month are no table of months.
LEAST_COLUMNS = 4
# What programs put before a name that begins with a digit.
_PREFIX = r"(?:[A-Za-z]{1,6}_?)?"
_YEAR_MONTH = re.compile(_PREFIX + r"(\d{4})[-_./ ]?(0[1-9]|1[0-2]|[1-9])(?:[-_./ ]\d{1,2})?")
_MONTH_YEAR = re.compile(_PREFIX + r"(0?[1-9]|1[0-2])[-_./ ](\d{4})")
_NAME_YEAR = re.compile(r"([A-Za-z]{3,9})[-_./ ']*(\d{4}|\d{2})")
_YEAR_NAME = re.compile(_PREFIX + r"(\d{4})[-_./ ]*([A-Za-z]{3,9})")
_NAME = re.compile(r"[A-Za-z]{3,9}")
_YEAR_NAMES = ("year", "yr")


def month_columns(names: Iterable[str]) -> dict[str, np.datetime64]:
    """Find the columns of a table that are months.

    Parameters
    ----------
    names : iterable of str
        Names of columns, such as 2004-01, X2004.01, 01/2004, Jan-2004 and Jan-04.

    Returns
    -------
    dict of str to datetime64[M]
        Name -> month; empty for fewer than LEAST_COLUMNS months.
    """
    found = ((name, _month(name.strip())) for name in names)
    months = {name: month for name, month in found if month is not None}
    return months if len(set(months.values())) >= LEAST_COLUMNS else {}


def season_columns(names: Iterable[str]) -> tuple[str, dict[str, int]]:
    """Find the column of years and those of the twelve months, named in English.

    Parameters
    ----------
    names : iterable of str
        Names of columns, such as Year, Jan, Feb.

    Returns
    -------
    year : str
        Name of the column of years; empty if the table has none.
    months : dict of str to int
        Name -> number of the month; empty for fewer than LEAST_COLUMNS months or without years.
    """
    names = list(names)
    year = next((name for name in names if name.strip().lower() in _YEAR_NAMES), "")
    months = {
        name: month_number(name.strip())
        for name in names
        if _NAME.fullmatch(name.strip()) and month_number(name.strip())
    }
    enough = bool(year) and len(set(months.values())) >= LEAST_COLUMNS
    return (year, months) if enough else ("", {})


def melt(
    ids: Sequence, columns: Iterable[tuple[np.datetime64, Sequence]]
) -> tuple[list, np.ndarray, list]:
    """Turn a table with one column for each month into readings on the 15th.

    Parameters
    ----------
    ids : sequence
        Identifier of the well of each row.
    columns : iterable of (datetime64[M], sequence)
        Months and their columns.

    Returns
    -------
    ids : list
    days : ndarray of datetime64[D], shape (readings,)
    levels : list
        As in the table, without empty cells.
    """
    read = [
        (name, month, level)
        for month, column in columns
        for name, level in zip(ids, column)
        if level is not None and str(level).strip()
    ]
    days = np.array([month for _, month, _ in read], dtype="datetime64[M]")
    return [row[0] for row in read], days.astype("datetime64[D]") + 14, [row[2] for row in read]


def _month(name: str) -> np.datetime64 | None:
    """The month that a name states, or None."""
    if found := _YEAR_MONTH.fullmatch(name):
        year, month = int(found[1]), int(found[2])
    elif found := _MONTH_YEAR.fullmatch(name):
        year, month = int(found[2]), int(found[1])
    elif found := _NAME_YEAR.fullmatch(name):
        year, month = full_year(found[2]), month_number(found[1])
    elif found := _YEAR_NAME.fullmatch(name):
        year, month = int(found[1]), month_number(found[2])
    else:
        return None
    return np.datetime64(f"{year}-{month:02d}", "M") if month and 1800 <= year <= 2100 else None
