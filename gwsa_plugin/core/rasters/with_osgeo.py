"""The backend of GDAL's own Python binding, which every QGIS has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from osgeo import gdal, gdal_array, ogr

from ..base.affine import Affine
from .crs import well_known_text
from .gdal_errors import RasterError, gdal_errors
from .gdal_options import one_gdal_thread
from .names import as_text, gdal_name
from .netcdf_tags import with_attributes
from .one_pixel import read_pixel
from .raster import (
    AVERAGE,
    BILINEAR,
    MODE,
    NEAREST,
    Band,
    GdalRaster,
    Placed,
    Window,
    require_scales,
    window_sides,
    with_nan,
)

METHODS = {
    NEAREST: gdal.GRA_NearestNeighbour,
    BILINEAR: gdal.GRA_Bilinear,
    AVERAGE: gdal.GRA_Average,
    MODE: gdal.GRA_Mode,
}
# Largest error, in pixels, of the positions that GDAL interpolates between exact ones: its default.
POSITION_ERROR = 0.125


class OsgeoRaster(GdalRaster):
    """A raster that is open for reading."""

    def __init__(self, path: Path):
        self.path = path
        with gdal_errors(f"{path.name} cannot be opened"), one_gdal_thread():
            self._file = gdal.Open(gdal_name(path))
        if self._file is None:
            raise RasterError(f"{path.name} cannot be opened")
        self.crs = self._file.GetProjection() or ""
        self.transform = Affine.from_gdal(*self._file.GetGeoTransform())
        self.shape = (self._file.RasterYSize, self._file.RasterXSize)
        numbers = range(1, self._file.RasterCount + 1)
        self.bands = tuple(_describe(self._file.GetRasterBand(number)) for number in numbers)
        require_scales(self.bands, path.name)
        columns, rows = self._file.GetRasterBand(1).GetBlockSize() if numbers else (0, 0)
        self.block = (rows, columns)

    def close(self) -> None:
        self._file = None

    def tags(self, band: int = 0, domain: str = "") -> dict[str, str]:
        owner = self._file.GetRasterBand(band) if band else self._file
        stored = owner.GetMetadata_Dict(domain) or {}
        tags = {as_text(name): as_text(text) for name, text in stored.items()}
        return tags if domain else with_attributes(tags, band)

    def tiff_item(self, band: int, name: str) -> str | None:
        return self._file.GetRasterBand(band).GetMetadataItem(name, "TIFF")

    def overviews(self, band: int) -> list[int]:
        full = self._file.GetRasterBand(band)
        reduced = map(full.GetOverview, range(full.GetOverviewCount()))
        return [round(full.XSize / overview.XSize) for overview in reduced]

    def read(
        self, band: int, window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        return self._read([band], window, self.bands[band - 1].dtype, shape)[0]

    def read_floats(self, bands: list[int], window: Window | None = None) -> np.ndarray:
        pixel = read_pixel(self, bands, window)
        if pixel is not None:
            return pixel
        nodata = self.nodata_of(bands)
        if nodata is not None:
            return with_nan(self._read(bands, window, self.bands[bands[0] - 1].dtype), nodata)
        values = self._read(bands, window, "float32")
        for field, number in zip(values, bands):
            with self._read_errors():
                band = self._file.GetRasterBand(number)
                if band.GetMaskFlags() == gdal.GMF_ALL_VALID:
                    continue
                mask = band.GetMaskBand().ReadAsArray(*self.sides_of(window))
            field[mask == 0] = np.nan
        return values

    def _read(
        self,
        bands: list[int],
        window: Window | None,
        dtype: str,
        shape: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """Stored numbers converted to ``dtype``, shape (bands, rows, columns)."""
        left, top, width, height = self.sides_of(window)
        rows, columns = shape or (height, width)
        values = np.empty((len(bands), rows, columns), dtype=dtype)
        kind = _gdal_type(dtype)
        with self._read_errors():
            self._file.ReadRaster(
                left, top, width, height, columns, rows, kind, band_list=bands, buf_obj=values
            )
        return values

    @contextmanager
    def _read_errors(self) -> Iterator[None]:
        # A VRT opens its sources when it is read.
        with gdal_errors(f"{self.path.name} cannot be read"), one_gdal_thread():
            yield


open_file = OsgeoRaster


def read_stored(path: Path, bands: list[int], window: Window, values: np.ndarray) -> None:
    """Read bands of a file as stored numbers, without the cost of looking at their properties.

    A tile needs many files, and rasterio takes six times as long to open one.

    Parameters
    ----------
    path : Path
        The file.
    bands : list of int
        Bands, counted from 1.
    window : (slice, slice)
        Rows and columns to read.
    values : ndarray, shape (bands, rows, columns)
        Receives the numbers. It is contiguous and has the type that all bands are stored as.

    Raises
    ------
    RasterError
        When the file cannot be read.
    """
    left, top, width, height = window_sides(window)
    with gdal_errors(f"{path.name} cannot be read"):
        with one_gdal_thread():
            file = gdal.Open(str(path))
        kind = _gdal_type(values.dtype.name)
        read = file and file.ReadRaster(
            left, top, width, height, buf_type=kind, band_list=bands, buf_obj=values
        )
    if read is None:
        raise RasterError(f"{path.name} cannot be read")


def resample(values: np.ndarray, source: Placed, target: Placed, method: str) -> np.ndarray:
    """Resample values on ``source`` to ``target``; see ``warping.resample``."""
    with gdal_errors("The raster cannot be resampled"):
        before = _in_memory(values, source)
        after = _in_memory(np.full(target.shape, np.nan, dtype=np.float32), target)
        gdal.ReprojectImage(before, after, eResampleAlg=METHODS[method], maxerror=POSITION_ERROR)
        return after.GetRasterBand(1).ReadAsArray()


def burn(shapes: Iterable[tuple[dict, int]], target: Placed, dtype: str) -> np.ndarray:
    """Rasterise polygons; see ``warping.rasterise``."""
    with gdal_errors("The polygons cannot be rasterised"):
        image = _in_memory(np.zeros(target.shape, dtype=dtype), target)
        folder = ogr.GetDriverByName("Memory").CreateDataSource("")
        layer = folder.CreateLayer("", image.GetSpatialRef(), ogr.wkbPolygon)
        layer.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
        for geometry, number in _polygons(shapes):
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetField("number", number)
            feature.SetGeometry(ogr.CreateGeometryFromJson(json.dumps(geometry)))
            layer.CreateFeature(feature)
        gdal.RasterizeLayer(image, [1], layer, options=["ATTRIBUTE=number"])
        return image.GetRasterBand(1).ReadAsArray()


def _polygons(shapes: Iterable[tuple[dict, int]]) -> Iterator[tuple[dict, int]]:
    """Each part of the shapes by itself: where parts overlap, GDAL would leave a hole."""
    for geometry, number in shapes:
        parts = geometry["coordinates"]
        for part in parts if geometry["type"] == "MultiPolygon" else [parts]:
            yield {"type": "Polygon", "coordinates": part}, number


def _in_memory(values: np.ndarray, place: Placed) -> gdal.Dataset:
    """A dataset in memory with one band, where NaN means no value."""
    rows, columns = values.shape
    driver = gdal.GetDriverByName("MEM")
    dataset = driver.Create("", columns, rows, 1, _gdal_type(values.dtype))
    dataset.SetGeoTransform(place.transform.to_gdal())
    dataset.SetProjection(well_known_text(place.crs))
    band = dataset.GetRasterBand(1)
    if values.dtype.kind == "f":
        band.SetNoDataValue(np.nan)
    band.WriteArray(values)
    return dataset


def _describe(band: gdal.Band) -> Band:
    return Band(
        dtype=np.dtype(gdal_array.GDALTypeCodeToNumericTypeCode(band.DataType)).name,
        nodata=band.GetNoDataValue(),
        only_nodata=band.GetMaskFlags() == gdal.GMF_NODATA,
        scale=1.0 if band.GetScale() is None else band.GetScale(),
        offset=band.GetOffset() or 0.0,
        unit=band.GetUnitType() or "",
        description=band.GetDescription() or "",
    )


def _gdal_type(dtype) -> int:
    return gdal_array.NumericTypeCodeToGDALTypeCode(np.dtype(dtype).type)
