"""Mass conservation: the area-weighted mean of the 1 km field over each coarse cell is its value.

The residual of the means is added as a mean-preserving (pycnophylactic) interpolation. Its nodes
are the centres of the valid coarse cells. Between the nodes it is bilinear, so that cell edges are
not visible. The values at the nodes solve a sparse linear system, which makes the means exact.
Bilinear interpolation of the residuals would not preserve the means, and a constant residual in
each cell would show the cells.

References
----------
Tobler, W. R. (1979): Smooth pycnophylactic interpolation for geographical regions.
    J. Am. Stat. Assoc. 74, 519-530. (The principle; his algorithm is an iterative one.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.tiles import Tile, by_tile, split_into_tiles, tile_side
from .blocks import block_sums, interpolate

# Tiles whose land pixels are kept, a bit each: some tens of megabytes.
TILES_KEPT = 4096


class MassConservation:
    """Mean-preserving correction for one land mask and one set of valid coarse cells.

    Fine fields are arrays of the fine grid or, with a ``tile`` of coarse cells, of the pixels of
    that tile.

    Parameters
    ----------
    land : ndarray of bool, fine shape, or callable
        The land mask, or a function that returns the mask of a tile.
    coarse : Grid
        The coarse grid.
    factor : int
        Pixels along the side of a coarse cell.
    valid : ndarray of bool, coarse shape
        The coarse cells that have a value.

    Attributes
    ----------
    cells : ndarray of bool, coarse shape
        The valid cells with at least one land pixel. Only their land pixels have a result.

    Raises
    ------
    InputError
        When no valid cell has a land pixel.
    """

    def __init__(
        self,
        land: np.ndarray | Callable[[Tile], np.ndarray],
        coarse: Grid,
        factor: int,
        valid: np.ndarray,
    ):
        self.coarse = coarse
        self.factor = factor
        self._land = by_tile(land)
        self._row_weights = coarse.refine(factor).row_areas()
        self.cells = np.zeros(coarse.shape, dtype=bool)
        for tile in split_into_tiles(valid, factor):
            height, width = tile.shape
            pixels = self._land(tile.fine(factor)).reshape(height, factor, width, factor)
            self.cells[tile] = valid[tile] & pixels.any(axis=(1, 3))
        if not self.cells.any():
            raise InputError(
                "No valid coarse cell has a land pixel; "
                "check that the land mask and the stack overlap."
            )

    def __getstate__(self) -> dict:
        """Leave out the factorised matrix and the cache: they cannot be pickled, and are remade."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_solve", "_cached_pixels")
        }

    @property
    def tiles(self) -> list[Tile]:
        """The tiles of the coarse grid with at least one of ``cells``."""
        return split_into_tiles(self.cells, self.factor)

    @property
    def block_side(self) -> int:
        """Width and height of the blocks of a map in pixels: a tile is a block."""
        return tile_side(self.factor) * self.factor

    def pixels(self, tile: Tile | None = None) -> np.ndarray:
        """Return the land pixels of ``cells``: bool, fine shape."""
        if tile is None:
            return self._pixels(Tile.full(self.coarse.shape))
        bits = self._cached_pixels(*(end for side in tile for end in (side.start, side.stop)))
        shape = tile.fine(self.factor).shape
        return np.unpackbits(bits, count=shape[0] * shape[1]).view(bool).reshape(shape)

    def block_mean(self, fine: np.ndarray, tile: Tile | None = None) -> np.ndarray:
        """Compute the area-weighted mean over the land pixels of each cell.

        Parameters
        ----------
        fine : ndarray of float, fine shape
            Finite in ``pixels``.
        tile : Tile, optional
            The tile that ``fine`` covers.

        Returns
        -------
        ndarray of float64, coarse shape
            NaN outside ``cells``.
        """
        tile = self._tile(tile)
        areas = self.row_areas(tile)
        total, area = block_sums(fine, areas, self.factor, where=self.pixels(tile))
        return np.divide(total, area, out=np.full(area.shape, np.nan), where=self.cells[tile])

    def row_areas(self, tile: Tile) -> np.ndarray:
        """Return the area of a pixel of each row of a tile, which weighs the block means."""
        return self._row_weights[tile.fine(self.factor).rows]

    def land_areas(self, tile: Tile) -> np.ndarray:
        """Return the area of the mapped pixels of each cell of a tile, coarse shape."""
        pixels = self.pixels(tile)
        return block_sums(pixels.astype(np.float32), self.row_areas(tile), self.factor)[0]

    def bilinear(self, coarse: np.ndarray, tile: Tile | None = None) -> np.ndarray:
        """Interpolate bilinearly between cell centres, with weights renormalised at coasts.

        Parameters
        ----------
        coarse : ndarray of float, shape of the coarse grid
            Values at the centres, also when only a tile is computed.
        tile : Tile, optional
            The tile to compute.

        Returns
        -------
        ndarray of float64, fine shape
            NaN outside ``pixels``, and where one of the valid cells around a pixel is NaN.
        """
        tile = self._tile(tile)
        window = tile.fine(self.factor)
        return interpolate(
            coarse, self.cells, self.factor, window, self.coarse.wraps, self.pixels(tile)
        )

    def correct(self, raw: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """Add the mean-preserving field that makes the block means equal to the coarse field.

        Parameters
        ----------
        raw : ndarray of float, fine shape
            The uncorrected field, cm.
        coarse : ndarray of float, coarse shape
            cm; finite in all of ``cells``.

        Returns
        -------
        ndarray of float64, fine shape
            cm; NaN outside ``pixels``.
        """
        return raw + self.mean_preserving(coarse - self.block_mean(raw))

    def mean_preserving(self, means: np.ndarray) -> np.ndarray:
        """Interpolate a coarse field so that its block means are preserved, without a model.

        Parameters
        ----------
        means : ndarray of float, coarse shape
            The block means; finite in all of ``cells``.

        Returns
        -------
        ndarray of float64, fine shape
            NaN outside ``pixels``.
        """
        return self.bilinear(self.nodes(means))

    def nodes(self, means: np.ndarray) -> np.ndarray:
        """Solve for the values at the cell centres whose bilinear interpolation has these means.

        Parameters
        ----------
        means : ndarray of float, coarse shape
            The block means; finite in all of ``cells``.

        Returns
        -------
        ndarray of float64, coarse shape
            NaN outside ``cells``.
        """
        nodes = np.full(self.coarse.shape, np.nan)
        nodes[self.cells] = self._solve(means[self.cells])
        return nodes

    @cached_property
    def _solve(self) -> Callable[[np.ndarray], np.ndarray]:
        return splu(self._matrix()).solve

    @cached_property
    def _cached_pixels(self) -> Callable[[int, int, int, int], np.ndarray]:
        """The pixels of a tile, a bit each, kept because each month of the tile needs them."""

        @lru_cache(maxsize=TILES_KEPT)
        def bits(top: int, bottom: int, left: int, right: int) -> np.ndarray:
            return np.packbits(self._pixels(Tile(slice(top, bottom), slice(left, right))))

        return bits

    def _pixels(self, tile: Tile) -> np.ndarray:
        return self._land(tile.fine(self.factor)) & spread(self.cells[tile], self.factor)

    def _tile(self, tile: Tile | None) -> Tile:
        return tile or Tile.full(self.coarse.shape)

    def _matrix(self) -> csc_matrix:
        """A[cell, node]: mean over the cell's land pixels of their weights for the node."""
        number = np.full(self.coarse.shape, -1)
        number[self.cells] = np.arange(self.cells.sum())
        neighbours = sliding_window_view(self._padded(number, -1), (3, 3))
        entries: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        columns: list[np.ndarray] = []
        for tile in self.tiles:
            weights = self._weights(tile)
            nodes = neighbours[tile]
            # Only cells with a value are nodes.
            down, across, *offset = np.nonzero((weights > 0) & (nodes >= 0))
            entries.append(weights[(down, across, *offset)])
            rows.append(number[tile][down, across])
            columns.append(nodes[(down, across, *offset)])
        size = int(self.cells.sum())
        return csc_matrix(
            (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (size, size)
        )

    def _weights(self, tile: Tile) -> np.ndarray:
        """The mean weights of each cell of a tile for the 3 x 3 nodes around it.

        The weights of a pixel are bilinear and add up to 1 over the nodes that exist. The result
        has the shape (rows, columns, 3, 3) and is 0 for cells without land.
        """
        height, width = tile.shape
        hat = _hat(self.factor)
        # Land pixels of each cell: (rows, columns, factor, factor).
        pixels = self.pixels(tile).reshape(height, self.factor, width, self.factor).swapaxes(1, 2)
        around = sliding_window_view(self._padded(self.cells, False), (3, 3))[tile].astype(
            np.float64
        )
        # The sum of the bilinear weights of each pixel for the existing nodes. It is below 1 beside
        # a missing node, and the weights are divided by it.
        weight_sums = hat.T @ around @ hat
        row_weights = self._row_weights[tile.fine(self.factor).rows].reshape(
            height, 1, self.factor, 1
        )
        areas = pixels * row_weights
        # Area-weighted sum over the land pixels of the weight for each node.
        total = hat @ np.divide(areas, weight_sums, out=np.zeros(areas.shape), where=pixels) @ hat.T
        area = areas.sum(axis=(2, 3))[:, :, None, None]
        return np.divide(total, area, out=np.zeros(total.shape), where=area > 0)

    def _padded(self, values: np.ndarray, outside) -> np.ndarray:
        """Coarse values with one more row and column on each side; a global grid continues."""
        padded = np.pad(values, 1, constant_values=outside)
        if self.coarse.wraps:
            padded[1:-1, 0] = values[:, -1]
            padded[1:-1, -1] = values[:, 0]
        return padded


def _hat(factor: int) -> np.ndarray:
    """Linear weights of a cell's pixels for the previous, own and next node: (3, factor)."""
    offset = (np.arange(factor) + 0.5) / factor - 0.5
    return np.stack([np.maximum(-offset, 0), 1 - np.abs(offset), np.maximum(offset, 0)])


def spread(cells: np.ndarray, factor: int) -> np.ndarray:
    """Repeat the value of each coarse cell in its ``factor`` x ``factor`` pixels."""
    return np.repeat(np.repeat(cells, factor, axis=0), factor, axis=1)
