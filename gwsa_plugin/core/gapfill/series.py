"""Distinct series of a stack, and groups of them that have the same gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.progress import Progress
from ..files.stack import MonthlyStack
from .methods import MIN_OBSERVED


@dataclass(frozen=True)
class GapGroup:
    """Series that miss the same months.

    Parameters
    ----------
    members : ndarray of int, shape (members,)
        Indices of the series.
    months : ndarray of int, shape (months,)
        Indices of the months from the first to the last observed one.
    missing : ndarray of bool, shape (months,)
    """

    members: np.ndarray
    months: np.ndarray
    missing: np.ndarray

    @property
    def gaps(self) -> tuple[np.ndarray, ...]:
        """Index of the missing months of all members in an array of shape (series, months)."""
        return np.ix_(self.members, self.months[self.missing])

    def select(self, series: np.ndarray) -> np.ndarray:
        """Return the members, float64, shape (members, months), with 0 in missing months."""
        members = series[np.ix_(self.members, self.months)]
        return np.where(self.missing, 0.0, members.astype(np.float64))


def unique_series(stack: MonthlyStack) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct series of a stack.

    Parameters
    ----------
    stack : MonthlyStack

    Returns
    -------
    series : ndarray of float32, shape (series, months)
        In the order of their first cell. The last one is all NaN and stands for cells without data.
    cells : ndarray of int, shape (cells,)
        Index of each cell's series.
    """
    months = stack.months.size
    present = np.flatnonzero(stack.valid)
    series = np.empty((present.size, months), dtype=np.float32)
    for month, field in enumerate(stack.values):
        series[:, month] = field.ravel()[present]
    # Series are compared by their bytes, so that all NaN need the same bit pattern.
    series[np.isnan(series)] = np.nan
    keys = series.view(np.dtype((np.void, series.itemsize * months))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    no_data = np.full((1, months), np.nan, dtype=np.float32)
    cells = np.full(stack.grid.rows * stack.grid.columns, first.size)
    cells[present] = np.argsort(order)[inverse.ravel()]
    return np.concatenate([series[first[order]], no_data]), cells


def group_by_gaps(
    series: np.ndarray, variable: str, progress: Progress, wanted: np.ndarray | None = None
) -> list[GapGroup]:
    """Group the series that have a gap by the months that they miss.

    Series with too few observed months are left out with a warning.

    Parameters
    ----------
    series : ndarray of float, shape (series, months)
        NaN in missing months.
    variable : str
        Name of the variable, for messages.
    progress : Progress
    wanted : ndarray of int, optional
        Indices of the series to group; by default all.

    Returns
    -------
    list of GapGroup

    Raises
    ------
    InputError
        When there are no values, or when every series with a gap has fewer than MIN_OBSERVED
        observed months.
    """
    if wanted is None:
        wanted = np.arange(len(series))
    masks, inverse = np.unique(np.isnan(series[wanted]), axis=0, return_inverse=True)
    observed = (~masks).sum(axis=1)
    if not observed.any():
        raise InputError(
            f"The {variable} stack has no values; give one that has data in this region."
        )
    groups: list[GapGroup] = []
    short = 0
    for number, mask in enumerate(masks):
        members = wanted[inverse.ravel() == number]
        present = np.flatnonzero(~mask)
        # Only months between the first and the last observed one are filled.
        inside = np.arange(present[0], present[-1] + 1) if present.size else present
        if not mask[inside].any():
            continue
        if observed[number] < MIN_OBSERVED:
            short += members.size
        else:
            groups.append(GapGroup(members, inside, mask[inside]))
    if short and not groups:
        raise InputError(
            f"The {variable} stack has at most {observed.max()} observed months in a cell and gap "
            f"filling needs {MIN_OBSERVED}; give a longer period."
        )
    if short:
        progress.warn(
            f"{short} series have fewer than {MIN_OBSERVED} observed months; their gaps stay "
            "missing."
        )
    return groups
