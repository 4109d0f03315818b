"""Whole blocks of the maps that GWSA writes, decoded in half of the time that GDAL takes.

Long series of maps are mostly decoding. Here libdeflate decompresses a block and a compiled loop
undoes its predictor, both without Python's lock.
"""

from __future__ import annotations

import numpy as np

from ..base.numba_modules import load_numba_module
from .decompress import DamagedChunk, inflate, libdeflate
from .one_pixel import BYTES, LITTLE_ENDIAN, has_layout
from .raster import GdalRaster, Raster, Window

# A block that is stored in more than so many times its bytes is damaged.
MOST_STORED = 2


def read_blocks(source: Raster, bands: list[int], window: Window) -> np.ndarray | None:
    """Read a window of whole blocks.

    Parameters
    ----------
    source : Raster
    bands : list of int
        Bands, counted from 1.
    window : (slice, slice)
        Rows and columns to read.

    Returns
    -------
    ndarray of float32, shape (bands, rows, columns), or None
        As ``source.read_floats`` returns it. None where GDAL has to read it: the window begins or
        ends within a block, the numbers are stored in another way or with a scale, the file is
        damaged, or a library is missing.
    """
    if not isinstance(source, GdalRaster) or not _is_of_blocks(source, window):
        return None
    described = [source.bands[band - 1] for band in bands]
    if any((one.scale, one.offset) != (1.0, 0.0) for one in described):
        return None
    if libdeflate() is None or not has_layout(source, bands):
        return None
    compiled = load_numba_module("rasters.predictor_numba")
    if compiled is None:
        return None
    left, top, width, height = source.sides_of(window)
    values = np.empty((len(bands), height, width), dtype=np.float32)
    rows, columns = source.block
    size = rows * columns * BYTES
    try:
        with source.path.open("rb") as file:
            if file.read(2) != LITTLE_ENDIAN:
                return None
            for index, band in enumerate(bands):
                for row in range(0, height, rows):
                    for column in range(0, width, columns):
                        place = f"{(left + column) // columns}_{(top + row) // rows}"
                        stored = _stored(source, file, band, place, MOST_STORED * size)
                        if stored is None:
                            values[index, row : row + rows, column : column + columns] = np.nan
                        else:
                            corner = (index, row, column)
                            content = inflate(stored, size)
                            compiled.undo_predictor(content, columns, corner, values.view("u4"))
    except (OSError, DamagedChunk):
        return None
    for field, nodata in zip(values, np.array([one.nodata for one in described], float)):
        if not np.isnan(nodata):
            field[field == nodata] = np.nan
    return values


def _is_of_blocks(source: GdalRaster, window: Window) -> bool:
    """Return True for a window within the raster whose sides are those of blocks."""
    return all(
        0 <= side.start < side.stop <= length
        and side.start % block == 0
        and (side.stop % block == 0 or side.stop == length)
        for side, length, block in zip(window, source.shape, source.block)
    )


def _stored(source: GdalRaster, file, band: int, place: str, most: int) -> bytes | None:
    """The bytes of a block; None where it was left out of the file because it has no values."""
    offset = source.tiff_item(band, f"BLOCK_OFFSET_{place}")
    size = source.tiff_item(band, f"BLOCK_SIZE_{place}")
    if not offset and not size:
        return None
    if not offset or not size or int(size) > most:
        raise DamagedChunk
    file.seek(int(offset))
    return file.read(int(size))
