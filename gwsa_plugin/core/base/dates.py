"""Dates from the columns of tables, as people and spreadsheets write them.

The notation of a column is decided once, from all of its values. A column that can be read in two
ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import numpy as np

from .errors import InputError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?:[T ,].*)?"
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?" + _TIME)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})" + _TIME)
_DAY_NAME = re.compile(r"(\d{1,2})[-/ .]+([A-Za-z]{3,9})[-/ .,]+(\d{4}|\d{2})" + _TIME)
_NAME_DAY = re.compile(r"([A-Za-z]{3,9})[- .]+(\d{1,2})[- .,]+(\d{4})" + _TIME)
_NAME_YEAR = re.compile(r"([A-Za-z]{3,9})[- ./]+(\d{4})")
_YEAR_NAME = re.compile(r"(\d{4})[-/ .]+([A-Za-z]{3,9})(?:[-/ .]+(\d{1,2}))?" + _TIME)
_DECIMAL_YEAR = re.compile(r"\d{4}\.(?!(?:0[1-9]|1[0-2])$)\d+")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
# Spreadsheets count days from this one; the numbers are those of 1927 to 2091.
_SERIAL_ORIGIN = date(1899, 12, 30)
_SERIALS = (10_000, 70_000)
_YEARS = (1800, 2100)
# Years of two digits from here on are of the twentieth century, as in POSIX.
_PIVOT = 69
# What the values of a column can be; only one of them may occur.
_FULL, _TWO_DIGITS, _DAY_NUMBER = "a full date", "a year of two digits", "the number of a day"


def parse_days(values: Sequence, field: str = "The date field") -> np.ndarray:
    """Convert dates to datetime64[D].

    Parameters
    ----------
    values : sequence
        date and datetime objects, datetime64, or texts such as 2004-05-31, 2004/5/31T10:00,
        20040531, 2004-05 (read as its 15th), 31-May-2004, May 31, 2004, May 2004, 31/05/2004 and
        05/31/2004. Columns of years of two digits, such as 31/05/04 and 31-May-04, and of the day
        numbers of spreadsheets, such as 38138, are read too. The order of day and month is decided
        by all texts of the column.
    field : str
        Name of the column, for messages.

    Returns
    -------
    ndarray of datetime64[D]
        NaT where a text is not a date.

    Raises
    ------
    InputError
        When no value is a date, when the order of day and month is ambiguous or not the same in
        all texts, or when years of two digits or day numbers occur beside other dates.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[D]")
    texts = [_text(value) for value in values]
    distinct = list(dict.fromkeys(texts))
    _require_one_kind(distinct, field)
    day_first = _day_first(distinct, field)
    parsed = {text: _day(text, day_first) for text in distinct}
    days = np.array([parsed[text] for text in texts], dtype="datetime64[D]")
    if days.size and np.isnat(days).all():
        example = next(filter(None, distinct), "")
        raise InputError(
            f"{field} has no dates (for example “{example}”); write them as YYYY-MM-DD."
        )
    return days


def month_number(name: str) -> int:
    """Number of a month by its English name or the first three letters; 0 for another word."""
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def full_year(digits: str) -> int:
    """Year of two or four digits."""
    year = int(digits)
    return year if len(digits) > 2 else year + (1900 if year >= _PIVOT else 2000)


def _text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _kind(text: str) -> str:
    """What a text is as a date; empty if it is none."""
    if found := _SHORT.fullmatch(text) or _DAY_NAME.fullmatch(text):
        return _FULL if len(found[3]) == 4 else _TWO_DIGITS
    if found := _SERIAL.fullmatch(text):
        return _DAY_NUMBER if _SERIALS[0] <= int(found[1]) < _SERIALS[1] else ""
    full = (_ISO, _COMPACT, _NAME_DAY, _NAME_YEAR, _YEAR_NAME)
    return _FULL if any(pattern.fullmatch(text) for pattern in full) else ""


def _require_one_kind(texts: Iterable[str], field: str) -> None:
    """Refuse decimal years, and years of two digits and day numbers that are not alone or clear."""
    found: dict[str, str] = {}
    for text in texts:
        if _DECIMAL_YEAR.fullmatch(text):
            raise InputError(
                f"“{text}” in {field} can be a decimal year or a month; write dates as YYYY-MM-DD."
            )
        found.setdefault(_kind(text), text)
    found.pop("", None)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise InputError(
            f"{field} has {one} (“{first}”) beside {other} (“{second}”); write all of them as "
            "YYYY-MM-DD."
        )
    if _TWO_DIGITS in found:
        _require_year_last(texts, field)


def _require_year_last(texts: Iterable[str], field: str) -> None:
    """Refuse years of two digits that may come first."""
    parts = [found for found in map(_SHORT.fullmatch, texts) if found]
    unclear = [found for found in parts if "-" in found[0][:6]]
    year_first = _first(parts, lambda found: int(found[1]) > 31)
    if year_first or (unclear and not any(int(found[3]) > 31 for found in unclear)):
        raise InputError(
            f"Dates such as “{year_first or unclear[0][0]}” in {field} can begin or end with the "
            "year; write them as YYYY-MM-DD."
        )


def _day_first(texts: Sequence[str], field: str) -> bool:
    """Return True if short dates are day/month/year; with dots they always are."""
    short = [found for found in map(_SHORT.fullmatch, texts) if found]
    by_day = _first(short, lambda found: int(found[1]) > 12 or "." in found[0][:6])
    by_month = _first(short, lambda found: int(found[2]) > 12 and "." not in found[0][:6])
    if by_day and by_month:
        raise InputError(
            f"{field} has dates as day/month (“{by_day}”) and as month/day (“{by_month}”); write "
            "all of them as YYYY-MM-DD."
        )
    if short and not (by_day or by_month):
        raise InputError(
            f"Dates such as “{short[0][0]}” can be day/month or month/day; write them as "
            "YYYY-MM-DD."
        )
    return bool(by_day)


def _first(found: Iterable[re.Match], condition: Callable[[re.Match], bool]) -> str:
    """The text of the first match that meets a condition, or an empty one."""
    return next((match[0] for match in found if condition(match)), "")


def _day(text: str, day_first: bool) -> np.datetime64:
    if _kind(text) == _DAY_NUMBER:
        return np.datetime64(_SERIAL_ORIGIN + timedelta(days=int(text[:5])))
    year, month, day = _date_parts(text, day_first)
    try:
        parsed = date(full_year(year), int(month), int(day))
    except ValueError:
        return np.datetime64("NaT")
    return np.datetime64(parsed if _YEARS[0] <= parsed.year <= _YEARS[1] else "NaT")


def _date_parts(text: str, day_first: bool) -> tuple[str, str | int, str]:
    """Year, month and day of a text; empty texts if it is not a date."""
    if found := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        return found[1], found[2], found[3] or "15"
    if found := _SHORT.fullmatch(text):
        day, month = (found[1], found[2]) if day_first else (found[2], found[1])
        return found[3], month, day
    if found := _DAY_NAME.fullmatch(text):
        return found[3], month_number(found[2]), found[1]
    if found := _NAME_DAY.fullmatch(text):
        return found[3], month_number(found[1]), found[2]
    if found := _YEAR_NAME.fullmatch(text):
        return found[1], month_number(found[2]), found[3] or "15"
    if found := _NAME_YEAR.fullmatch(text):
        return found[2], month_number(found[1]), "15"
    return "", "", ""
