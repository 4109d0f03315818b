"""Fine pixels to coarse cells: means weighted by pixel area, fed block by block."""

from __future__ import annotations

import numpy as np

from ..base.grid import Grid
from .blocks import block_sums


class BlockMean:
    """The mean over each coarse cell of the fine pixels that have a value, weighted by their area on the sphere.

    Fed with blocks of the fine grid in any order and of any size, so that no whole fine raster need be in memory.
    """

    def __init__(self, fine: Grid, factor: int):
        self._factor, self._areas = factor, fine.row_areas()
        self._total, self._weight = np.zeros((2, fine.rows // factor, fine.columns // factor))

    def add(self, values: np.ndarray, rows: slice, columns: slice) -> None:
        """``values``: shape (rows, columns) of the fine window ``rows``, ``columns``; NaN has no weight."""
        corner = rows.start % self._factor, columns.start % self._factor
        total, weight = block_sums(values, self._areas[rows], self._factor, corner)
        first = rows.start // self._factor, columns.start // self._factor
        cells = tuple(slice(begin, begin + size) for begin, size in zip(first, total.shape))
        self._total[cells] += total
        self._weight[cells] += weight

    def mean(self) -> np.ndarray:
        """float32, shape of the coarse grid; NaN for a cell without a value."""
        empty = self._weight == 0
        return np.where(empty, np.nan, self._total / np.where(empty, 1.0, self._weight)).astype(
            np.float32
        )
