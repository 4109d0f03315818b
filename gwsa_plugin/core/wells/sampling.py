"""Values of gridded fields at wells: of the pixel, the coarse cell, or interpolated bilinearly."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from ..base.grid import Grid
from ..base.progress import SILENT, Progress
from ..files.yearly_maps import YearlyMaps

# Pixels along a side of a window that are read at once, where the blocks of the files are larger.
LARGEST_SIDE = 512


def at_pixels(
    product: YearlyMaps,
    longitude: np.ndarray,
    latitude: np.ndarray,
    months: np.ndarray,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Read the pixels that contain the points.

    Parameters
    ----------
    product : YearlyMaps
    longitude, latitude : ndarray of float64, shape (points,)
        Degrees; NaN for unknown coordinates.
    months : ndarray of datetime64[M], shape (months,)
        Months of the product.
    progress : Progress, optional

    Returns
    -------
    ndarray of float32, shape (months, points)
        cm; NaN where a pixel has no value and outside the grid.

    Raises
    ------
    InputError
        When a file cannot be read, its unit is not known, or a value is not possible.
    """
    rows, columns = pixel(product.grid, longitude, latitude)
    return _read(product, rows, columns, months, progress)


def bilinear(
    product: YearlyMaps,
    longitude: np.ndarray,
    latitude: np.ndarray,
    months: np.ndarray,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Interpolate bilinearly between the four cell centres around each point.

    The weight of cells without a value is distributed over the others.

    Parameters
    ----------
    product, longitude, latitude, months, progress
        As in ``at_pixels``.

    Returns
    -------
    ndarray of float64, shape (months, points)
        cm; NaN where none of the four cells has a value.
    """
    grid = product.grid
    y, x = _position(grid, longitude, latitude)
    top = np.floor(y - 0.5).astype(int)
    left = np.floor(x - 0.5).astype(int)
    down = y - 0.5 - top
    right = x - 0.5 - left
    rows = np.stack([top, top, top + 1, top + 1])
    columns = np.stack([left, left + 1, left, left + 1])
    weights = np.stack(
        [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
    )
    inside_rows, inside_columns = _inside(grid, rows.ravel(), columns.ravel())
    values = _read(product, inside_rows, inside_columns, months, progress)
    values = values.reshape(len(months), *weights.shape)
    has_value = np.isfinite(values)
    total = np.where(has_value, weights * values, 0.0).sum(axis=1)
    weight = np.where(has_value, weights, 0.0).sum(axis=1)
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)


def pixel(grid: Grid, longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the row and the column of the pixel that contains each point.

    Parameters
    ----------
    grid : Grid
    longitude, latitude : ndarray of float64, shape (points,)
        Degrees; NaN for unknown coordinates.

    Returns
    -------
    rows, columns : ndarray of int, shape (points,)
        Both -1 outside the grid and for unknown coordinates.
    """
    y, x = _position(grid, longitude, latitude)
    return _inside(grid, np.floor(y).astype(int), np.floor(x).astype(int))


def _position(grid: Grid, longitude, latitude):
    """Return rows and columns as floats from the north-west corner.

    NaN coordinates become -9, which is outside also of a grid that wraps.
    """
    x = (np.asarray(longitude, dtype=float) - grid.west) % 360 / grid.dx
    y = (grid.north - np.asarray(latitude, dtype=float)) / grid.dy
    known = np.isfinite(x) & np.isfinite(y)
    return np.where(known, y, -9.0), np.where(known, x, -9.0)


def _inside(grid: Grid, rows, columns):
    """Set row and column to -1 outside the grid."""
    if grid.wraps:
        columns = columns % grid.columns
    inside = (rows >= 0) & (rows < grid.rows) & (columns >= 0) & (columns < grid.columns)
    return np.where(inside, rows, -1), np.where(inside, columns, -1)


def _read(product: YearlyMaps, rows, columns, months, progress: Progress) -> np.ndarray:
    """Read pixels, float32, shape (months, pixels), so that each block is decoded once."""
    values = np.full((len(months), len(rows)), np.nan, dtype=np.float32)
    blocks = _points_by_block(rows, columns, product.block())
    with product.opened() as read:
        for step, points in enumerate(blocks):
            # The window spans the wanted pixels of the block, no more.
            top = rows[points].min()
            left = columns[points].min()
            window = (slice(top, rows[points].max() + 1), slice(left, columns[points].max() + 1))
            block = read(months, window)
            values[:, points] = block[:, rows[points] - top, columns[points] - left]
            progress.advance((step + 1) / len(blocks))
    return values


def _points_by_block(rows, columns, block: tuple[int, int]) -> list[np.ndarray]:
    """Return the indices of the points in each block that contains any, block by block."""
    height, width = (min(side, LARGEST_SIDE) for side in block)
    blocks = defaultdict(list)
    for point in np.flatnonzero(rows >= 0):
        blocks[rows[point] // height, columns[point] // width].append(point)
    return [np.array(points) for _, points in sorted(blocks.items())]
