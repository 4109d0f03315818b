"""From a mascon file to a monthly stack of terrestrial water storage anomalies (TWSA).

Mascons: Save et al. 2016 (CSR), Watkins et al. 2015 and Wiese et al. 2016 (JPL, its coastline filter and gain factors),
Loomis et al. 2019 (GSFC).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Grid
from ..base.months import BASELINE, in_baseline, month_range, name_runs
from ..base.progress import SILENT, Progress
from ..files.netcdf import NetCdf
from ..files.stack import MISSING, OBSERVED, MonthlyStack, period_name
from ..spatial.regrid import Regridding
from .mascons import GAIN, LAND, SIGMA, THICKNESS, MasconFile, read_land
from .solution_months import Solution, check_labels, label_solutions, missing_months


@dataclass(frozen=True)
class TwsaOptions:
    """What to take from a mascon file.

    ``land_mask``: a NetCDF mask file; None takes the product's own, where it has one. ``bounds``: west, south, east,
    north in degrees, None for all there is. ``period``: first and last month, None for the record's own. ``sigma_cm``:
    one standard deviation for a product that states none. ``gain_factors``: multiply by JPL's. ``cell``: degrees.
    """

    land_mask: Path | None = None
    bounds: tuple[float, float, float, float] | None = None
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    sigma_cm: float | None = None
    gain_factors: bool = False
    cell: float = 0.25


@dataclass(frozen=True)
class TwsaImport:
    """``sigma`` is None where neither the product nor the options state one; ``solutions`` are all of the file's.

    ``mascons``: the number of each cell's mascon, int, shape (rows, columns); None where the product gives none.
    """

    twsa: MonthlyStack
    sigma: MonthlyStack | None
    solutions: tuple[Solution, ...]
    mascons: np.ndarray | None = None


def import_twsa(
    path, options: TwsaOptions = TwsaOptions(), progress: Progress = SILENT
) -> TwsaImport:
    """Read a mascon NetCDF file as anomalies against 2004-2009 on a north-up grid of -180..180.

    TWSA and sigma: cm EWH, shape (months, rows, columns), NaN off the land and in months without a solution. Every
    calendar month of the period has a band. The baseline mean is that of all solutions of 2004-2009 in the file,
    whatever the period. Other grids than the target's are regridded by area overlap.

    Raises InputError for a file that is no mascon NetCDF, solutions that cannot be told apart by month or disagree with
    the file's own list of missing months, a record without the baseline, and a region without data or land.
    """
    mascons = MasconFile.open(path)
    _say_what_it_is(mascons, progress)
    solutions = label_solutions(mascons.spans, mascons.name, mascons.spans_stated)
    if mascons.listed_missing is not None:
        check_labels(solutions, mascons.listed_missing, mascons.name)
    _say_months(solutions, progress)
    selection = _select(mascons, solutions, options, progress)
    twsa = _anomaly(selection, progress.part(0.0, 0.7))
    sigma = _sigma(selection, twsa, options.sigma_cm, progress.part(0.7, 1.0))
    return TwsaImport(twsa, sigma, solutions, mascons.identifiers(selection.regridding))


@dataclass(frozen=True)
class _Selection:
    """The cells and months to import. ``months``: the label of each solution; ``calendar``: those of the output."""

    mascons: MasconFile
    months: np.ndarray
    calendar: np.ndarray
    regridding: Regridding
    land: np.ndarray
    gain: np.ndarray | None

    @property
    def in_period(self) -> np.ndarray:
        return (self.months >= self.calendar[0]) & (self.months <= self.calendar[-1])

    def fields(self, variable: str, wanted: np.ndarray, progress: Progress):
        """Yield (place of the solution, field on the target grid, NaN off the land) for the ``wanted`` solutions."""
        for place, field in self.mascons.fields(variable, wanted, self.regridding, progress):
            scaled = field if self.gain is None else field * self.gain
            yield place, np.where(self.land, self.regridding(scaled), np.nan)

    def blank(self) -> np.ndarray:
        return np.full((self.calendar.size, *self.land.shape), np.nan, dtype=np.float32)

    def band(self, place: int) -> int:
        return int((self.months[place] - self.calendar[0]).astype(int))

    def stack(self, variable: str, values: np.ndarray) -> MonthlyStack:
        source = tuple(OBSERVED if np.isfinite(band).any() else MISSING for band in values)
        tags = {
            "GWSA_BASELINE": period_name(BASELINE),
            "GWSA_CENTRE": self.mascons.centre or "unknown",
            "GWSA_RELEASE": self.mascons.release or "unknown",
            "GWSA_PRODUCT": self.mascons.title,
        }
        return MonthlyStack(
            self.regridding.target, self.calendar, values, source, variable, tags=tags
        )


def _anomaly(selection: _Selection, progress: Progress) -> MonthlyStack:
    """Thickness minus one mean per cell over the solutions of the baseline."""
    inside = in_baseline(selection.months)
    _require_baseline(selection, inside, progress)
    values, wanted = selection.blank(), selection.in_period
    total, count = np.zeros(selection.land.shape), np.zeros(selection.land.shape, dtype=int)
    for place, field in selection.fields(THICKNESS, wanted | inside, progress):
        if wanted[place]:
            values[selection.band(place)] = field
        if inside[place]:
            total += np.nan_to_num(field)
            count += np.isfinite(field)
    if not count.any():
        raise InputError(
            f"{selection.mascons.name} has no value on land in the region; choose a larger region."
        )
    values -= np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return selection.stack("TWSA", values)


def _sigma(
    selection: _Selection, twsa: MonthlyStack, sigma_cm: float | None, progress: Progress
) -> MonthlyStack | None:
    """The product's own 1 sigma, else ``sigma_cm`` wherever TWSA has a value, else None.

    JPL's is one value a 3 degree mascon (Wiese et al. 2016), so neighbouring cells err together: ``regional_mean`` of
    the module of that name averages it. A gain factor scales it as it scales the value.
    """
    if selection.mascons.has(SIGMA):
        if sigma_cm is not None:
            progress.warn(
                f"{selection.mascons.name} states its own {SIGMA}; the constant sigma is not used."
            )
        values = selection.blank()
        for place, field in selection.fields(SIGMA, selection.in_period, progress):
            values[selection.band(place)] = np.abs(field)
    elif sigma_cm is not None:
        values = np.full_like(twsa.values, sigma_cm)
        for field, anomaly in zip(values, twsa.values):
            field[np.isnan(anomaly)] = np.nan
    else:
        progress.warn(
            f"{selection.mascons.name} states no uncertainty and no constant sigma was given, so there is no sigma "
            "output; a total formed later without it is a lower bound."
        )
        return None
    return selection.stack("SIGMA_TWSA", values)


def _select(mascons: MasconFile, solutions, options: TwsaOptions, progress: Progress) -> _Selection:
    months = np.array([solution.month for solution in solutions])
    calendar = _calendar(months, options.period, mascons.name)
    regridding = mascons.regridding(_target(mascons, options))
    land = _land(mascons, regridding.target, options.land_mask, progress)
    gain = mascons.gain_factors(regridding) if options.gain_factors else None
    lost = 0 if gain is None else np.count_nonzero(land & np.isnan(regridding(gain)))
    if lost:
        progress.warn(
            f"{lost:,} land cells have no gain factor in {mascons.name} and are left empty."
        )
    return _Selection(mascons, months, calendar, regridding, land, gain)


def _target(mascons: MasconFile, options: TwsaOptions) -> Grid:
    """The cells of the region that the file reaches."""
    bounds = options.bounds or GLOBE
    grid = mascons.regridding(Grid.covering(bounds, options.cell)).covered()
    if grid is None:
        region = ", ".join(f"{value:g}" for value in bounds)
        raise InputError(
            f"{mascons.name} holds nothing in the region {region} (west, south, east, north in degrees); "
            "choose a region inside the file."
        )
    return grid


def _calendar(months: np.ndarray, period, name: str) -> np.ndarray:
    first, last = (
        (months.min() if period[0] is None else period[0]),
        (months.max() if period[1] is None else period[1]),
    )
    calendar = month_range(first, last)
    if not np.isin(calendar, months).any():
        raise InputError(
            f"{name} covers {months.min()} to {months.max()} and has no solution in {first}..{last}; "
            "choose START and END inside that."
        )
    return calendar


def _land(mascons: MasconFile, target: Grid, path: Path | None, progress: Progress) -> np.ndarray:
    """bool, shape of ``target``: the given mask, else the product's own, else every cell."""
    if path is None and not mascons.has(LAND):
        progress.warn(f"Without a land mask every cell of {mascons.name} is kept, the ocean too.")
        return np.ones(target.shape, dtype=bool)
    mask = mascons.file if path is None else NetCdf(path)
    land = read_land(mask, target)
    if not land.any():
        raise InputError(f"The region has no land in {mask.name}; choose a region with land.")
    progress.info(f"{land.sum():,} of {land.size:,} cells of the region are land in {mask.name}.")
    return land


def _require_baseline(selection: _Selection, inside: np.ndarray, progress: Progress) -> None:
    name, whole = selection.mascons.name, month_range(*BASELINE).size
    if not inside.any():
        raise InputError(
            f"{name} has no solution in {BASELINE[0]}..{BASELINE[1]}, the baseline of every anomaly here; "
            "give the product with its full record."
        )
    if inside.sum() < whole:
        progress.warn(
            f"{name} has {inside.sum()} of the {whole} months of the baseline; their mean is subtracted."
        )


def _say_what_it_is(mascons: MasconFile, progress: Progress) -> None:
    if mascons.centre:
        product = f"{mascons.centre} {mascons.release}".strip()
        progress.info(f"{mascons.name}: {product} (“{mascons.title}”).")
    else:
        progress.warn(
            f"{mascons.name} does not say which centre made it; it is read by its variables."
        )
    if mascons.has(GAIN):
        progress.info("It holds gain factors, which are applied only when the option is on.")
    if not mascons.spans_stated:
        progress.warn(
            f"{mascons.name} has no time_bounds, so each solution is taken to reach half a month to either side of its "
            "time; give the file as its centre distributes it to have the true spans."
        )
    if mascons.listed_missing is None:
        progress.warn(
            f"{mascons.name} lists no missing months, so its month labels rest on its own times alone."
        )


def _say_months(solutions, progress: Progress) -> None:
    first, last = min(one.month for one in solutions), max(one.month for one in solutions)
    missing = missing_months(solutions)
    progress.info(f"{len(solutions)} solutions, {first} to {last}.")
    progress.info(f"{missing.size} months between them have none: {name_runs(missing)}.")
    for one in solutions:
        if one.moved_from:
            progress.info(
                f"The solution {one} is labelled {one.month}, because another one has {one.moved_from}."
            )
