"""Surroundings of the sample world, from which signal leaks into its region.

Each cell outside the region has the storages of a cell inside it. Near the border that is the
mirrored cell, so that fields are continuous. Farther away it is the cell mirrored in the other
direction too, so that the surroundings do not repeat what lies on the other side of the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.grid import Grid
from .land import CELL, Land

# Width of the surroundings in cells, 4.5°: two footprints of 250 km.
MARGIN_CELLS = 18
# Cells next to the border that are mirrored only across it.
MIRRORED_CELLS = 2
# Range of latitude of the surroundings, that of GLDAS.
SOUTHERN_EDGE = -60.0
NORTHERN_EDGE = 90.0


@dataclass(frozen=True)
class Surroundings:
    """Region and surroundings on 0.25° cells.

    Parameters
    ----------
    land : Land
        The land of the region.
    margin : int
        Width of the surroundings in cells; 0 for the region alone. They end at 180° of longitude
        and at the edges of GLDAS.
    """

    land: Land
    margin: int = MARGIN_CELLS

    @cached_property
    def _added(self) -> tuple[int, int, int, int]:
        """Number of cells added in the north, south, west and east."""
        west, south, east, north = self.land.coarse.bounds
        room = (NORTHERN_EDGE - north, south - SOUTHERN_EDGE, west + 180, 180 - east)
        top, bottom, left, right = (min(self.margin, round(side / CELL)) for side in room)
        return top, bottom, left, right

    @cached_property
    def coarse(self) -> Grid:
        """The cells of the region and its surroundings."""
        top, bottom, left, right = self._added
        region = self.land.coarse
        return Grid(
            region.west - left * CELL,
            region.north + top * CELL,
            CELL,
            CELL,
            region.rows + top + bottom,
            region.columns + left + right,
        )

    @property
    def land_fraction(self) -> np.ndarray:
        """Land area of each cell as a fraction of the cell, shape of ``coarse``."""
        return self.extend(self.land.land_fraction)

    def extend(self, values: np.ndarray) -> np.ndarray:
        """Extend fields of the region to the surroundings.

        Parameters
        ----------
        values : ndarray, shape (..., region rows, region columns)
            Any fields.

        Returns
        -------
        ndarray, shape (..., rows, columns) of ``coarse``
        """
        return values[(..., *self._sources)]

    @cached_property
    def _sources(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column inside the region of each cell of ``coarse``."""
        top, bottom, left, right = self._added
        rows, columns = self.land.coarse.shape
        row, outside_rows = _mirrored(np.arange(-top, rows + bottom), rows)
        column, outside_columns = _mirrored(np.arange(-left, columns + right), columns)
        # Beyond the mirrored belt of one direction the other direction is reversed.
        row, column = np.meshgrid(row, column, indexing="ij")
        far_rows = (outside_rows > MIRRORED_CELLS)[:, None]
        far_columns = (outside_columns > MIRRORED_CELLS)[None, :]
        return (
            np.where(far_columns, rows - 1 - row, row),
            np.where(far_rows, columns - 1 - column, column),
        )


def _mirrored(position: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mirror positions at both ends of 0..size - 1.

    Returns the mirrored positions and the distance outside, 0 inside.
    """
    outside = np.maximum(np.maximum(-position, position - size + 1), 0)
    folded = np.mod(position, 2 * size)
    return np.minimum(folded, 2 * size - 1 - folded), outside
