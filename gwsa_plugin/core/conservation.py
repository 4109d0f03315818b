"""Mass conservation: the area-weighted mean of the 1 km field over each coarse cell is the coarse value.

The correction is a mean-preserving interpolation. Its nodes are the centres of the valid coarse cells; between nodes it
is bilinear, so that no cell edge shows; the node values solve a sparse linear system that makes the means exact.
Bilinear interpolation alone does not keep the means, and adding each cell's residual as a block prints the cells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from .errors import InputError
from .grid import Grid
from .tiles import Tile, by_tile, tiles_of

NEIGHBOURS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


class Conservation:
    """The correction for one land mask and one set of valid coarse cells.

    ``land``: bool, fine shape, or what gives a tile of it. ``coarse``: the coarse grid; ``factor``
    fine pixels a cell along a side. ``valid``: bool, coarse shape, the cells that have a value. ``cells``: bool, coarse
    shape, the valid cells with a land pixel; only their land pixels are part of any result. Fields of the fine grid are
    taken and given whole or, with a ``tile`` of coarse cells, of that tile. Raises InputError when there is no cell.
    """

    def __init__(self, land, coarse: Grid, factor: int, valid: np.ndarray):
        self.coarse, self.factor = coarse, factor
        self._land = by_tile(land)
        self._row_weights = coarse.refine(factor).row_areas()[:, None]
        self._area = np.zeros(coarse.shape)
        for tile in tiles_of(valid, factor):
            self._area[tile] = np.where(valid[tile], self._block_sum(self._land(tile.fine(factor)), tile), 0.0)
        self.cells = self._area > 0
        if not self.cells.any():
            raise InputError("No valid coarse cell has a land pixel; check that the land mask and the stack overlap.")

    def __getstate__(self) -> dict:
        """A factorised matrix cannot be sent to another process; it is made there when it is needed."""
        return {name: value for name, value in self.__dict__.items() if name != "_solve"}

    def pixels(self, tile: Tile | None = None) -> np.ndarray:
        """The land pixels of ``cells``: bool, fine shape."""
        tile = self._tile(tile)
        return self._land(tile.fine(self.factor)) & spread(self.cells[tile], self.factor)

    def block_mean(self, fine: np.ndarray, tile: Tile | None = None) -> np.ndarray:
        """Area-weighted mean over each cell's land pixels: float64, coarse shape, NaN outside ``cells``."""
        tile = self._tile(tile)
        total = self._block_sum(np.where(self.pixels(tile), fine, 0.0), tile)
        cells = self.cells[tile]
        return np.divide(total, self._area[tile], out=np.full(cells.shape, np.nan), where=cells)

    def bilinear(self, coarse: np.ndarray, tile: Tile | None = None) -> np.ndarray:
        """Bilinear between cell centres, over the valid ones of the four with weights renormalised, from ``coarse`` of
        the whole grid: float64, fine shape, NaN outside ``pixels``."""
        tile = self._tile(tile)
        fine, reach = (self._interpolate(np.where(self.cells, one, 0.0), tile) for one in (coarse, 1.0))
        return np.divide(fine, reach, out=np.full(fine.shape, np.nan), where=self.pixels(tile))

    def correct(self, raw: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """``raw`` plus the smooth field that makes its block means equal ``coarse`` (cm both): float64, fine shape, NaN
        outside ``pixels``. ``coarse`` must be finite in every cell of ``cells``."""
        return raw + self.no_model(coarse - self.block_mean(raw))

    def no_model(self, means: np.ndarray) -> np.ndarray:
        """The smooth field whose block means are ``means``: what conservation alone makes of a coarse field, with no
        predictor. float64, fine shape, NaN outside ``pixels``."""
        return self.bilinear(self.nodes(means))

    def nodes(self, means: np.ndarray) -> np.ndarray:
        """The values at the centres of cells between which ``bilinear`` gives the field with these block means: cm,
        float64, coarse shape, 0 outside ``cells``. ``means`` must be finite in ``cells``."""
        nodes = np.zeros(self.coarse.shape)
        nodes[self.cells] = self._solve(means[self.cells])
        return nodes

    @cached_property
    def _solve(self) -> Callable[[np.ndarray], np.ndarray]:
        return splu(self._matrix()).solve

    def _tile(self, tile: Tile | None) -> Tile:
        return tile or Tile.whole(self.coarse.shape)

    def _matrix(self) -> csc_matrix:
        """A[cell, node]: the mean over the cell's land pixels of the weight that they give to the node."""
        number = np.full(self.coarse.shape, -1)
        number[self.cells] = np.arange(self.cells.sum())
        sums = self._weight_sums()
        entries, rows, columns = [], [], []
        for (down, right), total in zip(NEIGHBOURS, sums):
            node = self._shifted(number, down, right)
            linked = self.cells & (node >= 0) & (total > 0)
            entries.append(total[linked] / self._area[linked])
            rows.append(number[linked])
            columns.append(node[linked])
        size = int(self.cells.sum())
        return csc_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (size, size))

    def _weight_sums(self) -> np.ndarray:
        """What a cell's pixels give to each of NEIGHBOURS, weights times areas: (neighbours, rows, columns)."""
        sums, hat = np.zeros((len(NEIGHBOURS), *self.coarse.shape)), _hat(self.factor)
        for tile in tiles_of(self.cells, self.factor):
            pixels, reach = self.pixels(tile), self._interpolate(self.cells.astype(np.float64), tile)
            share = np.divide(pixels, reach, out=np.zeros(pixels.shape), where=pixels)
            for total, (down, right) in zip(sums, NEIGHBOURS):
                weight = np.tile(np.outer(hat[down + 1], hat[right + 1]), tile.shape)
                total[tile] = self._block_sum(share * weight, tile)
        return sums

    def _interpolate(self, nodes: np.ndarray, tile: Tile) -> np.ndarray:
        """Sum of hat-function weights times node values, nodes outside the grid counting as zero."""
        hat, (height, width) = _hat(self.factor), tile.shape
        around = tuple(slice(side.start, side.stop + 2) for side in tile)
        padded = self._padded(nodes, 0.0)[around]
        rows = sum(hat[i][None, :, None] * padded[i : i + height, None, :] for i in range(3))
        rows = rows.reshape(-1, width + 2)
        fine = sum(rows[:, j : j + width, None] * hat[j] for j in range(3))
        return fine.reshape(height * self.factor, width * self.factor)

    def _shifted(self, values: np.ndarray, down: int, right: int) -> np.ndarray:
        rows, columns = self.coarse.shape
        return self._padded(values, -1)[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]

    def _padded(self, values: np.ndarray, outside) -> np.ndarray:
        """One more row and column on each side; a global grid continues at +-180."""
        padded = np.pad(values, 1, constant_values=outside)
        if self.coarse.wraps:
            padded[1:-1, 0], padded[1:-1, -1] = values[:, -1], values[:, 0]
        return padded

    def _block_sum(self, fine: np.ndarray, tile: Tile) -> np.ndarray:
        weighted = fine * self._row_weights[tile.fine(self.factor).rows]
        blocks = weighted.reshape(tile.shape[0], self.factor, tile.shape[1], self.factor)
        return blocks.sum(axis=(1, 3), dtype=np.float64)


def _hat(factor: int) -> np.ndarray:
    """Linear weights of the node before, at and after the cell for its ``factor`` pixels: shape (3, factor)."""
    offset = (np.arange(factor) + 0.5) / factor - 0.5
    return np.stack([np.maximum(-offset, 0), 1 - np.abs(offset), np.maximum(offset, 0)])


def spread(cells: np.ndarray, factor: int) -> np.ndarray:
    """Each cell's value on all its pixels."""
    return np.repeat(np.repeat(cells, factor, axis=0), factor, axis=1)
