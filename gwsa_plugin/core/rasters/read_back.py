"""Reading back of a GeoTIFF that has just been written.

GDAL does not report every write that the disk refused: data in a buffer can be lost at a seek or
when the file is closed. What is read must therefore have the sums of what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from osgeo import gdal

from .gdal_errors import RasterError, gdal_errors
from .gdal_options import one_gdal_thread

# Relative error of sums of float64 values in another order.
ROUNDING = 1e-9


class Sums:
    """Sums of the values in each band, which do not depend on the order of windows.

    Parameters
    ----------
    bands : int
        Number of bands.
    nodata : float or None
        Stored number of pixels without a value, which do not count; None if all have one.
    max_error : float
        Largest error of a value by the compression. Without one, bit patterns are summed.
    """

    def __init__(self, bands: int, nodata: float | None, max_error: float = 0.0):
        self._nodata = nodata
        self._max_error = max_error
        self._counts = [0] * bands
        self._sums: list[float] = [0] * bands

    def add(self, number: int, field: np.ndarray) -> None:
        """Add a window of a band, counted from 1, in the type in which it is stored."""
        values = field.ravel()
        if self._nodata is not None:
            has_value = values != self._nodata
            values = values[has_value & (values == values)]
        self._counts[number - 1] += values.size
        if self._max_error:
            self._sums[number - 1] += float(values.sum(dtype=np.float64))
        else:
            bits = values.view(f"u{values.itemsize}")
            total = self._sums[number - 1] + int(bits.sum(dtype=np.uint64))
            # As numpy does: those of float64 overflow within a window.
            self._sums[number - 1] = total % 2**64

    def anew(self) -> Sums:
        """Return sums of the same kind without any values."""
        return Sums(len(self._counts), self._nodata, self._max_error)

    def agree_with(self, read: Sums) -> bool:
        """Whether the sums of what was read are those of what was written."""
        if self._nodata is not None and self._counts != read._counts:
            return False
        if not self._max_error:
            return self._sums == read._sums
        return all(
            abs(one - other) <= count * self._max_error + ROUNDING * (abs(one) + count)
            for one, other, count in zip(self._sums, read._sums, self._counts)
        )


def require_written(
    path: Path, written: Sums, tags: Mapping[str, str], names: Sequence[str], sources: Sequence[str]
) -> None:
    """Check that a GeoTIFF has the values and the metadata that were written, overviews included.

    Parameters
    ----------
    path : Path
        The file, which is closed.
    written : Sums
        Sums of what was written.
    tags : mapping of str to str
        Its tags.
    names, sources : list of str
        Description and GWSA_SOURCE of each band; empty for none.

    Raises
    ------
    OSError
        When it has something else, or cannot be read.
    """
    require_described(path, tags, names, sources)
    read = written.anew()
    with gdal_errors(f"{path.name} cannot be written"):
        _sum_file(path, read)
    if not written.agree_with(read):
        raise not_as_written(path)


def require_described(
    path: Path, tags: Mapping[str, str], names: Sequence[str], sources: Sequence[str]
) -> None:
    """Check that a GeoTIFF has tags and descriptions, and that GDAL reads it and its overviews.

    Of each band one block is read.

    Parameters
    ----------
    path, tags, names, sources
        As in ``require_written``.

    Raises
    ------
    OSError
        When it has not, or they cannot.
    """
    with gdal_errors(f"{path.name} cannot be written"):
        found, described = _read_description(path)
    has_tags = all(found.get(name) == text for name, text in tags.items() if text)
    stated = [(name, source or None) for name, source in zip(names, sources)]
    if not (has_tags and described == stated):
        raise not_as_written(path)


def not_as_written(path: Path) -> RasterError:
    """The error of a file that has something else than what was written to it."""
    return RasterError(
        f"{path.name} cannot be written: what is read from it is not what was written to it"
    )


def require_copy(source: Path, target: Path) -> None:
    """Check that a copy of a GeoTIFF without loss has its values, tags and descriptions.

    Raises
    ------
    OSError
        When it has something else, or cannot be read.
    """
    with gdal_errors(f"{target.name} cannot be written"):
        expected, tags, described = _read_all(source)
    names, sources = zip(*described)
    require_written(target, expected, tags, list(names), [source or "" for source in sources])


# Each function opens and closes a file in its own frame, which ``gdal_errors`` clears, so that no
# exception keeps the file open.


def _sum_file(path: Path, read: Sums) -> None:
    """Add all blocks of all bands of a file."""
    _sum_bands(_open(path), read)


def _read_description(path: Path) -> tuple[dict[str, str], list[tuple[str, str | None]]]:
    """Tags and descriptions of bands, after a block of each and all overviews were read."""
    file = _open(path)
    for band in map(file.GetRasterBand, range(1, file.RasterCount + 1)):
        for window in islice(_blocks(band), 1):
            _read(band, window)
        for overview in map(band.GetOverview, range(band.GetOverviewCount())):
            for window in _blocks(overview):
                _read(overview, window)
    return file.GetMetadata(), _descriptions(file)


def _read_all(path: Path) -> tuple[Sums, dict[str, str], list[tuple[str, str | None]]]:
    """Sums and tags of a file, and descriptions of its bands."""
    file = _open(path)
    sums = Sums(file.RasterCount, file.GetRasterBand(1).GetNoDataValue())
    _sum_bands(file, sums)
    return sums, file.GetMetadata(), _descriptions(file)


def _open(path: Path) -> gdal.Dataset:
    with one_gdal_thread():
        file = gdal.Open(str(path))
    if file is None:
        raise RuntimeError("it cannot be opened")
    return file


def _descriptions(file: gdal.Dataset) -> list[tuple[str, str | None]]:
    """Description and GWSA_SOURCE of each band."""
    bands = map(file.GetRasterBand, range(1, file.RasterCount + 1))
    return [(band.GetDescription(), band.GetMetadataItem("GWSA_SOURCE")) for band in bands]


def _sum_bands(file: gdal.Dataset, read: Sums) -> None:
    """Add all blocks of all bands."""
    for number in range(1, file.RasterCount + 1):
        band = file.GetRasterBand(number)
        for window in _blocks(band):
            read.add(number, _read(band, window))


def _read(band: gdal.Band, window: tuple[int, int, int, int]) -> np.ndarray:
    """The numbers in a window of a band; RuntimeError where GDAL returns none."""
    values = band.ReadAsArray(*window)
    if values is None:
        raise RuntimeError("a block cannot be read")
    return values


def _blocks(band: gdal.Band):
    """Column, row, width and height of the blocks of a band that are in the file."""
    width, height = band.GetBlockSize()
    for top in range(0, band.YSize, height):
        for left in range(0, band.XSize, width):
            place = f"BLOCK_OFFSET_{left // width}_{top // height}"
            # Blocks that were left out of a sparse file have no offset.
            if band.GetMetadataItem(place, "TIFF"):
                yield left, top, min(width, band.XSize - left), min(height, band.YSize - top)
