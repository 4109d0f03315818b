"""A raster of any coordinate system, origin and resolution on a block of a longitude/latitude grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, floor
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import Resampling, reproject, transform, transform_bounds
from rasterio.windows import Window
from rasterio.windows import transform as window_transform

from ..base.errors import InputError
from ..base.grid import Grid

LONLAT = CRS.from_epsg(4326)
EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)
MARGIN = 3  # source pixels around a window: what the bilinear kernel reaches, and rounding
FINER = 0.25  # of a pixel's area: up to there averaging has less error than GDAL's bilinear kernel, beyond it more
TURNS = (0.0, -360.0, 360.0)


@dataclass(frozen=True)
class Geometry:
    """Where the pixels of a raster lie; hashable, so that blocks are planned once and not every month."""

    crs: str
    transform: Affine
    shape: tuple[int, int]

    @classmethod
    def of(cls, source, path: Path) -> Geometry:
        """The geometry of an open raster; InputError when it has no coordinate reference system."""
        if source.crs is None:
            raise InputError(
                f"{path.name} has no coordinate reference system; assign the right one to it (gdal_edit, or the "
                "layer's properties in QGIS)."
            )
        return cls(source.crs.to_wkt(), source.transform, source.shape)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """left, bottom, right, top of the raster in its own coordinates, also when rotated or south-up."""
        rows, columns = self.shape
        return _image(self.transform, (0, 0, columns, rows))

    @property
    def degrees(self) -> tuple[float, float, float, float]:
        """west, south, east, north; the whole world when the raster lies around a pole or the date line."""
        if CRS.from_wkt(self.crs).is_geographic:
            return self.bounds  # also beyond 180, which a transformation would fold back
        try:
            bounds = transform_bounds(CRS.from_wkt(self.crs), LONLAT, *self.bounds)
        except RasterioError:
            return EVERYWHERE
        return bounds if np.isfinite(bounds).all() and bounds[0] < bounds[2] else EVERYWHERE


def overlaps(geometry: Geometry, grid: Grid) -> bool:
    """Whether any of the raster can lie in the grid, whole turns of longitude aside."""
    return any(_intersection(_turned(geometry.degrees, turn), grid.bounds) for turn in TURNS)


def on_block(
    read: Callable[[Window], np.ndarray], geometry: Geometry, block: Grid, categories: bool
) -> np.ndarray:
    """The raster on ``block``: float32, shape of the block, NaN where it has no value.

    ``read`` returns a window of the raster as float32 with NaN for nodata. Where the pixels coincide they are copied;
    a raster of less than half the pixel size is averaged by area (``categories``: the most frequent class), another one
    interpolated bilinearly (``categories``: the nearest), in its true position.
    """
    values = np.full(block.shape, np.nan, dtype=np.float32)
    for part in _parts(geometry, block, categories):
        piece = np.full(block.shape, np.nan, dtype=np.float32)
        if part.method is None:
            piece[part.target] = read(part.window)
        else:
            reproject(
                read(part.window), piece, src_transform=part.transform, src_crs=CRS.from_wkt(geometry.crs),
                src_nodata=np.nan, dst_transform=block.transform, dst_crs=LONLAT, dst_nodata=np.nan,
                resampling=part.method,
            )  # fmt: skip
        np.copyto(values, piece, where=np.isnan(values))
    return values


def coincides(geometry: Geometry, grid: Grid) -> bool:
    """Whether the pixels of the raster are those of the grid, so that ``on_block`` copies them."""
    return all(part.method is None for part in _parts(geometry, grid, categories=False))


@dataclass(frozen=True)
class _Part:
    """``window`` of the raster, whose ``transform`` is turned to the longitudes of the block; ``method`` is None where
    the pixels coincide with those of the block in ``target`` (rows, columns)."""

    window: Window
    transform: Affine
    method: Resampling | None
    target: tuple[slice, slice] = (slice(None), slice(None))


@lru_cache(maxsize=65536)
def _parts(geometry: Geometry, block: Grid, categories: bool) -> tuple[_Part, ...]:
    crs = CRS.from_wkt(geometry.crs)
    turns = TURNS if crs.is_geographic else TURNS[:1]
    parts = (_part(crs, geometry, block, turn, categories) for turn in turns)
    return tuple(part for part in parts if part is not None)


def _part(crs: CRS, geometry: Geometry, block: Grid, turn: float, categories: bool) -> _Part | None:
    shared = _intersection(_turned(geometry.degrees, turn), block.bounds)
    if shared is None:
        return None
    if crs == LONLAT:
        turned = Affine.translation(turn, 0) * geometry.transform
        same = _coincident(turned, geometry.shape, block)
        if same:
            return same
    window = _window(crs, geometry, _turned(shared, -turn))
    if window is None:
        return None
    own = window_transform(window, geometry.transform)
    finer = _pixel_area(crs, own, window) < FINER * block.dx * block.dy
    if categories:
        method = Resampling.mode if finer else Resampling.nearest
    else:
        method = Resampling.average if finer else Resampling.bilinear
    return _Part(window, Affine.translation(turn, 0) * own, method)


def _coincident(turned: Affine, shape: tuple[int, int], block: Grid) -> _Part | None:
    """The plain copy of the shared pixels when both grids have the same cell edges."""
    if turned.b or turned.d or turned.a <= 0 or turned.e >= 0:
        return None
    grid = Grid.from_transform(turned, shape)
    if not grid.aligned_with(block):
        return None
    top, left = (
        round((grid.north - block.north) / block.dy),
        round((block.west - grid.west) / block.dx),
    )
    rows = slice(max(-top, 0), min(grid.rows - top, block.rows))
    columns = slice(max(-left, 0), min(grid.columns - left, block.columns))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    window = Window(
        columns.start + left, rows.start + top, columns.stop - columns.start, rows.stop - rows.start
    )
    return _Part(window, turned, None, (rows, columns))


def _window(crs: CRS, geometry: Geometry, degrees) -> Window | None:
    """The pixels of the raster under a box in degrees, with a margin; None when there is none."""
    rows, columns = geometry.shape
    try:
        box = degrees if crs.is_geographic else transform_bounds(LONLAT, crs, *degrees)
    except RasterioError:
        box = geometry.bounds
    box = box if np.isfinite(box).all() else geometry.bounds
    left, top, right, bottom = _image(~geometry.transform, box)
    left, right = max(floor(left) - MARGIN, 0), min(ceil(right) + MARGIN, columns)
    top, bottom = max(floor(top) - MARGIN, 0), min(ceil(bottom) + MARGIN, rows)
    return Window(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _pixel_area(crs: CRS, own: Affine, window: Window) -> float:
    """Square degrees of the pixel in the middle of a window."""
    if crs.is_geographic:
        return abs(own.determinant)
    column, row = window.width // 2, window.height // 2
    x, y = zip(own * (column, row), own * (column + 1, row), own * (column, row + 1))
    east, north = transform(crs, LONLAT, x, y)
    across, down = (
        (east[1] - east[0], north[1] - north[0]),
        (east[2] - east[0], north[2] - north[0]),
    )
    return abs(across[0] * down[1] - across[1] * down[0])


def _image(affine: Affine, box) -> tuple[float, float, float, float]:
    """The smallest upright box (least x, least y, greatest x, greatest y) around a transformed one."""
    x, y = zip(*(affine * corner for corner in product(box[::2], box[1::2])))
    return min(x), min(y), max(x), max(y)


def _turned(bounds, turn: float):
    return bounds[0] + turn, bounds[1], bounds[2] + turn, bounds[3]


def _intersection(one, other):
    """The box that two share; None when they do not overlap."""
    west, south = max(one[0], other[0]), max(one[1], other[1])
    east, north = min(one[2], other[2]), min(one[3], other[3])
    return (west, south, east, north) if west < east and south < north else None
