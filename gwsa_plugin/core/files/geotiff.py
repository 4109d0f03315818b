"""Float32 GeoTIFFs written by GDAL's own binding, a band or a tile at a time.

What is written goes to the file at once, not whenever GDAL's cache of all files is full: the bytes are the same
whatever else is read and written meanwhile, and a full disk is told where it happens. Other threads go on: unlike
rasterio, this binding lets go of Python's lock. Band interleave always (pixel interleave breaks LERC).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from osgeo import gdal
from rasterio.crs import CRS

from ..base.grid import Grid
from ..base.progress import Progress

SOURCE_TAG = "GWSA_SOURCE"
LARGEST_PLAIN = (
    2048  # pixels along a side that any reader shows at once; what is larger has overviews
)
OVERVIEWS = (
    5,
    15,
    60,
)  # pixels along a side that become one; cells of 30 are met, and 4.5 % are added


@dataclass(frozen=True, eq=False)
class Header:
    """``names``: of the bands. ``sources``: what each band states as GWSA_SOURCE."""

    grid: Grid
    names: tuple[str, ...]
    unit: str
    tags: dict[str, str]
    sources: tuple[str, ...] = ()


@contextmanager
def new_geotiff(path: Path, header: Header, side: int, encoding: dict) -> Iterator[GeoTiff]:
    """Yield a GeoTIFF of blocks of ``side`` pixels to write to, NaN where nothing is written. ``encoding``: more of
    GDAL's creation options. OSError when the disk is full or the like; what is then left of the file is of no use."""
    target = GeoTiff(path, header, side, encoding)
    try:
        target.describe(header)
        yield target
        target.flush()  # a failure while closing would not always be told
    finally:
        target.close()  # before the file is renamed or deleted
    with _gdal_errors(path.name):
        end = _end_of_blocks(path)
    if end > path.stat().st_size:  # GDAL 3.10 only prints what fails when it writes its last buffer
        raise OSError(f"{path.name} cannot be written: it was cut short")


class GeoTiff:
    """One that is open for writing."""

    def __init__(self, path: Path, header: Header, side: int, encoding: dict):
        self._name, self._shape = path.name, header.grid.shape
        self._max_z_error = encoding.get("max_z_error", 0)
        layout = {
            "tiled": True,
            "blockxsize": side,
            "blockysize": side,
            "interleave": "band",
            "bigtiff": "IF_SAFER",
        }
        options = [f"{key}={value}" for key, value in {**layout, **encoding}.items()]
        rows, columns = map(int, header.grid.shape)
        with _gdal_errors(self._name):
            driver = gdal.GetDriverByName("GTiff")
            self._file = driver.Create(
                str(path), columns, rows, len(header.names), gdal.GDT_Float32, options
            )

    def describe(self, header: Header) -> None:
        with _gdal_errors(self._name):
            self._file.SetGeoTransform(header.grid.transform.to_gdal())
            self._file.SetProjection(CRS.from_string(header.grid.crs).to_wkt())
            self._file.SetMetadata({**header.tags, "GWSA_UNIT": header.unit})
            for number, name in enumerate(header.names, start=1):
                band = self._file.GetRasterBand(number)
                band.SetNoDataValue(float("nan"))
                band.SetDescription(name)
                band.SetUnitType(header.unit)
            for number, source in enumerate(header.sources, start=1):
                self._file.GetRasterBand(number).SetMetadataItem(SOURCE_TAG, source)

    def write(self, number: int, field: np.ndarray, corner: tuple[int, int] = (0, 0)) -> None:
        """A part of a band, float32, whose first pixel is in row and column ``corner``."""
        row, column = map(int, corner)
        with _gdal_errors(self._name):
            band = self._file.GetRasterBand(number)
            band.WriteArray(field, column, row)
            band.FlushCache()

    def add_overviews(self, progress: Progress) -> None:
        """To a large raster: means of the pixels that have a value, stored as the bands are, and as sparse."""
        if max(self._shape) <= LARGEST_PLAIN:
            return
        stopped = []

        def look(*_) -> int:
            try:
                progress.stop_if_cancelled()
            except Exception as reason:  # GDAL would swallow it
                stopped.append(reason)
            return not stopped

        # Before 3.10 GDAL would make them lossless, and never would it make them sparse.
        stored = rasterio.Env(MAX_Z_ERROR_OVERVIEW=self._max_z_error, SPARSE_OK_OVERVIEW="YES")
        try:
            with stored, _gdal_errors(self._name):
                self._file.BuildOverviews("AVERAGE", list(OVERVIEWS), look)
        except OSError:
            if stopped:
                raise stopped[0] from None
            raise

    def flush(self) -> None:
        with _gdal_errors(self._name):
            self._file.FlushCache()

    def close(self) -> None:
        with _gdal_errors(self._name):
            self._file = None


def _end_of_blocks(path: Path) -> int:
    """Where in a GeoTIFF its last block ends."""
    file, ends = gdal.Open(str(path)), [0]
    for number in range(1, file.RasterCount + 1):
        band = file.GetRasterBand(number)
        for raster in [band, *map(band.GetOverview, range(band.GetOverviewCount()))]:
            width, height = raster.GetBlockSize()
            across, down = -(-raster.XSize // width), -(-raster.YSize // height)
            for place in (f"{x}_{y}" for y in range(down) for x in range(across)):
                offset, size = (
                    raster.GetMetadataItem(f"BLOCK_{what}_{place}", "TIFF")
                    for what in ("OFFSET", "SIZE")
                )
                ends.append(int(offset or 0) + int(size or 0))
    return max(ends)


@contextmanager
def _gdal_errors(name: str):
    """Every failure that GDAL notes, or raises where its exceptions are on, as OSError at the end.

    Meant for calls of GDAL alone, so that a RuntimeError is its own.
    """
    failures = []

    def note(kind: int, _number: int, text: str) -> None:
        if kind >= gdal.CE_Failure:
            failures.append(text)

    gdal.PushErrorHandler(
        note
    )  # of this thread; the last error alone would not tell, as a warning may follow it
    try:
        yield
    except RuntimeError as error:
        failures.append(str(error))
    finally:
        gdal.PopErrorHandler()
    if failures:
        raise OSError(f"{name} cannot be written: {failures[0]}")


def describe_band(target, band: int, month, source: str) -> None:
    """The name and the source of one band of a GeoTIFF open for writing."""
    target.set_band_description(band, str(month))
    target.update_tags(band, **{SOURCE_TAG: source})


def creation(grid: Grid, bands: int, **options) -> dict:
    """rasterio's profile of a float32 GeoTIFF on ``grid``; band interleave always (pixel interleave breaks LERC)."""
    profile = {
        "driver": "GTiff", "dtype": "float32", "nodata": np.nan, "count": bands,
        "width": grid.columns, "height": grid.rows, "crs": CRS.from_string(grid.crs), "transform": grid.transform,
        "tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "band",
        "compress": "DEFLATE", "predictor": 3, "bigtiff": "IF_SAFER",
    }  # fmt: skip
    return {**profile, **options}
