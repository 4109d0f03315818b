"""TODO."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio

from ..base.errors import InputError
from ..base.months import find_month, name_runs


@contextmanager
def open_lonlat(path: Path):
    """A raster in degrees, open for reading; InputError when it has another CRS or cannot be opened or read."""
    try:
        with rasterio.open(path) as source:
            _require_lonlat(source, path.name)
            yield source
    except rasterio.errors.RasterioIOError:
        raise InputError(
            f"{path.name} cannot be opened as a raster; give a whole GeoTIFF of monthly bands."
        ) from None


def read_bands(source, indexes=None, window=None) -> np.ndarray:
    """Bands of an open raster as float32 with NaN for nodata and the band's own scale and offset applied."""
    indexes = list(indexes or source.indexes)
    values = source.read(indexes, window=window, out_dtype="float32", masked=True).filled(np.nan)
    scales = np.array([source.scales[i - 1] for i in indexes], dtype=np.float32)
    offsets = np.array([source.offsets[i - 1] for i in indexes], dtype=np.float32)
    if (scales != 1).any() or (offsets != 0).any():
        values = values * scales[:, None, None] + offsets[:, None, None]
    return values


def band_months(source, path) -> np.ndarray:
    """The month of each band of an open raster: from its description, else twelve in order of the year in the name."""
    path = Path(path)
    found = [find_month(text or "") for text in source.descriptions]
    if not any(month is not None for month in found):
        year = re.search(r"(?<!\d)((?:19|20)\d{2})(?!\d)", path.stem)
        if year and source.count <= 12:
            return np.datetime64(f"{year[1]}-01", "M") + np.arange(source.count)
    for band, month in enumerate(found, start=1):
        if month is None:
            raise InputError(
                f"Band {band} of {path.name} names no month; set its description to YYYY-MM "
                "(gdal_edit or the layer's band properties), or name a yearly file …_YYYY.tif."
            )
    months = np.array(found, dtype="datetime64[M]")
    unique, count = np.unique(months, return_counts=True)
    if (count > 1).any():
        raise InputError(
            f"{path.name} has more than one band for {name_runs(unique[count > 1])}; keep one a month."
        )
    return months


def _require_lonlat(source, name: str) -> None:
    if source.crs is None:
        raise InputError(
            f"{name} has no coordinate reference system; assign EPSG:4326 to it first."
        )
    if not source.crs.is_geographic:
        raise InputError(f"{name} is in {source.crs.to_string()}; warp it to EPSG:4326 first.")


def open_raster(path: Path):
    """A rasterio dataset; InputError when there is none to open."""
    try:
        source = rasterio.open(path)
    except rasterio.errors.RasterioIOError:
        problem = "cannot be opened as a raster" if path.exists() else "does not exist"
        raise InputError(
            f"{path.parent.name}/{path.name} {problem}; give a GeoTIFF or another raster there."
        ) from None
    if not source.count:
        source.close()
        raise InputError(
            f"{path.parent.name}/{path.name} holds several rasters; export the one meant to a GeoTIFF."
        )
    return source
