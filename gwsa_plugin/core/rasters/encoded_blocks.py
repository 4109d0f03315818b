"""The encoded blocks of a raster, before it exists, and files of them.

Tiles can thus be encoded at the same time and compressed once.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..base.numba_modules import load_numba_module
from .geotiff import Header, encode_geotiff
from .geotiff_blocks import blocks_of_geotiff
from .read_back import not_as_written

# The encoding that this module compresses itself: float32 with the floating point predictor.
COMPRESSED_HERE = {"compress": "DEFLATE", "predictor": 3}
# The first bytes of DEFLATE in zlib's format: a window of 32 kB, the fastest compression.
ZLIB_HEADER = b"\x78\x01"

_compiled = partial(load_numba_module, "rasters.deflate_numba")


def encode_blocks(
    header: Header, side: int, encoding: Mapping, fields: Iterable[tuple[int, np.ndarray]]
) -> list[bytes]:
    """Encode bands of one block.

    Parameters
    ----------
    header : Header
        Bands, data type, nodata and rounding. Its grid is not larger than a block.
    side : int
        Width and height of a block in pixels, a multiple of 16.
    encoding : mapping
        Creation options of GDAL's GTiff driver, such as the compression.
    fields : iterable of (int, numpy.ndarray)
        Numbers of bands, counted from 1, and their values, shape of the grid.

    Returns
    -------
    list of bytes
        The block of each band, empty if it has no value.
    """
    kernel = _compiled()
    own = all(encoding.get(name) == value for name, value in COMPRESSED_HERE.items())
    if kernel is None or not own or header.dtype != "float32":
        return encode_bands(header, side, encoding, fields)
    blocks = [b""] * len(header.names)
    rows, columns = header.grid.shape
    padded = np.full((side, side), np.nan, dtype=np.float32)
    content = np.empty((side, kernel.BYTES * side), dtype=np.uint8)
    for band, values in fields:
        padded[:rows, :columns] = values
        if not np.isnan(padded).all():
            kernel.predict(padded, header.step, content)
            compressed = kernel.deflate(content.ravel())
            checksum = zlib.adler32(content.data).to_bytes(4, "big")
            blocks[band - 1] = ZLIB_HEADER + compressed.tobytes() + checksum
    return blocks


def encode_bands(
    header: Header, side: int, encoding: Mapping, fields: Iterable[tuple[int, np.ndarray]]
) -> list[bytes]:
    """Encode bands of any size as GDAL does.

    Parameters
    ----------
    header, side, encoding, fields
        As in ``encode_blocks``.

    Returns
    -------
    list of bytes
        The blocks of each band, row by row.
    """
    return blocks_of_geotiff(BytesIO(encode_geotiff(header, side, encoding, fields)))


def save_blocks(blocks: list[bytes], file: BinaryIO) -> None:
    """Write blocks to a file for ``read_blocks``: number, sizes, blocks and a checksum."""
    checksum = 0
    sizes = struct.pack(f"<q{len(blocks)}q", len(blocks), *map(len, blocks))
    for part in (sizes, *blocks):
        file.write(part)
        checksum = zlib.crc32(part, checksum)
    file.write(struct.pack("<L", checksum))


def read_blocks(path: Path) -> list[bytes]:
    """Read a file of ``save_blocks``.

    Raises
    ------
    OSError
        When the file cannot be read, or has something else than what was written to it.
    """
    content = memoryview(path.read_bytes())
    # The checksum of no bytes is 0.
    if len(content) < 12 or zlib.crc32(content[:-4]).to_bytes(4, "little") != content[-4:]:
        raise not_as_written(path)
    (count,) = struct.unpack_from("<q", content)
    sizes = struct.unpack_from(f"<{count}q", content, 8)
    ends = accumulate(sizes, initial=8 + 8 * count)
    return [bytes(content[end : end + size]) for end, size in zip(ends, sizes)]
