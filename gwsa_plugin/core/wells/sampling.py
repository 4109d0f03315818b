"""The gridded fields at wells: the pixel, the coarse cell, and the bilinear mean of the coarse cells around."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import rasterio
from rasterio.windows import Window

from ..base.grid import Grid
from ..base.progress import SILENT, Progress
from ..base.units import CM, in_centimetres
from ..files.rasters import read_bands
from ..files.yearly_maps import YearlyMaps

BLOCK = 256  # pixels a side: the files' own tiles, so that each is decoded once


def at_pixels(
    product: YearlyMaps, longitude, latitude, months, progress: Progress = SILENT
) -> np.ndarray:
    """Values of the pixels that hold the points: cm, float32, shape (months, points), NaN without value or outside.

    ``longitude``, ``latitude``: degrees, shape (points,). ``months``: datetime64[M] that the product has.
    """
    rows, columns = pixel(product.grid, longitude, latitude)
    return _read(product, rows, columns, months, progress)


def bilinear(
    product: YearlyMaps, longitude, latitude, months, progress: Progress = SILENT
) -> np.ndarray:
    """Bilinear interpolation of the four cell centres around each point, weights shared out over those with a value.

    As ``at_pixels``: cm, float64, shape (months, points); NaN where none of the four has a value.
    """
    grid = product.grid
    y, x = _position(grid, longitude, latitude)
    top, left = np.floor(y - 0.5).astype(int), np.floor(x - 0.5).astype(int)
    down, right = y - 0.5 - top, x - 0.5 - left
    rows, columns = (
        np.stack([top, top, top + 1, top + 1]),
        np.stack([left, left + 1, left, left + 1]),
    )
    weights = np.stack(
        [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
    )
    inside = _inside(grid, rows.ravel(), columns.ravel())
    values = _read(product, *inside, months, progress).reshape(len(months), *weights.shape)
    has_value = np.isfinite(values)
    total = np.where(has_value, weights * values, 0.0).sum(axis=1)
    weight = np.where(has_value, weights, 0.0).sum(axis=1)
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)


def pixel(grid: Grid, longitude, latitude) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each point, int; -1 both for one outside the grid or without coordinates."""
    y, x = _position(grid, longitude, latitude)
    return _inside(grid, np.floor(y).astype(int), np.floor(x).astype(int))


def _position(grid: Grid, longitude, latitude):
    """Rows and columns as floats from the north-west corner; -9 (outside, also of a wrapped grid) for NaN."""
    x = (np.asarray(longitude, dtype=float) - grid.west) % 360 / grid.dx
    y = (grid.north - np.asarray(latitude, dtype=float)) / grid.dy
    known = np.isfinite(x) & np.isfinite(y)
    return np.where(known, y, -9.0), np.where(known, x, -9.0)


def _inside(grid: Grid, rows, columns):
    if grid.wraps:
        columns = columns % grid.columns
    inside = (rows >= 0) & (rows < grid.rows) & (columns >= 0) & (columns < grid.columns)
    return np.where(inside, rows, -1), np.where(inside, columns, -1)


def _read(product: YearlyMaps, rows, columns, months, progress: Progress) -> np.ndarray:
    """Each file opened once, each block with a wanted pixel read once, no larger than its wanted pixels span."""
    values = np.full((len(months), len(rows)), np.nan, dtype=np.float32)
    files, blocks = _bands_by_file(product, months), _points_by_block(rows, columns)
    for number, (path, bands) in enumerate(files.items()):
        places, indexes = zip(*bands)
        with rasterio.open(path) as source:
            unit = (source.units[0] or source.tags().get("GWSA_UNIT") or CM).strip()
            for step, points in enumerate(blocks):
                top, left = rows[points].min(), columns[points].min()
                window = Window(
                    left, top, columns[points].max() - left + 1, rows[points].max() - top + 1
                )
                block = in_centimetres(read_bands(source, indexes, window), unit)[0]
                values[np.ix_(places, points)] = block[
                    :, rows[points] - top, columns[points] - left
                ]
                progress.advance((number + (step + 1) / len(blocks)) / len(files))
    return values


def _bands_by_file(product: YearlyMaps, months) -> dict:
    files = defaultdict(list)
    for place, month in enumerate(months):
        path, band = product.bands[month]
        files[path].append((place, band))
    return files


def _points_by_block(rows, columns) -> list[np.ndarray]:
    blocks = defaultdict(list)
    for point in np.flatnonzero(rows >= 0):
        blocks[rows[point] // BLOCK, columns[point] // BLOCK].append(point)
    return [np.array(points) for points in blocks.values()]
