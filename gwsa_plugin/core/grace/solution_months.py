"""Calendar months of gravity solutions.

A solution covers some ten to more than thirty days, which need not be a calendar month. When each
solution is labelled with the month of its midpoint, October 2011 and April 2015 have two solutions
and the following months none. An average of such a pair, or its first solution alone, would lose an
observed month.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import month_range, name_runs
from ..files.atomic import atomic_file


@dataclass(frozen=True)
class Solution:
    """One gravity solution, or a field that another program filled.

    Parameters
    ----------
    start, end : datetime64[m]
        First moment, and the first moment after the solution.
    month : datetime64[M]
        The label.
    stated : bool
        False when the file does not state the span, which is then half a month to each side of its
        time.
    filled : bool
        True when the field is no solution but was filled by others.
    """

    start: np.datetime64
    end: np.datetime64
    month: np.datetime64
    stated: bool = True
    filled: bool = False

    @property
    def midpoint(self) -> np.datetime64:
        """The middle of the span."""
        return self.start + (self.end - self.start) // 2

    @property
    def days(self) -> float:
        """Length of the span."""
        return float((self.end - self.start) / np.timedelta64(1, "D"))

    @property
    def moved_from(self) -> np.datetime64 | None:
        """The month of the midpoint when the label is a different one, else None."""
        month = self.midpoint.astype("datetime64[M]")
        return None if month == self.month else month

    def __str__(self) -> str:
        """First and last day."""
        return _format_span(self.start, self.end)


def label_solutions(spans: np.ndarray, name: str, stated: bool = True) -> tuple[Solution, ...]:
    """Assign a different month to each solution.

    The label is the month of the midpoint. Where two solutions share it, the later one moves to the
    next month, or else the earlier one to the previous month. A solution only moves to a month that
    no other solution has and that its span touches.

    Parameters
    ----------
    spans : ndarray of datetime64[m], shape (solutions, 2)
        Start and exclusive end of each solution.
    name : str
        Name of the file, for error messages.
    stated : bool
        True when the file states the spans.

    Returns
    -------
    tuple of Solution

    Raises
    ------
    InputError
        When a span ends before it starts, when more than two solutions share a month, or when
        neither of two can move.
    """
    spans = spans.astype("datetime64[m]")
    if not (spans[:, 1] > spans[:, 0]).all():
        raise InputError(
            f"{name} has a time_bounds entry that does not end after it starts; "
            "repair the file's times."
        )
    midpoints = spans[:, 0] + (spans[:, 1] - spans[:, 0]) // 2
    months = midpoints.astype("datetime64[M]")
    shared, count = np.unique(months, return_counts=True)
    for month in shared[count > 1]:
        sharing = np.flatnonzero(months == month)
        _separate(spans, months, sharing[np.argsort(midpoints[sharing], kind="stable")], name)
    return tuple(Solution(start, end, month, stated) for (start, end), month in zip(spans, months))


def _separate(spans: np.ndarray, months: np.ndarray, sharing: np.ndarray, name: str) -> None:
    """Change the label in ``months`` of one of two solutions of the same month.

    ``sharing`` are the indices of the solutions, the earlier one first.
    """
    month = months[sharing[0]]
    named = " and ".join(_format_span(*spans[place]) for place in sharing)
    if len(sharing) > 2:
        raise InputError(
            f"{name} has {len(sharing)} solutions for {month}, {named}; "
            "keep one of them in the file."
        )
    earlier, later = sharing
    if _can_move(spans[later], month + 1, months):
        months[later] = month + 1
    elif _can_move(spans[earlier], month - 1, months):
        months[earlier] = month - 1
    else:
        raise InputError(
            f"{name} has two solutions for {month}, {named}, and neither reaches a free month "
            "beside it; remove one of them from the file."
        )


def _can_move(span: np.ndarray, month: np.datetime64, months: np.ndarray) -> bool:
    """Whether no solution has the month and the span touches it."""
    return (
        month not in months
        and span[0] < (month + 1).astype(span.dtype)
        and span[1] > month.astype(span.dtype)
    )


def _format_span(start: np.datetime64, end: np.datetime64) -> str:
    last = end - np.timedelta64(1, "m")
    return f"{start.astype('datetime64[D]')}..{last.astype('datetime64[D]')}"


def missing_months(solutions: Sequence[Solution]) -> np.ndarray:
    """Return the months between the first and the last label without a solution: datetime64[M]."""
    labels = np.array([solution.month for solution in solutions])
    return np.setdiff1d(month_range(labels.min(), labels.max()), labels)


def check_labels(solutions: Sequence[Solution], listed: np.ndarray, name: str) -> None:
    """Compare the labels with the months that the file lists as missing.

    Only months between the first and the last label are compared, because a crop in time keeps the
    list of the complete mission. A field of a listed month was filled by others.

    Parameters
    ----------
    solutions : sequence of Solution
    listed : ndarray of datetime64[M]
        The listed months; repetitions are allowed.
    name : str
        Name of the file, for error messages.

    Raises
    ------
    InputError
        When a month has no solution and is not listed, which means that a label is wrong. The
        message names the months.
    """
    labels = np.array([solution.month for solution in solutions])
    contradicted = np.intersect1d(labels, listed)
    unexplained = np.setdiff1d(missing_months(solutions), listed)
    if unexplained.size:
        raise InputError(
            f"The times in {name} disagree with its own months_missing attribute (a solution but "
            f"listed as missing: {name_runs(contradicted)}; no solution but not listed: "
            f"{name_runs(unexplained)}); correct time_bounds or the attribute, whichever is wrong."
        )


def write_table(path: str | Path, solutions: Sequence[Solution]) -> None:
    """Write the solutions as CSV, in the order of time.

    Each row has the start and exclusive end, the days, the midpoint, the month, and a note where
    the field was filled by others, the label differs from the month of the midpoint or the file
    does not state the span.
    """
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["start", "end", "days", "midpoint", "month", "note"])
        for solution in sorted(solutions, key=lambda solution: solution.start):
            writer.writerow(
                [
                    solution.start,
                    solution.end,
                    f"{solution.days:g}",
                    solution.midpoint,
                    solution.month,
                    _note(solution),
                ]
            )


def _note(solution: Solution) -> str:
    notes = ["no solution: filled by others"] if solution.filled else []
    if solution.moved_from:
        notes.append(f"moved from {solution.moved_from}, which another solution has")
    if not solution.stated:
        notes.append("nominal span: the file states none")
    return "; ".join(notes)
