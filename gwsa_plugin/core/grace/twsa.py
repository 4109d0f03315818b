"""Import of a mascon file as a monthly stack of terrestrial water storage anomalies (TWSA).

References
----------
Mascons of CSR: Save et al. (2016). JPL, with its coastline filter and gain factors: Watkins et al.
(2015) and Wiese et al. (2016). GSFC: Loomis et al. (2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Grid
from ..base.months import BASELINE, in_baseline, month_range, name_runs, period_name
from ..base.progress import SILENT, Progress
from ..files.netcdf import NetCdf
from ..files.stack import MISSING, OBSERVED, MonthlyStack
from ..spatial.regrid import Regridding
from .mascons import GAIN, LAND, SIGMA, THICKNESS, MasconFile, read_land
from .solution_months import Solution, check_labels, label_solutions, missing_months


@dataclass(frozen=True)
class TwsaOptions:
    """Options of the import.

    Parameters
    ----------
    land_mask : Path, optional
        NetCDF file with a land mask. By default the mask of the product, if it has one.
    bounds : (float, float, float, float), optional
        West, south, east and north in degrees. By default all cells of the file.
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month; None for those of the record.
    sigma_cm : float, optional
        Standard deviation for a product that states none, cm.
    gain_factors : bool
        Multiply by JPL's land gain factors.
    cell : float
        Cell size of the result, degrees.
    """

    land_mask: Path | None = None
    bounds: tuple[float, float, float, float] | None = None
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    sigma_cm: float | None = None
    gain_factors: bool = False
    cell: float = 0.25


@dataclass(frozen=True)
class TwsaImport:
    """The result of the import.

    Parameters
    ----------
    twsa : MonthlyStack
        cm EWH against 2004-2009.
    sigma : MonthlyStack, optional
        Standard error in cm; None when neither the product nor the options state one.
    solutions : tuple of Solution
        All solutions of the file.
    mascons : ndarray of int, shape (rows, columns), optional
        Number of each cell's mascon; None where the product has none.
    """

    twsa: MonthlyStack
    sigma: MonthlyStack | None
    solutions: tuple[Solution, ...]
    mascons: np.ndarray | None = None


def import_twsa(
    path: Path, options: TwsaOptions = TwsaOptions(), progress: Progress = SILENT
) -> TwsaImport:
    """Read a mascon NetCDF file as anomalies against 2004-2009.

    The result is on a north-up grid of -180..180; other grids are regridded by area overlap. Every
    calendar month of the period has a band. Values are NaN outside the land and in months without a
    solution. The baseline mean is that of all solutions of 2004-2009 in the file, also when the
    period does not include them.

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
    mascons = MasconFile.open(path)
    _log_product(mascons, progress)
    solutions = label_solutions(mascons.spans, mascons.name, mascons.spans_stated)
    if mascons.listed_missing is not None:
        check_labels(solutions, mascons.listed_missing, mascons.name)
    _log_months(solutions, progress)
    selection = _select(mascons, solutions, options, progress)
    twsa = _anomaly(selection, progress.part(0.0, 0.7))
    sigma = _sigma(selection, twsa, options.sigma_cm, progress.part(0.7, 1.0))
    return TwsaImport(twsa, sigma, solutions, mascons.identifiers(selection.regridding))


@dataclass(frozen=True)
class _Selection:
    """The cells and months to import.

    ``months`` are the labels of the solutions, ``calendar`` the months of the output. ``land``
    has the shape of the target. ``gain`` has the shape of the source.
    """

    mascons: MasconFile
    months: np.ndarray
    calendar: np.ndarray
    regridding: Regridding
    land: np.ndarray
    gain: np.ndarray | None

    @property
    def in_period(self) -> np.ndarray:
        """The solutions whose month is in the output: bool."""
        return (self.months >= self.calendar[0]) & (self.months <= self.calendar[-1])

    def fields(
        self, variable: str, wanted: np.ndarray, progress: Progress
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the index of each wanted solution and its field on the land of the target grid."""
        for place, field in self.mascons.fields(variable, wanted, self.regridding, progress):
            scaled = field if self.gain is None else field * self.gain
            yield place, np.where(self.land, self.regridding(scaled), np.nan)

    def empty_bands(self) -> np.ndarray:
        """Bands of NaN for all months of the output."""
        return np.full((self.calendar.size, *self.land.shape), np.nan, dtype=np.float32)

    def band(self, place: int) -> int:
        """Index of the band of a solution."""
        return int((self.months[place] - self.calendar[0]).astype(int))

    def stack(self, variable: str, values: np.ndarray) -> MonthlyStack:
        """The bands as a stack with the tags of the product."""
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
    """Water thickness minus the mean of each cell over the solutions of the baseline."""
    inside = in_baseline(selection.months)
    _require_baseline(selection, inside, progress)
    values = selection.empty_bands()
    wanted = selection.in_period
    total = np.zeros(selection.land.shape)
    count = np.zeros(selection.land.shape, dtype=int)
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
        for place, field in selection.fields(SIGMA, selection.in_period, progress):
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


def _select(
    mascons: MasconFile, solutions: Sequence[Solution], options: TwsaOptions, progress: Progress
) -> _Selection:
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
            f"{mascons.name} holds nothing in the region {region} "
            "(west, south, east, north in degrees); choose a region inside the file."
        )
    return grid


def _calendar(
    months: np.ndarray, period: tuple[np.datetime64 | None, np.datetime64 | None], name: str
) -> np.ndarray:
    """All months of the period, or of the record where it is open."""
    first = months.min() if period[0] is None else period[0]
    last = months.max() if period[1] is None else period[1]
    calendar = month_range(first, last)
    if not np.isin(calendar, months).any():
        raise InputError(
            f"{name} covers {months.min()} to {months.max()} and has no solution in "
            f"{first}..{last}; choose START and END inside that."
        )
    return calendar


def _land(mascons: MasconFile, target: Grid, path: Path | None, progress: Progress) -> np.ndarray:
    """The given mask, else the product's own, else all cells: bool, shape of ``target``."""
    if path is None and not mascons.has(LAND):
        progress.warn(
            f"Without a land mask all cells of {mascons.name} are kept, also those of the ocean."
        )
        return np.ones(target.shape, dtype=bool)
    mask = mascons.file if path is None else NetCdf(path)
    land = read_land(mask, target)
    if not land.any():
        raise InputError(f"The region has no land in {mask.name}; choose a region with land.")
    progress.info(f"{land.sum():,} of {land.size:,} cells of the region are land in {mask.name}.")
    return land


def _require_baseline(selection: _Selection, inside: np.ndarray, progress: Progress) -> None:
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


def _log_product(mascons: MasconFile, progress: Progress) -> None:
    if mascons.centre:
        product = f"{mascons.centre} {mascons.release}".strip()
        progress.info(f"{mascons.name}: {product} (“{mascons.title}”).")
    else:
        progress.warn(
            f"{mascons.name} does not state its processing centre; it is read by its variables."
        )
    if mascons.has(GAIN):
        progress.info("The file has gain factors, which are applied only when the option is on.")
    if not mascons.spans_stated:
        progress.warn(
            f"{mascons.name} has no time_bounds, so each solution is taken to cover half a month "
            "to each side of its time; give the file as its centre distributes it to use the true "
            "spans."
        )
    if mascons.listed_missing is None:
        progress.warn(
            f"{mascons.name} lists no missing months, so the month labels cannot be checked "
            "against that list."
        )


def _log_months(solutions: Sequence[Solution], progress: Progress) -> None:
    first = min(solution.month for solution in solutions)
    last = max(solution.month for solution in solutions)
    missing = missing_months(solutions)
    progress.info(f"{len(solutions)} solutions, {first} to {last}.")
    progress.info(f"{missing.size} months between them have none: {name_runs(missing)}.")
    for solution in solutions:
        if solution.moved_from:
            progress.info(
                f"The solution {solution} is labelled {solution.month}, because another one has "
                f"{solution.moved_from}."
            )
