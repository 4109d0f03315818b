"""Tiles: rectangular windows of coarse cells that are read, predicted and written as one unit.

Memory depends on the size of a tile and not on the size of the region.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, gcd
from typing import NamedTuple

import numpy as np

# Pixels along the side of a tile. One year of 60 features of so many pixels squared takes 170 MB.
LEAST_SIDE = 240
# The side of a GeoTIFF block must be a multiple of it.
BLOCK_STEP = 16


class Tile(NamedTuple):
    """A window of a grid: ``field[tile]`` are its values and ``grid.subgrid(*tile)`` is its grid.

    Parameters
    ----------
    rows, columns : slice
        Both with start and stop.
    """

    rows: slice
    columns: slice

    @classmethod
    def full(cls, shape: tuple[int, int]) -> Tile:
        """Return the tile that covers a grid of ``shape`` (rows, columns) completely."""
        return cls(slice(0, shape[0]), slice(0, shape[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def corner(self) -> tuple[int, int]:
        """The first row and the first column."""
        return self.rows.start, self.columns.start

    def fine(self, factor: int) -> Tile:
        """Return the same window of the grid that is ``factor`` times finer."""
        return Tile(*(slice(side.start * factor, side.stop * factor) for side in self))

    def widened(self, margin: int, shape: tuple[int, int]) -> Tile:
        """Extend the tile by ``margin`` on each side, within a grid of ``shape``."""
        return Tile(
            *(
                slice(max(side.start - margin, 0), min(side.stop + margin, size))
                for side, size in zip(self, shape)
            )
        )

    def relative_to(self, outer: Tile) -> Tile:
        """Return the same window counted from the corner of the enclosing tile ``outer``."""
        return Tile(
            *(
                slice(side.start - first, side.stop - first)
                for side, first in zip(self, outer.corner)
            )
        )


def tile_side(factor: int) -> int:
    """Return the number of coarse cells along the side of a tile.

    Parameters
    ----------
    factor : int
        Pixels along the side of a coarse cell.

    Returns
    -------
    int
        The smallest number for which a tile has at least ``LEAST_SIDE`` pixels along its side and
        can be one block of a GeoTIFF.
    """
    step = BLOCK_STEP // gcd(BLOCK_STEP, factor)
    return step * ceil(LEAST_SIDE / (factor * step))


def split_into_tiles(cells: np.ndarray, factor: int) -> list[Tile]:
    """Split a coarse grid into tiles of the standard size.

    Parameters
    ----------
    cells : ndarray of bool, shape (rows, columns)
        The coarse cells that are needed.
    factor : int
        Pixels along the side of a coarse cell.

    Returns
    -------
    list of Tile
        The tiles with at least one needed cell, row by row.
    """
    return split_into_squares(cells, tile_side(factor))


def split_into_squares(cells: np.ndarray, side: int) -> list[Tile]:
    """Split a grid into squares of ``side`` x ``side`` cells, which are smaller at the edges.

    Parameters
    ----------
    cells : ndarray of bool, shape (rows, columns)
        The cells that are needed.
    side : int
        Cells along the side of a square.

    Returns
    -------
    list of Tile
        The squares with at least one needed cell, row by row.
    """
    return [square for square in squares(cells.shape, side) if cells[square].any()]


def squares(shape: tuple[int, ...], side: int) -> list[Tile]:
    """Return squares of ``side`` x ``side`` cells that cover a grid, row by row.

    They are smaller at the edges.
    """
    rows, columns = shape
    return [
        Tile(slice(top, min(top + side, rows)), slice(left, min(left + side, columns)))
        for top in range(0, rows, side)
        for left in range(0, columns, side)
    ]


def by_tile(field: np.ndarray | Callable[[Tile], np.ndarray]) -> Callable[[Tile], np.ndarray]:
    """Return a function that gives the values of ``field`` in a tile.

    Parameters
    ----------
    field : ndarray or callable
        The values of all tiles, or a function that already gives those of one.
    """
    return field if callable(field) else field.__getitem__
