"""Fine pixels to coarse cells: means weighted by pixel area, fed block by block."""

from __future__ import annotations

import numpy as np

from .grid import Grid


class BlockMean:
    """The mean over each coarse cell of the fine pixels that have a value, weighted by their area on the sphere.

    Fed with blocks of the fine grid in any order and of any size, so that no whole fine raster need be in memory.
    """

    def __init__(self, fine: Grid, factor: int):
        self._factor, self._areas = factor, fine.row_areas()
        self._total, self._weight = np.zeros((2, fine.rows // factor, fine.columns // factor))

    def add(self, values: np.ndarray, rows: slice, columns: slice) -> None:
        """``values``: shape (rows, columns) of the fine window ``rows``, ``columns``; NaN has no weight."""
        finite = np.isfinite(values)
        areas = self._areas[rows, None]
        down, first_rows = _cells(rows, self._factor)
        across, first_columns = _cells(columns, self._factor)
        for sums, addend in ((self._total, np.where(finite, values, 0.0)), (self._weight, finite)):
            strips = np.add.reduceat(addend, first_columns, axis=1, dtype=np.float64)
            sums[down, across] += np.add.reduceat(strips * areas, first_rows, axis=0)

    def mean(self) -> np.ndarray:
        """float32, shape of the coarse grid; NaN for a cell without a value."""
        empty = self._weight == 0
        return np.where(empty, np.nan, self._total / np.where(empty, 1.0, self._weight)).astype(np.float32)


def _cells(span: slice, factor: int) -> tuple[slice, np.ndarray]:
    """The coarse cells under a span of pixels, and where in the span each begins."""
    cells = np.arange(span.start, span.stop) // factor
    return slice(cells[0], cells[-1] + 1), np.flatnonzero(np.diff(cells, prepend=cells[0] - 1))
