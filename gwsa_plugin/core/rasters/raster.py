"""The interface of the two backends: an open raster, and resampling and rasterising in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from ..base.affine import Affine
from ..base.errors import InputError

# Rows and columns, both with start and stop.
Window = tuple[slice, slice]

NEAREST = "nearest"
BILINEAR = "bilinear"
AVERAGE = "average"
MODE = "mode"


class Band(NamedTuple):
    """How a band is stored.

    Parameters
    ----------
    dtype : str
        Numpy name of the type of the stored numbers.
    nodata : float or None
        Stored number of pixels without a value.
    only_nodata : bool
        True when the pixels without a value are exactly those with the number ``nodata``: there is
        no mask, no transparency and not only valid pixels.
    scale, offset : float
        ``stored * scale + offset`` is the value.
    unit : str
        Unit of the values, which may be empty.
    description : str
        Description of the band, which may be empty.
    """

    dtype: str
    nodata: float | None
    only_nodata: bool
    scale: float
    offset: float
    unit: str
    description: str


def require_scales(bands: Sequence[Band], name: str) -> None:
    """Raise InputError for a band without values; ``name`` is that of the file."""
    for number, band in enumerate(bands, start=1):
        if band.scale == 0 or not np.isfinite(band.scale):
            raise InputError(
                f"Band {number} of {name} has the scale {band.scale:g}, which leaves no values; "
                "correct it, with gdal_edit.py -scale 1 where the band holds values."
            )


class Placed(Protocol):
    """Pixels with a place on Earth, such as a Grid or an open raster."""

    @property
    def crs(self) -> str:
        """Coordinate reference system."""

    @property
    def transform(self) -> Affine:
        """From column and row to coordinates."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""


class Raster(ABC):
    """A raster that is open for reading, to be used by one thread at a time.

    Attributes
    ----------
    crs : str
        WKT of the coordinate reference system, empty when there is none.
    transform : Affine
        From column and row to coordinates.
    shape : (int, int)
        Number of rows and columns.
    block : (int, int)
        Rows and columns of the blocks in which the file stores the first band.
    bands : tuple of Band
        Properties of the bands; bands are counted from 1 in all methods. Empty for a container of
        several rasters.
    """

    crs: str
    transform: Affine
    shape: tuple[int, int]
    block: tuple[int, int]
    bands: tuple[Band, ...]

    def __enter__(self) -> Raster:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    @abstractmethod
    def tags(self, band: int = 0, domain: str = "") -> dict[str, str]:
        """Return the metadata of a band, or of the file where ``band`` is 0."""

    @abstractmethod
    def overviews(self, band: int) -> list[int]:
        """Return the reduction factors of the overviews of a band."""

    @abstractmethod
    def read(
        self, band: int, window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Read the stored numbers of one band.

        Parameters
        ----------
        band : int
            Number of the band.
        window : (slice, slice), optional
            Rows and columns to read; by default all.
        shape : (int, int), optional
            Rows and columns of the result, which is read from the overview that fits and takes the
            nearest of its pixels; by default the shape of the window.

        Raises
        ------
        RasterError
            When the band cannot be read.
        """

    @abstractmethod
    def read_floats(self, bands: list[int], window: Window | None = None) -> np.ndarray:
        """Read the stored numbers of bands as float32, shape (bands, rows, columns).

        Pixels without a value (nodata, mask or full transparency) are NaN. Scale and offset are not
        applied. Parameters and errors are those of ``read``.
        """

    def sides_of(self, window: Window | None) -> tuple[int, int, int, int]:
        """Return the first column, first row, width and height of a window."""
        height, width = self.shape
        return window_sides(window or (slice(0, height), slice(0, width)))


class GdalRaster(Raster):
    """A raster that GDAL has opened.

    Attributes
    ----------
    path : Path
        The file, or whatever else GDAL opens.
    """

    path: Path

    def nodata_of(self, bands: list[int]) -> float | None:
        """Return the number that alone marks pixels without a value in all of the bands.

        None where a mask has to be read, which takes as long as the pixels, or where GDAL does not
        compare numbers exactly.
        """
        first, *others = {self.bands[band - 1][:3] for band in bands}
        dtype, nodata, only_nodata = first
        if others or nodata is None or not only_nodata:
            return None
        if np.isnan(nodata):
            return nodata if dtype == "float32" else None
        is_small_integer = dtype.lstrip("u") in ("int8", "int16", "int32")
        return nodata if is_small_integer and nodata % 1 == 0 else None

    @abstractmethod
    def tiff_item(self, band: int, name: str) -> str | None:
        """Return what GDAL states on where a GeoTIFF has its blocks, such as BLOCK_OFFSET_0_0."""


def with_nan(numbers: np.ndarray, nodata: float) -> np.ndarray:
    """Convert stored numbers to float32, with NaN for ``nodata`` (``GdalRaster.nodata_of``)."""
    values = numbers.astype(np.float32, copy=False)
    if not np.isnan(nodata):
        np.copyto(values, np.nan, where=numbers == int(nodata))
    return values


def window_sides(window: Window) -> tuple[int, int, int, int]:
    """Return the first column, first row, width and height of a window."""
    rows, columns = window
    sides = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    left, top, width, height = map(int, sides)
    return left, top, width, height


class Backend(Protocol):
    """What each of the modules ``with_rasterio`` and ``with_osgeo`` provides."""

    def open_file(self, path: Path) -> GdalRaster:
        """Open a raster; RasterError when GDAL cannot."""

    def resample(
        self, values: np.ndarray, source: Placed, target: Placed, method: str
    ) -> np.ndarray:
        """Resample values on ``source`` to ``target``; see ``warping.resample``."""

    def burn(self, shapes: Iterable[tuple[dict, int]], target: Placed, dtype: str) -> np.ndarray:
        """Rasterise polygons; see ``warping.rasterise``."""
