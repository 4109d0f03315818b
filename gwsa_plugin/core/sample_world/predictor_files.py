"""Predictors of the sample world: 19 rasters with measurement noise, and their catalogue.

Two of them are on other grids, as in real data: the water table depth is in a metric projection,
and radiation has pixels of 0.05°.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from math import ceil
from pathlib import Path

import numpy as np

from ..base.grid import Grid
from ..base.months import calendar_year
from ..base.progress import SILENT, Progress
from ..compute.steps import Work
from ..files.stack import OBSERVED
from ..predictors.catalogue import ROLES
from ..predictors.raster_pairs import compression
from ..rasters.crs import transform_bounds
from ..rasters.geotiff import GeoTiff, Header, new_geotiff
from ..rasters.raster import BILINEAR
from ..rasters.warping import resample
from .land import Land
from .random_fields import generator

NODATA = -32768
# Blocks are as large as possible up to this side, so that little of them lies outside the raster.
LARGEST_BLOCK = 640
METRIC = "water_table_depth"
COARSE = "radiation"
# Side of a radiation pixel in 1 km pixels: 0.05°.
COARSE_BLOCK = 6


@dataclass(frozen=True)
class Entry:
    """One predictor of the catalogue.

    Parameters
    ----------
    name, group, unit : str
        As in the catalogue.
    scale : float
        Value of one unit of the stored int16 number.
    minimum : float
        Smallest possible value.
    lags : tuple of int
        Lags in months; monthly predictors only.
    means : tuple of int
        Lengths of antecedent means in months; monthly predictors only.
    """

    name: str
    group: str
    unit: str
    scale: float
    minimum: float = 0.0
    lags: tuple[int, ...] = (0,)
    means: tuple[int, ...] = ()


STATIC = (
    Entry("elevation", "topography", "m", 1.0, -500.0),
    Entry("slope", "topography", "degree", 0.01),
    Entry("twi", "topography", "1", 0.01, -20.0),
    Entry("sand", "soil", "%", 0.1),
    Entry("clay", "soil", "%", 0.1),
    Entry("bulk_density", "soil", "g cm-3", 0.001),
    Entry("depth_to_bedrock", "soil", "m", 0.1),
    Entry("water_table_depth", "hydrology", "m", 0.1),
)
MONTHLY = (
    Entry("precipitation", "climate", "mm", 1.0, lags=(0, 1, 2, 3, 4, 6), means=(3, 6, 12, 24)),
    Entry("temperature", "climate", "degree_Celsius", 0.1, -90.0),
    Entry("potential_evapotranspiration", "climate", "mm", 0.5, means=(6, 12)),
    Entry("vapour_pressure_deficit", "climate", "kPa", 0.005, means=(3, 12)),
    Entry("radiation", "climate", "W m-2", 0.5),
    Entry(
        "actual_evapotranspiration", "hydrology", "mm", 1.0, lags=(0, 1, 3), means=(3, 6, 12, 24)
    ),
    Entry("runoff", "hydrology", "mm", 0.5, means=(3, 6, 12)),
    Entry("root_zone_soil_moisture", "hydrology", "m3 m-3", 0.002, means=(6, 12)),
    Entry("ndvi", "vegetation", "1", 0.0001, -0.2, lags=(0, 3, 6, 9), means=(3, 6, 12, 24)),
    Entry("lai", "vegetation", "m2 m-2", 0.02),
    Entry("land_surface_temperature", "vegetation", "degree_Celsius", 0.1, -90.0),
)
SURPLUS = {
    "name": "water_surplus",
    "group": "hydrology",
    "unit": "mm",
    "kind": "monthly",
    "difference": ["precipitation", "actual_evapotranspiration"],
    "lags": [0],
    "means": [3, 6, 12, 24],
}


@contextmanager
def new_raster(
    path: Path, grid: Grid, bands: int, scale: float, unit: str
) -> Iterator[ScaledRaster]:
    """Create an int16 GeoTIFF that stores ``scale`` in its bands.

    Parameters
    ----------
    path : Path
        The file to write.
    grid : Grid
        Its pixels.
    bands : int
        Number of bands.
    scale : float
        Value of one unit of the stored number.
    unit : str
        Unit of the values.
    """
    names = ("",) * bands
    header = Header(grid, names, unit, tags={}, dtype="int16", nodata=NODATA, scale=scale)
    with new_geotiff(path, header, _block_side(grid), compression()) as file:
        yield ScaledRaster(file, scale)


class ScaledRaster:
    """A raster of ``new_raster`` that is open for writing."""

    def __init__(self, file: GeoTiff, scale: float):
        self._file = file
        self._scale = scale

    def write(self, band: int, values: np.ndarray, month: np.datetime64 | None = None) -> None:
        """Write one band.

        Parameters
        ----------
        band : int
            Number of the band, from 1.
        values : ndarray, shape (rows, columns)
            Values in the unit of the raster; NaN becomes nodata.
        month : datetime64[M], optional
            Month that is written into the description of the band.
        """
        stored = np.clip(np.rint(values / self._scale), NODATA + 1, 32767)
        self._file.write(band, np.where(np.isfinite(values), stored, NODATA).astype(np.int16))
        if month is not None:
            self._file.describe_band(band, str(month), OBSERVED)


class YearlyRasters(ExitStack):
    """New rasters ``<name>_YYYY.tif`` of one variable, with twelve bands each.

    The file of the last year is closed at the end of the context.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    name : str
        First part of their names.
    grid : Grid
        Their pixels.
    scale : float
        Value of one unit of the stored number.
    unit : str
        Unit of the values.
    """

    def __init__(self, folder: Path, name: str, grid: Grid, scale: float, unit: str):
        super().__init__()
        self._folder = folder
        self._name = name
        self._grid = grid
        self._scale = scale
        self._unit = unit
        self._year: int | None = None
        self._raster: ScaledRaster | None = None

    def write(self, month: np.datetime64, values: np.ndarray) -> None:
        """Write one month; the months must be written in order."""
        year = int(calendar_year(np.array(month)))
        if self._raster is None or year != self._year:
            self.close()
            self._year = year
            path = self._folder / f"{self._name}_{year}.tif"
            raster = new_raster(path, self._grid, bands=12, scale=self._scale, unit=self._unit)
            self._raster = self.enter_context(raster)
        self._raster.write(int(month.astype(int)) % 12 + 1, values, month)


class PredictorWriter(ExitStack):
    """Writer of the catalogue and its rasters, with measurement noise.

    The rasters are closed at the end of the context. ``measure_spread`` must be called for all
    months that set the noise level before anything is written.

    Parameters
    ----------
    folder : Path
        Folder to create.
    land : Land
        The land of the sample world.
    noise : float
        Standard deviation of the noise, relative to that of the noise-free driver within cells.
    seed : int
        Seed of the world.
    """

    def __init__(self, folder: Path, land: Land, noise: float, seed: int):
        super().__init__()
        self._folder = folder
        self._land = land
        self._noise = noise
        self._seed = seed
        self._variance: dict[str, list[float]] = {entry.name: [] for entry in MONTHLY}
        self._rasters = {entry.name: self.enter_context(self._yearly(entry)) for entry in MONTHLY}
        folder.mkdir(parents=True)

    def measure_spread(self, drivers: dict[str, np.ndarray]) -> None:
        """Measure the variance within cells of one month of noise-free drivers."""
        for name, variances in self._variance.items():
            variances.append(self._land.variance_within_cells(drivers[name]))

    @cached_property
    def noise_levels(self) -> dict[str, float]:
        """Standard deviation of the noise of each predictor, in its unit."""
        drivers = self._land.drivers
        static = [entry.name for entry in STATIC]
        variances = {name: [self._land.variance_within_cells(drivers[name])] for name in static}
        variances |= self._variance
        return {
            name: self._noise * float(np.sqrt(np.mean(values)))
            for name, values in variances.items()
        }

    def write_static(self, progress: Progress = SILENT) -> None:
        """Write the catalogue, the land mask and the eight static predictors."""
        _write_catalogue(self._folder / "catalogue.json")
        header = Header(self._land.grid, ("",), unit="", tags={}, dtype="uint8", nodata=None)
        with new_geotiff(self._folder / "land.tif", header) as target:
            target.write(1, self._land.mask.astype(np.uint8))
        for entry in STATIC:
            progress.stop_if_cancelled()
            grid = self._land.grid
            values = self._masked(self._land.drivers[entry.name])
            if entry.name == METRIC:
                values, grid = _metric(values, grid)
            path = self._folder / f"{entry.name}.tif"
            with new_raster(path, grid, bands=1, scale=entry.scale, unit=entry.unit) as raster:
                raster.write(1, self._with_noise(values, entry))

    def writing(self, month: np.datetime64, drivers: dict[str, np.ndarray]) -> list[Work]:
        """Return what writes one month of the eleven monthly predictors, to be done in any order.

        The months must be written one after another.

        Parameters
        ----------
        month : datetime64[M]
            The month.
        drivers : dict of str to ndarray, shape (rows, columns)
            The drivers at 1 km, without noise.

        Returns
        -------
        list of Work
        """
        return [partial(self._write, entry, month, drivers[entry.name]) for entry in MONTHLY]

    def _write(
        self, entry: Entry, month: np.datetime64, values: np.ndarray, progress: Progress
    ) -> None:
        progress.stop_if_cancelled()
        values = _block_mean(values) if entry.name == COARSE else self._masked(values)
        self._rasters[entry.name].write(month, self._with_noise(values, entry, month))

    def _with_noise(self, values: np.ndarray, entry: Entry, month="") -> np.ndarray:
        """Add measurement noise, which has its own random stream for each predictor and month."""
        rng = generator(self._seed, "noise", entry.name, month)
        white = rng.standard_normal(values.shape, dtype=np.float32)
        noise = np.float32(self.noise_levels[entry.name]) * white
        return np.maximum(values + noise, np.float32(entry.minimum))

    def _masked(self, values: np.ndarray) -> np.ndarray:
        return np.where(self._land.mask, values, np.float32(np.nan))

    def _yearly(self, entry: Entry) -> YearlyRasters:
        grid = self._land.grid
        if entry.name == COARSE:
            grid = grid.coarsen(COARSE_BLOCK)
        return YearlyRasters(self._folder, entry.name, grid, entry.scale, entry.unit)


def _block_side(grid: Grid) -> int:
    """Side of blocks that divide the longer side of a raster equally, a multiple of 16."""
    longest = max(grid.shape)
    return 16 * ceil(longest / ceil(longest / LARGEST_BLOCK) / 16)


def _block_mean(values: np.ndarray) -> np.ndarray:
    rows, columns = (size // COARSE_BLOCK for size in values.shape)
    return values.reshape(rows, COARSE_BLOCK, columns, COARSE_BLOCK).mean(axis=(1, 3))


def _metric(values: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """Reproject a map to 1 km pixels in an equal-area projection centred on the region.

    Returns the map, NaN outside the region, and its grid.
    """
    west, south, east, north = grid.bounds
    centre = f"+lat_0={(south + north) / 2:g} +lon_0={(west + east) / 2:g}"
    crs = f"+proj=laea {centre} +datum=WGS84 +units=m"
    left, bottom, right, top = transform_bounds(grid.crs, crs, grid.bounds, points_per_side=51)
    columns = int((right - left) / 1000) + 2
    rows = int((top - bottom) / 1000) + 2
    metric = Grid(left - 500, top + 500, 1000, 1000, rows, columns, crs)
    return resample(values, grid, metric, BILINEAR), metric


def _write_catalogue(path: Path) -> None:
    """Write the catalogue for ``gwsa:buildpredictors``, with paths relative to it."""
    entries = [_catalogue_entry(entry, "static", f"{entry.name}.tif") for entry in STATIC]
    for entry in MONTHLY:
        files = f"{entry.name}_{{YYYY}}.tif"
        lags = {"lags": entry.lags, "means": entry.means}
        role = {"role": entry.name} if entry.name in ROLES else {}
        entries.append({**_catalogue_entry(entry, "monthly", files), **role, **lags})
    content = {"format": 1, "land": "land.tif", "predictors": [*entries, SURPLUS]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _catalogue_entry(entry: Entry, kind: str, files: str) -> dict:
    return {
        "name": entry.name,
        "group": entry.group,
        "unit": entry.unit,
        "kind": kind,
        "files": files,
        "scale": entry.scale,
        "offset": 0.0,
        "nodata": NODATA,
        "aggregation": "mean",
        "source": "GWSA sample world",
    }
