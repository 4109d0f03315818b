"""Decompress chunks of HDF5 files and blocks of GeoTIFFs with libdeflate.

HDF5 decompresses with zlib and in one thread at a time. libdeflate is three times as fast, and
several threads can use it at once. HDF5 alone would halve the speed of the benchmarks
``gldas_global`` and ``gldas_read``.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

import numpy as np

from ..base.thread_arrays import thread_array

LIBRARY_NAMES = ("libdeflate.so.0", "libdeflate.0.dylib", "libdeflate.dll", "deflate.dll")


class DamagedChunk(Exception):
    """The bytes cannot be decompressed to a chunk of the expected size."""


def decompress(
    chunk: bytes, count: int, shuffled: bool, cells: np.ndarray | None = None
) -> np.ndarray:
    """Decompress a chunk of float32 values.

    Requires ``libdeflate``. Threads run in parallel: ctypes and NumPy release the interpreter lock.

    Parameters
    ----------
    chunk : bytes
        The chunk as stored: shuffled if ``shuffled``, then compressed with DEFLATE in zlib format.
    count : int
        Number of values in the chunk.
    shuffled : bool
        True when HDF5's shuffle filter was applied.
    cells : ndarray of int, optional
        Flat indices of the values to return; by default all.

    Returns
    -------
    ndarray of float32, shape (count,) or the shape of ``cells``

    Raises
    ------
    DamagedChunk
        When the data do not match their checksum or have another size.
    """
    content = inflate(chunk, 4 * count)
    if shuffled:
        return _unshuffle(content.reshape(4, count), cells)
    values = content.view("<f4")
    return values.copy() if cells is None else values.take(cells)


@lru_cache
def libdeflate() -> ctypes.CDLL | None:
    """Return the libdeflate library, which GDAL uses too, or None when it is not installed."""
    for name in LIBRARY_NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
        library.libdeflate_free_decompressor.argtypes = [ctypes.c_void_p]
        library.libdeflate_zlib_decompress.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_void_p,
        ]
        return library
    return None


def inflate(chunk: bytes, size: int) -> np.ndarray:
    """Decompress a stream of DEFLATE in zlib format; requires ``libdeflate``.

    Parameters
    ----------
    chunk : bytes
    size : int
        Bytes of the content.

    Returns
    -------
    ndarray of uint8, shape (size,)
        Overwritten by the next call in the same thread.

    Raises
    ------
    DamagedChunk
        When the data do not match their checksum or have another size.
    """
    library = libdeflate()
    if library is None:
        raise RuntimeError("libdeflate is not installed")
    content = thread_array("decompressed", (size,), np.uint8)
    decompressor = library.libdeflate_alloc_decompressor()
    failed = library.libdeflate_zlib_decompress(
        decompressor, chunk, len(chunk), content.ctypes.data, content.size, None
    )
    library.libdeflate_free_decompressor(decompressor)
    if failed:
        raise DamagedChunk
    return content


def _unshuffle(planes: np.ndarray, cells: np.ndarray | None) -> np.ndarray:
    """Undo HDF5's shuffle filter for all values, or for those at flat indices.

    ``planes``, uint8 of shape (4, values), holds the first bytes of all values, then the second
    bytes, and so on.
    """
    values = np.empty(planes[0].shape if cells is None else cells.shape, dtype="<f4")
    for place, plane in enumerate(planes):
        values[..., None].view("u1")[..., place] = plane if cells is None else plane[cells]
    return values
