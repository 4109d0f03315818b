"""Tiles of a GRACE product: cells that share one series, such as the cells of a mascon."""

from __future__ import annotations

import numpy as np

from ..files.packed_tiles import NO_TILE

# Constants of the finalizer of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def find_tiles(values: np.ndarray) -> np.ndarray:
    """Number the sets of cells that have identical series.

    Series are identical when they have the same values, and no value, in the same months. They are
    compared by a hash of 64 bits, so that two different series of a global field of a million cells
    are taken as identical with a probability below 1e-7.

    Parameters
    ----------
    values : ndarray of float, shape (months, rows, columns)
        NaN where there is no value.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Numbers from 0 in the order of the first cell; -1 where a cell has no value in any month.
    """
    shape = values.shape[1:]
    hashes = np.zeros(shape, dtype=np.uint64)
    has_value = np.zeros(shape, dtype=bool)
    for month in values:
        finite = np.isfinite(month)
        has_value |= finite
        # All values that are not finite get the same bits, and -0.0 those of 0.0.
        numbers = np.where(finite, month, np.nan).astype(np.float64) + 0.0
        hashes = _mixed((hashes + _STEP) ^ numbers.view(np.uint64))
    tiles = np.full(shape, NO_TILE, dtype=np.int32)
    _, first, number = np.unique(hashes[has_value], return_index=True, return_inverse=True)
    # From the order of the hashes to the order of the first cells.
    rank = np.empty(first.size, dtype=np.int32)
    rank[np.argsort(first)] = np.arange(first.size)
    tiles[has_value] = rank[number]
    return tiles


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Change about half of the bits for any change of the input."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    return bits ^ (bits >> np.uint64(31))
