"""Anomalies of soil moisture, snow and canopy water storage from a folder of GLDAS Noah 2.1 months."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Grid
from ..base.progress import SILENT, Progress
from ..base.units import CM_PER_KG_M2
from ..compute.threads import run_all
from ..files.stack import MonthlyStack, write_stack
from ..spatial.gaussian_filter import short_sides, smooth, surroundings
from ..spatial.permanent_ice import covered
from ..spatial.regrid import Regridding
from .file_names import WANTED, has_granules
from .granule_folder import read_granules
from .land_storage import COMPONENTS, VARIABLES, LandStorage, LazyMonths, in_memory
from .variable_stacks import has_stacks, read_stacks

ICE_THRESHOLD = 2000.0
"""kg m-2 of snow; Noah has no glaciers, so on permanent ice its snow piles up without limit (to 112,541 kg m-2)."""

SNOW = COMPONENTS.index("SWES")
TOTAL = "OUTPUT"
SOUTH_END = -60.0
"""Degrees: GLDAS has no Antarctica."""


@dataclass(frozen=True)
class GldasOptions:
    """``period``: first and last month, None for all there is. ``ice_threshold``: kg m-2 of snow in any month.

    ``ice_polygons``: GeoJSON in EPSG:4326. ``cell``: degrees. ``gaussian_km``: radius of the filter, 0 for none.
    """

    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    ice_threshold: float = ICE_THRESHOLD
    ice_polygons: Sequence[dict] = ()
    cell: float = 0.25
    gaussian_km: float = 0.0

    def as_parameters(self) -> dict:
        """As they are recorded: of the polygons their digest."""
        polygons = (
            json.dumps(self.ice_polygons, sort_keys=True).encode() if self.ice_polygons else None
        )
        period = [str(month or "") for month in self.period]
        return {
            **vars(self),
            "period": period,
            "ice_polygons": polygons and hashlib.sha256(polygons).hexdigest(),
        }


@dataclass(frozen=True, eq=False)
class LandWater:
    """SMS, SWES and CWS as anomalies in cm; of ``land`` cells of the files, ``ice`` are out.

    Only land is held; a stack on ``grid`` is made when asked for.
    """

    anomalies: LandStorage
    grid: Grid
    ice: int
    land: int

    @property
    def files(self) -> list[Path]:
        return self.anomalies.files

    @property
    def stacks(self) -> dict[str, MonthlyStack]:
        return {name: in_memory(self._stack(name)) for name in COMPONENTS}

    def total(self) -> MonthlyStack:
        """SMS + SWES + CWS, cm: all the water that Noah knows (no groundwater, lakes, rivers or glaciers)."""
        return in_memory(self._stack(TOTAL))

    def write(
        self,
        paths: dict[str, Path],
        tags: dict[str, str] | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """SMS, SWES, CWS and TOTAL, those of them that have a path, as GeoTIFFs, side by side."""

        def task(name: str, path: Path, progress: Progress) -> None:
            write_stack(path, self._stack(name), tags, progress)

        run_all([partial(task, name, path) for name, path in paths.items()], progress)

    def _stack(self, name: str) -> MonthlyStack:
        if name == TOTAL:
            first, *others = self.anomalies.values
            stack = self.anomalies.stack("+".join(COMPONENTS), sum(others, start=first))
        else:
            stack = self.anomalies.stack(name, self.anomalies.values[COMPONENTS.index(name)])
        return (
            stack if self.anomalies.grid.aligned_with(self.grid) else _regridded(stack, self.grid)
        )


def gldas_anomalies(
    folder, region=None, options: GldasOptions = GldasOptions(), progress: Progress = SILENT
) -> LandWater:
    """Storage anomalies of every month of the period, in cm of water.

    ``folder`` holds monthly NetCDF files, else a GeoTIFF of monthly bands for each of the six variables. ``region`` is
    west, south, east, north in degrees, snapped outward to whole cells, by default all of the files' grid; a grid other
    than that of ``options.cell`` is regridded by area overlap. From each cell and component **one** mean over 2004-2009
    is taken, the baseline of the GRACE mascons; a mean per calendar month would leave the storage's seasons in the
    groundwater. The months of the baseline are read whatever the period. NaN off the land and on permanent ice: where
    snow exceeds the threshold, or at least half of a cell lies in the polygons.

    GLDAS Noah 2.1: Rodell et al. 2004, doi:10.1175/BAMS-85-3-381; granules of doi:10.5067/SXAVCZFAQLNO. Version 2.2
    assimilates GRACE and is refused. Raises InputError for unusable or missing files (see ``read_granules`` and
    ``read_stacks``), for a region with no land, and, before any file is read, for a cell size that does not divide 180
    and a radius that ``smooth`` refuses.
    """
    wanted = Grid.covering(region or GLOBE, options.cell).bounds
    needed = surroundings(wanted, options.gaussian_km) if options.gaussian_km else wanted
    region = region and wanted
    storage = _read(folder, options.period, region and _without_gap(needed), progress.part(0, 0.8))
    inside = storage.grid.sub(*storage.grid.window(region or storage.grid.bounds))
    ice, land = _mask_ice(storage, inside, options, progress)
    progress.info(f"{storage.period[0]} to {storage.period[1]} are kept.")
    anomalies = storage.anomaly().in_period()
    if options.gaussian_km:
        _warn_of_short_margin(storage.grid, needed, progress)
        anomalies = _smoothed(anomalies, inside, options.gaussian_km, progress.part(0.8, 1))
    progress.advance(1)
    return LandWater(anomalies.crop(inside), _target(inside, region, options.cell), ice, land)


def _read(folder, period, bounds, progress: Progress) -> LandStorage:
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder.name} is not a folder; give the folder that holds the {WANTED} files."
        )
    if has_granules(folder):
        return read_granules(folder, period, bounds, progress)
    if has_stacks(folder):
        return read_stacks(folder, period, bounds, progress)
    raise InputError(
        f"The folder {folder.name} has no GLDAS files; give one that holds {WANTED} files, or a GeoTIFF of monthly "
        f"bands for each variable, named after it ({VARIABLES[0]}.tif)."
    )


def _target(grid: Grid, region, cell: float) -> Grid:
    """The cells of the output: the files' own, or those of ``cell`` degrees that they reach."""
    wanted = Grid.covering(region or grid.bounds, cell)
    return grid if grid.aligned_with(wanted) else _regridding(grid, wanted).covered()


def _regridding(grid: Grid, target: Grid) -> Regridding:
    return Regridding(grid.latitudes, grid.longitudes, target, "the GLDAS files")


def _regridded(stack: MonthlyStack, target: Grid) -> MonthlyStack:
    regridding = _regridding(stack.grid, target)
    columns = np.r_[tuple(regridding.columns)]
    values = LazyMonths(
        (stack.months.size, *target.shape),
        lambda month: regridding(stack.values[month][regridding.rows][:, columns]),
    )
    return replace(stack, grid=target, values=values)


def _mask_ice(
    storage: LandStorage, inside: Grid, options: GldasOptions, progress: Progress
) -> tuple[int, int]:
    """Make permanent ice NaN in every component; the numbers of ice cells and of land cells in the region."""
    deep = (storage.values[SNOW] > options.ice_threshold * CM_PER_KG_M2).any(axis=0)
    outlined = covered(options.ice_polygons, storage.grid)[storage.land]
    storage.values[:, :, deep | outlined] = np.nan
    counted = storage.within(inside)
    land, ice = (
        int(np.count_nonzero(cells[counted])) for cells in (np.ones_like(deep), deep | outlined)
    )
    why = f"snow above {options.ice_threshold:g} kg m-2: {np.count_nonzero(deep & counted)}"
    if options.ice_polygons:
        why += f", half or more of the cell inside the ice polygons: {np.count_nonzero(outlined & counted)}"
    if ice == land:
        raise InputError(
            f"The region has {land} GLDAS land cells and {ice} of them are permanent ice ({why}), so nothing is left; "
            "choose a region with land or less ice."
        )
    progress.info(f"{ice} of {land} land cells are permanent ice and left out ({why}).")
    return ice, land


def _smoothed(
    anomalies: LandStorage, inside: Grid, radius_km: float, progress: Progress
) -> LandStorage:
    """Each component after the Gaussian filter, in place; the log says what that changes in the region."""
    counted = anomalies.within(inside)
    for name, before, part in zip(COMPONENTS, anomalies.values, progress.parts(len(COMPONENTS))):
        after = anomalies.gather(smooth(in_memory(anomalies.stack(name, before)), radius_km, part))
        change = np.sqrt(np.nanmean((after - before)[:, counted] ** 2, dtype=np.float64))
        progress.info(
            f"The Gaussian filter of {radius_km:g} km changes {name} by {change:.3g} cm (root mean square)."
        )
        before[:] = after
    return anomalies


def _without_gap(bounds) -> tuple[float, float, float, float]:
    """The bounds, with all longitudes where they pass ±180: what lies beyond is at the other end of the files."""
    west, south, east, north = bounds
    return bounds if west >= -180 and east <= 180 else (-180.0, south, 180.0, north)


def _warn_of_short_margin(grid: Grid, needed, progress: Progress) -> None:
    """What is beyond the end of GLDAS in the south is not missed."""
    west, south, east, north = needed
    ends = short_sides(grid, (west, max(south, SOUTH_END), east, north))
    if ends:
        progress.warn(
            f"The files end nearer to the region than the Gaussian filter reaches ({', '.join(ends)}), so that its "
            "edges there are smoothed from inside only; give files of a larger region."
        )
