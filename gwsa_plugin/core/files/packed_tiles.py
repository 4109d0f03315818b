"""Numbers of mascon tiles as text in a metadata domain of a GeoTIFF.

A tag would be listed by every program that opens the file, and a band would be taken for a month.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping

import numpy as np

TILES_DOMAIN = "GWSA_TILES"
# Number of cells in no tile.
NO_TILE = -1
SHAPE = "SHAPE"
NUMBERS = "NUMBERS"
LEVEL = 9


def pack_tiles(tiles: np.ndarray) -> dict[str, str]:
    """Return tiles as metadata.

    Parameters
    ----------
    tiles : ndarray of int, shape (rows, columns)

    Returns
    -------
    dict of str to str
        The shape, and the numbers by rows: differences to the cell on the left (to 0 in the first
        column) as 32-bit little-endian integers, compressed by zlib and written in base64.
    """
    steps = np.diff(tiles, axis=1, prepend=0).astype("<i4")
    packed = zlib.compress(steps.tobytes(), LEVEL)
    return {
        SHAPE: " ".join(map(str, tiles.shape)),
        NUMBERS: base64.b64encode(packed).decode("ascii"),
    }


def unpack_tiles(items: Mapping[str, str], shape: tuple[int, int]) -> np.ndarray | None:
    """Return the tiles that ``pack_tiles`` made.

    Parameters
    ----------
    items : mapping of str to str
        Metadata of the domain; empty in files without tiles.
    shape : (int, int)
        Rows and columns of the raster.

    Returns
    -------
    ndarray of int32, shape (rows, columns), or None
        None without tiles and where the raster has another shape, because another program has
        cropped or warped it and kept the metadata.
    """
    if items.get(SHAPE) != " ".join(map(str, shape)):
        return None
    steps = np.frombuffer(zlib.decompress(base64.b64decode(items[NUMBERS])), dtype="<i4")
    return np.cumsum(steps.reshape(shape), axis=1, dtype=np.int32)
