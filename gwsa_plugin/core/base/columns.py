"""Numbers, dates and flags from the columns of tables, as people and spreadsheets write them.

The notation of a column is decided once, from all of its values. A column in which two notations
occur is refused, since each of its values could be read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date

import numpy as np

from .errors import InputError

# Spaces and apostrophes that separate thousands.
_GROUPING = re.compile(r"(?<=\d)[\s\u2009\u202f'\u2019](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"([-+]?)([\d.,]*\d[\d.,]*)([eE][-+]?\d+)?")
# "1,234": thousands, or a number with three decimals.
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_TRUE = {"1", "1.0", "true", "t", "yes", "y", "confined", "c", "artesian"}


def parse_numbers(values: Sequence, field: str = "a column") -> np.ndarray:
    """Convert numbers, or their text, to floats.

    Thousands may be grouped by points, commas, spaces or apostrophes. Whether points or commas
    separate decimals is decided by all texts of the column.

    Parameters
    ----------
    values : sequence
    field : str
        Name of the column, for messages.

    Returns
    -------
    ndarray of float64
        NaN for anything else, such as "dry" or an empty text.

    Raises
    ------
    InputError
        When both points and commas separate decimals, or when it cannot be decided.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        return values.astype(float)
    texts = {value: _GROUPING.sub("", value.strip()) for value in values if isinstance(value, str)}
    mark = _decimal_mark(texts, field)
    return np.array([_number(texts.get(value, value), mark) for value in values], dtype=float)


def _decimal_mark(texts: dict[str, str], field: str) -> str:
    """The decimal mark of the texts: values as given -> without grouping spaces."""
    found: dict[str, str] = {}
    either: dict[str, str] = {}
    for given, text in texts.items():
        matched = _NUMBER.fullmatch(text)
        digits = matched[2] if matched else ""
        if _EITHER.fullmatch(digits):
            either.setdefault("," if "," in digits else ".", given)
        elif mark := _mark_of(digits):
            found.setdefault(mark, given)
    if len(found) == 2:
        raise InputError(
            f"{field} has decimal points (“{found['.']}”) and decimal commas (“{found[',']}”); "
            "write all of its numbers with a decimal point."
        )
    if not found and "," in either:
        raise InputError(
            f"“{either[',']}” in {field} can be a number with three decimals or one above a "
            "thousand; write its numbers with a decimal point and without separators of thousands."
        )
    return next(iter(found), ".")


def _mark_of(digits: str) -> str:
    """The decimal mark that a number must have, or an empty text."""
    point = digits.rfind(".")
    comma = digits.rfind(",")
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    mark = "." if point >= 0 else ","
    count = digits.count(mark)
    if count == 0:
        return ""
    # Only thousands are grouped more than once.
    return mark if count == 1 else {".": ",", ",": "."}[mark]


def _number(value, mark: str) -> float:
    if isinstance(value, str):
        other = "," if mark == "." else "."
        value = value.replace(other, "").replace(mark, ".")
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def parse_flags(values: Iterable) -> np.ndarray:
    """Convert a column that marks confined wells to bool.

    Parameters
    ----------
    values : iterable

    Returns
    -------
    ndarray of bool
        True for 1, true, t, yes, y, confined, c and artesian; False for anything else.
    """
    return np.array([str(value).strip().lower() in _TRUE for value in values], dtype=bool)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ].*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?: .*)?")
_DAY_NAME = re.compile(r"(\d{1,2})[- .]([A-Za-z]{3,9})[- .,]+(\d{4})(?: .*)?")
_NAME_DAY = re.compile(r"([A-Za-z]{3,9})[- .](\d{1,2})[- .,]+(\d{4})(?: .*)?")


def parse_days(values: Sequence, field: str = "The date field") -> np.ndarray:
    """Convert dates to datetime64[D].

    Parameters
    ----------
    values : sequence
        date and datetime objects, datetime64, or texts such as 2004-05-31, 2004/5/31T10:00,
        20040531, 2004-05 (read as its 15th), 31-May-2004, May 31, 2004, 31/05/2004 and 05/31/2004.
        The order of day and month in the last two is decided by all texts of the column.
    field : str
        Name of the column, for messages.

    Returns
    -------
    ndarray of datetime64[D]
        NaT where a text is not a date.

    Raises
    ------
    InputError
        When no value is a date, or when the order of day and month is ambiguous or not the same in
        all texts.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[D]")
    texts = [
        value.isoformat() if isinstance(value, date) else str(value).strip() for value in values
    ]
    distinct = list(dict.fromkeys(texts))
    day_first = _day_first(distinct, field)
    parsed = {text: _day(text, day_first) for text in distinct}
    days = np.array([parsed[text] for text in texts], dtype="datetime64[D]")
    if days.size and np.isnat(days).all():
        raise InputError(
            f"{field} has no dates (for example “{texts[0]}”); write them as YYYY-MM-DD."
        )
    return days


def _day_first(texts: Sequence[str], field: str) -> bool:
    """Return True if short dates are day/month/year; with dots they always are."""
    short = [found for found in map(_SHORT.fullmatch, texts) if found]
    by_day = _first(short, lambda found: int(found[1]) > 12 or "." in found[0])
    by_month = _first(short, lambda found: int(found[2]) > 12 and "." not in found[0])
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
    year, month, day = _date_parts(text, day_first)
    try:
        return np.datetime64(date(int(year), int(month), int(day)))
    except ValueError:
        return np.datetime64("NaT")


def _date_parts(text: str, day_first: bool) -> tuple[str, str | int, str]:
    """Year, month and day of a text; empty texts if it is not a date."""
    if found := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        return found[1], found[2], found[3] or "15"
    if found := _SHORT.fullmatch(text):
        day, month = (found[1], found[2]) if day_first else (found[2], found[1])
        return found[3], month, day
    if found := _DAY_NAME.fullmatch(text):
        return found[3], _month_of(found[2]), found[1]
    if found := _NAME_DAY.fullmatch(text):
        return found[3], _month_of(found[1]), found[2]
    return "", "", ""


def _month_of(name: str) -> int:
    """Number of a month by its English name; 0 for another word."""
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0
