"""Tiles of a GRACE product: cells that share one series, such as the cells of a mascon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..files.packed_tiles import NO_TILE


def find_tiles(values: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Number the sets of cells that have identical series.

    Series are identical when they have the same values, and no value, in the same months.

    Parameters
    ----------
    values : ndarray of float, shape (months, rows, columns), or sequence of (rows, columns)
        NaN where there is no value.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Numbers from 0 in the order of the first cell; -1 where a cell has no value in any month.
    """
    shape = values[0].shape
    has_value = np.zeros(shape, dtype=bool)
    for month in values:
        has_value |= np.isfinite(month)
    cells = np.flatnonzero(has_value)
    # The first cell of each cell's set, as a place in ``cells``.
    first = np.zeros(cells.size, dtype=np.intp)
    # Places of the cells that share their set with others: with mascons all of them, and few months
    # split a set; without, few remain after the first month.
    shared = np.arange(cells.size)
    for month in values:
        if _split(first, shared, month.reshape(-1)[cells[shared]]):
            shared = shared[np.bincount(first, minlength=cells.size)[first[shared]] > 1]
    tiles = np.full(shape, NO_TILE, dtype=np.int32)
    is_first = first == np.arange(cells.size)
    tiles[has_value] = (np.cumsum(is_first) - 1)[first]
    return tiles


def _split(first: np.ndarray, shared: np.ndarray, values: np.ndarray) -> bool:
    """Put cells that differ from the first of their set in a month into new sets; True for any.

    ``values`` are those of the cells ``shared``; ``first`` is changed in place.
    """
    # All values that are not finite get the same number, above the others.
    values = np.where(np.isfinite(values), values, np.inf)
    leading = np.empty(first.size, dtype=values.dtype)
    leading[shared] = values
    sets = first[shared]
    differs = np.flatnonzero(values != leading[sets])
    if not differs.size:
        return False
    order = differs[np.lexsort((values[differs], sets[differs]))]
    begins = np.arange(order.size) == 0
    for part in (sets[order], values[order]):
        begins[1:] |= part[1:] != part[:-1]
    # The sort is stable, so that the first of each new set is its first cell.
    first[shared[order]] = shared[order[begins]][np.cumsum(begins) - 1]
    return True
