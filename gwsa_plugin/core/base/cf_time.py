"""Times that are stored as numbers in a unit such as "days since 2002-01-01", as in NetCDF files.

References
----------
CF conventions, https://cfconventions.org, section 4.4.
"""

from __future__ import annotations

import re

import numpy as np

MILLISECONDS = {
    "nanosecond": 1e-6,
    "microsecond": 1e-3,
    "millisecond": 1.0,
    "second": 1e3,
    "minute": 6e4,
    "hour": 3.6e6,
    "day": 8.64e7,
}
SHORT = {
    "ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "msec": "millisecond",
    "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day",
}  # fmt: skip
_UNIT = re.compile(
    r"\s*([a-z]+)\s+since\s+"
    r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?)?"
    r"\s*(?:Z|UTC|GMT|[+-]0?0(?::?00)?)?\s*",
    re.IGNORECASE,
)
# A larger number of milliseconds from the epoch is a fill value: 2,000 years.
LONGEST = 2000 * 365.25 * MILLISECONDS["day"]


def times_from_numbers(numbers: np.ndarray, unit: str) -> np.ndarray | None:
    """Convert numbers in a unit since a date to times in UTC.

    Parameters
    ----------
    numbers : array_like of float or int, any shape
    unit : str
        As a file states it: nanoseconds to days since a date of the Gregorian calendar.

    Returns
    -------
    ndarray of datetime64[ms], the shape of ``numbers``, or None
        NaT for a number that is no time. None where the unit is not understood; months and years
        have no fixed length and are not.
    """
    stated = _UNIT.fullmatch(unit)
    if not stated:
        return None
    word = stated[1].lower()
    length = MILLISECONDS.get(SHORT.get(word, word.removesuffix("s")))
    year, month, day, hour, minute, second = (int(text or 0) for text in stated.groups()[1:])
    if length is None or not (1 <= month <= 12 and 1 <= day <= 31 and year):
        return None
    epoch = np.datetime64(f"{year:04}-{month:02}-01T00:00", "ms")
    epoch += np.timedelta64((((day - 1) * 24 + hour) * 60 + minute) * 60 + second, "s")
    elapsed = np.asarray(numbers, dtype=np.float64) * length
    known = np.abs(elapsed) < LONGEST
    steps = np.rint(np.where(known, elapsed, 0)).astype("timedelta64[ms]")
    return np.where(known, epoch + steps, np.datetime64("NaT", "ms"))
