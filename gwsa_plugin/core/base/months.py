"""Calendar months, stored as ``numpy.datetime64[M]`` throughout."""

from __future__ import annotations

import re

import numpy as np

from .errors import InputError

_MONTH = re.compile(r"(?<!\d)(\d{4})[-_./ ]?(0[1-9]|1[0-2])(?!\d)")
SEASONS = ("DJF", "MAM", "JJA", "SON")
# First and last month of the period whose mean is zero in every anomaly of the project. GLDAS and
# CSR anomalies both refer to 2004-2009.
BASELINE = (np.datetime64("2004-01", "M"), np.datetime64("2009-12", "M"))


def parse_month(text: str, what: str = "The month") -> np.datetime64:
    """Read a month written as YYYY-MM.

    Parameters
    ----------
    text : str
        For example ``"2004-01"``; surrounding spaces are ignored.
    what : str
        The parameter or column that holds ``text``; the error message begins with it.

    Returns
    -------
    datetime64[M]

    Raises
    ------
    InputError
        When ``text`` is not of the form YYYY-MM.
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text.strip()):
        raise InputError(f"{what} is “{text}”; write it as YYYY-MM, for example 2004-01.")
    return np.datetime64(text.strip(), "M")


def find_month(text: str | None) -> np.datetime64 | None:
    """Find the first year and month in a band description or a file name.

    Parameters
    ----------
    text : str or None
        Months such as ``2004-01``, ``200401`` and ``2004_01`` are recognised.

    Returns
    -------
    datetime64[M] or None
        None when ``text`` contains no month.
    """
    found = _MONTH.search(text or "")
    return np.datetime64(f"{found[1]}-{found[2]}", "M") if found else None


def month_range(first, last) -> np.ndarray:
    """List every calendar month of a period.

    Parameters
    ----------
    first, last : datetime64 or str
        The first and the last month, both included.

    Returns
    -------
    ndarray of datetime64[M], shape (months,)

    Raises
    ------
    InputError
        When ``last`` is before ``first``.
    """
    first = np.datetime64(first, "M")
    last = np.datetime64(last, "M")
    if last < first:
        raise InputError(
            f"The period starts in {first} and ends in {last}; choose an end not before the start."
        )
    return np.arange(first, last + 1, dtype="datetime64[M]")


def calendar_month(months: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the calendar month of each month, 1 for January to 12 for December."""
    return months.astype("datetime64[M]").astype(int) % 12 + 1


def calendar_season(months: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the index in ``SEASONS`` of the season of each month."""
    return calendar_month(months) % 12 // 3


def calendar_year(months: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the calendar year of each month as an integer."""
    return months.astype("datetime64[Y]").astype(int) + 1970


def decimal_years(months: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the middle of each month in years, the time axis of trends."""
    return months.astype("datetime64[M]").astype(int) / 12 + 1970 + 1 / 24


def in_baseline(months: np.ndarray, baseline=BASELINE) -> np.ndarray:
    """Return True for each month of ``baseline`` (first and last month, both included)."""
    return (months >= baseline[0]) & (months <= baseline[1])


def name_runs(months: np.ndarray) -> str:
    """Format months as text, with consecutive months joined to ranges.

    Parameters
    ----------
    months : array_like of datetime64, in any order

    Returns
    -------
    str
        For example ``"2002-06..2002-07, 2003-06"``, or ``"none"`` for no month.
    """
    months = np.unique(np.asarray(months, dtype="datetime64[M]"))
    if not months.size:
        return "none"
    runs = np.split(months, np.flatnonzero(np.diff(months).astype(int) > 1) + 1)
    return ", ".join(str(run[0]) if run.size == 1 else f"{run[0]}..{run[-1]}" for run in runs)


def period_name(period) -> str:
    """Format a period, (first, last), as ``"2004-01..2009-12"``."""
    return f"{period[0]}..{period[1]}"
