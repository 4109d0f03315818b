"""Mass conservation: the area-weighted mean of the 1 km field over each coarse cell is the coarse value.

The correction is a mean-preserving interpolation. Its nodes are the centres of the valid coarse cells; between nodes it
is bilinear, so that no cell edge shows; the node values solve a sparse linear system that makes the means exact.
Bilinear interpolation alone does not keep the means, and adding each cell's residual as a block prints the cells.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from .errors import InputError
from .grid import Grid

NEIGHBOURS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


class Conservation:
    """The correction for one land mask and one set of valid coarse cells.

    ``land``: bool, fine shape. ``coarse``: the coarse grid; ``factor`` fine pixels a cell along a side. ``valid``:
    bool, coarse shape, the cells that have a value. ``cells``: bool, coarse shape, the valid cells with a land pixel;
    only their land pixels, ``pixels``, are part of any result. Raises InputError when there is none.
    """

    def __init__(self, land: np.ndarray, coarse: Grid, factor: int, valid: np.ndarray):
        self.coarse, self.factor = coarse, factor
        self._row_weights = coarse.refine(factor).row_areas()[:, None]
        self.cells = valid & (self._block_sum(land) > 0)
        if not self.cells.any():
            raise InputError("No valid coarse cell has a land pixel; check that the land mask and the stack overlap.")
        self.pixels = land & spread(self.cells, factor)
        self._area = self._block_sum(self.pixels)
        self._reach = self._interpolate(self.cells.astype(np.float64))
        self._solve = splu(self._matrix()).solve

    def block_mean(self, fine: np.ndarray) -> np.ndarray:
        """Area-weighted mean over each cell's land pixels: float64, coarse shape, NaN outside ``cells``."""
        total = self._block_sum(np.where(self.pixels, fine, 0.0))
        return np.divide(total, self._area, out=np.full(self.coarse.shape, np.nan), where=self.cells)

    def bilinear(self, coarse: np.ndarray) -> np.ndarray:
        """Bilinear between cell centres, over the valid ones of the four with weights renormalised: float64, fine
        shape, NaN outside ``pixels``."""
        fine = self._interpolate(np.where(self.cells, coarse, 0.0))
        return np.divide(fine, self._reach, out=np.full(self.pixels.shape, np.nan), where=self.pixels)

    def correct(self, raw: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """``raw`` plus the smooth field that makes its block means equal ``coarse`` (cm both): float64, fine shape, NaN
        outside ``pixels``. ``coarse`` must be finite in every cell of ``cells``."""
        residual = np.where(self.cells, coarse - self.block_mean(raw), 0.0)
        return raw + self.no_model(residual)

    def no_model(self, means: np.ndarray) -> np.ndarray:
        """The smooth field whose block means are ``means``: what conservation alone makes of a coarse field, with no
        predictor. float64, fine shape, NaN outside ``pixels``."""
        nodes = np.zeros(self.coarse.shape)
        nodes[self.cells] = self._solve(means[self.cells])
        return self.bilinear(nodes)

    def _matrix(self) -> csc_matrix:
        """A[cell, node]: the mean over the cell's land pixels of the weight that they give to the node."""
        number = np.full(self.coarse.shape, -1)
        number[self.cells] = np.arange(self.cells.sum())
        share = np.divide(self.pixels, self._reach, out=np.zeros(self.pixels.shape), where=self.pixels)
        entries, rows, columns = [], [], []
        for down, right in NEIGHBOURS:
            weight = np.outer(_hat(self.factor)[down + 1], _hat(self.factor)[right + 1])
            mean = self._block_sum(share * np.tile(weight, self.coarse.shape))
            node = self._shifted(number, down, right)
            linked = self.cells & (node >= 0) & (mean > 0)
            entries.append(mean[linked] / self._area[linked])
            rows.append(number[linked])
            columns.append(node[linked])
        size = int(self.cells.sum())
        return csc_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (size, size))

    def _interpolate(self, nodes: np.ndarray) -> np.ndarray:
        """Sum of hat-function weights times node values, nodes outside the grid counting as zero."""
        hat, padded = _hat(self.factor), self._padded(nodes, 0.0)
        rows = sum(hat[i][None, :, None] * padded[i : i + self.coarse.rows, None, :] for i in range(3))
        rows = rows.reshape(-1, self.coarse.columns + 2)
        fine = sum(rows[:, j : j + self.coarse.columns, None] * hat[j] for j in range(3))
        return fine.reshape(self.coarse.refine(self.factor).shape)

    def _shifted(self, values: np.ndarray, down: int, right: int) -> np.ndarray:
        rows, columns = self.coarse.shape
        return self._padded(values, -1)[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]

    def _padded(self, values: np.ndarray, outside) -> np.ndarray:
        """One more row and column on each side; a global grid continues at +-180."""
        padded = np.pad(values, 1, constant_values=outside)
        if self.coarse.wraps:
            padded[1:-1, 0], padded[1:-1, -1] = values[:, -1], values[:, 0]
        return padded

    def _block_sum(self, fine: np.ndarray) -> np.ndarray:
        weighted = fine * self._row_weights
        blocks = weighted.reshape(self.coarse.rows, self.factor, self.coarse.columns, self.factor)
        return blocks.sum(axis=(1, 3), dtype=np.float64)


def _hat(factor: int) -> np.ndarray:
    """Linear weights of the node before, at and after the cell for its ``factor`` pixels: shape (3, factor)."""
    offset = (np.arange(factor) + 0.5) / factor - 0.5
    return np.stack([np.maximum(-offset, 0), 1 - np.abs(offset), np.maximum(offset, 0)])


def spread(cells: np.ndarray, factor: int) -> np.ndarray:
    """Each cell's value on all its pixels."""
    return np.repeat(np.repeat(cells, factor, axis=0), factor, axis=1)
