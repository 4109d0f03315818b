"""One pixel of the maps that GWSA writes, without decoding the rest of their blocks.

A series at a place needs one pixel of some hundred blocks, and GDAL spends nearly all of the time
on decoding each of them as a whole. A block is one stream of Deflate from its first row to its
last, and each row is predicted by itself, so that no row below the pixel need be decoded.
"""

from __future__ import annotations

import zlib

import numpy as np

from .raster import GdalRaster, Window

# The floating point predictor of TIFF (Adobe's technical note 3): the four bytes of the numbers of
# a row are stored as four planes, the most significant first, and each byte less the one before it.
LAYOUT = {"COMPRESSION": "DEFLATE", "PREDICTOR": "3", "INTERLEAVE": "BAND"}
BYTES = 4
# Of big-endian files libtiff swaps bytes in its own way.
LITTLE_ENDIAN = b"II"


def read_pixel(source: GdalRaster, bands: list[int], window: Window | None) -> np.ndarray | None:
    """Read a window of one pixel.

    Parameters
    ----------
    source : GdalRaster
    bands : list of int
        Bands, counted from 1.
    window : (slice, slice), optional
        Rows and columns to read; by default all.

    Returns
    -------
    ndarray of float32, shape (bands, 1, 1), or None
        As ``source.read_floats`` returns it. None where GDAL has to read it: the window is larger
        or outside, the file has another layout, or a block was left out of it or is damaged.
    """
    if window is None or source.sides_of(window)[2:] != (1, 1):
        return None
    if not has_layout(source, bands):
        return None
    left, top, _, _ = source.sides_of(window)
    rows, columns = source.block
    place = f"{left // columns}_{top // rows}"
    stop = (top % rows + 1) * columns * BYTES
    values = np.empty((len(bands), 1, 1), dtype=np.float32)
    try:
        with source.path.open("rb") as file:
            if file.read(2) != LITTLE_ENDIAN:
                return None
            for index, band in enumerate(bands):
                offset = source.tiff_item(band, f"BLOCK_OFFSET_{place}")
                size = source.tiff_item(band, f"BLOCK_SIZE_{place}")
                if not offset or not size:
                    return None
                file.seek(int(offset))
                decoded = zlib.decompressobj().decompress(file.read(int(size)), stop)
                if len(decoded) < stop:
                    return None
                values[index] = _number(decoded[stop - columns * BYTES :], left % columns)
    except (OSError, zlib.error):
        return None
    nodata = np.array([source.bands[band - 1].nodata for band in bands])
    values[values == nodata[:, None, None]] = np.nan
    return values


def has_layout(source: GdalRaster, bands: list[int]) -> bool:
    """Return True for bands of float32 in ``LAYOUT`` whose only mask is their nodata value."""
    described = [source.bands[band - 1] for band in bands]
    if any(one.dtype != "float32" or not one.only_nodata for one in described):
        return False
    structure = source.tags(domain="IMAGE_STRUCTURE")
    return all(structure.get(key) == text for key, text in LAYOUT.items())


def _number(row: bytes, column: int) -> float:
    """Return a number of a row that was predicted."""
    differences = np.frombuffer(row, np.uint8)
    planes = np.cumsum(differences, dtype=np.uint8).reshape(BYTES, -1)
    return np.frombuffer(planes[:, column].tobytes(), ">f4")[0]
