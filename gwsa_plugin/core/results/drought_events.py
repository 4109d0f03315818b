"""Drought events: runs of months in which an index stays at or below a threshold.

References
----------
Yevjevich, V. (1967): An objective approach to definitions and investigations of continental
    hydrologic droughts. Hydrology Paper 23, Colorado State University.
McKee, T. B., Doesken, N. J. & Kleist, J. (1993): The relationship of drought frequency and duration
    to time scales. Proc. 8th Conf. on Applied Climatology, 179-184.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..base.months import month_range
from ..files.stack import FILLED

# Least value of each class, from the mildest on (McKee et al. 1993, table 1).
CLASSES = ((-1.0, "mild"), (-1.5, "moderate"), (-2.0, "severe"), (-np.inf, "extreme"))


class DroughtEvent(NamedTuple):
    """A run of months of drought.

    Parameters
    ----------
    first, last : datetime64[M]
    duration : int
        Months.
    minimum : float
        Most negative value of the index.
    minimum_month : datetime64[M]
    severity : float
        Accumulated index with the opposite sign, index months: larger is worse.
    deviation_cm : float
        Deviation of GWSA from the climatology in ``minimum_month``, cm.
    level : str
        Class of ``minimum``: mild, moderate, severe or extreme.
    filled : int
        Months of the event that were filled.
    is_open : bool
        Whether the event begins or ends at the edge of the record or beside a month without an
        index, so that it may have been longer.
    """

    first: np.datetime64
    last: np.datetime64
    duration: int
    minimum: float
    minimum_month: np.datetime64
    severity: float
    deviation_cm: float
    level: str
    filled: int
    is_open: bool


def drought_class(value: float) -> str:
    """Return the class of a negative index after McKee et al. (1993)."""
    return next(name for least, name in CLASSES if value > least)


def find_events(
    months: np.ndarray,
    index: np.ndarray,
    deviation: np.ndarray,
    source: tuple[str, ...],
    threshold: float = -1.0,
    least_months: int = 3,
) -> list[DroughtEvent]:
    """Find the drought events of a series.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        In order; a month that is left out ends an event, as one without an index does.
    index : ndarray of float, shape (months,)
        NaN where there is none.
    deviation : ndarray of float, shape (months,)
        Deviation of GWSA from the climatology, cm.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    threshold : float
        Months with an index at or below it are months of drought.
    least_months : int
        Shorter runs are no events.

    Returns
    -------
    list of DroughtEvent
        In order of time.
    """
    calendar = month_range(months[0], months[-1])
    place = (months - calendar[0]).astype(int)
    values = np.full(calendar.size, np.nan)
    values[place] = index
    depths = np.full(calendar.size, np.nan)
    depths[place] = deviation
    filled = np.zeros(calendar.size, dtype=bool)
    filled[place] = [one == FILLED for one in source]
    # A month without an index on either side, as the edges of the record are.
    known = np.concatenate([[False], np.isfinite(values), [False]])
    dry = np.concatenate([[False], values <= threshold, [False]]).astype(int)
    begins = np.flatnonzero(np.diff(dry) == 1)
    ends = np.flatnonzero(np.diff(dry) == -1)
    events = []
    for begin, end in zip(begins, ends):
        if end - begin < least_months:
            continue
        lowest = begin + int(np.argmin(values[begin:end]))
        events.append(
            DroughtEvent(
                first=calendar[begin],
                last=calendar[end - 1],
                duration=int(end - begin),
                minimum=float(values[lowest]),
                minimum_month=calendar[lowest],
                severity=float(-values[begin:end].sum()),
                deviation_cm=float(depths[lowest]),
                level=drought_class(float(values[lowest])),
                filled=int(filled[begin:end].sum()),
                is_open=not (known[begin] and known[end + 1]),
            )
        )
    return events
