"""Mass conservation: the area-weighted mean of the 1 km field over each coarse cell is the coarse value.

The correction is a mean-preserving interpolation. Its nodes are the centres of the valid coarse cells; between nodes it
is bilinear, so that no cell edge shows; the node values solve a sparse linear system that makes the means exact.
Bilinear interpolation alone does not keep the means, and adding each cell's residual as a block prints the cells.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from .blocks import Window, block_sums, interpolate
from .errors import InputError
from .grid import Grid

WHOLE = (slice(None), slice(None))


class Conservation:
    """The correction for one land mask and one set of valid coarse cells.

    ``land``: bool, fine shape. ``coarse``: the coarse grid; ``factor`` fine pixels a cell along a side. ``valid``:
    bool, coarse shape, the cells that have a value. ``cells``: bool, coarse shape, the valid cells with a land pixel;
    only their land pixels, ``pixels``, are part of any result. Raises InputError when there is none.
    """

    def __init__(self, land: np.ndarray, coarse: Grid, factor: int, valid: np.ndarray):
        self.coarse, self.factor = coarse, factor
        self._row_weights = coarse.refine(factor).row_areas()
        self.cells = valid & land.reshape(coarse.rows, factor, coarse.columns, factor).any(axis=(1, 3))
        if not self.cells.any():
            raise InputError("No valid coarse cell has a land pixel; check that the land mask and the stack overlap.")
        self.pixels = land & spread(self.cells, factor)
        self._solve = splu(self._matrix()).solve

    def block_mean(self, fine: np.ndarray, window: Window = WHOLE) -> np.ndarray:
        """Area-weighted mean over each cell's land pixels: float64, coarse shape, NaN outside ``cells``.

        Of a ``window`` of coarse rows and columns: ``fine`` and the result have its shape.
        """
        rows, columns = self._fine(window)
        total, area = block_sums(fine, self._row_weights[rows], self.factor, where=self.pixels[rows, columns])
        return np.divide(total, area, out=np.full(area.shape, np.nan), where=self.cells[window])

    def bilinear(self, coarse: np.ndarray, window: Window = WHOLE) -> np.ndarray:
        """Bilinear between cell centres, over the valid ones of the four with weights renormalised: float64, fine
        shape, NaN outside ``pixels`` and where one of the valid ones is NaN.

        ``window``: the rows and columns of cells whose pixels are wanted; ``coarse`` is whole.
        """
        window = self._fine(window)
        fine = interpolate(coarse, self.cells, self.factor, window, self.coarse.wraps)
        np.copyto(fine, np.nan, where=~self.pixels[window])
        return fine

    def correct(self, raw: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """``raw`` plus the smooth field that makes its block means equal ``coarse`` (cm both): dtype of ``raw``, fine
        shape, NaN outside ``pixels``. ``coarse`` must be finite in every cell of ``cells``."""
        nodes, corrected = self.nodes(coarse - self.block_mean(raw)), np.empty_like(raw)
        for row in range(self.coarse.rows):  # of cells, whose fields stay in the processor's cache
            window = slice(row, row + 1), slice(None)
            rows, _ = self._fine(window)
            corrected[rows] = raw[rows] + self.bilinear(nodes, window)
        return corrected

    def no_model(self, means: np.ndarray) -> np.ndarray:
        """The smooth field whose block means are ``means``: what conservation alone makes of a coarse field, with no
        predictor. float64, fine shape, NaN outside ``pixels``."""
        return self.bilinear(self.nodes(means))

    def nodes(self, means: np.ndarray) -> np.ndarray:
        """Values of the cells between which ``bilinear`` has the block means ``means``: NaN outside ``cells``."""
        nodes = np.full(self.coarse.shape, np.nan)
        nodes[self.cells] = self._solve(means[self.cells])
        return nodes

    def _fine(self, window: Window) -> Window:
        """The pixels of a window of cells."""
        spans = (span.indices(size) for span, size in zip(window, self.coarse.shape))
        rows, columns = (slice(first * self.factor, stop * self.factor) for first, stop, _ in spans)
        return rows, columns

    def _matrix(self) -> csc_matrix:
        """A[cell, node]: the mean over the cell's land pixels of the weight that they give to the node."""
        number = np.full(self.coarse.shape, -1)
        number[self.cells] = np.arange(self.cells.sum())
        numbers, cells = self._padded(number, -1), self._padded(self.cells, False)
        entries, rows, columns = [], [], []
        for row in range(self.coarse.rows):
            weights = self._weights(row, cells[row : row + 3])
            nodes = np.swapaxes(sliding_window_view(numbers[row : row + 3], 3, axis=1), 0, 1)
            cell, *place = np.nonzero((weights > 0) & (nodes >= 0))
            entries.append(weights[(cell, *place)])
            rows.append(number[row, cell])
            columns.append(nodes[(cell, *place)])
        size = int(self.cells.sum())
        return csc_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (size, size))

    def _weights(self, row: int, cells: np.ndarray) -> np.ndarray:
        """The mean weights that the cells of a row give to their nine nodes: shape (columns, 3, 3).

        ``cells``: bool, the row with those before and after it, and one more column on each side.
        """
        span, hat = slice(row * self.factor, (row + 1) * self.factor), _hat(self.factor)
        pixels = self.pixels[span].reshape(self.factor, -1, self.factor)
        reach = sliding_window_view(hat.T @ cells, 3, axis=1) @ hat
        areas = pixels * self._row_weights[span, None, None]
        shares = np.divide(areas, reach, out=np.zeros(areas.shape), where=pixels)
        total = np.einsum("dr,rcp,ap->cda", hat, shares, hat, optimize=True)
        area = areas.sum(axis=(0, 2))[:, None, None]
        return np.divide(total, area, out=np.zeros(total.shape), where=area > 0)

    def _padded(self, values: np.ndarray, outside) -> np.ndarray:
        """One more row and column on each side; a global grid continues at +-180."""
        padded = np.pad(values, 1, constant_values=outside)
        if self.coarse.wraps:
            padded[1:-1, 0], padded[1:-1, -1] = values[:, -1], values[:, 0]
        return padded


def _hat(factor: int) -> np.ndarray:
    """Linear weights of the node before, at and after the cell for its ``factor`` pixels: shape (3, factor)."""
    offset = (np.arange(factor) + 0.5) / factor - 0.5
    return np.stack([np.maximum(-offset, 0), 1 - np.abs(offset), np.maximum(offset, 0)])


def spread(cells: np.ndarray, factor: int) -> np.ndarray:
    """Each cell's value on all its pixels."""
    return np.repeat(np.repeat(cells, factor, axis=0), factor, axis=1)
