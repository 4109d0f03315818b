"""Calendar months, stored as ``numpy.datetime64[M]`` throughout."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from .errors import InputError

# A year outside these is no year: a depth in centimetres, a code or a slip.
FIRST_YEAR, LAST_YEAR = 1900, 2100
# Of a period.
LONGEST = np.timedelta64(1200, "M")
_YEAR = r"(?P<year>19\d\d|20\d\d|2100)"
_MONTH = r"(?P<month>0[1-9]|1[0-2])"
_DAY = r"(?P<day>0[1-9]|[12]\d|3[01])"
_NAMES = (
    "jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?",
    "aug(?:ust)?", "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?",
)  # fmt: skip
_NAME = f"(?P<name>{'|'.join(_NAMES)})"
# 2004-01, 200401, 2004_01_15, 20040115
_NUMBERS = re.compile(rf"(?<!\d){_YEAR}(?P<sep>[-_./ ]?){_MONTH}(?:(?P=sep){_DAY})?(?!\d)")
_FORMS = (
    _NUMBERS,
    # 2004-1 and 2004/1/15, but not 2004_1, which can be a version.
    re.compile(rf"(?<!\d){_YEAR}(?P<sep>[-/])(?P<month>[1-9])(?:(?P=sep)\d\d?)?(?![\dA-Za-z])"),
    # 01_2004; 15/01/2004 is left out, because 05/01/2004 can be May or January.
    re.compile(rf"(?<![\dA-Za-z./-]){_MONTH}[-_/]{_YEAR}(?!\d)"),
    # Days of the year: doy2004032 of AppEEARS, A2004032 of MODIS.
    re.compile(rf"(?:[Dd][Oo][Yy]|(?<![A-Za-z])A){_YEAR}(?!000)(?P<doy>[0-3]\d\d)(?!\d)"),
    re.compile(rf"(?<![a-z]){_NAME}[-_., ]*{_YEAR}(?!\d)", re.IGNORECASE),
    re.compile(rf"(?<!\d){_YEAR}[-_., ]*{_NAME}(?![a-z])", re.IGNORECASE),
)
# Two dates that are not further apart are the ends of one solution.
_LONGEST_SPAN = np.timedelta64(35, "D")
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
        When ``text`` is not of the form YYYY-MM, with a year from 1900 to 2100.
    """
    stated = re.fullmatch(rf"{_YEAR}-{_MONTH}", text.strip())
    if not stated:
        raise InputError(
            f"{what} is “{text}”; write it as YYYY-MM, for example 2004-01, with a year from "
            f"{FIRST_YEAR} to {LAST_YEAR}."
        )
    return np.datetime64(text.strip(), "M")


def find_month(text: str | None) -> np.datetime64 | None:
    """Find the month in a band description or a file name.

    Parameters
    ----------
    text : str or None
        As in ``find_months``.

    Returns
    -------
    datetime64[M] or None
        None when ``text`` names no month or several.
    """
    found = find_months(text)
    return found[0] if found.size == 1 else None


def find_months(text: str | None) -> np.ndarray:
    """Find all months that a band description or a file name names.

    Parameters
    ----------
    text : str or None
        Months such as ``2004-01``, ``200401``, ``2004_01``, ``01_2004``, ``2004-1`` and
        ``Jan 2004``, dates such as ``20040115``, ``2004-01-15T12:00`` and ``doy2004032``, and the
        two ends of a solution, such as ``20040116_20040214``, which stand for the month of their
        middle. Years are 1900 to 2100.

    Returns
    -------
    ndarray of datetime64[M], shape (months,)
        Without repetition, in order.
    """
    text = text or ""
    ends = _days(match for match in _NUMBERS.finditer(text) if match["day"])
    if ends.size == 2 and np.timedelta64(0) < ends[1] - ends[0] <= _LONGEST_SPAN:
        return (ends[:1] + (ends[1] - ends[0]) // 2).astype("datetime64[M]")
    days = _days(match for form in _FORMS for match in form.finditer(text))
    return np.unique(days.astype("datetime64[M]"))


def calendar_number(text: str) -> int | None:
    """Return the number of the calendar month whose English name a text is; None for another."""
    return next((i for i, name in enumerate(_NAMES, 1) if _is_name(name, text.strip())), None)


def _days(matches: Iterable[re.Match]) -> np.ndarray:
    """The days of matches, datetime64[D]."""
    return np.array([_first_day(match) for match in matches], dtype="datetime64[D]")


def _first_day(match: re.Match) -> np.datetime64:
    """The day that a match states, else the first of its month."""
    parts = match.groupdict()
    year = np.datetime64(parts["year"], "Y")
    if parts.get("doy"):
        # Day 366 of a year of 365 is in its last month.
        last = (year + 1).astype("datetime64[D]") - 1
        return min(year.astype("datetime64[D]") + (int(parts["doy"]) - 1), last)
    name = parts.get("name")
    number = (calendar_number(name) or 0) if name else int(parts["month"])
    month = year.astype("datetime64[M]") + (number - 1)
    return month.astype("datetime64[D]") + (int(parts.get("day") or 1) - 1)


def _is_name(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.IGNORECASE) is not None


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
        When ``last`` is before ``first``, or more than a century after it, which is a month that
        was written or read wrongly and would take memory for all months between.
    """
    first = np.datetime64(first, "M")
    last = np.datetime64(last, "M")
    if last - first >= LONGEST:
        raise InputError(
            f"The period from {first} to {last} is longer than a century; correct the month that "
            "is wrong."
        )
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
