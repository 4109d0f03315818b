"""Mascon tiles of a TWSA stack."""

from __future__ import annotations

import numpy as np

from ..files.stack import OBSERVED, MonthlyStack
from .tiles import NO_TILE, find_tiles


def stack_tiles(twsa: MonthlyStack) -> np.ndarray | None:
    """Return the tiles that a stack carries, else those found in its observed months.

    Parameters
    ----------
    twsa : MonthlyStack

    Returns
    -------
    ndarray of int32, shape (rows, columns), or None
        -1 for a cell in no tile. None where every cell has a series of its own, which is no sign of
        mascons.
    """
    if twsa.tiles is not None:
        return twsa.tiles
    observed = [month for month, source in zip(twsa.values, twsa.source) if source == OBSERVED]
    if not observed:
        return None
    tiles = find_tiles(observed)
    cells = np.count_nonzero(tiles != NO_TILE)
    return None if tiles.max() + 1 == cells else tiles
