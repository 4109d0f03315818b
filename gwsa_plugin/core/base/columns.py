"""Numbers, degrees and flags from the columns of tables, as people and spreadsheets write them.

The notation of a column is decided once, from all of its values. A column in which two notations
occur is refused, since each of its values could be read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
            f"{field} has “{either[',']}”, which can be a number with three decimals or one above "
            "a thousand; write its numbers with a decimal point and without separators of "
            "thousands."
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


_DEGREES = re.compile(r"([NSEW]?)\s*([-+]?[\d.]+)\s*°?\s*([NSEW]?)", re.IGNORECASE)
_MINUTES = re.compile(
    r"([NSEW]?)\s*([-+]?\d{1,3})[°ºd:\s]+(\d{1,2}(?:\.\d+)?)(?:['′’m:\s]+"
    r"(?:(\d{1,2}(?:\.\d+)?)(?:''|[\"″”’′s])?)?)?\s*([NSEW]?)",
    re.IGNORECASE,
)


def parse_degrees(values: Sequence, field: str = "a column") -> np.ndarray:
    """Convert longitudes or latitudes to degrees.

    Parameters
    ----------
    values : sequence
        Numbers or their texts as in ``parse_numbers``, or texts such as 28°30'15"N, 28 30 15,
        28:30.25 and 76.5 W.
    field : str
        Name of the column, for messages.

    Returns
    -------
    ndarray of float64
        NaN for anything else.

    Raises
    ------
    InputError
        As by ``parse_numbers``.
    """
    degrees = parse_numbers(values, field)
    for i in np.flatnonzero(np.isnan(degrees)):
        if isinstance(values[i], str):
            degrees[i] = _degrees(values[i].strip().replace(",", "."))
    return degrees


def _degrees(text: str) -> float:
    """Degrees of a text with a hemisphere, minutes or seconds; NaN for anything else."""
    if found := _MINUTES.fullmatch(text):
        before, degrees, minutes, seconds, after = found.groups()
        if float(minutes) >= 60 or float(seconds or 0) >= 60:
            return np.nan
        size = abs(int(degrees)) + float(minutes) / 60 + float(seconds or 0) / 3600
        negative = degrees.startswith("-")
    elif found := _DEGREES.fullmatch(text):
        before, number, after = found.groups()
        size = abs(_number(number, "."))
        negative = number.startswith("-")
    else:
        return np.nan
    if (before or after).upper() in ("S", "W"):
        negative = True
    return -size if negative else size
