"""The distinct series of a stack, and those of them that have the same gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.progress import Progress
from ..files.stack import MonthlyStack
from .methods import LEAST_OBSERVED


@dataclass(frozen=True)
class Group:
    """Series that miss the same months.

    ``members``: their numbers; ``months``: numbers of those from the first to the last observed; ``missing``: bool,
    one for each of ``months``.
    """

    members: np.ndarray
    months: np.ndarray
    missing: np.ndarray

    @property
    def gaps(self) -> tuple[np.ndarray, np.ndarray]:
        """Index of the missing months of all members in an array of (series, months)."""
        return np.ix_(self.members, self.months[self.missing])

    def series(self, rows: np.ndarray) -> np.ndarray:
        """float64, shape (members, months), 0 in missing months."""
        return np.where(
            self.missing, 0.0, rows[np.ix_(self.members, self.months)].astype(np.float64)
        )


def unique_series(stack: MonthlyStack) -> tuple[np.ndarray, np.ndarray]:
    """The distinct series, float32 (series, months), in the order of their first cell; and each cell's number, shape
    (cells,). The last series has no values at all: it is that of the sea."""
    months, present = stack.months.size, np.flatnonzero(stack.valid)
    series = np.empty((present.size, months), dtype=np.float32)
    for month, field in enumerate(stack.values):
        series[:, month] = field.ravel()[present]
    series[np.isnan(series)] = np.nan  # one bit pattern for all, as bytes are compared
    keys = series.view(np.dtype((np.void, series.itemsize * months))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rows = np.concatenate([series[first[order]], np.full((1, months), np.nan, dtype=np.float32)])
    cells = np.full(stack.grid.rows * stack.grid.columns, first.size)
    cells[present] = np.argsort(order)[which.ravel()]
    return rows, cells


def group_by_gaps(rows: np.ndarray, variable: str, progress: Progress) -> list[Group]:
    """The series that have a gap to fill, by what they miss.

    Series of too few observed months are left out and warned of. Raises InputError, naming the ``variable``, when
    there are no values, or no series with a gap has enough of them.
    """
    masks, which = np.unique(np.isnan(rows), axis=0, return_inverse=True)
    observed = (~masks).sum(axis=1)
    if not observed.any():
        raise InputError(
            f"The {variable} stack has no values at all; give one that has data in this region."
        )
    groups, short = [], 0
    for number, mask in enumerate(masks):
        members = np.flatnonzero(which.ravel() == number)
        present = np.flatnonzero(~mask)
        inside = np.arange(present[0], present[-1] + 1) if present.size else present
        if not mask[inside].any():
            continue
        if observed[number] < LEAST_OBSERVED:
            short += members.size
        else:
            groups.append(Group(members, inside, mask[inside]))
    if short and not groups:
        raise InputError(
            f"The {variable} stack has at most {observed.max()} observed months in a cell and gap filling needs "
            f"{LEAST_OBSERVED}; give a longer period."
        )
    if short:
        progress.warn(
            f"{short} series have fewer than {LEAST_OBSERVED} observed months; their gaps stay missing."
        )
    return groups
