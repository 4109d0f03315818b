"""The sample world's predictors as a user would download them: 19 rasters, measured with noise, and their catalogue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject, transform_bounds

from ..base.grid import Grid
from ..base.months import calendar_year
from ..base.progress import Progress
from ..compute.threads import run_all
from ..files.geotiff import creation, describe_band
from .land import Land
from .random_fields import generator

NODATA = -32768
RADIATION_BLOCK = 6  # pixels of 1 km a side: 0.05 degrees


@dataclass(frozen=True)
class Entry:
    """One predictor: ``scale`` is the unit of its stored int16 number, ``least`` the smallest value there can be."""

    name: str
    group: str
    unit: str
    scale: float
    least: float = 0.0
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
    "name": "water_surplus", "group": "hydrology", "unit": "mm", "kind": "monthly",
    "difference": ["precipitation", "actual_evapotranspiration"], "lags": [0], "means": [3, 6, 12, 24],
}  # fmt: skip
METRIC, COARSER = "water_table_depth", "radiation"


class ScaledRaster:
    """An int16 GeoTIFF of one value a band, with the scale in its bands."""

    def __init__(self, path: Path, profile: dict, scale: float, unit: str):
        kept = {"dtype": "int16", "nodata": NODATA, "predictor": 2, "zlevel": 1}
        self._file = rasterio.open(path, "w", **{**profile, **kept})
        self._scale = scale
        self._file.scales = (scale,) * profile["count"]
        self._file.units = (unit,) * profile["count"]

    def write(self, band: int, values: np.ndarray, month=None) -> None:
        """``values`` in the unit, NaN where there is none."""
        stored = np.clip(np.rint(values / self._scale), NODATA + 1, 32767)
        self._file.write(np.where(np.isfinite(values), stored, NODATA).astype(np.int16), band)
        if month is not None:
            describe_band(self._file, band, month, "observed")

    def close(self) -> None:
        self._file.close()


class YearlyRasters:
    """``<name>_YYYY.tif`` of one variable, twelve bands each, written month by month in order."""

    def __init__(self, folder: Path, name: str, grid: Grid, scale: float, unit: str):
        self._path = lambda year: folder / f"{name}_{year}.tif"
        self._profile, self._scale, self._unit = creation(grid, 12), scale, unit
        self._year, self._raster = None, None

    def write(self, month: np.datetime64, values: np.ndarray) -> None:
        year = int(calendar_year(np.array(month)))
        if year != self._year:
            self.close()
            self._year = year
            self._raster = ScaledRaster(self._path(year), self._profile, self._scale, self._unit)
        self._raster.write(int(month.astype(int)) % 12 + 1, values, month)

    def close(self) -> None:
        if self._raster:
            self._raster.close()


class Predictors:
    """Writes the predictors of one world into a new folder: ``learn`` from some months, then ``write`` others in order.

    The noise of a predictor has a standard deviation of ``noise`` times that of the true driver within cells.
    """

    def __init__(self, folder: Path, land: Land, noise: float, seed: int):
        self._folder, self._land, self._noise, self._seed = folder, land, noise, seed
        self._variance = {entry.name: [] for entry in MONTHLY}
        self._rasters = {entry.name: self._yearly(entry) for entry in MONTHLY}
        folder.mkdir(parents=True)

    def learn(self, drivers: dict[str, np.ndarray]) -> None:
        """Measure the spread within cells of one month of drivers."""
        for name, variances in self._variance.items():
            variances.append(self._land.variance_within_cells(drivers[name]))

    @cached_property
    def noise_levels(self) -> dict[str, float]:
        """Standard deviation of the noise in each predictor, in its unit."""
        static = {
            entry.name: [self._land.variance_within_cells(self._land.drivers[entry.name])]
            for entry in STATIC
        }
        variances = {**static, **self._variance}
        return {
            name: self._noise * float(np.sqrt(np.mean(values)))
            for name, values in variances.items()
        }

    def write_static(self) -> None:
        """The catalogue, the land mask and the eight maps, one of them in a metric projection."""
        _write_catalogue(self._folder / "catalogue.json")
        profile = creation(self._land.grid, 1, dtype="uint8", nodata=None, predictor=1)
        with rasterio.open(self._folder / "land.tif", "w", **profile) as target:
            target.write(self._land.mask.astype(np.uint8), 1)
        for entry in STATIC:
            values, profile = (
                self._masked(self._land.drivers[entry.name]),
                creation(self._land.grid, 1),
            )
            if entry.name == METRIC:
                values, profile = _metric(values, self._land.grid)
            raster = ScaledRaster(
                self._folder / f"{entry.name}.tif", profile, entry.scale, entry.unit
            )
            raster.write(1, self._measured(values, entry))
            raster.close()

    def write(self, month: np.datetime64, drivers: dict[str, np.ndarray]) -> None:
        """One month of the eleven monthly predictors, after all that there is to ``learn``."""
        run_all([partial(self._write, entry, month, drivers[entry.name]) for entry in MONTHLY])

    def close(self) -> None:
        for raster in self._rasters.values():
            raster.close()

    def _write(
        self, entry: Entry, month: np.datetime64, values: np.ndarray, progress: Progress
    ) -> None:
        progress.stop_if_cancelled()
        values = _block_mean(values) if entry.name == COARSER else self._masked(values)
        self._rasters[entry.name].write(month, self._measured(values, entry, month))

    def _measured(self, values: np.ndarray, entry: Entry, month="") -> np.ndarray:
        rng = generator(self._seed, "noise", entry.name, month)
        noise = np.float32(self.noise_levels[entry.name]) * rng.standard_normal(
            values.shape, dtype=np.float32
        )
        return np.maximum(values + noise, np.float32(entry.least))

    def _masked(self, values: np.ndarray) -> np.ndarray:
        return np.where(self._land.mask, values, np.float32(np.nan))

    def _yearly(self, entry: Entry) -> YearlyRasters:
        grid = (
            self._land.grid.coarsen(RADIATION_BLOCK) if entry.name == COARSER else self._land.grid
        )
        return YearlyRasters(self._folder, entry.name, grid, entry.scale, entry.unit)


def _block_mean(values: np.ndarray) -> np.ndarray:
    rows, columns = (size // RADIATION_BLOCK for size in values.shape)
    return values.reshape(rows, RADIATION_BLOCK, columns, RADIATION_BLOCK).mean(axis=(1, 3))


def _metric(values: np.ndarray, grid: Grid) -> tuple[np.ndarray, dict]:
    """A map on a 1 km grid in the equal-area projection centred on the region, and that grid's profile."""
    west, south, east, north = grid.bounds
    crs = f"+proj=laea +lat_0={(south + north) / 2:g} +lon_0={(west + east) / 2:g} +datum=WGS84 +units=m"
    left, bottom, right, top = transform_bounds(grid.crs, crs, *grid.bounds, densify_pts=51)
    columns, rows = int((right - left) / 1000) + 2, int((top - bottom) / 1000) + 2
    transform = from_origin(left - 500, top + 500, 1000, 1000)
    target = np.full((rows, columns), np.nan, dtype=np.float32)
    reproject(
        values, target, src_transform=grid.transform, src_crs=grid.crs, src_nodata=np.nan,
        dst_transform=transform, dst_crs=crs, dst_nodata=np.nan, resampling=Resampling.bilinear,
    )  # fmt: skip
    return target, creation(grid, 1, width=columns, height=rows, crs=crs, transform=transform)


def _write_catalogue(path: Path) -> None:
    """Every predictor as ``gwsa:buildpredictors`` reads it, paths relative to the catalogue."""
    entries = [_described(entry, "static", f"{entry.name}.tif") for entry in STATIC]
    entries += [_described(entry, "monthly", f"{entry.name}_{{YYYY}}.tif") for entry in MONTHLY]
    content = {"format": 1, "land": "land.tif", "predictors": [*entries, SURPLUS]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _described(entry: Entry, kind: str, files: str) -> dict:
    described = {
        "name": entry.name, "group": entry.group, "unit": entry.unit, "kind": kind, "files": files,
        "scale": entry.scale, "offset": 0.0, "nodata": NODATA, "aggregation": "mean", "source": "GWSA sample world",
    }  # fmt: skip
    return (
        {**described, "lags": entry.lags, "means": entry.means} if kind == "monthly" else described
    )
