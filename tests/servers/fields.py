"""Predictors of a sample world on the grids of the archives, and as files of their formats."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from scipy.io import netcdf_file
from scipy.ndimage import map_coordinates

from gwsa.gwsa_plugin.core.base.affine import Affine
from gwsa.gwsa_plugin.core.base.grid import Grid

# Days from 1900 to 1970, from which numpy counts.
DAYS_BEFORE_1970 = 25567


def field_on(path: Path, band: int, grid: Grid) -> np.ndarray:
    """Return a band of a raster in its unit on a grid, interpolated; NaN where it has no value.

    The array is read-only: the same requests come many times.
    """
    return _field_on(path, state(path), band, grid)


def state(path: Path) -> tuple[int, int]:
    """Return time of change and size of a file, with which a cache distinguishes its versions."""
    if not path.is_file():
        return 0, 0
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=256)
def _field_on(path: Path, now: tuple[int, int], band: int, grid: Grid) -> np.ndarray:
    if now == (0, 0):
        return np.full(grid.shape, np.nan)
    with rasterio.open(path) as source:
        numbers = source.read(band, masked=True).astype(np.float64).filled(np.nan)
        own = Grid.from_transform(Affine(*source.transform[:6]), source.shape)
        values = numbers * source.scales[band - 1] + source.offsets[band - 1]
    rows = (own.north - grid.latitudes) / own.dy - 0.5
    columns = (grid.longitudes - own.west) / own.dx - 0.5
    inside = ((rows > -0.5) & (rows < own.rows - 0.5))[:, None] & (
        (columns > -0.5) & (columns < own.columns - 0.5)
    )[None, :]
    places = np.meshgrid(rows, columns, indexing="ij")
    field = np.where(inside, map_coordinates(values, places, order=1, mode="nearest"), np.nan)
    field.flags.writeable = False
    return field


def stored(values: np.ndarray, scale: float, offset: float, nodata: int, dtype: str) -> np.ndarray:
    """Return the whole numbers that stand for values."""
    numbers = np.rint((values - offset) / scale)
    return np.where(np.isnan(numbers), nodata, numbers).astype(dtype)


def geotiff(numbers: np.ndarray, grid: Grid, nodata: float | None, **options) -> bytes:
    """Return a GeoTIFF of one band. The same requests come many times, so that it is kept."""
    return _geotiff(numbers.tobytes(), numbers.dtype, grid, nodata, tuple(options.items()))


@lru_cache(maxsize=256)
def _geotiff(numbers: bytes, dtype: np.dtype, grid: Grid, nodata, options: tuple) -> bytes:
    profile = {
        "driver": "GTiff", "width": grid.columns, "height": grid.rows, "count": 1,
        "dtype": dtype, "crs": grid.crs, "nodata": nodata, "compress": "deflate",
        "transform": rasterio.Affine(*grid.transform), **dict(options),
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(np.frombuffer(numbers, dtype).reshape(grid.shape), 1)
        return memory.read()


def classic_netcdf(name: str, numbers: np.ndarray, grid: Grid, months, unit: str, scale: float):
    """Return a file of NetCDF 3, packed, with latitudes from the north as TerraClimate has them."""
    stream = BytesIO()
    file = netcdf_file(stream, "w")
    days = months.astype("datetime64[D]").astype(int) + DAYS_BEFORE_1970
    axes = {
        "time": (days, "days since 1900-01-01"),
        "lat": (grid.latitudes, "degrees_north"),
        "lon": (grid.longitudes, "degrees_east"),
    }
    for axis, (places, axis_unit) in axes.items():
        file.createDimension(axis, len(places))
        variable = file.createVariable(axis, "f8", (axis,))
        variable[:] = places
        variable.units = axis_unit
    variable = file.createVariable(name, "i4", ("time", "lat", "lon"))
    variable[:] = numbers
    variable.units = unit
    variable.scale_factor = scale
    variable.add_offset = 0.0
    variable._FillValue = np.int32(-2147483648)
    file.flush()
    content = stream.getvalue()
    file.close()
    return content
