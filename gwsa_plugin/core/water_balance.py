"""Groundwater storage as what is left of total storage: GWSA = TWSA - dSMS - dSWES - dCWS [- dSWS - dGlacier]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .base.errors import InputError
from .base.months import BASELINE, month_range, name_runs
from .base.progress import SILENT, Progress
from .base.units import CM
from .files.stack import FILLED, MISSING, MonthlyStack, period_name
from .spatial.gaussian_filter import short_sides, smooth, surroundings

NEGLIGIBLE_CM = 0.01


@dataclass(frozen=True)
class Sigma:
    """One standard error of each term in cm, None where it is not known.

    ``twsa``: of the observed months; ``filled``: of the gap-filled months, where that of a solution means nothing (NaN
    in either: unknown). ``stores``: name -> one number for all cells and months.
    """

    twsa: MonthlyStack | None = None
    filled: MonthlyStack | None = None
    stores: dict[str, float | None] = field(default_factory=dict)


def groundwater(
    twsa: MonthlyStack, stores: Sequence[MonthlyStack], progress: Progress = SILENT
) -> MonthlyStack:
    """GWSA in cm on the months and cells that ``twsa`` and all ``stores`` (anomalies, cm) share.

    The terrestrial water balance of Rodell et al. 2009 (doi:10.1038/nature08238), each term against 2004-2009. NaN
    where any term is NaN; a month that a store lacks is an all-NaN band, and months and cells that it lacks are warned
    of. A month keeps the source (observed or filled) of its TWSA. Raises InputError, naming the inputs, when one is not
    in cm, when their cells are not one lattice, when they share no cell or month, or when the baseline of one is
    unknown.
    """
    gwsa = on_baseline(twsa, progress)
    for i, store in enumerate(stores):
        progress.advance(i / len(stores))
        gwsa = _minus(gwsa, on_baseline(store, progress), progress)
    progress.info(
        f"GWSA covers {gwsa.months[0]} to {gwsa.months[-1]}; TWSA {twsa.months[0]} to {twsa.months[-1]}."
    )
    return replace(gwsa, variable="GWSA")


def groundwater_series(twsa: np.ndarray, *stores: np.ndarray) -> np.ndarray:
    """``twsa`` minus every store, arrays of one shape and unit on one baseline; NaN where any is NaN."""
    result = np.array(twsa, copy=True)
    for store in stores:
        result -= store
    return result


def filter_to_footprint(
    store: MonthlyStack, radius_km: float, twsa: MonthlyStack, progress: Progress = SILENT
) -> MonthlyStack:
    """A store, as an anomaly, after the Gaussian filter of ``radius_km`` (see ``gaussian.smooth``) on its own cells.

    TWSA resolves about 300 km; a lake or a glacier as sharp as its map would be subtracted where TWSA has only part of
    it, and not where TWSA has the rest. Says by how much the filter changes the store in the region of ``twsa``, and
    warns when the store ends within the filter's reach of that region. Raises InputError as ``groundwater`` does.
    """
    anomaly = on_baseline(store, progress)
    before = _shared(anomaly, twsa)[0]
    short = short_sides(store.grid, surroundings(before.grid.bounds, radius_km))
    if short:
        progress.warn(
            f"{store.variable} ends too near the region in the {' and '.join(short)} for a filter of {radius_km:g} km: "
            "what lies beyond is missing there; give a larger stack."
        )
    smoothed = smooth(anomaly, radius_km, progress)
    change = _shared(smoothed, twsa)[0].values - before.values
    rms = np.sqrt(np.nanmean(np.square(change, dtype=np.float64)))
    progress.info(
        f"{store.variable}: the filter of {radius_km:g} km changes it by {rms:.2f} cm rms in the region."
    )
    return smoothed


def groundwater_sigma(
    gwsa: MonthlyStack, sigma: Sigma, progress: Progress = SILENT
) -> MonthlyStack:
    """One standard error of ``gwsa`` in cm: the root of the sum of the terms' squares, for independent errors.

    NaN where GWSA is, and where no term is known. A term that is unknown somewhere makes the total a lower bound: the
    log and the tag GWSA_SIGMA say so, and GWSA_SIGMA_WITHOUT names it. Raises InputError when no term is given at all.
    """
    terms = {"TWSA": _twsa_sigma(gwsa, sigma), **sigma.stores}
    given = {
        name: np.asarray(term, dtype=np.float32) for name, term in terms.items() if term is not None
    }
    if not given:
        raise InputError(
            "SIGMA has nothing to be made of; give SIGMA_TWSA or another sigma, or leave SIGMA empty."
        )
    present = np.isfinite(gwsa.values)
    squares = np.zeros(gwsa.values.shape, dtype=np.float32)
    known = np.zeros(gwsa.values.shape, dtype=bool)
    for term in given.values():
        known |= np.isfinite(term)
        squares += np.nan_to_num(term) ** 2
    lacking = [n for n in terms if n not in given or not (np.isfinite(given[n]) | ~present).all()]
    values = np.where(present & known, np.sqrt(squares), np.float32(np.nan))
    stack = replace(gwsa, values=values, variable="GWSA_SIGMA")
    if not lacking:
        return stack
    progress.warn(
        f"The sigma of GWSA is a lower bound: that of {', '.join(lacking)} is not known everywhere."
    )
    return stack.tagged(GWSA_SIGMA="lower bound", GWSA_SIGMA_WITHOUT=", ".join(lacking))


def on_baseline(stack: MonthlyStack, progress: Progress = SILENT) -> MonthlyStack:
    """The stack as an anomaly against the common baseline, 2004-2009.

    With data in every month of it the stack's own mean over them is taken off; otherwise the stack's tag GWSA_BASELINE
    is believed. InputError when it has neither.
    """
    lacking = np.setdiff1d(
        month_range(*BASELINE), stack.months[np.isfinite(stack.values).any(axis=(1, 2))]
    )
    if not lacking.size:
        shift = np.nanmax(np.abs(stack.baseline_mean()))
        if shift > NEGLIGIBLE_CM:
            progress.info(
                f"{stack.variable}: brought to {period_name(BASELINE)}, by up to {shift:.2f} cm."
            )
        return stack.anomaly()
    if stack.tags.get("GWSA_BASELINE") != period_name(BASELINE):
        raise InputError(
            f"{stack.variable} lacks {name_runs(lacking)} of the baseline {period_name(BASELINE)} and has no tag "
            "that says against what it is an anomaly; give a stack with these months, or set its tag "
            f"GWSA_BASELINE={period_name(BASELINE)} if that is its baseline."
        )
    return stack


def _minus(rest: MonthlyStack, store: MonthlyStack, progress: Progress) -> MonthlyStack:
    """``rest`` less ``store`` where both are."""
    rest, store = _shared(rest, store)
    has_values = np.isfinite(store.values).any(axis=(1, 2))
    lost = rest.months[~has_values & (np.array(rest.source) != MISSING)]
    if lost.size:
        progress.warn(
            f"{store.variable} has no values for {name_runs(lost)}: GWSA is missing there."
        )
    outside = int((rest.valid & ~store.valid).sum())
    if outside:
        progress.warn(
            f"{store.variable} has no values in {outside} of {rest.valid.sum()} cells: GWSA is missing there."
        )
    values = groundwater_series(rest.values, store.values)
    remain = np.isfinite(values).any(axis=(1, 2))
    if not remain.any():
        raise InputError(
            f"{rest.variable} and {store.variable} have no cell and month in common; give one region."
        )
    source = tuple(word if kept else MISSING for word, kept in zip(rest.source, remain))
    return replace(rest, values=values, source=source)


def _shared(one: MonthlyStack, other: MonthlyStack) -> tuple[MonthlyStack, MonthlyStack]:
    """The cells and months that both have."""
    _require_centimetres(one, other)
    _require_one_lattice(one, other)
    try:
        grid = one.grid.overlap(other.grid)
    except InputError as error:
        raise InputError(f"{one.variable} and {other.variable}: {error}") from None
    first, last = max(one.months[0], other.months[0]), min(one.months[-1], other.months[-1])
    if last < first:
        raise InputError(
            f"{one.variable} covers {one.months[0]} to {one.months[-1]} and {other.variable} {other.months[0]} to "
            f"{other.months[-1]}, so they share no month; give inputs of one period."
        )
    return tuple(stack.crop(grid).select(first, last) for stack in (one, other))


def _require_centimetres(*stacks: MonthlyStack) -> None:
    for stack in stacks:
        if stack.unit.split()[0] != CM:
            raise InputError(
                f"{stack.variable} is in {stack.unit}; give it in cm of water, or set the unit of its bands to mm or m "
                "if that is what it is."
            )


def _require_one_lattice(one: MonthlyStack, other: MonthlyStack) -> None:
    if not one.grid.aligned_with(other.grid):
        cells = [
            f"{s.variable} ({s.grid.dx:g}° from {s.grid.west:g}, {s.grid.north:g})"
            for s in (other, one)
        ]
        raise InputError(
            f"The cells of {cells[0]} do not lie on those of {cells[1]}; warp one to the other's grid."
        )


def _twsa_sigma(gwsa: MonthlyStack, sigma: Sigma) -> np.ndarray | None:
    """cm, shape of GWSA: the filling's where a month is filled, else the solution's; None when neither is given."""
    if sigma.twsa is None and sigma.filled is None:
        return None
    filled = (np.array(gwsa.source) == FILLED)[:, None, None]
    return np.where(filled, _laid_on(gwsa, sigma.filled), _laid_on(gwsa, sigma.twsa))


def _laid_on(gwsa: MonthlyStack, stack: MonthlyStack | None) -> np.ndarray:
    """A stack's values on the cells and months of GWSA, NaN where it has none."""
    values = np.full(gwsa.values.shape, np.nan, dtype=np.float32)
    if stack is None:
        return values
    own, other = _shared(gwsa, stack)
    rows, columns = gwsa.grid.window_of(own.grid)
    start = int((own.months[0] - gwsa.months[0]).astype(int))
    values[start : start + own.months.size, rows, columns] = other.values
    return values
