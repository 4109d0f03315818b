"""Resampling of rasters of any coordinate system and resolution to blocks of a lon/lat grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, floor
from pathlib import Path

import numpy as np

from ..base.affine import Affine
from ..base.errors import InputError
from ..base.grid import EDGE_TOLERANCE, GLOBE, Bounds, Grid, intersection
from ..rasters.crs import LONLAT, is_geographic, is_lonlat, transform_bounds, transform_points
from ..rasters.gdal_errors import RasterError
from ..rasters.raster import AVERAGE, BILINEAR, MODE, NEAREST, Raster, Window
from ..rasters.warping import resample
from .area_means import area_means

# Source pixels around a window: the reach of the bilinear kernel, and rounding.
MARGIN = 3
# Fraction of the target pixel's area. Rasters with smaller pixels are averaged: up to this size
# averaging has a smaller error than GDAL's bilinear kernel, beyond it a larger one.
FINER = 0.25
# Degrees by which longitudes are shifted to match those of the target.
SHIFTS = (0.0, -360.0, 360.0)


@dataclass(frozen=True)
class Geometry:
    """Position of the pixels of a raster.

    It is hashable, so that the plan of a block is made once and not for every month.

    Parameters
    ----------
    crs : str
        Coordinate reference system as WKT.
    transform : Affine
        From column and row to coordinates.
    shape : (int, int)
        Rows and columns.
    """

    crs: str
    transform: Affine
    shape: tuple[int, int]

    @classmethod
    def from_raster(cls, source: Raster, path: Path) -> Geometry:
        """Return the geometry of an open raster.

        Parameters
        ----------
        source : Raster
        path : Path
            The file, which the error message names.

        Raises
        ------
        InputError
            When the raster has no coordinate reference system.
        """
        if not source.crs:
            raise InputError(
                f"{path.name} has no coordinate reference system; state it in the catalogue, for "
                'example "crs": "EPSG:4326", or write it into the file with gdal_edit.py -a_srs or '
                "the algorithm Assign projection of QGIS."
            )
        return cls(source.crs, source.transform, source.shape)

    @property
    def bounds(self) -> Bounds:
        """Left, bottom, right and top in the raster's coordinates, also of a rotated raster."""
        rows, columns = self.shape
        return _bounding_box(self.transform, (0, 0, columns, rows))

    @property
    def wraps(self) -> bool:
        """True for a raster around the globe, whose first and last columns are neighbours."""
        width = self.shape[1] * abs(self.transform.a)
        return is_geographic(self.crs) and abs(width - 360.0) < EDGE_TOLERANCE * self.transform.a

    @property
    def degrees(self) -> Bounds:
        """West, south, east and north; the globe when the raster lies around a pole or 180°."""
        if is_geographic(self.crs):
            # Also beyond 180°, which a transformation would map back to -180..180.
            return self.bounds
        try:
            bounds = transform_bounds(self.crs, LONLAT, self.bounds)
        except RasterError:
            return GLOBE
        return bounds if np.isfinite(bounds).all() and bounds[0] < bounds[2] else GLOBE


def overlaps(geometry: Geometry, grid: Grid) -> bool:
    """Return True when the raster overlaps the grid, with longitudes taken modulo 360°."""
    return any(intersection(_shifted(geometry.degrees, shift), grid.bounds) for shift in SHIFTS)


def warp_to_block(
    read: Callable[[Window], np.ndarray], geometry: Geometry, block: Grid, categories: bool
) -> np.ndarray:
    """Resample a raster to a block of the target grid.

    Where the pixels coincide they are copied. A raster whose pixels have less than a quarter of the
    target's area is averaged by area, another one is interpolated bilinearly.

    Parameters
    ----------
    read : callable
        Returns a window of the raster: float32, NaN for nodata.
    geometry : Geometry
        Position of the raster.
    block : Grid
        The target.
    categories : bool
        True for class codes: the most frequent class instead of the average, and the nearest pixel
        instead of the interpolation.

    Returns
    -------
    ndarray of float32, shape of the block
        NaN where the raster has no value.
    """
    values = np.full(block.shape, np.nan, dtype=np.float32)
    for part in _parts(geometry, block, categories):
        sides = [read(window) for window in _split(geometry, part.window)]
        pixels = np.concatenate(sides, axis=1) if len(sides) > 1 else sides[0]
        if part.method is not None:
            rows, columns = pixels.shape
            source = Geometry(geometry.crs, part.transform, (rows, columns))
            pixels = _resample(pixels, source, block, part.method)[part.target]
        piece = values[part.target]
        np.copyto(piece, pixels, where=np.isnan(piece))
    return values


def _resample(pixels: np.ndarray, source: Geometry, block: Grid, method: str) -> np.ndarray:
    parallel = is_lonlat(source.crs) and not (source.transform.b or source.transform.d)
    if method == AVERAGE and parallel:
        return area_means(pixels, source.transform, block)
    return resample(pixels, source, block, method)


def coincides(geometry: Geometry, grid: Grid) -> bool:
    """Return True when the raster's pixels are those of the grid, so that they are only copied."""
    return all(part.method is None for part in _parts(geometry, grid, categories=False))


def windows_read(geometry: Geometry, block: Grid) -> list[Window]:
    """Return the windows of the raster that ``warp_to_block`` reads."""
    parts = _parts(geometry, block, categories=False)
    return [window for part in parts for window in _split(geometry, part.window)]


def pixel_degrees(geometry: Geometry, grid: Grid) -> float:
    """Return the mean side of the raster's pixels in the middle of what is read for a grid."""
    windows = windows_read(geometry, grid)
    return _pixel_area(geometry, windows[0]) ** 0.5 if windows else np.nan


@dataclass(frozen=True)
class _Part:
    """A part of the raster that lies in a block after a shift of longitudes.

    ``transform`` is that of ``window``, shifted to the longitudes of the block. ``target`` are the
    rows and columns of the block that the part gives values. ``method`` is None where the pixels
    coincide with these.
    """

    window: Window
    transform: Affine
    method: str | None
    target: tuple[slice, slice]


@lru_cache(maxsize=65536)
def _parts(geometry: Geometry, block: Grid, categories: bool) -> tuple[_Part, ...]:
    parts = (_part(geometry, block, shift, categories) for shift in SHIFTS)
    return tuple(part for part in parts if part is not None)


def _part(geometry: Geometry, block: Grid, shift: float, categories: bool) -> _Part | None:
    shared = intersection(_shifted(geometry.degrees, shift), block.bounds)
    if shared is None:
        return None
    if is_lonlat(geometry.crs):
        same = _coincident(geometry.transform.shifted_east(shift), geometry.shape, block)
        if same:
            return same
    window = _window(geometry, _shifted(shared, -shift))
    if window is None:
        return None
    rows, columns = window
    own = geometry.transform.from_pixel(columns.start, rows.start)
    finer = _pixel_area(geometry, window) < FINER * block.dx * block.dy
    averaging, interpolating = (MODE, NEAREST) if categories else (AVERAGE, BILINEAR)
    method = averaging if finer else interpolating
    # Coordinates in metres do not change with a turn of the longitudes.
    placed = own.shifted_east(shift) if is_geographic(geometry.crs) else own
    return _Part(window, placed, method, (slice(None), _columns_within(block, shared)))


def _columns_within(block: Grid, bounds: Bounds) -> slice:
    """The columns of a block whose centres are within bounds."""
    west, _, east, _ = bounds
    first, stop = np.searchsorted(block.longitudes, (west, east))
    return slice(int(first), int(stop))


def _split(geometry: Geometry, window: Window) -> list[Window]:
    """The windows inside a raster around the globe that form one beyond its edges."""
    rows, columns = window
    width = geometry.shape[1]
    sides = [
        slice(max(columns.start, edge) - edge, min(columns.stop, edge + width) - edge)
        for edge in (-width, 0, width)
    ]
    return [(rows, side) for side in sides if side.start < side.stop]


def _coincident(shifted: Affine, shape: tuple[int, int], block: Grid) -> _Part | None:
    """The common pixels as a plain copy when both grids have the same cell edges, else None."""
    if not shifted.is_north_up:
        return None
    grid = Grid.from_transform(shifted, shape)
    if not grid.aligned_with(block):
        return None
    top = round((grid.north - block.north) / block.dy)
    left = round((block.west - grid.west) / block.dx)
    rows = slice(max(-top, 0), min(grid.rows - top, block.rows))
    columns = slice(max(-left, 0), min(grid.columns - left, block.columns))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    window = (
        slice(rows.start + top, rows.stop + top),
        slice(columns.start + left, columns.stop + left),
    )
    return _Part(window, shifted, None, (rows, columns))


def _window(geometry: Geometry, degrees: Bounds) -> Window | None:
    """The raster's pixels in a box in degrees, with a margin; None when there are none."""
    rows, columns = geometry.shape
    geographic = is_geographic(geometry.crs)
    try:
        box = degrees if geographic else transform_bounds(LONLAT, geometry.crs, degrees)
    except RasterError:
        box = geometry.bounds
    box = box if np.isfinite(box).all() else geometry.bounds
    left, top, right, bottom = _bounding_box(geometry.transform.inverse(), box)
    first_column = floor(left) - MARGIN
    last_column = ceil(right) + MARGIN
    if not geometry.wraps:
        first_column = max(first_column, 0)
        last_column = min(last_column, columns)
    first_row = max(floor(top) - MARGIN, 0)
    last_row = min(ceil(bottom) + MARGIN, rows)
    if last_column <= first_column or last_row <= first_row:
        return None
    return slice(first_row, last_row), slice(first_column, last_column)


def _pixel_area(geometry: Geometry, window: Window) -> float:
    """Area of the pixel in the middle of a window, in square degrees."""
    transform = geometry.transform
    if is_geographic(geometry.crs):
        return abs(transform.determinant)
    row, column = ((side.start + side.stop) // 2 for side in window)
    corners = ((column, row), (column + 1, row), (column, row + 1))
    x, y = zip(*(transform.apply(*corner) for corner in corners))
    east, north = transform_points(geometry.crs, LONLAT, x, y)
    # A pixel next to 180° can have a corner beyond it.
    across = ((east[1] - east[0] + 180) % 360 - 180, north[1] - north[0])
    down = ((east[2] - east[0] + 180) % 360 - 180, north[2] - north[0])
    return abs(across[0] * down[1] - across[1] * down[0])


def _bounding_box(affine: Affine, box: Bounds) -> Bounds:
    """The smallest upright box (least x, least y, greatest x, greatest y) around a mapped box."""
    x, y = zip(*(affine.apply(*corner) for corner in product(box[::2], box[1::2])))
    return min(x), min(y), max(x), max(y)


def _shifted(bounds: Bounds, shift: float) -> Bounds:
    return bounds[0] + shift, bounds[1], bounds[2] + shift, bounds[3]
