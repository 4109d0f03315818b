"""The observation operator of GRACE: a Gaussian blur over land, followed by means over tiles.

GRACE does not observe the water of a cell, but the water around it, blurred by its footprint. A
mascon product gives one value for all cells of a mascon, its tile. With x the true field, TWSA is
H x plus noise. The rows of H add up to 1, and H conserves the mass over land.
"""

from __future__ import annotations

import numpy as np

from ..base.errors import InputError
from ..base.grid import EARTH_RADIUS_KM, Grid
from ..base.progress import SILENT, Progress
from ..files.packed_tiles import NO_TILE
from ..spatial.gaussian_filter import Kernel, LandFilter, batches_by_cells, reach_km

# A smaller fraction of weight outside the grid is rounding.
ROUNDING = 1e-9


class Footprint:
    """The operator H between the land cells of a grid.

    The blur is that of ``gaussian_filter.LandFilter``: its kernel falls to one half at half of the
    width, and no mass moves between land and sea. Each tile then gets its area-weighted mean.

    Parameters
    ----------
    grid : Grid
        A grid that goes around the globe is cyclic in longitude.
    land : ndarray of bool, shape (rows, columns)
        The cells that take part; at least one.
    width_km : float
        Full width of the kernel at half of its maximum, above 0 and below 20,000 km.
    tiles : ndarray of int, shape (rows, columns), optional
        Number of the tile of each cell. Cells with -1, and all cells without ``tiles``, are tiles
        of their own. Cells off land do not take part in the mean of their tile.
    progress : Progress

    Raises
    ------
    InputError
        When no cell is land, or the width is out of range.

    References
    ----------
    Jekeli, C. (1981): Alternative methods to smooth the Earth's gravity field. OSU report 327.
    """

    def __init__(
        self,
        grid: Grid,
        land: np.ndarray,
        width_km: float,
        tiles: np.ndarray | None = None,
        progress: Progress = SILENT,
    ):
        if not land.any():
            raise InputError("A footprint needs at least one land cell; choose a region with land.")
        self.grid = grid
        self.land = land
        self.width_km = width_km
        self._kernel = Kernel(grid, width_km / 2.0, progress)
        self._filter = LandFilter(self._kernel, land, progress)
        self._areas = grid.cell_areas()
        self._tiles = None if tiles is None else _numbered(tiles)

    def apply(
        self, values: np.ndarray, progress: Progress = SILENT, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Compute H x for each month.

        Parameters
        ----------
        values : ndarray of float, shape (months, rows, columns)
            NaN where there is no value. Values off land are ignored. A land cell without a value in
            a month is treated as off land in that month, so that constants and mass are conserved
            over the other cells, and remains NaN. A month without any value remains NaN.
        progress : Progress
        out : ndarray, optional
            Array for the result; it may be ``values`` itself, to save memory.

        Returns
        -------
        ndarray, shape (months, rows, columns)
            Of the type of ``values``; NaN off land.
        """
        return self._in_batches(self._observed, values, out, progress)

    def transpose(
        self, values: np.ndarray, progress: Progress = SILENT, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Compute H' y for each month, with the transposed matrix of ``apply``.

        Parameters
        ----------
        values : ndarray of float, shape (months, rows, columns)
            As in ``apply``.
        progress : Progress
        out : ndarray, optional
            As in ``apply``.

        Returns
        -------
        ndarray, shape (months, rows, columns)
            Of the type of ``values``; NaN off land.
        """
        return self._in_batches(self._transposed, values, out, progress)

    def weight_outside(self) -> np.ndarray:
        """Compute the fraction of the kernel's weight that lies outside the grid for each cell.

        It is that of the kernel on the sphere, whatever is land. Nothing lies beyond the pole, nor
        to the west and east of a grid that goes around the globe.

        Returns
        -------
        ndarray of float64, shape (rows, columns)
        """
        ones = np.broadcast_to(self._kernel.areas, self.grid.shape)
        inside = self._kernel.sums(ones[None])[0]
        outside = 1.0 - inside / self._weight_on_sphere()[:, None]
        return np.where(outside > ROUNDING, outside, 0.0)

    def _weight_on_sphere(self) -> np.ndarray:
        """Sum of the kernel times cell area over the lattice of the grid on the globe: (rows,)."""
        grid = self.grid
        # The kernel has no weight further away than twice its reach.
        reach = int(np.degrees(2.0 * reach_km(self.width_km / 2.0) / EARTH_RADIUS_KM) / grid.dy) + 1
        south = grid.north - grid.rows * grid.dy
        above = min(reach, round((90.0 - grid.north) / grid.dy))
        below = min(reach, round((south + 90.0) / grid.dy))
        rows = above + grid.rows + below
        columns = round(360.0 / grid.dx)
        band = Grid(-180.0, grid.north + above * grid.dy, 360.0 / columns, grid.dy, rows, columns)
        ring = Kernel(band, self.width_km / 2.0)
        ones = np.broadcast_to(ring.areas, band.shape)
        return ring.sums(ones[None])[0, above : above + grid.rows, 0]

    def _in_batches(self, compute, values, out, progress) -> np.ndarray:
        """Call ``compute`` with the months that have values in the same land cells."""
        result = np.empty_like(values) if out is None else out
        batches = batches_by_cells(values, progress, self.land)
        empty = np.ones(len(values), dtype=bool)
        land = self._filter
        for i, (cells, months) in enumerate(batches):
            progress.advance(i / len(batches))
            # Consecutive batches of the same cells share the array, and so the scaling.
            if cells is not land.cells:
                complete = np.array_equal(cells, self.land)
                land = self._filter if complete else LandFilter(self._kernel, cells, progress)
            result[months] = compute(land, values[months], progress)
            empty[months] = False
        result[empty] = np.nan
        progress.advance(1)
        return result

    def _observed(self, land: LandFilter, values: np.ndarray, progress: Progress) -> np.ndarray:
        return self._tile_means(land.means(values, progress), land.cells)

    def _transposed(self, land: LandFilter, values: np.ndarray, progress: Progress) -> np.ndarray:
        """The blur B and the tile means T have B' = A B / A and T' = A T / A, A the cell areas."""
        means = self._tile_means(values / self._areas, land.cells)
        return land.means(means, progress) * self._areas

    def _tile_means(self, fields: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Replace the values of the cells by the means of their tiles."""
        if self._tiles is None:
            return fields
        tiles = self._tiles[cells]
        areas = self._areas[cells]
        total = np.bincount(tiles, areas)
        means = np.full(fields.shape, np.nan)
        for field, mean in zip(fields, means):
            sums = np.bincount(tiles, areas * field[cells])
            mean[cells] = (sums / np.maximum(total, 1e-300))[tiles]
        return means


def _numbered(tiles: np.ndarray) -> np.ndarray:
    """Number the tiles from 0, and the cells without tile after them."""
    alone = tiles == NO_TILE
    found, numbers = np.unique(tiles, return_inverse=True)
    numbers = numbers.reshape(tiles.shape)
    numbers[alone] = found.size + np.arange(alone.sum())
    return numbers
