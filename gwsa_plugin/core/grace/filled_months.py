"""Months in which GRACE has no solution, and fields that another program interpolated.

A file made by others can have a field for every month. One in a month without a solution is no
observation, whatever the file calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..base.months import month_range
from .solution_months import Solution

# First solution of GRACE.
FIRST = np.datetime64("2002-04", "M")
# Between the last data of GRACE and the first of GRACE-FO no satellite flew from 2017-07 to
# 2018-05. Source: the list GRACE_GRACE-FO_Months_RL06.csv of PO.DAAC, and the attribute
# months_missing of CSR RL06.3 and JPL RL06.3.
WITHOUT_SOLUTION = np.concatenate(
    [
        np.array(
            [
                "2002-06", "2002-07", "2003-06", "2011-01", "2011-06", "2012-05", "2012-10",
                "2013-03", "2013-08", "2013-09", "2014-02", "2014-07", "2014-12", "2015-06",
                "2015-10", "2015-11", "2016-04", "2016-09", "2016-10", "2017-02",
            ],
            dtype="datetime64[M]",
        ),
        month_range("2017-07", "2018-05"),
        np.array(["2018-08", "2018-09"], dtype="datetime64[M]"),
    ]
)  # fmt: skip
# A field is on the line between its neighbours when it is off it by less than this part of their
# difference: files with single precision are off by some 1e-7, observed fields by about 1.
TOLERANCE = 1e-4
# Cells that are compared, and different series among them that are needed for a decision.
CELLS = 1000
LEAST_SERIES = 3


def mark_months_without_solution(
    solutions: Sequence[Solution], listed: np.ndarray | None
) -> tuple[Solution, ...]:
    """Mark the fields of months without a solution as filled by others.

    Parameters
    ----------
    solutions : sequence of Solution
    listed : ndarray of datetime64[M] or None
        The months that the file itself lists as missing.

    Returns
    -------
    tuple of Solution
    """
    without = WITHOUT_SOLUTION if listed is None else np.union1d(WITHOUT_SOLUTION, listed)
    return tuple(
        replace(one, filled=bool(one.month < FIRST or (one.month == without).any()))
        for one in solutions
    )


def interpolated(fields: np.ndarray, times: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Find fields that are linear in time between their neighbours, or repeat the one before.

    Parameters
    ----------
    fields : ndarray of float, shape (fields, rows, columns)
        In the order of time.
    times : ndarray of datetime64[m], shape (fields,)
    known : ndarray of bool, shape (fields,)
        True for fields that are known as filled: a field that repeats one of them is the original.

    Returns
    -------
    ndarray of bool, shape (fields,)
        All False where too few cells differ from each other for a decision.
    """
    found = np.zeros(len(fields), dtype=bool)
    if len(fields) < LEAST_SERIES:
        return found
    series = _different_series(fields)
    if series.shape[1] < LEAST_SERIES:
        return found
    found[1:] = (series[1:] == series[:-1]).all(axis=1) & ~known[:-1]
    before, here, after = series[:-2], series[1:-1], series[2:]
    steps = (times - times[0]) / np.timedelta64(1, "m")
    by_time = (steps[1:-1] - steps[:-2]) / (steps[2:] - steps[:-2])
    change = np.sqrt(((after - before) ** 2).mean(axis=1))
    for weight in (np.full(by_time.shape, 0.5), by_time):
        line = before + weight[:, None] * (after - before)
        off = np.sqrt(((here - line) ** 2).mean(axis=1))
        found[1:-1] |= (off <= TOLERANCE * change) & (change > 0)
    return found


def _different_series(fields: np.ndarray) -> np.ndarray:
    """Series of some cells with a value in all fields, each once: shape (fields, series)."""
    cells = np.flatnonzero(np.isfinite(fields).all(axis=0))
    cells = cells[:: max(cells.size // CELLS, 1)]
    series = fields.reshape(len(fields), -1)[:, cells].astype(np.float64)
    return np.unique(series, axis=1)
