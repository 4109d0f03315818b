"""Anomalies of soil moisture, snow and canopy water from GLDAS Noah 2.1 monthly files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import GLOBE, Bounds, Grid, bounds_text
from ..base.memory import require_memory
from ..base.progress import SILENT, Progress
from ..base.units import CM_PER_KG_M2
from ..compute.threads import run_all
from ..files.stack import MonthlyStack, write_stack
from ..files.stack_tags import region_tag
from ..spatial.gaussian_filter import BATCH_VALUES, smooth, surroundings, uncovered_sides
from ..spatial.margin import MARGIN_KM, with_margin
from ..spatial.permanent_ice import covered
from ..spatial.regrid import Regridding
from .file_names import EXPECTED_NAME, has_granules, other_netcdf
from .granule_folder import read_granules
from .land_storage import COMPONENTS, VARIABLES, LandStorage, LazyMonths, load
from .variable_stacks import has_stacks, read_stacks

# kg m-2 of snow. Noah has no glaciers: on permanent ice its snow accumulates without limit, up to
# 112,541 kg m-2.
ICE_THRESHOLD = 2000.0
SNOW = COMPONENTS.index("SWES")
TOTAL = "OUTPUT"
# Copies of a component on its grid, float32, and of a batch of its months, float64, while it is
# smoothed: benchmarks/memory.py.
SMOOTHING_COPIES = 3
BATCH_COPIES = 6
# Southern edge of GLDAS in degrees; it has no Antarctica.
SOUTHERN_EDGE = -60.0


@dataclass(frozen=True)
class GldasOptions:
    """Options of ``gldas_anomalies``.

    Parameters
    ----------
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month of the output; None for the first or last month of the files.
    ice_threshold : float
        Snow in kg m-2 above which a cell is permanent ice, in any month.
    ice_polygons : sequence of dict
        Outlines of permanent ice as GeoJSON geometries in EPSG:4326.
    cell : float
        Cell size of the output, degrees.
    gaussian_km : float
        Radius of the Gaussian filter in km, 0 for no filter.
    margin_km : float
        Width of the margin around the region, km, for the footprint of GRACE. It ends where the
        files end, and at ±180° unless the region itself crosses 180°.
    """

    period: tuple[np.datetime64 | None, np.datetime64 | None] = (None, None)
    ice_threshold: float = ICE_THRESHOLD
    ice_polygons: Sequence[dict] = ()
    cell: float = 0.25
    gaussian_km: float = 0.0
    margin_km: float = MARGIN_KM

    def as_parameters(self) -> dict:
        """Return the options for the provenance record, the polygons as a SHA-256 digest."""
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
    """Anomalies of SMS, SWES and CWS in cm.

    Only land cells are in memory; stacks on ``grid`` are computed on request.

    Parameters
    ----------
    anomalies : LandStorage
        On the grid of the files.
    grid : Grid
        Grid of the stacks, with the margin.
    ice_cells, land_cells : int
        Number of permanent ice cells, which are excluded, and of land cells in the region.
    tags : dict of str to str
        Tags of the stacks: the region without margin and the radius of the Gaussian filter.
    """

    anomalies: LandStorage
    grid: Grid
    ice_cells: int
    land_cells: int
    tags: dict[str, str]

    @property
    def files(self) -> list[Path]:
        """The files that were read."""
        return self.anomalies.files

    @property
    def stacks(self) -> dict[str, MonthlyStack]:
        """The anomalies of each component."""
        return {name: load(self._stack(name)) for name in COMPONENTS}

    def total(self) -> MonthlyStack:
        """Return SMS + SWES + CWS; Noah has no groundwater, lakes, rivers or glaciers."""
        return load(self._stack(TOTAL))

    def write(
        self,
        paths: dict[str, Path],
        tags: dict[str, str] | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """Write stacks as GeoTIFFs, in parallel.

        Parameters
        ----------
        paths : dict of str to Path
            The stacks to write, some of SMS, SWES, CWS and ``TOTAL``, and their files.
        tags : dict of str to str, optional
            Further tags of the files.
        progress : Progress
        """

        def task(name: str, path: Path, progress: Progress) -> None:
            write_stack(path, self._stack(name), tags, progress)

        run_all([partial(task, name, path) for name, path in paths.items()], progress)

    def _stack(self, name: str) -> MonthlyStack:
        if name == TOTAL:
            first, *others = self.anomalies.values
            stack = self.anomalies.stack("+".join(COMPONENTS), sum(others, start=first))
        else:
            stack = self.anomalies.stack(name, self.anomalies.values[COMPONENTS.index(name)])
        stack = stack.tagged(**self.tags)
        if self.anomalies.grid.aligned_with(self.grid):
            return stack
        return _regrid(stack, self.grid)


def gldas_anomalies(
    folder: str | Path,
    region: Bounds | None = None,
    options: GldasOptions = GldasOptions(),
    progress: Progress = SILENT,
) -> LandWater:
    """Compute anomalies of soil moisture, snow and canopy water for every month of a period.

    One mean per cell and component over 2004-2009, the baseline of the GRACE mascons, is
    subtracted. A mean per calendar month would leave the seasons of the storage in the groundwater.
    The months of the baseline are read whatever the period. The result is NaN off the land and on
    permanent ice: where snow exceeds the threshold in any month, or at least half of a cell is
    inside the ice polygons.

    Parameters
    ----------
    folder : str or Path
        Folder of monthly NetCDF files, or of one GeoTIFF of monthly bands for each of the six
        variables. NetCDF files are preferred.
    region : (float, float, float, float), optional
        West, south, east and north in degrees, extended to complete cells; by default the grid of
        the files. The east is above 180 for a region across 180°. The margin is added to it, and
        the region alone is in the tag GWSA_REGION.
    options : GldasOptions
        Files on another grid than that of ``cell`` are regridded by area overlap.
    progress : Progress

    Returns
    -------
    LandWater

    Raises
    ------
    InputError
        Before any file is read, when the cell size does not divide 180°, when the margin is out of
        range or ``smooth`` does not accept the radius; when files are absent or unusable
        (``read_granules``, ``read_stacks``), among them GLDAS 2.2, which assimilates GRACE; when
        the region has no land without permanent ice.

    References
    ----------
    Rodell et al. (2004), doi:10.1175/BAMS-85-3-381. Files: doi:10.5067/SXAVCZFAQLNO.
    """
    asked = Grid.covering(region or GLOBE, options.cell).bounds
    wanted = Grid.covering(with_margin(asked, options.margin_km), options.cell).bounds
    needed = surroundings(wanted, options.gaussian_km) if options.gaussian_km else wanted
    storage = _read_folder(
        Path(folder),
        options.period,
        bounds=needed if region else None,
        progress=progress.part(0, 0.8).timed("Reading of GLDAS"),
    ).turned(wanted if region else GLOBE)
    inside = _part(storage.grid, asked if region else None)
    ice_cells, land_cells = _mask_ice(storage, inside, options, progress)
    progress.info(f"The output covers {storage.period[0]} to {storage.period[1]}.")
    storage.subtract_baseline_mean()
    anomalies = storage.in_period()
    if options.gaussian_km:
        _warn_about_margin(storage.grid, surroundings(asked, options.gaussian_km), progress)
        _smooth_in_place(anomalies, inside, options.gaussian_km, progress.part(0.8, 1))
    progress.advance(1)
    kept = _part(storage.grid, wanted if region else None)
    grid = _output_grid(kept, wanted if region else None, options.cell)
    tags = {"GWSA_GAUSSIAN_KM": f"{options.gaussian_km:g}"} if options.gaussian_km else {}
    if region:
        tags |= region_tag(Grid.covering(asked, options.cell).overlap(grid))
    return LandWater(anomalies.crop(kept), grid, ice_cells, land_cells, tags)


def _part(grid: Grid, bounds: Bounds | None) -> Grid:
    """The cells of a grid that overlap a region; all of them without one."""
    return grid.subgrid(*grid.window(bounds or grid.bounds))


def _read_folder(folder: Path, period, bounds: Bounds | None, progress: Progress) -> LandStorage:
    if not folder.is_dir():
        raise InputError(
            f"{folder.name} is not a folder; give the folder of the {EXPECTED_NAME} files."
        )
    if has_granules(folder):
        return read_granules(folder, period, bounds, progress)
    if has_stacks(folder):
        return read_stacks(folder, period, bounds, progress)
    others = other_netcdf(folder)
    seen = f", only {others} (a file of several months is not read)" if others else ""
    raise InputError(
        f"The folder {folder.name} has no GLDAS files{seen}; give a folder of {EXPECTED_NAME} "
        "files, one per month, or of one GeoTIFF of monthly bands for each variable, with the "
        f"variable in its name ({VARIABLES[0]}.tif)."
    )


def _mask_ice(
    storage: LandStorage, inside: Grid, options: GldasOptions, progress: Progress
) -> tuple[int, int]:
    """Set permanent ice to NaN in all components; count the ice and land cells of ``inside``."""
    deep_snow = (storage.values[SNOW] > options.ice_threshold * CM_PER_KG_M2).any(axis=0)
    outlined = covered(options.ice_polygons, storage.grid)[storage.land]
    ice = deep_snow | outlined
    storage.values[:, :, ice] = np.nan
    counted = storage.cells_inside(inside)
    land_cells = int(np.count_nonzero(counted))
    ice_cells = int(np.count_nonzero(ice & counted))
    reasons = (
        f"snow above {options.ice_threshold:g} kg m-2: {np.count_nonzero(deep_snow & counted)}"
    )
    if options.ice_polygons:
        reasons += (
            ", at least half of the cell inside the ice polygons: "
            f"{np.count_nonzero(outlined & counted)}"
        )
    if not land_cells:
        raise InputError(
            f"The GLDAS files have no land in the region {bounds_text(inside.bounds)}; choose a "
            "region with land."
        )
    if ice_cells == land_cells:
        raise InputError(
            f"No GLDAS cell is left in the region: {ice_cells} of its {land_cells} land cells are "
            f"permanent ice ({reasons}); choose a region with less ice."
        )
    progress.info(
        f"{ice_cells} of {land_cells} land cells are permanent ice and are excluded ({reasons})."
    )
    return ice_cells, land_cells


def _warn_about_margin(grid: Grid, needed: Bounds, progress: Progress) -> None:
    """Warn when the files end inside the margin that the filter needs.

    South of GLDAS there is no margin to read.
    """
    west, south, east, north = needed
    sides = uncovered_sides(grid, (west, max(south, SOUTHERN_EDGE), east, north))
    if sides:
        progress.warn(
            "The files do not cover the margin around the region that the Gaussian filter needs "
            f"({', '.join(sides)}); the edges there are smoothed with fewer cells. "
            "Give files of a larger region."
        )


def _smooth_in_place(
    anomalies: LandStorage, inside: Grid, radius_km: float, progress: Progress
) -> None:
    """Apply the Gaussian filter to each component and log the change in the region."""
    _require_memory(anomalies, progress)
    counted = anomalies.cells_inside(inside)
    parts = progress.parts(len(COMPONENTS))
    for name, values, part in zip(COMPONENTS, anomalies.values, parts):
        stack = load(anomalies.stack(name, values))
        smoothed = anomalies.cell_values(smooth(stack, radius_km, part))
        change = np.sqrt(np.nanmean((smoothed - values)[:, counted] ** 2, dtype=np.float64))
        progress.info(
            f"The Gaussian filter of {radius_km:g} km changes {name} by {change:.3g} cm "
            "(root mean square)."
        )
        values[:] = smoothed


def _require_memory(anomalies: LandStorage, progress: Progress) -> None:
    months, (rows, columns) = anomalies.months.size, anomalies.grid.shape
    values = months * rows * columns
    needed = 4.0 * SMOOTHING_COPIES * values + 8.0 * BATCH_COPIES * min(values, BATCH_VALUES)
    require_memory(needed, f"Smoothing {months} months of {rows} x {columns} cells", progress)


def _output_grid(grid: Grid, region: Bounds | None, cell: float) -> Grid:
    """Return the grid of the files, or the cells of another size ``cell`` that it covers."""
    wanted = Grid.covering(region or grid.bounds, cell)
    if grid.aligned_with(wanted):
        return grid
    return _regridding(grid, wanted).covered() or wanted


def _regridding(grid: Grid, target: Grid) -> Regridding:
    return Regridding(grid.latitudes, grid.longitudes, target, "the GLDAS files")


def _regrid(stack: MonthlyStack, target: Grid) -> MonthlyStack:
    """Return the stack on another grid, each month regridded when it is read."""
    regridding = _regridding(stack.grid, target)
    columns = np.r_[tuple(regridding.columns)]
    months = LazyMonths(
        (stack.months.size, *target.shape),
        lambda month: regridding(stack.values[month][regridding.rows][:, columns]),
    )
    return replace(stack, grid=target, values=months.as_values())
