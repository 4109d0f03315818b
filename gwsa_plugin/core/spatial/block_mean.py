"""Area-weighted means of fine pixels over coarse cells, accumulated block by block."""

from __future__ import annotations

import numpy as np

from ..base.grid import Grid
from .blocks import block_sums


class BlockMean:
    """Mean over each coarse cell of its pixels that have a value, weighted by pixel area.

    Blocks of the fine grid are added in any order and of any size, so that the fine raster is
    never in memory as one array.

    Parameters
    ----------
    fine : Grid
        The fine grid.
    factor : int
        Pixels along the side of a coarse cell.
    """

    def __init__(self, fine: Grid, factor: int):
        self._factor = factor
        self._areas = fine.row_areas()
        self._total, self._weight = np.zeros((2, fine.rows // factor, fine.columns // factor))

    def add(self, values: np.ndarray, rows: slice, columns: slice) -> None:
        """Add a block of pixels.

        Parameters
        ----------
        values : ndarray of float, shape of the window
            Pixels with NaN have no weight.
        rows, columns : slice
            The window of the fine grid.
        """
        corner = rows.start % self._factor, columns.start % self._factor
        total, weight = block_sums(values, self._areas[rows], self._factor, corner)
        first = rows.start // self._factor, columns.start // self._factor
        cells = tuple(slice(begin, begin + size) for begin, size in zip(first, total.shape))
        self._total[cells] += total
        self._weight[cells] += weight

    def mean(self) -> np.ndarray:
        """Return the means: float32, shape of the coarse grid, NaN for a cell without a value."""
        empty = self._weight == 0
        return np.where(empty, np.nan, self._total / np.where(empty, 1.0, self._weight)).astype(
            np.float32
        )
