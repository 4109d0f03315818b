"""Import of a mascon file as a monthly stack of terrestrial water storage anomalies (TWSA).

References
----------
Mascons of CSR: Save et al. (2016). JPL, with its coastline filter and gain factors: Watkins et al.
(2015) and Wiese et al. (2016). GSFC: Loomis et al. (2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Grid
from ..base.months import BASELINE, in_baseline, month_range, name_runs, period_name
from ..base.progress import SILENT, Progress
from ..files.packed_tiles import NO_TILE
from ..files.stack import MISSING, OBSERVED, MonthlyStack
from ..files.stack_tags import region_tag
from ..rasters.netcdf import NetCdf
from ..spatial.margin import MARGIN_KM, with_margin
from ..spatial.regrid import Regridding
from .land_mask import covered_by_mask, read_land
from .mascons import GAIN, LAND, SIGMA, THICKNESS, MasconFile
from .solution_months import Solution, check_labels, label_solutions, missing_months
from .stack_tiles import stack_tiles


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
    margin_km : float
        Width of the margin around ``bounds``, km, for the footprint of GRACE. It ends where the
        file or the land mask ends, and at ±180°.
    """

    land_mask: Path | None = None
    bounds: tuple[float, float, float, float] | None = None
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    sigma_cm: float | None = None
    gain_factors: bool = False
    cell: float = 0.25
    margin_km: float = MARGIN_KM


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
        All solutions of the file.
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
    covers the region and the margin; the region alone is in the tag GWSA_REGION. Every
    calendar month of the period has a band. Values are NaN outside the land and in months without a
    solution. The baseline mean is that of all solutions of 2004-2009 in the file, also when the
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
    mascons = MasconFile.open(path)
    _log_product(mascons, progress)
    solutions = label_solutions(mascons.spans, mascons.name, mascons.spans_stated)
    if mascons.listed_missing is not None:
        check_labels(solutions, mascons.listed_missing, mascons.name)
    _log_months(solutions, progress)
    selection = _select(mascons, solutions, options, progress)
    twsa = _anomaly(selection, progress.part(0.0, 0.7))
    sigma = _sigma(selection, twsa, options.sigma_cm, progress.part(0.7, 1.0))
    identifiers = mascons.identifiers(selection.regridding)
    twsa = replace(twsa, tiles=_tiles(twsa, identifiers, progress))
    return TwsaImport(twsa, sigma, solutions, identifiers)


@dataclass(frozen=True)
class _Selection:
    """The cells and months to import.

    ``months`` are the labels of the solutions, ``calendar`` the months of the output. ``land``
    has the shape of the target. ``gain`` has the shape of the source. ``region`` is the target
    without the margin, and ``tags`` are those of the region and of the gain factors.
    """

    mascons: MasconFile
    months: np.ndarray
    calendar: np.ndarray
    regridding: Regridding
    land: np.ndarray
    gain: np.ndarray | None
    region: Grid
    tags: dict[str, str]

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
            **self.tags,
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
    if not count[selection.regridding.target.window_of(selection.region)].any():
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


def _select(
    mascons: MasconFile, solutions: Sequence[Solution], options: TwsaOptions, progress: Progress
) -> _Selection:
    months = np.array([solution.month for solution in solutions])
    calendar = _calendar(months, options.period, mascons.name)
    mask = _mask_file(mascons, options.land_mask, progress)
    region, target = _region_and_target(mascons, mask, options)
    regridding = mascons.regridding(target)
    land = _land(mask, region, target, progress)
    gain = mascons.gain_factors(regridding) if options.gain_factors else None
    lost = 0 if gain is None else np.count_nonzero(land & np.isnan(regridding(gain)))
    if lost:
        progress.warn(
            f"{lost:,} land cells have no gain factor in {mascons.name} and are left empty."
        )
    tags = {"GWSA_GAIN_FACTORS": "applied"} if options.gain_factors else {}
    if options.bounds is not None:
        tags |= region_tag(region)
    return _Selection(mascons, months, calendar, regridding, land, gain, region, tags)


def _region_and_target(
    mascons: MasconFile, mask: NetCdf | None, options: TwsaOptions
) -> tuple[Grid, Grid]:
    """The cells of the region that the file has, and those with the margin."""
    bounds = options.bounds or GLOBE
    wanted = Grid.covering(bounds, options.cell)
    region = mascons.regridding(wanted).covered()
    if region is None:
        text = ", ".join(f"{value:g}" for value in bounds)
        raise InputError(
            f"{mascons.name} holds nothing in the region {text} "
            "(west, south, east, north in degrees); choose a region inside the file."
        )
    wide = Grid.covering(with_margin(wanted.bounds, options.margin_km), options.cell)
    covered = mascons.regridding(wide).covered()
    if mask is not None and covered is not None:
        # A mask that is smaller than the margin limits it; one that is smaller than the region is
        # an error when it is read.
        reached = covered_by_mask(mask, covered)
        if reached is None or reached.window_of(region) is None:
            return region, region
        covered = reached
    return region, covered or region


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


def _mask_file(mascons: MasconFile, path: Path | None, progress: Progress) -> NetCdf | None:
    """The file with the land mask: the given one, else the product if it has one."""
    if path is not None:
        return NetCdf(path)
    if mascons.has(LAND):
        return mascons.file
    progress.warn(
        f"Without a land mask all cells of {mascons.name} are kept, also those of the ocean."
    )
    return None


def _land(mask: NetCdf | None, region: Grid, target: Grid, progress: Progress) -> np.ndarray:
    """Land of the mask, all cells without one: bool, shape of ``target``."""
    if mask is None:
        return np.ones(target.shape, dtype=bool)
    land = read_land(mask, target)
    inside = land[target.window_of(region)]
    if not inside.any():
        raise InputError(f"The region has no land in {mask.name}; choose a region with land.")
    progress.info(
        f"{inside.sum():,} of {inside.size:,} cells of the region are land in {mask.name}."
    )
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
