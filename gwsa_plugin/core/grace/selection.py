"""The cells and months of a mascon file that an import reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Bounds, Grid, bounds_text
from ..base.months import BASELINE, month_range, period_name
from ..base.progress import Progress
from ..files.stack import FILLED, MISSING, OBSERVED, MonthlyStack
from ..files.stack_tags import region_tag
from ..rasters.netcdf import NetCdfFile
from ..rasters.netcdf_grid import GriddedVariable
from ..spatial.margin import MARGIN_KM, with_margin
from ..spatial.regrid import Regridding
from .land_mask import covered_by_mask, read_land
from .mascons import LAND, MasconFile
from .solution_months import Solution

# Release of the mascons.
RELEASE_TAG = "GWSA_RELEASE"


@dataclass(frozen=True)
class TwsaOptions:
    """Options of the import.

    Parameters
    ----------
    land_mask : Path, optional
        NetCDF file with a land mask. By default the mask of the product, if it has one.
    bounds : (float, float, float, float), optional
        West, south, east and north in degrees, the east above 180 for a region across 180°. By
        default all cells of the file.
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
        file or the land mask ends, and at ±180° unless the region itself crosses 180°.
    variable, unit : str, optional
        The variable with the water thickness and its unit; by default they are recognised.
    """

    land_mask: Path | None = None
    bounds: tuple[float, float, float, float] | None = None
    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    sigma_cm: float | None = None
    gain_factors: bool = False
    cell: float = 0.25
    margin_km: float = MARGIN_KM
    variable: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Selection:
    """The cells and months to import.

    Parameters
    ----------
    mascons : MasconFile
    solutions : tuple of Solution
        All fields of the file.
    calendar : ndarray of datetime64[M], shape (months,)
        The months of the output.
    regridding : Regridding
        To the grid of the output, with the margin.
    land : ndarray of bool, shape of the output
    gain : ndarray of float, shape of the source, optional
        Gain factors.
    region : Grid
        The grid of the output without the margin.
    tags : dict of str to str
        Tags of the region and of the gain factors.
    """

    mascons: MasconFile
    solutions: tuple[Solution, ...]
    calendar: np.ndarray
    regridding: Regridding
    land: np.ndarray
    gain: np.ndarray | None
    region: Grid
    tags: dict[str, str]

    @cached_property
    def months(self) -> np.ndarray:
        """The labels of the fields: datetime64[M]."""
        return np.array([one.month for one in self.solutions])

    @property
    def filled(self) -> np.ndarray:
        """The fields that were filled by others: bool."""
        return np.array([one.filled for one in self.solutions])

    @property
    def in_period(self) -> np.ndarray:
        """The solutions whose month is in the output: bool."""
        return (self.months >= self.calendar[0]) & (self.months <= self.calendar[-1])

    def fields(
        self, variable: GriddedVariable, wanted: np.ndarray, progress: Progress
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
        """Return the bands as a stack with the tags of the product."""
        source = [OBSERVED if np.isfinite(band).any() else MISSING for band in values]
        for place in np.flatnonzero(self.filled & self.in_period):
            band = self.band(int(place))
            source[band] = FILLED if source[band] == OBSERVED else MISSING
        tags = {
            "GWSA_BASELINE": period_name(BASELINE),
            "GWSA_CENTRE": self.mascons.centre or "unknown",
            RELEASE_TAG: self.mascons.release or "unknown",
            "GWSA_PRODUCT": self.mascons.title,
            **self.tags,
        }
        return MonthlyStack(
            self.regridding.target, self.calendar, values, tuple(source), variable, tags=tags
        )


def select(
    mascons: MasconFile,
    solutions: tuple[Solution, ...],
    mask: NetCdfFile | None,
    options: TwsaOptions,
    progress: Progress,
) -> Selection:
    """Find the cells and months to import.

    Parameters
    ----------
    mascons : MasconFile
    solutions : tuple of Solution
        All fields of the file.
    mask : NetCdfFile or None
        File with a land mask; None to use that of the product, if it has one.
    options : TwsaOptions
    progress : Progress

    Raises
    ------
    InputError
        When the file has nothing in the region or the period, the region has no land, or gain
        factors are asked for that the file does not have.
    """
    months = np.array([solution.month for solution in solutions])
    calendar = _calendar(months, options.period, mascons.name)
    mask = mask or _own_mask(mascons, progress)
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
    return Selection(mascons, solutions, calendar, regridding, land, gain, region, tags)


def _region_and_target(
    mascons: MasconFile, mask: NetCdfFile | None, options: TwsaOptions
) -> tuple[Grid, Grid]:
    """The cells of the region that the file has, and those with the margin."""
    bounds = options.bounds or _file_bounds(mascons.thickness)
    wanted = Grid.covering(bounds, options.cell)
    region = mascons.regridding(wanted).covered()
    if region is None:
        raise InputError(
            f"{mascons.name} holds nothing in the region {bounds_text(bounds)}; "
            "choose a region inside the file."
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


def _file_bounds(variable: GriddedVariable) -> Bounds:
    """The globe, or the longitudes of a file of a region across 180°."""
    longitudes = variable.longitudes
    steps = (np.diff(longitudes) + 180.0) % 360.0 - 180.0
    step = steps.mean() if steps.size else 0.0
    west = (min(longitudes[0], longitudes[0] + steps.sum()) - abs(step) / 2 + 180.0) % 360 - 180.0
    east = west + longitudes.size * abs(step)
    if east <= 180.0 or east - west > 359.0:
        return GLOBE
    return west, -90.0, east, 90.0


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


def _own_mask(mascons: MasconFile, progress: Progress) -> NetCdfFile | None:
    """The product if it has a land mask."""
    if mascons.has(LAND):
        return mascons.file
    progress.warn(
        f"Without a land mask all cells of {mascons.name} are kept, also those of the ocean."
    )
    return None


def _land(mask: NetCdfFile | None, region: Grid, target: Grid, progress: Progress) -> np.ndarray:
    """Land of the mask, all cells without one: bool, shape of ``target``."""
    if mask is None:
        return np.ones(target.shape, dtype=bool)
    land = read_land(mask, target)
    inside = land[target.window_of(region)]
    if not inside.any():
        raise InputError(
            f"The region has no land in {mask.name}: it is understood as "
            f"{bounds_text(region.bounds)}; choose a region with land."
        )
    progress.info(
        f"{inside.sum():,} of {inside.size:,} cells of the region {bounds_text(region.bounds)} "
        f"are land in {mask.name}."
    )
    return land
