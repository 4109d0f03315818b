"""Read GLDAS variables from GeoTIFF stacks, one file per variable, that were made elsewhere."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Bounds, Grid
from ..base.months import BASELINE, month_range, name_runs
from ..base.plausible import require_plausible
from ..base.progress import SILENT, Progress
from ..base.units import KG_M2, in_centimetres, require_cm_per
from ..rasters.gdal_errors import RasterError
from ..rasters.raster import Raster
from ..rasters.reading import band_months, open_lonlat, read_bands
from .file_names import require_months
from .land_storage import LAYERS, OFF_LAND, POSSIBLE, VARIABLES, LandStorage, empty_storage

SNOW = LAYERS["SWES"][0]


def has_stacks(folder: Path) -> bool:
    """Return True when any GeoTIFF of the folder has a variable in its name."""
    return any(_geotiffs_by_variable(folder).values())


def read_stacks(
    folder: Path,
    period=(None, None),
    bounds: Bounds | None = None,
    progress: Progress = SILENT,
) -> LandStorage:
    """Read the months of a period and of the baseline 2004-2009.

    Each GeoTIFF has the name of its variable in its own name and one band per month, in kg m-2
    unless the band unit is mm, cm or m. Nodata and -9999 mean no value. Land is where any month has
    a snow-water value, including 0.

    Parameters
    ----------
    folder : Path
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month; None for the first or last month that all files have.
    bounds : (float, float, float, float), optional
        West, south, east and north, degrees. The cells that overlap are read; by default all.
    progress : Progress

    Raises
    ------
    InputError
        When a variable has no file or several, the files differ in their grids, a unit is not
        supported, or a month is absent or empty in one of the files.
    """
    paths = _single_geotiffs(folder)
    with ExitStack() as opened:
        files = {
            name: _VariableFile(name, path, opened.enter_context(open_lonlat(path)))
            for name, path in paths.items()
        }
        grid = _common_grid(files)
        months = set.intersection(*(set(file.bands) for file in files.values()))
        period = (
            period[0] or min(months, default=BASELINE[0]),
            period[1] or max(months, default=BASELINE[1]),
        )
        needed = np.union1d(month_range(*period), month_range(*BASELINE))
        require_months(
            f"One of the GeoTIFFs in {folder.name} has no band",
            needed=needed,
            found=months,
            period=period,
        )
        window = grid.window_around(bounds or grid.bounds)
        # Finding the land reads one band per month, reading the values six.
        snow_unit = files[SNOW].unit
        land = _find_land(files[SNOW], needed, window, progress.part(0, 1 / 7))
        values = _read_values(files, needed, window, land, progress.part(1 / 7, 1))
    has_values = np.isfinite(values).any(axis=2).all(axis=0)
    require_months(
        f"One of the GeoTIFFs in {folder.name} has an empty band",
        needed=needed,
        found=needed[has_values],
        period=period,
    )
    progress.info(
        f"Read {needed.size} months of GLDAS, {name_runs(needed)}, cells of {grid.dx:.4g}°, from "
        f"GeoTIFFs, {SNOW} in {snow_unit}."
    )
    return LandStorage(
        grid.subgrid(*window),
        needed,
        land=land,
        values=values,
        period=period,
        files=list(paths.values()),
    )


def _geotiffs_by_variable(folder: Path) -> dict[str, list[Path]]:
    """Return for each variable the GeoTIFFs that have it in their names."""
    tiffs = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".tif", ".tiff"))
    return {
        name: [path for path in tiffs if name.lower() in path.name.lower()] for name in VARIABLES
    }


def _single_geotiffs(folder: Path) -> dict[str, Path]:
    """Return the GeoTIFF of each variable; InputError unless each variable has exactly one."""
    paths_by_variable = _geotiffs_by_variable(folder)
    problems = [
        f"{name}: {', '.join(path.name for path in paths) or 'no file'}"
        for name, paths in paths_by_variable.items()
        if len(paths) != 1
    ]
    if problems:
        raise InputError(
            f"The folder {folder.name} must hold one GeoTIFF for each of the six variables, with "
            f"the variable in its name ({'; '.join(problems)}); "
            "add the missing ones and remove the duplicates."
        )
    return {name: paths[0] for name, paths in paths_by_variable.items()}


class _VariableFile:
    """The open GeoTIFF of one variable; ``bands`` maps months to band numbers."""

    def __init__(self, name: str, path: Path, source: Raster):
        self.limits = next(POSSIBLE[key] for key, names in LAYERS.items() if name in names)
        self.path = path
        self.source = source
        self.grid = Grid.from_transform(source.transform, source.shape, path.name)
        self.bands = {month: band for band, month in enumerate(band_months(source, path), start=1)}
        self.unit = source.bands[0].unit.strip() or KG_M2
        require_cm_per(self.unit, path.name)

    def read(self, month: np.datetime64, window: tuple[slice, slice]) -> np.ndarray:
        """Return the values of a month in cm, float32, NaN where there is none."""
        try:
            values = read_bands(self.source, [self.bands[month]], window)[0]
        except RasterError:
            raise InputError(
                f"The band of {month} in {self.path.name} is damaged; make the file again."
            ) from None
        values[values == OFF_LAND] = np.nan
        values = in_centimetres(values, self.unit, self.path.name)
        scaling = (require_cm_per(self.unit, self.path.name), 0.0)
        require_plausible(values[None], self.limits, self.path.name, [month], scaling)
        return values


def _common_grid(files: dict[str, _VariableFile]) -> Grid:
    first, *others = files.values()
    differing = [other.path.name for other in others if not other.grid.same_as(first.grid)]
    if differing:
        raise InputError(
            f"On another grid than {first.path.name}: {', '.join(differing)}; "
            "warp them to its grid."
        )
    return first.grid


def _find_land(
    snow: _VariableFile, months: np.ndarray, window: tuple[slice, slice], progress: Progress
) -> np.ndarray:
    """Return True for cells with a snow-water value in any month, shape of the window."""
    rows, columns = window
    land = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=bool)
    for number, month in enumerate(months):
        progress.advance(number / months.size)
        land |= np.isfinite(snow.read(month, window))
    return land


def _read_values(
    files: dict[str, _VariableFile],
    months: np.ndarray,
    window: tuple[slice, slice],
    land: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """Return the components of the land cells in cm, float32, shape (components, months, cells)."""
    values = empty_storage(months.size, land, progress)
    for number, month in enumerate(months):
        progress.advance(number / months.size)
        for component, names in zip(values[:, number], LAYERS.values()):
            for name in names:
                component += files[name].read(month, window)[land]
    return values
