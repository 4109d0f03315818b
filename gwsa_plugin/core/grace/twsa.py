"""Import of a mascon file as a monthly stack of terrestrial water storage anomalies (TWSA).

References
----------
Mascons of CSR: Save et al. (2016). JPL, with its coastline filter and gain factors: Watkins et al.
(2015) and Wiese et al. (2016). GSFC: Loomis et al. (2019).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.memory import require_memory
from ..base.months import BASELINE, in_baseline, month_range
from ..base.plausible import MONTHS_TO_VARY
from ..base.progress import SILENT, Progress
from ..files.packed_tiles import NO_TILE
from ..files.stack import MonthlyStack
from ..rasters.netcdf import open_netcdf
from .filled_months import interpolated, mark_months_without_solution
from .import_log import log_months, log_product
from .mascons import SIGMA, MasconFile, fields_at_once
from .selection import Selection, TwsaOptions, select
from .solution_months import Solution, check_labels, label_solutions
from .stack_tiles import stack_tiles

# Copies of the values of the stack, and of the fields that are read at a time, float32:
# benchmarks/memory.py.
COPIES = 4
FIELD_COPIES = 4


@dataclass(frozen=True)
class TwsaImport:
    """The result of the import.

    Parameters
    ----------
    twsa : MonthlyStack
        cm EWH against 2004-2009, with the margin; its ``region`` is without.
    sigma : MonthlyStack, optional
        Standard error in cm; None when neither the product nor the options state one.
    solutions : tuple of Solution
        All solutions of the file, and the fields of months that others filled.
    mascons : ndarray of int, shape (rows, columns), optional
        Number of each cell's mascon; None where the product has none.
    """

    twsa: MonthlyStack
    sigma: MonthlyStack | None
    solutions: tuple[Solution, ...]
    mascons: np.ndarray | None = None

    def without_margin(self) -> TwsaImport:
        """Return the part inside the region."""
        region = self.twsa.region
        window = self.twsa.grid.window_of(region)
        return replace(
            self,
            twsa=self.twsa.crop(region),
            sigma=None if self.sigma is None else self.sigma.crop(region),
            mascons=None if self.mascons is None else self.mascons[window],
        )


def import_twsa(
    path: Path, options: TwsaOptions = TwsaOptions(), progress: Progress = SILENT
) -> TwsaImport:
    """Read a mascon NetCDF file as anomalies against 2004-2009.

    The result is on a north-up grid of -180..180; other grids are regridded by area overlap. It
    covers the region and the margin; the region alone is in the tag GWSA_REGION. Every calendar
    month of the period has a band. Values are NaN outside the land and in months without a field. A
    field of a month without a solution, and one on the line between its neighbours, is marked as
    filled. The baseline mean is that of all solutions of 2004-2009 in the file, also when the
    period does not include them. The tiles of the stack are the mascons of the product or, where it
    does not number them, the cells with identical series.

    Parameters
    ----------
    path : Path
        The mascon file.
    options : TwsaOptions
    progress : Progress

    Returns
    -------
    TwsaImport

    Raises
    ------
    InputError
        When the file is not a mascon NetCDF file, when solutions cannot be assigned to different
        months or disagree with the file's list of missing months, when the record lacks the
        baseline, or when the region has no data or no land.
    """
    with ExitStack() as opened:
        file = opened.enter_context(open_netcdf(path))
        mask = opened.enter_context(open_netcdf(options.land_mask)) if options.land_mask else None
        mascons = MasconFile.read(file, options.variable, options.unit)
        log_product(mascons, progress)
        solutions = label_solutions(mascons.spans, mascons.name, mascons.spans_stated)
        if mascons.listed_missing is not None:
            check_labels(solutions, mascons.listed_missing, mascons.name)
        solutions = mark_months_without_solution(solutions, mascons.listed_missing)
        selection = select(mascons, solutions, mask, options, progress)
        selection, twsa = _anomaly(selection, progress.part(0.0, 0.7).timed("TWSA"))
        log_months(selection, twsa, progress)
        sigma = _sigma(selection, twsa, options.sigma_cm, progress.part(0.7, 1.0))
        identifiers = mascons.identifiers(selection.regridding)
    twsa = replace(twsa, tiles=_tiles(twsa, identifiers, progress))
    return TwsaImport(twsa, sigma, selection.solutions, identifiers)


def _anomaly(selection: Selection, progress: Progress) -> tuple[Selection, MonthlyStack]:
    """Water thickness minus the mean of each cell over the solutions of the baseline.

    The selection is returned without empty fields and with filled ones marked.
    """
    _require_memory(selection, progress)
    inside = in_baseline(selection.months) & ~selection.filled
    _require_baseline(selection, inside, progress)
    values = selection.empty_bands()
    wanted = selection.in_period
    total = np.zeros(selection.land.shape)
    count = np.zeros(selection.land.shape, dtype=int)
    for place, field in selection.fields(selection.mascons.thickness, wanted | inside, progress):
        if wanted[place]:
            values[selection.band(place)] = field
        if inside[place]:
            total += np.nan_to_num(field)
            count += np.isfinite(field)
    if not count[selection.regridding.target.window_of(selection.region)].any():
        raise InputError(
            f"{selection.mascons.name} has no value on land in the region; choose a larger region."
        )
    _require_changes(values, selection.mascons.name)
    selection = _mark_filled(selection, values)
    values -= np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return selection, selection.stack("TWSA", values)


def _require_memory(selection: Selection, progress: Progress) -> None:
    months, (rows, columns) = selection.calendar.size, selection.land.shape
    regridding = selection.regridding
    fields = fields_at_once(selection.mascons.thickness, regridding) * prod(regridding.source_shape)
    needed = 4 * (COPIES * months * rows * columns + FIELD_COPIES * fields)
    require_memory(needed, f"Importing {months} months of {rows} x {columns} cells", progress)


def _require_changes(values: np.ndarray, name: str) -> None:
    """Refuse a value other than 0 that a cell has in all months: a fill value."""
    if len(values) < MONTHS_TO_VARY:
        return
    highest = np.fmax.reduce(values)
    constant = (np.fmin.reduce(values) == highest) & (highest != 0)
    constant[constant] = np.isfinite(values[:, constant]).sum(axis=0) >= MONTHS_TO_VARY
    if constant.any():
        raise InputError(
            f"{name} has the value {highest[constant][0]:g} cm in all months in "
            f"{constant.sum():,} cells, a fill value that it does not declare; set it as the "
            "_FillValue of the file."
        )


def _mark_filled(selection: Selection, values: np.ndarray) -> Selection:
    """Mark interpolated fields of the period, and leave out its empty ones."""
    places = np.flatnonzero(selection.in_period)
    places = places[np.argsort(selection.months[places])]
    bands = [selection.band(int(place)) for place in places]
    has_values = np.array([np.isfinite(values[band]).any() for band in bands], dtype=bool)
    if not has_values.any():
        first, last = selection.calendar[[0, -1]]
        raise InputError(
            f"{selection.mascons.name} has only empty fields from {first} to {last} in the region; "
            "choose START and END inside its record."
        )
    read = places[has_values]
    times = np.array([selection.solutions[place].midpoint for place in read])
    fields = values[np.array(bands)[has_values]]
    filled = set(read[interpolated(fields, times, selection.filled[read])])
    empty = set(places[~has_values])
    return replace(
        selection,
        solutions=tuple(
            replace(one, filled=one.filled or place in filled)
            for place, one in enumerate(selection.solutions)
            if place not in empty
        ),
    )


def _sigma(
    selection: Selection, twsa: MonthlyStack, sigma_cm: float | None, progress: Progress
) -> MonthlyStack | None:
    """The product's sigma, else ``sigma_cm`` where TWSA has a value, else None.

    JPL states one sigma for each 3° mascon (Wiese et al. 2016), so that the errors of neighbouring
    cells are correlated; ``regional_mean`` takes this into account. A gain factor applies to sigma
    as to the value.
    """
    if selection.mascons.has(SIGMA):
        if sigma_cm is not None:
            progress.warn(
                f"{selection.mascons.name} states its own {SIGMA}; the constant sigma is not used."
            )
        values = selection.empty_bands()
        stated = selection.mascons.variable(SIGMA)
        for place, field in selection.fields(stated, selection.in_period, progress):
            values[selection.band(place)] = np.abs(field)
    elif sigma_cm is not None:
        values = np.full_like(twsa.values, sigma_cm)
        for field, anomaly in zip(values, twsa.values):
            field[np.isnan(anomaly)] = np.nan
    else:
        progress.warn(
            f"{selection.mascons.name} states no uncertainty and no constant sigma was given, so "
            "there is no sigma output; the sigma of GWSA will then be a lower bound."
        )
        return None
    return selection.stack("SIGMA_TWSA", values)


def _tiles(
    twsa: MonthlyStack, identifiers: np.ndarray | None, progress: Progress
) -> np.ndarray | None:
    """The mascon of each cell with a value: its number in the product, else found by its series."""
    if identifiers is None:
        tiles = stack_tiles(twsa)
    else:
        tiles = np.where(twsa.valid, identifiers, NO_TILE).astype(np.int32)
    if tiles is None:
        progress.info("Every cell has a series of its own, so there are no mascon tiles.")
    else:
        count = np.unique(tiles[tiles != NO_TILE]).size
        progress.info(f"{twsa.valid.sum():,} cells with values are in {count:,} mascon tiles.")
    return tiles


def _require_baseline(selection: Selection, inside: np.ndarray, progress: Progress) -> None:
    name = selection.mascons.name
    months = month_range(*BASELINE).size
    if not inside.any():
        raise InputError(
            f"{name} has no solution in {BASELINE[0]}..{BASELINE[1]}, the baseline of all "
            "anomalies; give the product with its full record."
        )
    if inside.sum() < months:
        progress.warn(
            f"{name} has {inside.sum()} of the {months} months of the baseline; "
            "their mean is subtracted."
        )
