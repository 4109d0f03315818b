"""Windows of whole coarse cells: what is read, predicted and written at once, however large the region."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, gcd
from typing import NamedTuple

import numpy as np

LEAST_SIDE = 240  # pixels; a year of sixty features of so many squared are 170 MB
BLOCK_STEP = 16  # GeoTIFF blocks have sides of a multiple of it


class Tile(NamedTuple):
    """Rows and columns of a grid, slices with both ends: ``field[tile]`` and ``grid.sub(*tile)`` are the window."""

    rows: slice
    columns: slice

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> Tile:
        return cls(*(slice(0, size) for size in shape))

    @property
    def shape(self) -> tuple[int, int]:
        return tuple(side.stop - side.start for side in self)

    @property
    def corner(self) -> tuple[int, int]:
        """The first row and column."""
        return self.rows.start, self.columns.start

    def fine(self, factor: int) -> Tile:
        """The pixels of a tile of cells."""
        return Tile(*(slice(side.start * factor, side.stop * factor) for side in self))

    def widened(self, margin: int, shape: tuple[int, int]) -> Tile:
        """With as much more on each side as a grid of ``shape`` has, up to ``margin``."""
        return Tile(
            *(
                slice(max(side.start - margin, 0), min(side.stop + margin, size))
                for side, size in zip(self, shape)
            )
        )

    def within(self, outer: Tile) -> Tile:
        """Where this one lies in the window ``outer``."""
        return Tile(
            *(slice(side.start - o.start, side.stop - o.start) for side, o in zip(self, outer))
        )


def tile_side(factor: int) -> int:
    """Cells along a side of a tile: at least LEAST_SIDE pixels, which make a block of a GeoTIFF."""
    step = BLOCK_STEP // gcd(BLOCK_STEP, factor)
    return step * ceil(LEAST_SIDE / (factor * step))


def split_into_tiles(cells: np.ndarray, factor: int) -> list[Tile]:
    """The tiles that hold any of ``cells`` (bool, coarse shape), in the order of rows."""
    return split_into_squares(cells, tile_side(factor))


def split_into_squares(cells: np.ndarray, side: int) -> list[Tile]:
    """Those of ``side`` x ``side`` cells, smaller at the edges, that hold any of ``cells``, in the order of rows."""
    squares = [
        Tile(
            slice(top, min(top + side, cells.shape[0])),
            slice(left, min(left + side, cells.shape[1])),
        )
        for top in range(0, cells.shape[0], side)
        for left in range(0, cells.shape[1], side)
    ]
    return [square for square in squares if cells[square].any()]


def by_tile(field) -> Callable[[Tile], np.ndarray]:
    """What gives a tile of ``field``: it does so itself, or is the array of all of it."""
    return field if callable(field) else field.__getitem__
