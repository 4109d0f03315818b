"""Calendar months, as ``numpy.datetime64[M]`` throughout."""

from __future__ import annotations

import re

import numpy as np

from .errors import InputError

_MONTH = re.compile(r"(?<!\d)(\d{4})[-_./ ]?(0[1-9]|1[0-2])(?!\d)")
SEASONS = ("DJF", "MAM", "JJA", "SON")


def parse_month(text: str, what: str = "The month") -> np.datetime64:
    """``"2004-01"`` as a month. ``what`` opens the sentence of the InputError raised for anything else."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text.strip()):
        raise InputError(f"{what} is “{text}”; write it as YYYY-MM, for example 2004-01.")
    return np.datetime64(text.strip(), "M")


def find_month(text: str) -> np.datetime64 | None:
    """The first year-and-month in a band description or file name (``2004-01``, ``200401``, ``2004_01``), or None."""
    found = _MONTH.search(text or "")
    return np.datetime64(f"{found[1]}-{found[2]}", "M") if found else None


def month_range(first, last) -> np.ndarray:
    """Every calendar month from ``first`` to ``last``, both included: datetime64[M], shape (months,)."""
    first, last = np.datetime64(first, "M"), np.datetime64(last, "M")
    if last < first:
        raise InputError(
            f"The period starts in {first} and ends in {last}; choose an end not before the start."
        )
    return np.arange(first, last + 1, dtype="datetime64[M]")


def calendar_month(months: np.ndarray) -> np.ndarray:
    """1 for January ... 12 for December; same shape as ``months``."""
    return months.astype("datetime64[M]").astype(int) % 12 + 1


def calendar_season(months: np.ndarray) -> np.ndarray:
    """The place in ``SEASONS`` of each month; same shape as ``months``."""
    return calendar_month(months) % 12 // 3


def calendar_year(months: np.ndarray) -> np.ndarray:
    """The calendar year of each month, int; same shape as ``months``."""
    return months.astype("datetime64[Y]").astype(int) + 1970


def decimal_years(months: np.ndarray) -> np.ndarray:
    """The middle of each month in years, float; used as the time axis of trends."""
    return months.astype("datetime64[M]").astype(int) / 12 + 1970 + 1 / 24


def name_runs(months: np.ndarray) -> str:
    """Months as people write them, runs joined: ``2002-06..2002-07, 2003-06``."""
    months = np.unique(np.asarray(months, dtype="datetime64[M]"))
    if not months.size:
        return "none"
    runs = np.split(months, np.flatnonzero(np.diff(months).astype(int) > 1) + 1)
    return ", ".join(str(run[0]) if run.size == 1 else f"{run[0]}..{run[-1]}" for run in runs)


BASELINE = (np.datetime64("2004-01", "M"), np.datetime64("2009-12", "M"))
"""The months whose mean is zero in every anomaly of the project (science: GLDAS and CSR both use 2004-2009)."""


def in_baseline(months: np.ndarray, baseline=BASELINE) -> np.ndarray:
    """bool, same shape as ``months``."""
    return (months >= baseline[0]) & (months <= baseline[1])
