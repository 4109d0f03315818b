"""Which calendar month a gravity solution stands for.

A solution covers some ten to thirty-odd days that need not be a calendar month. Labelling each by the midpoint of its
span puts two in October 2011 and two in April 2015, and none in the months after; taking the mean of such a pair, or
dropping one, loses a month that was observed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.months import month_range, name_runs
from ..files.atomic import atomic_file


@dataclass(frozen=True)
class Solution:
    """Data from ``start`` up to, not including, ``end`` (datetime64[m]); ``month`` (datetime64[M]) is its label.

    ``stated`` is False for a span that the file does not state, half a month to each side of its time.
    """

    start: np.datetime64
    end: np.datetime64
    month: np.datetime64
    stated: bool = True

    @property
    def midpoint(self) -> np.datetime64:
        return self.start + (self.end - self.start) // 2

    @property
    def days(self) -> float:
        return float((self.end - self.start) / np.timedelta64(1, "D"))

    @property
    def moved_from(self) -> np.datetime64 | None:
        """The month of the midpoint where the label is another one, else None."""
        month = self.midpoint.astype("datetime64[M]")
        return None if month == self.month else month

    def __str__(self) -> str:
        """First and last day."""
        last = self.end - np.timedelta64(1, "m")
        return f"{self.start.astype('datetime64[D]')}..{last.astype('datetime64[D]')}"


def label_solutions(spans: np.ndarray, name: str, stated: bool = True) -> tuple[Solution, ...]:
    """One month for each span, no month twice.

    ``spans``: datetime64[m], shape (solutions, 2), start and exclusive end. The label is the month of the midpoint.
    Where two share it, the later moves forward or else the earlier moves back, and only into a month that no other
    solution has and that its own span reaches. Raises InputError naming ``name`` and the solutions when neither can, or
    when more than two share a month.
    """
    spans = spans.astype("datetime64[m]")
    if not (spans[:, 1] > spans[:, 0]).all():
        raise InputError(
            f"{name} has a time_bounds entry that does not end after it starts; repair the file's times."
        )
    midpoints = spans[:, 0] + (spans[:, 1] - spans[:, 0]) // 2
    months = midpoints.astype("datetime64[M]")
    shared, count = np.unique(months, return_counts=True)
    for month in shared[count > 1]:
        sharing = np.flatnonzero(months == month)
        _part(spans, months, sharing[np.argsort(midpoints[sharing], kind="stable")], name)
    return tuple(Solution(start, end, month, stated) for (start, end), month in zip(spans, months))


def _part(spans, months, sharing, name: str) -> None:
    """Move one of two solutions of the same month, in ``months``; ``sharing`` are their places, the earlier first."""
    month = months[sharing[0]]
    named = " and ".join(str(Solution(*spans[place], month)) for place in sharing)
    if len(sharing) > 2:
        raise InputError(
            f"{name} has {len(sharing)} solutions for {month}, {named}; keep one of them in the file."
        )
    earlier, later = sharing
    if _can_take(spans[later], month + 1, months):
        months[later] = month + 1
    elif _can_take(spans[earlier], month - 1, months):
        months[earlier] = month - 1
    else:
        raise InputError(
            f"{name} has two solutions for {month}, {named}, and neither reaches a free month beside it; "
            "remove one of them from the file."
        )


def _can_take(span, month, months) -> bool:
    return (
        month not in months
        and span[0] < (month + 1).astype(span.dtype)
        and span[1] > month.astype(span.dtype)
    )


def missing_months(solutions) -> np.ndarray:
    """The months between the first and the last label that no solution has: datetime64[M]."""
    labels = np.array([solution.month for solution in solutions])
    return np.setdiff1d(month_range(labels.min(), labels.max()), labels)


def check_labels(solutions, listed: np.ndarray, name: str) -> None:
    """Compare the labels with the months the file itself calls missing (``listed``, datetime64[M], repeats allowed).

    Only months between the first and the last label count: a crop in time keeps the list of the whole mission.
    Raises InputError naming the months that disagree, because then a solution carries a wrong label.
    """
    absent = missing_months(solutions)
    labels = np.array([solution.month for solution in solutions])
    contradicted = np.intersect1d(labels, listed)
    unexplained = np.setdiff1d(absent, listed)
    if contradicted.size or unexplained.size:
        raise InputError(
            f"The times in {name} disagree with its own months_missing attribute (a solution but listed as missing: "
            f"{name_runs(contradicted)}; no solution but not listed: {name_runs(unexplained)}); "
            "correct time_bounds or the attribute, whichever is wrong."
        )


def write_table(path, solutions) -> None:
    """CSV: start and end (the first moment after it) of each solution, its days, midpoint and month, and a note where
    the label was moved or the span is not the file's."""
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["start", "end", "days", "midpoint", "month", "note"])
        for one in solutions:
            writer.writerow(
                [one.start, one.end, f"{one.days:g}", one.midpoint, one.month, _note(one)]
            )


def _note(solution: Solution) -> str:
    moved = (
        f"moved from {solution.moved_from}, which another solution has"
        if solution.moved_from
        else ""
    )
    nominal = "" if solution.stated else "nominal span: the file states none"
    return "; ".join(filter(None, (moved, nominal)))
