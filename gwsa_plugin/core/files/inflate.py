"""HDF5 chunks that were shuffled and deflated, unpacked: nearly all the time that reading GLDAS takes."""

from __future__ import annotations

import ctypes
import threading
import zlib
from functools import lru_cache

import numpy as np

LIBDEFLATE = ("libdeflate.so.0", "libdeflate.0.dylib", "libdeflate.dll", "deflate.dll")

_of_this_thread = threading.local()


class Damaged(Exception):
    """The bytes are not a whole deflated chunk of the size asked for."""


def unpack(
    packed: bytes, count: int, shuffled: bool, cells: np.ndarray | None = None
) -> np.ndarray:
    """The ``count`` little-endian float32 values of one chunk, or of them those at the places ``cells``.

    Raises Damaged, as deflated data carry a checksum. Threads do not wait for each other: neither library holds
    Python's lock.
    """
    plain = _scratch("plain", 4 * count)
    _inflate(packed, plain)
    values = _joined(plain.reshape(4, count)) if shuffled else plain.view("<f4")
    return values.copy() if cells is None else values.take(cells)


def _joined(planes: np.ndarray) -> np.ndarray:
    """Shuffled values lie as all their first bytes, then all second ones, and so on."""
    values = _scratch("values", planes.size).view("<u4")
    values[:] = planes[3]
    for plane in planes[2::-1]:
        values <<= 8
        values |= plane
    return values.view("<f4")


def _scratch(name: str, size: int) -> np.ndarray:
    """Memory of this thread that is used again and again: fresh memory takes longer to get than to fill."""
    held = getattr(_of_this_thread, name, None)
    if held is None or held.size < size:
        held = np.empty(size, dtype=np.uint8)
        setattr(_of_this_thread, name, held)
    return held[:size]


def _inflate(packed: bytes, plain: np.ndarray) -> None:
    library = libdeflate()
    if library is None:
        plain[:] = _inflated_by_zlib(packed, plain.size)
        return
    decompressor = library.libdeflate_alloc_decompressor()
    failed = library.libdeflate_zlib_decompress(
        decompressor, packed, len(packed), plain.ctypes.data, plain.size, None
    )  # fmt: skip
    library.libdeflate_free_decompressor(decompressor)
    if failed:
        raise Damaged


def _inflated_by_zlib(packed: bytes, size: int) -> np.ndarray:
    try:
        plain = np.frombuffer(zlib.decompress(packed, bufsize=size), dtype=np.uint8)
    except zlib.error:
        raise Damaged from None
    if plain.size != size:
        raise Damaged
    return plain


@lru_cache
def libdeflate():
    """The library that GDAL itself inflates with, three times as fast as zlib; None where it is not to be found."""
    for name in LIBDEFLATE:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
        library.libdeflate_free_decompressor.argtypes = [ctypes.c_void_p]
        library.libdeflate_zlib_decompress.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p,
        ]  # fmt: skip
        return library
    return None
