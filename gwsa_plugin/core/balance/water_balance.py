"""Groundwater storage anomalies from the terrestrial water balance.

GWSA = TWSA - ΔSMS - ΔSWES - ΔCWS [- ΔSWS - Δglacier], all in cm of water against 2004-2009.

References
----------
Rodell, M. et al. (2009), Nature, doi:10.1038/nature08238.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..base.errors import InputError
from ..base.months import BASELINE, month_range, name_runs, period_name
from ..base.progress import SILENT, Progress
from ..base.units import CM
from ..files.stack import MISSING, MonthlyStack

# A smaller shift to the baseline is not logged.
NEGLIGIBLE_CM = 0.01


def groundwater(
    twsa: MonthlyStack, stores: Sequence[MonthlyStack], progress: Progress = SILENT
) -> MonthlyStack:
    """Subtract the storage anomalies of snow, soil and surface water from TWSA, all as they are.

    Each input is first brought to the baseline 2004-2009. Months and cells that a store lacks are
    reported as warnings.

    Parameters
    ----------
    twsa : MonthlyStack
        TWSA, cm.
    stores : sequence of MonthlyStack
        Anomalies of the other stores, cm, on the same lattice of cells.
    progress : Progress

    Returns
    -------
    MonthlyStack
        GWSA in cm, on the cells and months that all inputs have in common. NaN where any input is
        NaN; a month that a store lacks is all NaN. The source of a month (observed or filled) is
        that of TWSA.

    Raises
    ------
    InputError
        When an input is not in cm or its baseline is unknown, when the cells do not lie on one
        lattice, or when the inputs have no cell or no month in common.

    References
    ----------
    Rodell et al. (2009), Nature, doi:10.1038/nature08238.
    """
    gwsa = on_baseline(twsa, progress)
    for i, store in enumerate(stores):
        progress.advance(i / len(stores))
        gwsa = _subtract(gwsa, on_baseline(store, progress), progress)
    progress.info(
        f"GWSA covers {gwsa.months[0]} to {gwsa.months[-1]}; "
        f"TWSA {twsa.months[0]} to {twsa.months[-1]}."
    )
    return replace(gwsa, variable="GWSA")


def groundwater_series(twsa: np.ndarray, *stores: np.ndarray) -> np.ndarray:
    """Subtract every store from TWSA.

    Parameters
    ----------
    twsa, *stores : ndarray of float, same shape
        In one unit and on one baseline.

    Returns
    -------
    ndarray
        A new array; NaN where any input is NaN.
    """
    result = np.array(twsa, copy=True)
    for store in stores:
        result -= store
    return result


def on_baseline(stack: MonthlyStack, progress: Progress = SILENT) -> MonthlyStack:
    """Convert a stack to anomalies against 2004-2009, the common baseline.

    Parameters
    ----------
    stack : MonthlyStack
        With values in every month of the baseline, whose mean is then subtracted, or with the tag
        GWSA_BASELINE, which states that the values already are such anomalies.
    progress : Progress

    Returns
    -------
    MonthlyStack

    Raises
    ------
    InputError
        When the stack has no values, or neither the months nor the tag.
    """
    known = stack.months[np.isfinite(stack.values).any(axis=(1, 2))]
    if not known.size:
        west, south, east, north = stack.grid.bounds
        raise InputError(
            f"{stack.variable} has no values between {west:g} and {east:g}° east and {south:g} and "
            f"{north:g}° north; give a stack of this region."
        )
    lacking = np.setdiff1d(month_range(*BASELINE), known)
    if not lacking.size:
        shift = np.nanmax(np.abs(stack.baseline_mean()))
        if shift > NEGLIGIBLE_CM:
            progress.info(
                f"{stack.variable}: the mean of {period_name(BASELINE)}, up to {shift:.2f} cm, "
                "is subtracted."
            )
        return stack.anomaly()
    if stack.tags.get("GWSA_BASELINE") != period_name(BASELINE):
        raise InputError(
            f"{stack.variable} lacks {name_runs(lacking)} of the baseline {period_name(BASELINE)} "
            "and has no tag that states its baseline; give a stack with these months, or set its "
            f"tag GWSA_BASELINE={period_name(BASELINE)} if that is its baseline."
        )
    return stack


def _subtract(rest: MonthlyStack, store: MonthlyStack, progress: Progress) -> MonthlyStack:
    """``rest`` minus ``store`` on their common cells and months, with warnings of gaps."""
    _report_gaps(*common_part(rest, store), progress)
    return difference(rest, store)


def _report_gaps(rest: MonthlyStack, store: MonthlyStack, progress: Progress) -> None:
    """Warn of months and cells of ``rest`` in which ``store`` has no value."""
    has_values = np.isfinite(store.values).any(axis=(1, 2))
    lost = rest.months[~has_values & (np.array(rest.source) != MISSING)]
    if lost.size:
        progress.warn(
            f"{store.variable} has no values for {name_runs(lost)}: GWSA is missing there."
        )
    outside = int((rest.valid & ~store.valid).sum())
    if outside:
        progress.warn(
            f"{store.variable} has no values in {outside} of {rest.valid.sum()} cells: "
            "GWSA is missing there."
        )


def difference(rest: MonthlyStack, store: MonthlyStack) -> MonthlyStack:
    """Return ``rest`` minus ``store`` on their common cells and months.

    Raises
    ------
    InputError
        As in ``common_part``, and when they have no value in common.
    """
    rest, store = common_part(rest, store)
    values = groundwater_series(rest.values, store.values)
    remain = np.isfinite(values).any(axis=(1, 2))
    if not remain.any():
        raise InputError(
            f"{rest.variable} and {store.variable} have no cell and month in common; "
            "give inputs of the same region."
        )
    source = tuple(word if kept else MISSING for word, kept in zip(rest.source, remain))
    return replace(rest, values=values, source=source)


def common_part(one: MonthlyStack, other: MonthlyStack) -> tuple[MonthlyStack, MonthlyStack]:
    """Return both stacks on the cells and months that they have in common.

    The longitudes are those of the first one, whose grid may run beyond 180°.

    Raises
    ------
    InputError
        When a stack is not in cm, when the cells do not lie on one lattice, or when the stacks have
        no cell or no month in common.
    """
    _require_centimetres(one, other)
    _require_same_lattice(one, other)
    other = other.turned(one.grid.bounds)
    try:
        grid = one.grid.overlap(other.grid)
    except InputError as error:
        raise InputError(f"{one.variable} and {other.variable}: {error}") from None
    first = max(one.months[0], other.months[0])
    last = min(one.months[-1], other.months[-1])
    if last < first:
        raise InputError(
            f"{one.variable} covers {one.months[0]} to {one.months[-1]} and {other.variable} "
            f"{other.months[0]} to {other.months[-1]}, so they have no month in common; "
            "give inputs of one period."
        )
    return one.crop(grid).select(first, last), other.crop(grid).select(first, last)


def _require_centimetres(*stacks: MonthlyStack) -> None:
    for stack in stacks:
        if stack.unit.split()[0] != CM:
            raise InputError(
                f"{stack.variable} is in {stack.unit}; give it in cm of water, "
                "or set the unit of its bands to mm or m if that is its unit."
            )


def _require_same_lattice(one: MonthlyStack, other: MonthlyStack) -> None:
    if not one.grid.aligned_with(other.grid):
        cells = [
            f"{stack.variable} ({stack.grid.dx:g}° from {stack.grid.west:g}, {stack.grid.north:g})"
            for stack in (other, one)
        ]
        raise InputError(
            f"The cells of {cells[0]} do not lie on those of {cells[1]}; "
            "warp one to the other's grid."
        )
