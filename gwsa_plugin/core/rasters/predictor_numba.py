"""The floating point predictor of TIFF, undone by loops that numba compiles."""

from __future__ import annotations

import numpy as np
from numba import njit

U = np.uint64
BYTES = 4
SECOND_AND_FOURTH = np.uint32(0x00FF00FF)


@njit(nogil=True, cache=True)
def undo_predictor(content, columns, corner, values):
    """Turn a block, as it was compressed, to numbers.

    The four bytes of the numbers of a row are four planes, the most significant first, and each
    byte is stored less the one before it.

    Parameters
    ----------
    content : ndarray of uint8, shape (rows * columns * 4,)
        Blocks beyond the edge of the raster are complete.
    columns : int
        Of the block.
    corner : tuple of int
        Band, row and column in ``values`` of the first number.
    values : ndarray of uint32, shape (bands, rows, columns)
        Receives the bits of the numbers.
    """
    band, top, left = corner
    for row in range(min(content.size // (BYTES * columns), values.shape[1] - top)):
        start = row * BYTES * columns
        stored = content[start : start + BYTES * columns]
        _add_up(stored, columns, values[band, top + row, left : left + columns])


@njit(nogil=True, error_model="numpy")
def _add_up(stored, columns, numbers):
    n = U(columns)
    # Each plane goes on from the last byte of the plane before it.
    first, second, third = np.uint32(0), np.uint32(0), np.uint32(0)
    for i in range(n):
        first += stored[i]
    for i in range(n):
        second += stored[n + i]
    for i in range(n):
        third += stored[U(2) * n + i]
    second += first
    third += second
    for i in range(U(numbers.size)):
        high = (np.uint32(stored[i]) << 24) | (np.uint32(stored[n + i]) << 16)
        low = (np.uint32(stored[U(2) * n + i]) << 8) | np.uint32(stored[U(3) * n + i])
        numbers[i] = high | low
    # Two bytes of a number at a time, with room for what they carry.
    even = ((first & np.uint32(0xFF)) << 16) | (third & np.uint32(0xFF))
    odd = second & np.uint32(0xFF)
    for i in range(U(numbers.size)):
        even = (even + (numbers[i] & SECOND_AND_FOURTH)) & SECOND_AND_FOURTH
        odd = (odd + ((numbers[i] >> 8) & SECOND_AND_FOURTH)) & SECOND_AND_FOURTH
        numbers[i] = even | (odd << 8)
