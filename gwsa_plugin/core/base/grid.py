"""A regular longitude/latitude grid, north-up: where a cell is, how large it is, what it is refined into."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from affine import Affine

from .errors import InputError

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius
GLOBE = (-180.0, -90.0, 180.0, 90.0)  # west, south, east, north
EDGE_TOLERANCE = 1e-3  # of a cell: files state their corners to five digits or so


@dataclass(frozen=True)
class Grid:
    """``west`` and ``north`` are the outer corner in degrees, ``dx`` and ``dy`` the cell size, both positive."""

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
        """The grid of a north-up raster; raises InputError, opening with ``name``, for a rotated or south-up one."""
        if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
            raise InputError(
                f"{name} is rotated or south-up; warp it to a north-up EPSG:4326 grid first."
            )
        return cls(transform.c, transform.f, transform.a, -transform.e, *shape)

    @classmethod
    def covering(cls, bounds, cell: float) -> Grid:
        """The smallest grid of ``cell`` degrees, aligned to -180/90, that covers ``bounds`` (w, s, e, n).

        Raises InputError for a cell size that does not divide 180.
        """
        if not 0 < cell <= 180 or abs(180 / cell - round(180 / cell)) > 1e-6:
            raise InputError(
                f"A cell size of {cell:g}° does not divide 180°; choose 0.25, 0.5 or 1, for example."
            )
        whole = cls(-180.0, 90.0, cell, cell, round(180 / cell), round(360 / cell))
        return whole.sub(*whole.window(bounds))

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns

    @property
    def transform(self) -> Affine:
        return Affine(self.dx, 0.0, self.west, 0.0, -self.dy, self.north)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """west, south, east, north in degrees."""
        return (
            self.west,
            self.north - self.rows * self.dy,
            self.west + self.columns * self.dx,
            self.north,
        )

    @property
    def longitudes(self) -> np.ndarray:
        """Cell centres, degrees, shape (columns,)."""
        return self.west + (np.arange(self.columns) + 0.5) * self.dx

    @property
    def latitudes(self) -> np.ndarray:
        """Cell centres, degrees, north first, shape (rows,)."""
        return self.north - (np.arange(self.rows) + 0.5) * self.dy

    @property
    def wraps(self) -> bool:
        """True when the first column is the eastern neighbour of the last."""
        return abs(self.columns * self.dx - 360.0) < EDGE_TOLERANCE * self.dx

    def row_areas(self) -> np.ndarray:
        """Area of one cell of each row in km², shape (rows,): R² dlon (sin north - sin south) on the sphere."""
        edges = np.radians(self.north - np.arange(self.rows + 1) * self.dy)
        return EARTH_RADIUS_KM**2 * np.radians(self.dx) * -np.diff(np.sin(edges))

    def cell_areas(self) -> np.ndarray:
        """km², shape (rows, columns)."""
        return np.repeat(self.row_areas()[:, None], self.columns, axis=1)

    def refine(self, factor: int) -> Grid:
        """The grid of ``factor`` x ``factor`` pixels a cell."""
        return Grid(
            self.west, self.north, self.dx / factor, self.dy / factor,
            self.rows * factor, self.columns * factor, self.crs,
        )  # fmt: skip

    def coarsen(self, factor: int) -> Grid:
        """The grid whose cells hold ``factor`` x ``factor`` of these; the shape must divide."""
        if self.rows % factor or self.columns % factor:
            raise ValueError(
                f"a grid of {self.rows} x {self.columns} does not divide into blocks of {factor}"
            )
        return Grid(
            self.west, self.north, self.dx * factor, self.dy * factor,
            self.rows // factor, self.columns // factor, self.crs,
        )  # fmt: skip

    def factor_to(self, coarse: Grid) -> int:
        """How many of these cells make one of ``coarse`` along a side; ValueError when it is no whole number."""
        factor = round(coarse.dx / self.dx)
        if factor < 1 or not (
            _nearly(self.dx * factor, coarse.dx) and _nearly(self.dy * factor, coarse.dy)
        ):
            raise ValueError(f"cells of {coarse.dx}° are no whole multiple of {self.dx}°")
        return factor

    def window(self, bounds) -> tuple[slice, slice]:
        """Rows and columns of the cells that touch ``bounds`` (w, s, e, n), clipped to the grid.

        Snapped outward to whole cells. Raises InputError when nothing is left.
        """
        west, south, east, north = bounds
        rows = _span((self.north - north) / self.dy, (self.north - south) / self.dy, self.rows)
        columns = _span((west - self.west) / self.dx, (east - self.west) / self.dx, self.columns)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            raise InputError(
                f"The region ({_degrees(bounds)}) and the data ({_degrees(self.bounds)}) do not overlap; "
                "choose a region inside the data (west, south, east, north in degrees)."
            )
        return rows, columns

    def sub(self, rows: slice, columns: slice) -> Grid:
        """The grid of a window."""
        return Grid(
            self.west + columns.start * self.dx, self.north - rows.start * self.dy, self.dx, self.dy,
            rows.stop - rows.start, columns.stop - columns.start, self.crs,
        )  # fmt: skip

    def aligned_with(self, other: Grid) -> bool:
        """True when the two share cell size and cell edges, whatever their extents."""
        if not (_nearly(self.dx, other.dx) and _nearly(self.dy, other.dy)):
            return False
        shift_x, shift_y = (other.west - self.west) / self.dx, (other.north - self.north) / self.dy
        return (
            max(abs(shift_x - round(shift_x)), abs(shift_y - round(shift_y))) < 10 * EDGE_TOLERANCE
        )

    def same_as(self, other: Grid) -> bool:
        """True when the two are one grid within the rounding of files."""
        return (
            self.shape == other.shape
            and self.aligned_with(other)
            and self.window_of(other) is not None
        )

    def window_of(self, other: Grid) -> tuple[slice, slice] | None:
        """Where an aligned ``other`` lies in this grid, or None when it is not wholly inside."""
        top, left = (
            round((self.north - other.north) / self.dy),
            round((other.west - self.west) / self.dx),
        )
        if (
            top < 0
            or left < 0
            or top + other.rows > self.rows
            or left + other.columns > self.columns
        ):
            return None
        return slice(top, top + other.rows), slice(left, left + other.columns)

    def overlap(self, other: Grid) -> Grid:
        """The cells of this grid that an aligned ``other`` has too; InputError when there is none."""
        west, south, east, north = (
            max(self.bounds[0], other.bounds[0]), max(self.bounds[1], other.bounds[1]),
            min(self.bounds[2], other.bounds[2]), min(self.bounds[3], other.bounds[3]),
        )  # fmt: skip
        if east - west < self.dx / 2 or north - south < self.dy / 2:
            raise InputError(
                f"The inputs do not overlap: one covers {_degrees(self.bounds)}, the other {_degrees(other.bounds)} "
                "(west, south, east, north); give inputs of one region."
            )
        return self.sub(*self.window((west, south, east, north)))


def _nearly(one: float, other: float) -> bool:
    """Equal within a millionth, as file headers round."""
    return abs(one - other) <= 1e-6 * max(abs(one), abs(other))


def _span(start: float, stop: float, size: int) -> slice:
    return slice(max(floor(start + EDGE_TOLERANCE), 0), min(ceil(stop - EDGE_TOLERANCE), size))


def _degrees(bounds) -> str:
    return ", ".join(f"{value:g}" for value in bounds)
