"""Land of a fine grid, held as one bit for each pixel."""

from __future__ import annotations

import hashlib

import numpy as np

from ..base.grid import Grid


class LandMask:
    """The land pixels of a fine grid.

    It takes an eighth of the memory of an array of bool, which of all land at 250 m would be 12 GB.

    Parameters
    ----------
    grid : Grid
        The fine grid; no pixel is land until windows are set.
    """

    def __init__(self, grid: Grid):
        self._columns = grid.columns
        self._bits = np.zeros((grid.rows, -(-grid.columns // 8)), dtype=np.uint8)

    def __getitem__(self, window: tuple[slice, slice]) -> np.ndarray:
        """Return a window: bool, True on land."""
        rows, columns = window
        first = columns.start // 8
        bits = self._bits[rows, first : -(-columns.stop // 8)]
        begin = columns.start - 8 * first
        end = columns.stop - 8 * first
        return np.unpackbits(bits, axis=1, count=end)[:, begin:].astype(bool)

    def __setitem__(self, window: tuple[slice, slice], land: np.ndarray) -> None:
        """Set a window that begins at a multiple of 8 columns, and ends at one or at the edge."""
        rows, columns = window
        if columns.start % 8 or columns.stop % 8 and columns.stop != self._columns:
            raise ValueError("a window of the land mask does not begin and end with a byte")
        self._bits[rows, columns.start // 8 : -(-columns.stop // 8)] = np.packbits(land, axis=1)

    def count(self) -> int:
        """Return the number of land pixels."""
        return sum(int(np.unpackbits(row).sum()) for row in self._bits)

    def digest(self) -> str:
        """Return a digest of the mask."""
        return hashlib.sha256(self._bits.tobytes()).hexdigest()
