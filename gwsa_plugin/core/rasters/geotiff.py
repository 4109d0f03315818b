"""The writer of all GeoTIFFs, based on GDAL's own Python binding.

Each block is flushed to the file right after it is written. Its place in the file thus does not
depend on the size of GDAL's block cache, which all open files share, nor on other threads, and a
full disk is reported by the write that fails. Unlike rasterio, the binding releases Python's
global lock. Bands are always interleaved by band, because pixel interleaving breaks LERC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from uuid import uuid4

import numpy as np
from osgeo import gdal, gdal_array

from ..base.grid import Grid
from ..base.progress import Progress
from .crs import well_known_text
from .gdal_errors import RasterError, gdal_errors
from .gdal_options import one_gdal_thread, thread_options
from .gdal_progress import gdal_progress
from .read_back import Sums, require_written

SOURCE_TAG = "GWSA_SOURCE"
UNIT_TAG = "GWSA_UNIT"
BLOCK = 256
DEFLATE = {"compress": "DEFLATE"}
# Rasters with at most this many pixels along a side are displayed fast without overviews.
MAX_SIDE_WITHOUT_OVERVIEWS = 2048
# Reduction factors. They divide or are multiples of cells of 30 pixels and add 4.5 % of pixels.
OVERVIEWS = (5, 15, 60)


@dataclass(frozen=True, eq=False)
class Header:
    """Georeference, bands, data type and metadata of a GeoTIFF.

    Parameters
    ----------
    grid : Grid
        Position, pixel size, shape and CRS.
    names : tuple of str
        One description per band, which may be empty.
    unit : str or tuple of str
        Unit of all bands, or of each; empty for none.
    tags : mapping
        Metadata of the file.
    sources : tuple of str
        Value of GWSA_SOURCE for each band; empty for none.
    dtype : str
        Numpy name of the type that is stored.
    nodata : float or None
        Stored number of pixels without a value; None if all pixels have one.
    scale, offset : float
        ``stored * scale + offset`` is the value, in all bands.
    step : float
        Stored numbers are rounded to multiples of it, a power of two; 0 for none.
    domains : mapping of str to mapping
        Metadata in domains of their own, which programs do not list among the tags.
    """

    grid: Grid
    names: tuple[str, ...]
    unit: str | tuple[str, ...]
    tags: Mapping[str, str]
    sources: tuple[str, ...] = ()
    dtype: str = "float32"
    nodata: float | None = np.nan
    scale: float = 1.0
    offset: float = 0.0
    step: float = 0.0
    domains: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@contextmanager
def new_geotiff(
    path: Path, header: Header, side: int = BLOCK, encoding: Mapping = DEFLATE
) -> Iterator[GeoTiff]:
    """Create a GeoTIFF and yield it for writing; pixels that are not written have no value.

    Parameters
    ----------
    path : Path
        The new file. After an exception it is incomplete and must be deleted.
    header : Header
        Grid, bands, data type and metadata.
    side : int
        Width and height of a block in pixels, a multiple of 16.
    encoding : mapping
        More creation options of GDAL's GTiff driver, such as the compression.

    Raises
    ------
    OSError
        When the file cannot be written, for example because the disk is full.
    """
    target = GeoTiff(path, header, side, encoding)
    try:
        target.write_header(header)
        yield target
        # Flush before closing, since GDAL does not report every failure while it closes a file.
        target.flush()
    finally:
        # An open file can be neither renamed nor, on Windows, deleted.
        target.close()
    target.read_back(path)


def encode_geotiff(
    header: Header, side: int, encoding: Mapping, fields: Iterable[tuple[int, np.ndarray]]
) -> bytes:
    """Encode bands as the bytes of a GeoTIFF.

    Parameters
    ----------
    header, side, encoding
        As ``new_geotiff``.
    fields : iterable of (int, numpy.ndarray)
        Numbers of bands, counted from 1, and their stored numbers, shape of the grid.
    """
    path = PurePosixPath(f"/vsimem/{uuid4().hex}.tif")
    target = GeoTiff(path, header, side, encoding, checked=False)
    try:
        target.write_header(header)
        for number, values in fields:
            target.write(number, values)
        target.flush()
        target.close()
        return _read_memory_file(path)
    finally:
        target.close()
        gdal.Unlink(str(path))


def _read_memory_file(path: PurePosixPath) -> bytes:
    """The bytes of a file in GDAL's memory."""
    with gdal_errors(f"{path.name} cannot be read"):
        file = gdal.VSIFOpenL(str(path), "rb")
        try:
            return bytes(gdal.VSIFReadL(1, gdal.VSIStatL(str(path)).size, file))
        finally:
            gdal.VSIFCloseL(file)


def add_overviews(path: Path, encoding: Mapping, progress: Progress) -> None:
    """Add overviews to a large GeoTIFF, means of the pixels that have a value.

    They are compressed as the bands are; blocks without any value are left out.

    Parameters
    ----------
    path : Path
        The file.
    encoding : mapping
        The creation options that it was written with.
    progress : Progress
        Raises Cancelled when the user asks to stop.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    problem = f"{path.name} cannot be written"
    file = _open(path, gdal.GA_Update)
    try:
        if max(file.RasterXSize, file.RasterYSize) > MAX_SIDE_WITHOUT_OVERVIEWS:
            _build_overviews(file, problem, encoding, progress, "AVERAGE")
        with gdal_errors(problem):
            file.FlushCache()
    finally:
        # An open file can be neither renamed nor, on Windows, deleted.
        with gdal_errors(problem):
            file = None


def can_compress(compression: str) -> bool:
    """Return True if the build of GDAL can write a compression of GeoTIFFs, such as LERC_ZSTD."""
    options = gdal.GetDriverByName("GTiff").GetMetadataItem("DMD_CREATIONOPTIONLIST")
    return f"<Value>{compression}</Value>" in options


def _open(path: Path, mode: int) -> gdal.Dataset:
    """Open a file, which the disk may refuse."""
    with gdal_errors(f"{path.name} cannot be written"), one_gdal_thread():
        return gdal.Open(str(path), mode)


class GeoTiff:
    """A GeoTIFF that is open for writing; see ``new_geotiff``.

    If it is ``checked``, the values that are written are added up for ``read_back``.
    """

    def __init__(
        self,
        path: PurePath,
        header: Header,
        side: int,
        encoding: Mapping,
        checked: bool = True,
    ):
        self._problem = f"{path.name} cannot be written"
        self._shape = header.grid.shape
        self._side = side
        self._step = header.step
        self._encoding = encoding
        self._dtype = np.dtype(header.dtype)
        max_error = float(encoding.get("max_z_error", 0))
        self._sums = Sums(len(header.names), header.nodata, max_error) if checked else None
        self._tags = dict(header.tags)
        self._names = list(header.names)
        self._sources = list(header.sources) or [""] * len(header.names)
        layout = {
            "tiled": True,
            "blockxsize": side,
            "blockysize": side,
            "interleave": "band",
            "bigtiff": "IF_SAFER",
        }
        # GDAL finds "tiled" as "TILED" in most locales, but in a Turkish one "i" is no small "I".
        options = [f"{key}={value}".upper() for key, value in {**layout, **encoding}.items()]
        compression = encoding.get("compress", "NONE")
        if not can_compress(compression):
            # GDAL would write the pixels uncompressed.
            raise RasterError(f"{self._problem}: this GDAL lacks the compression {compression}")
        rows, columns = map(int, header.grid.shape)
        dtype = gdal_array.NumericTypeCodeToGDALTypeCode(np.dtype(header.dtype).type)
        with gdal_errors(self._problem), one_gdal_thread():
            driver = gdal.GetDriverByName("GTiff")
            self._file = driver.Create(str(path), columns, rows, len(header.names), dtype, options)

    def write_header(self, header: Header) -> None:
        """Write the georeference, the tags and the properties of the bands."""
        with gdal_errors(self._problem):
            self._file.SetGeoTransform(header.grid.transform.to_gdal())
            self._file.SetProjection(well_known_text(header.grid.crs))
            self._file.SetMetadata(dict(header.tags))
            for domain, items in header.domains.items():
                self._file.SetMetadata(dict(items), domain)
            for number, name in enumerate(header.names, start=1):
                band = self._file.GetRasterBand(number)
                if header.nodata is not None:
                    band.SetNoDataValue(header.nodata)
                same = isinstance(header.unit, str)
                band.SetUnitType(header.unit if same else header.unit[number - 1])
                if (header.scale, header.offset) != (1.0, 0.0):
                    band.SetScale(header.scale)
                    band.SetOffset(header.offset)
                band.SetDescription(name)
            for number, source in enumerate(header.sources, start=1):
                self._file.GetRasterBand(number).SetMetadataItem(SOURCE_TAG, source)

    def describe_band(self, number: int, name: str, source: str) -> None:
        """Write the description and the GWSA_SOURCE of one band, where the header has none."""
        with gdal_errors(self._problem):
            band = self._file.GetRasterBand(number)
            band.SetDescription(name)
            band.SetMetadataItem(SOURCE_TAG, source)
        self._names[number - 1], self._sources[number - 1] = name, source

    def write_tag(self, name: str, text: str) -> None:
        """Add one tag to the file, also after pixels have been written."""
        with gdal_errors(self._problem):
            self._file.SetMetadataItem(name, text)
        self._tags[name] = text

    def write(self, number: int, field: np.ndarray, corner: tuple[int, int] = (0, 0)) -> None:
        """Write a window of a band.

        Parameters
        ----------
        number : int
            The band, counted from 1.
        field : numpy.ndarray
            Stored numbers, shape (rows, columns).
        corner : (int, int)
            Row and column of the first pixel. Blocks that a window covers only in part are
            written again by the next window, which makes the file larger.
        """
        top, left = map(int, corner)
        if self._step:
            field = np.rint(field / self._step) * self._step
        field = np.asarray(field, dtype=self._dtype)
        if self._sums is None:
            # The order of the blocks does not matter in memory.
            with gdal_errors(self._problem):
                self._file.GetRasterBand(number).WriteArray(field, left, top)
            return
        self._sums.add(number, field)
        with gdal_errors(self._problem):
            band = self._file.GetRasterBand(number)
            for rows in _split(top, field.shape[0], self._side):
                for columns in _split(left, field.shape[1], self._side):
                    block = field[rows.start - top : rows.stop - top]
                    block = block[:, columns.start - left : columns.stop - left]
                    band.WriteArray(block, columns.start, rows.start)
                    # With at most one block of the file in the cache, no other thread that
                    # makes room in the cache can change the order of the blocks.
                    band.FlushCache()

    def add_overviews(self, progress: Progress, method: str = "AVERAGE") -> None:
        """Add overviews as the function ``add_overviews`` does."""
        if max(self._shape) > MAX_SIDE_WITHOUT_OVERVIEWS:
            _build_overviews(self._file, self._problem, self._encoding, progress, method)

    def flush(self) -> None:
        """Write everything that GDAL still holds in memory."""
        with gdal_errors(self._problem):
            self._file.FlushCache()

    def close(self) -> None:
        """Close the file."""
        with gdal_errors(self._problem):
            self._file = None

    def read_back(self, path: Path) -> None:
        """Raise OSError if the closed file has not what was written to it."""
        if self._sums is None:
            raise ValueError("The file was not checked while it was written.")
        require_written(path, self._sums, self._tags, self._names, self._sources)


def _build_overviews(
    file, problem: str, encoding: Mapping, progress: Progress, method: str
) -> None:
    """Add overviews to an open raster."""
    # By default GDAL before 3.10 compresses them without loss, and no version omits blocks. A file
    # that is opened again has lost the levels of its compression.
    options = {
        "MAX_Z_ERROR_OVERVIEW": str(encoding.get("max_z_error", 0)),
        "SPARSE_OK_OVERVIEW": "YES",
        "ZLEVEL_OVERVIEW": str(encoding.get("zlevel", 6)),
        "ZSTD_LEVEL_OVERVIEW": str(encoding.get("zstd_level", 9)),
    }
    with (
        gdal_progress(progress) as callback,
        thread_options(options),
        gdal_errors(problem),
    ):
        file.BuildOverviews(method, list(OVERVIEWS), callback)


def _split(start: int, length: int, side: int) -> list[slice]:
    """Split ``length`` pixels from ``start`` on at the multiples of ``side``."""
    stop = start + length
    firsts = range(start - start % side, stop, side)
    return [slice(max(first, start), min(first + side, stop)) for first in firsts]
