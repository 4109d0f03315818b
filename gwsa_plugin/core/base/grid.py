"""Regular north-up longitude/latitude grids: cell areas, windows, refinement and coarsening."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np

from .affine import Affine
from .errors import InputError

# Mean radius of the Earth (IUGG).
EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = float(np.radians(EARTH_RADIUS_KM))
# West, south, east and north in degrees.
Bounds = tuple[float, float, float, float]
GLOBE: Bounds = (-180.0, -90.0, 180.0, 90.0)
# Fraction of a cell within which two edges are the same: files round their corners to five digits.
EDGE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Grid:
    """A regular north-up longitude/latitude grid.

    Parameters
    ----------
    west, north : float
        Outer corner of the first cell, degrees.
    dx, dy : float
        Cell size in longitude and latitude, degrees, both positive.
    rows, columns : int
        Number of cells.
    crs : str
        Coordinate reference system.
    """

    west: float
    north: float
    dx: float
    dy: float
    rows: int
    columns: int
    crs: str = "EPSG:4326"

    @classmethod
    def from_transform(
        cls, transform: Affine, shape: tuple[int, int], name: str = "The raster"
    ) -> Grid:
        """Return the grid of a raster.

        Parameters
        ----------
        transform : Affine
            From column and row to longitude and latitude.
        shape : (int, int)
            Rows and columns.
        name : str
            The raster, with which the error message begins.

        Raises
        ------
        InputError
            When the raster is rotated or south-up.
        """
        if not transform.is_north_up:
            raise InputError(
                f"{name} is rotated or south-up; warp it to a north-up EPSG:4326 grid first."
            )
        return cls(transform.c, transform.f, transform.a, -transform.e, *shape)

    @classmethod
    def covering(cls, bounds: Bounds, cell: float) -> Grid:
        """Return the smallest grid that covers a region and is aligned to -180° and 90°.

        Parameters
        ----------
        bounds : (float, float, float, float)
            West, south, east and north of the region, degrees. The longitudes are -180 to 540: a
            region across 180° has its east above 180, and so has its grid.
        cell : float
            Cell size, degrees.

        Raises
        ------
        InputError
            When the cell size does not divide 180°, or the region is outside the globe.
        """
        if not 0 < cell <= 180 or abs(180 / cell - round(180 / cell)) > 1e-6:
            raise InputError(
                f"A cell size of {cell:g}° does not divide 180°; "
                "choose 0.25, 0.5 or 1, for example."
            )
        twice = cls(-180.0, 90.0, cell, cell, round(180 / cell), 2 * round(360 / cell))
        return twice.subgrid(*twice.window(bounds))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return self.rows, self.columns

    @property
    def transform(self) -> Affine:
        """From column and row to longitude and latitude."""
        return Affine(self.dx, 0.0, self.west, 0.0, -self.dy, self.north)

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north of the outer edges, degrees."""
        return (
            self.west,
            self.north - self.rows * self.dy,
            self.west + self.columns * self.dx,
            self.north,
        )

    @property
    def longitudes(self) -> np.ndarray:
        """Longitudes of the cell centres, degrees, shape (columns,)."""
        return self.west + (np.arange(self.columns) + 0.5) * self.dx

    @property
    def latitudes(self) -> np.ndarray:
        """Latitudes of the cell centres, degrees, from north to south, shape (rows,)."""
        return self.north - (np.arange(self.rows) + 0.5) * self.dy

    @property
    def wraps(self) -> bool:
        """True when the grid goes around the globe, so that first and last column are adjacent."""
        return abs(self.columns * self.dx - 360.0) < EDGE_TOLERANCE * self.dx

    def row_areas(self) -> np.ndarray:
        """Return the area of one cell of each row.

        On the sphere it is R² Δλ (sin φ_north - sin φ_south).

        Returns
        -------
        ndarray of float64, shape (rows,)
            In km².
        """
        edges = np.radians(self.north - np.arange(self.rows + 1) * self.dy)
        return EARTH_RADIUS_KM**2 * np.radians(self.dx) * -np.diff(np.sin(edges))

    def cell_areas(self) -> np.ndarray:
        """Return the area of each cell in km², shape (rows, columns)."""
        return np.repeat(self.row_areas()[:, None], self.columns, axis=1)

    def refine(self, factor: int) -> Grid:
        """Return the grid that has ``factor`` x ``factor`` pixels in each of these cells."""
        return Grid(
            self.west, self.north, self.dx / factor, self.dy / factor,
            self.rows * factor, self.columns * factor, self.crs,
        )  # fmt: skip

    def coarsen(self, factor: int) -> Grid:
        """Return the grid that has ``factor`` x ``factor`` of these cells in each of its cells.

        Raises
        ------
        ValueError
            When ``factor`` does not divide rows and columns.
        """
        if self.rows % factor or self.columns % factor:
            raise ValueError(
                f"a grid of {self.rows} x {self.columns} does not divide into blocks of {factor}"
            )
        return Grid(
            self.west, self.north, self.dx * factor, self.dy * factor,
            self.rows // factor, self.columns // factor, self.crs,
        )  # fmt: skip

    def factor_to(self, coarse: Grid) -> int:
        """Return how many of these cells lie along the side of one cell of ``coarse``.

        Raises
        ------
        ValueError
            When the cell size of ``coarse`` is not an integer multiple of the size of these cells.
        """
        factor = round(coarse.dx / self.dx)
        if factor < 1 or not (
            _nearly_equal(self.dx * factor, coarse.dx)
            and _nearly_equal(self.dy * factor, coarse.dy)
        ):
            raise ValueError(f"cells of {coarse.dx}° are not an integer multiple of {self.dx}°")
        return factor

    def window(self, bounds: Bounds) -> tuple[slice, slice]:
        """Return the rows and columns of the cells that overlap a region.

        The region is extended outward to complete cells and clipped to the grid.

        Parameters
        ----------
        bounds : (float, float, float, float)
            West, south, east and north of the region, degrees.

        Raises
        ------
        InputError
            When the region is outside the grid.
        """
        west, south, east, north = bounds
        rows = _cell_range(
            (self.north - north) / self.dy, (self.north - south) / self.dy, self.rows
        )
        columns = _cell_range(
            (west - self.west) / self.dx, (east - self.west) / self.dx, self.columns
        )
        if rows.stop <= rows.start or columns.stop <= columns.start:
            raise InputError(
                f"The region ({_format(bounds)}) and the data ({_format(self.bounds)}) "
                "do not overlap; choose a region inside the data "
                "(west, south, east, north in degrees)."
            )
        return rows, columns

    def window_around(self, bounds: Bounds) -> tuple[slice, slice]:
        """Return the window of the cells that overlap a region in any turn of longitudes.

        As ``window``, but a grid that goes around the globe gives all its columns for a region that
        crosses its ends.
        """
        if not self.wraps:
            return self.turned(bounds).window(bounds)
        if not self._has_longitudes(bounds):
            west, _, east, _ = self.bounds
            bounds = (west, bounds[1], east, bounds[3])
        return self.window(bounds)

    def turned(self, bounds: Bounds) -> Grid:
        """Return the grid shifted by complete turns so that it overlaps most with a region.

        One that goes around the globe begins at the west of the region unless it holds the region.
        """
        if not self.wraps:

            def overlap(shift: float) -> float:
                west, _, east, _ = self.bounds
                return min(east + shift, bounds[2]) - max(west + shift, bounds[0])

            # The first of equal overlaps.
            return replace(self, west=self.west + max((0.0, 360.0, -360.0), key=overlap))
        if self._has_longitudes(bounds):
            return self
        columns = floor((bounds[0] - self.west) / self.dx + EDGE_TOLERANCE)
        return replace(self, west=self.west + columns * self.dx)

    def _has_longitudes(self, bounds: Bounds) -> bool:
        west, _, east, _ = self.bounds
        slack = EDGE_TOLERANCE * self.dx
        return bounds[0] >= west - slack and bounds[2] <= east + slack

    def subgrid(self, rows: slice, columns: slice) -> Grid:
        """Return the grid of a window; both slices must have start and stop."""
        return Grid(
            self.west + columns.start * self.dx, self.north - rows.start * self.dy,
            self.dx, self.dy, rows.stop - rows.start, columns.stop - columns.start, self.crs,
        )  # fmt: skip

    def aligned_with(self, other: Grid) -> bool:
        """Return True when both grids have the same cell size and cell edges, in any extents."""
        if not (_nearly_equal(self.dx, other.dx) and _nearly_equal(self.dy, other.dy)):
            return False
        shift_x = (other.west - self.west) / self.dx
        shift_y = (other.north - self.north) / self.dy
        off_edge = max(abs(shift_x - round(shift_x)), abs(shift_y - round(shift_y)))
        return off_edge < 10 * EDGE_TOLERANCE

    def same_as(self, other: Grid) -> bool:
        """Return True when both grids are the same within the rounding of file headers."""
        return (
            self.shape == other.shape
            and self.aligned_with(other)
            and self.window_of(other) is not None
        )

    def window_of(self, other: Grid) -> tuple[slice, slice] | None:
        """Return the rows and columns of an aligned grid in this one.

        Parameters
        ----------
        other : Grid
            Aligned with this grid.

        Returns
        -------
        (slice, slice) or None
            None when ``other`` extends beyond this grid.
        """
        top = round((self.north - other.north) / self.dy)
        left = round((other.west - self.west) / self.dx)
        bottom = top + other.rows
        right = left + other.columns
        if top < 0 or left < 0 or bottom > self.rows or right > self.columns:
            return None
        return slice(top, bottom), slice(left, right)

    def overlap(self, other: Grid) -> Grid:
        """Return the grid of the cells that this grid and an aligned one have in common.

        Raises
        ------
        InputError
            When they have none.
        """
        shared = intersection(self.bounds, other.bounds)
        if (
            shared is None
            or shared[2] - shared[0] < self.dx / 2
            or shared[3] - shared[1] < self.dy / 2
        ):
            raise InputError(
                f"The inputs do not overlap: one covers {_format(self.bounds)}, "
                f"the other {_format(other.bounds)} (west, south, east, north); "
                "give inputs of the same region."
            )
        return self.subgrid(*self.window(shared))


def intersection(one: Bounds, other: Bounds) -> Bounds | None:
    """Return the part that two boxes have in common, or None when they do not overlap."""
    west = max(one[0], other[0])
    south = max(one[1], other[1])
    east = min(one[2], other[2])
    north = min(one[3], other[3])
    return (west, south, east, north) if west < east and south < north else None


def _nearly_equal(one: float, other: float) -> bool:
    """Compare within one millionth, to which file headers round."""
    return abs(one - other) <= 1e-6 * max(abs(one), abs(other))


def _cell_range(start: float, stop: float, size: int) -> slice:
    """Extend an interval, in cells, outward to complete cells and clip it to 0..``size``."""
    return slice(max(floor(start + EDGE_TOLERANCE), 0), min(ceil(stop - EDGE_TOLERANCE), size))


def bounds_text(bounds: Bounds) -> str:
    """Return bounds for messages, as "76, 28, 79, 31 (west, south, east, north in degrees)"."""
    return f"{_format(bounds)} (west, south, east, north in degrees)"


def _format(bounds: Bounds) -> str:
    return ", ".join(f"{value:g}" for value in bounds)
