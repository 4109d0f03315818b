"""Groundwater storage anomalies from the terrestrial water balance.

GWSA = TWSA - ΔSMS - ΔSWES - ΔCWS [- ΔSWS - Δglacier], all in cm of water against 2004-2009.

References
----------
Rodell, M. et al. (2009), Nature, doi:10.1038/nature08238.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .base.errors import InputError
from .base.months import BASELINE, month_range, name_runs, period_name
from .base.progress import SILENT, Progress
from .base.units import CM
from .files.stack import FILLED, MISSING, MonthlyStack
from .spatial.gaussian_filter import smooth, surroundings, uncovered_sides

# A smaller shift to the baseline is not logged.
NEGLIGIBLE_CM = 0.01


@dataclass(frozen=True)
class Sigma:
    """Standard errors of the terms of the balance in cm; None where unknown.

    Parameters
    ----------
    twsa : MonthlyStack, optional
        Of TWSA in the observed months; NaN where unknown.
    filled : MonthlyStack, optional
        Of TWSA in the gap-filled months, in which the error of a GRACE solution does not apply.
    stores : dict of str to float
        For each store, by name, one value for all cells and months.
    """

    twsa: MonthlyStack | None = None
    filled: MonthlyStack | None = None
    stores: dict[str, float | None] = field(default_factory=dict)


def groundwater(
    twsa: MonthlyStack, stores: Sequence[MonthlyStack], progress: Progress = SILENT
) -> MonthlyStack:
    """Subtract the storage anomalies of snow, soil and surface water from TWSA.

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


def filter_to_footprint(
    store: MonthlyStack, radius_km: float, twsa: MonthlyStack, progress: Progress = SILENT
) -> MonthlyStack:
    """Filter a store to the resolution of TWSA.

    TWSA resolves about 300 km. A lake or a glacier at the resolution of its map would be subtracted
    in cells in which TWSA contains only a part of its signal, and not in the cells around it, to
    which the rest of the signal leaks.

    The change of the store in the region of ``twsa`` is logged. A warning is given when the store
    ends within the filter's reach of that region.

    Parameters
    ----------
    store : MonthlyStack
        Storage or anomaly, cm, on a region larger than that of ``twsa``.
    radius_km : float
        Radius of the Gaussian filter, see ``gaussian_filter.smooth``.
    twsa : MonthlyStack
        TWSA, which defines the region.
    progress : Progress

    Returns
    -------
    MonthlyStack
        The filtered anomaly against 2004-2009, on the cells of ``store``.

    Raises
    ------
    InputError
        As in ``groundwater``, and when the radius is out of range.
    """
    anomaly = on_baseline(store, progress)
    before = _common_part(anomaly, twsa)[0]
    sides = uncovered_sides(store.grid, surroundings(before.grid.bounds, radius_km))
    if sides:
        progress.warn(
            f"{store.variable} ends too near the region in the {' and '.join(sides)} for a filter "
            f"of {radius_km:g} km: the filter lacks the water beyond its edge; give a larger stack."
        )
    smoothed = smooth(anomaly, radius_km, progress)
    change = _common_part(smoothed, twsa)[0].values - before.values
    rms = np.sqrt(np.nanmean(np.square(change, dtype=np.float64)))
    progress.info(
        f"{store.variable}: the filter of {radius_km:g} km changes the anomaly in the region by "
        f"{rms:.2f} cm (RMS)."
    )
    return smoothed


def groundwater_sigma(
    gwsa: MonthlyStack, sigma: Sigma, progress: Progress = SILENT
) -> MonthlyStack:
    """Compute the standard error of GWSA, the root of the sum of squares of the terms' errors.

    The errors of the terms are taken as independent. When a term is unknown in some cell or month
    that has a value, the result is a lower bound. A warning and the tag GWSA_SIGMA state this, and
    the tag GWSA_SIGMA_WITHOUT names the terms.

    Parameters
    ----------
    gwsa : MonthlyStack
        The result of ``groundwater``.
    sigma : Sigma
        Standard errors of the terms.
    progress : Progress

    Returns
    -------
    MonthlyStack
        cm; NaN where GWSA is NaN and where no term is known.

    Raises
    ------
    InputError
        When no term has a standard error.
    """
    terms = {"TWSA": _twsa_sigma(gwsa, sigma), **sigma.stores}
    given = {
        name: np.asarray(term, dtype=np.float32) for name, term in terms.items() if term is not None
    }
    if not given:
        raise InputError(
            "SIGMA cannot be computed without the sigma of any term; "
            "give SIGMA_TWSA or another sigma, or leave SIGMA empty."
        )
    present = np.isfinite(gwsa.values)
    squares = np.zeros(gwsa.values.shape, dtype=np.float32)
    known = np.zeros(gwsa.values.shape, dtype=bool)
    for term in given.values():
        known |= np.isfinite(term)
        squares += np.nan_to_num(term) ** 2
    lacking = [
        name
        for name in terms
        if name not in given or not (np.isfinite(given[name]) | ~present).all()
    ]
    values = np.where(present & known, np.sqrt(squares), np.float32(np.nan))
    stack = replace(gwsa, values=values, variable="GWSA_SIGMA")
    if not lacking:
        return stack
    progress.warn(
        f"The sigma of GWSA is a lower bound: the sigma of {', '.join(lacking)} is not known "
        "everywhere."
    )
    return stack.tagged(GWSA_SIGMA="lower bound", GWSA_SIGMA_WITHOUT=", ".join(lacking))


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
        When the stack has neither the months nor the tag.
    """
    lacking = np.setdiff1d(
        month_range(*BASELINE), stack.months[np.isfinite(stack.values).any(axis=(1, 2))]
    )
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
    """``rest`` minus ``store`` on their common cells and months."""
    rest, store = _common_part(rest, store)
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
    values = groundwater_series(rest.values, store.values)
    remain = np.isfinite(values).any(axis=(1, 2))
    if not remain.any():
        raise InputError(
            f"{rest.variable} and {store.variable} have no cell and month in common; "
            "give inputs of the same region."
        )
    source = tuple(word if kept else MISSING for word, kept in zip(rest.source, remain))
    return replace(rest, values=values, source=source)


def _common_part(one: MonthlyStack, other: MonthlyStack) -> tuple[MonthlyStack, MonthlyStack]:
    """Both stacks on the cells and months that they have in common."""
    _require_centimetres(one, other)
    _require_same_lattice(one, other)
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


def _twsa_sigma(gwsa: MonthlyStack, sigma: Sigma) -> np.ndarray | None:
    """Sigma of TWSA in cm, shape of GWSA, by the source of each month; None when none is given."""
    if sigma.twsa is None and sigma.filled is None:
        return None
    filled = (np.array(gwsa.source) == FILLED)[:, None, None]
    return np.where(filled, _align(sigma.filled, gwsa), _align(sigma.twsa, gwsa))


def _align(stack: MonthlyStack | None, gwsa: MonthlyStack) -> np.ndarray:
    """The values of a stack on the cells and months of GWSA, NaN where it has none."""
    values = np.full(gwsa.values.shape, np.nan, dtype=np.float32)
    if stack is None:
        return values
    own, other = _common_part(gwsa, stack)
    start = int((own.months[0] - gwsa.months[0]).astype(int))
    values[start : start + own.months.size] = other.on(gwsa.grid).values
    return values
