"""Mass conservation: the area-weighted mean of the 1 km field over each coarse cell is the coarse value.

The correction is a mean-preserving interpolation. Its nodes are the centres of the valid coarse cells; between nodes it
is bilinear, so that no cell edge shows; the node values solve a sparse linear system that makes the means exact.
Bilinear interpolation alone does not keep the means, and adding each cell's residual as a block prints the cells.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.tiles import Tile, by_tile, split_into_tiles
from .blocks import block_sums, interpolate


class MassConservation:
    """The correction for one land mask and one set of valid coarse cells.

    ``land``: bool, fine shape, or what gives a tile of it. ``coarse``: the coarse grid; ``factor`` fine pixels a cell
    along a side. ``valid``: bool, coarse shape, the cells that have a value. ``cells``: bool, coarse shape, the valid
    cells with a land pixel; only their land pixels are part of any result. Fields of the fine grid are taken and given
    whole or, with a ``tile`` of coarse cells, of that tile. Raises InputError when there is no cell.
    """

    def __init__(self, land, coarse: Grid, factor: int, valid: np.ndarray):
        self.coarse, self.factor = coarse, factor
        self._land, self._row_weights = by_tile(land), coarse.refine(factor).row_areas()
        self.cells = np.zeros(coarse.shape, dtype=bool)
        for tile in split_into_tiles(valid, factor):
            height, width = tile.shape
            of_cells = self._land(tile.fine(factor)).reshape(height, factor, width, factor)
            self.cells[tile] = valid[tile] & of_cells.any(axis=(1, 3))
        if not self.cells.any():
            raise InputError(
                "No valid coarse cell has a land pixel; check that the land mask and the stack overlap."
            )

    def __getstate__(self) -> dict:
        """A factorised matrix cannot be sent to another process; it is made there when it is needed."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_solve", "_pixels_between")
        }

    @property
    def tiles(self) -> list[Tile]:
        """Those of the coarse grid that hold any of ``cells``."""
        return split_into_tiles(self.cells, self.factor)

    def pixels(self, tile: Tile | None = None) -> np.ndarray:
        """The land pixels of ``cells``: bool, fine shape; those of a tile are not to be written to."""
        if tile is None:
            return self._pixels(Tile.whole(self.coarse.shape))
        return self._pixels_between(*(end for side in tile for end in (side.start, side.stop)))

    def block_mean(self, fine: np.ndarray, tile: Tile | None = None) -> np.ndarray:
        """Area-weighted mean over each cell's land pixels: float64, coarse shape, NaN outside ``cells``."""
        tile = self._tile(tile)
        weights = self._row_weights[tile.fine(self.factor).rows]
        total, area = block_sums(fine, weights, self.factor, where=self.pixels(tile))
        return np.divide(total, area, out=np.full(area.shape, np.nan), where=self.cells[tile])

    def bilinear(self, coarse: np.ndarray, tile: Tile | None = None) -> np.ndarray:
        """Bilinear between cell centres, over the valid ones of the four with weights renormalised, from ``coarse`` of
        the whole grid: float64, fine shape, NaN outside ``pixels`` and where one of the valid ones is NaN."""
        tile = self._tile(tile)
        fine = interpolate(
            coarse, self.cells, self.factor, tile.fine(self.factor), self.coarse.wraps
        )
        np.copyto(fine, np.nan, where=~self.pixels(tile))
        return fine

    def correct(self, raw: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """``raw`` plus the smooth field that makes its block means equal ``coarse`` (cm both): float64, fine shape, NaN
        outside ``pixels``. ``coarse`` must be finite in every cell of ``cells``."""
        return raw + self.mean_preserving(coarse - self.block_mean(raw))

    def mean_preserving(self, means: np.ndarray) -> np.ndarray:
        """The smooth field whose block means are ``means``: what conservation alone makes of a coarse field, with no
        predictor. float64, fine shape, NaN outside ``pixels``."""
        return self.bilinear(self.nodes(means))

    def nodes(self, means: np.ndarray) -> np.ndarray:
        """Values of the cells between which ``bilinear`` has the block means ``means``: NaN outside ``cells``."""
        nodes = np.full(self.coarse.shape, np.nan)
        nodes[self.cells] = self._solve(means[self.cells])
        return nodes

    @cached_property
    def _solve(self) -> Callable[[np.ndarray], np.ndarray]:
        return splu(self._matrix()).solve

    @cached_property
    def _pixels_between(self) -> Callable[[int, int, int, int], np.ndarray]:
        """The pixels of a tile, remembered: they are asked for many times while a thread works on it."""

        @lru_cache(maxsize=4 * (os.cpu_count() or 1))
        def pixels(top: int, bottom: int, left: int, right: int) -> np.ndarray:
            found = self._pixels(Tile(slice(top, bottom), slice(left, right)))
            found.flags.writeable = False
            return found

        return pixels

    def _pixels(self, tile: Tile) -> np.ndarray:
        return self._land(tile.fine(self.factor)) & spread(self.cells[tile], self.factor)

    def _tile(self, tile: Tile | None) -> Tile:
        return tile or Tile.whole(self.coarse.shape)

    def _matrix(self) -> csc_matrix:
        """A[cell, node]: the mean over the cell's land pixels of the weight that they give to the node."""
        number = np.full(self.coarse.shape, -1)
        number[self.cells] = np.arange(self.cells.sum())
        neighbours = sliding_window_view(self._padded(number, -1), (3, 3))
        entries, rows, columns = [], [], []
        for tile in self.tiles:
            weights, nodes = self._weights(tile), neighbours[tile]
            down, across, *place = np.nonzero((weights > 0) & (nodes >= 0))
            entries.append(weights[(down, across, *place)])
            rows.append(number[tile][down, across])
            columns.append(nodes[(down, across, *place)])
        size = int(self.cells.sum())
        return csc_matrix(
            (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (size, size)
        )

    def _weights(self, tile: Tile) -> np.ndarray:
        """The mean weights that the cells of a tile give to their nine nodes: shape (rows, columns, 3, 3)."""
        (height, width), hat = tile.shape, _hat(self.factor)
        pixels = self.pixels(tile).reshape(height, self.factor, width, self.factor).swapaxes(1, 2)
        around = sliding_window_view(self._padded(self.cells, False), (3, 3))[tile].astype(
            np.float64
        )
        reach = hat.T @ around @ hat
        row_weights = self._row_weights[tile.fine(self.factor).rows].reshape(
            height, 1, self.factor, 1
        )
        areas = pixels * row_weights
        total = hat @ np.divide(areas, reach, out=np.zeros(areas.shape), where=pixels) @ hat.T
        area = areas.sum(axis=(2, 3))[:, :, None, None]
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
