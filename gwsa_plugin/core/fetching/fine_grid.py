"""Rasters of a region on the fine grid, made from finer pieces in degrees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..base.grid import Bounds, Grid
from ..rasters.raster import AVERAGE, Raster
from ..rasters.reading import open_lonlat, read_bands
from ..rasters.warping import resample
from .regions import FINE, between_180


def fine_grid(bounds: Bounds) -> Grid:
    """Return the cells of the fine grid in a region; it crosses 180° where the region does."""
    return Grid.covering(bounds, FINE)


def places_in(grid: Grid, bounds: Bounds) -> Iterator[tuple[slice, slice, Grid]]:
    """Yield the rows, the columns and the grid of the part of a grid in a box.

    The box is between -180° and 180°, as the grid that is yielded; the grid can begin west of -180
    or end east of 180, and have the box twice.
    """
    for turn in (-360.0, 0.0, 360.0):
        west, south, east, north = bounds
        shifted = (west + turn, south, east + turn, north)
        left, bottom, right, top = grid.bounds
        if shifted[0] < right and shifted[2] > left and south < top and north > bottom:
            rows, columns = grid.window(shifted)
            there = grid.subgrid(rows, columns)
            yield (
                rows,
                columns,
                Grid(there.west - turn, there.north, there.dx, there.dy, *there.shape),
            )


def average_into(
    target: np.ndarray, grid: Grid, box: Bounds, values: np.ndarray, source: Grid
) -> None:
    """Write the averages by area of some pixels into the cells of a box.

    Parameters
    ----------
    target : ndarray of float32, shape of ``grid``
    grid : Grid
        Fine cells.
    box : (float, float, float, float)
        West, south, east and north of whole cells, degrees, between -180 and 180.
    values : ndarray of float32, shape of ``source``
        NaN for no value.
    source : Grid
        The pixels, which cover the box.
    """
    for rows, columns, there in places_in(grid, box):
        target[rows, columns] = resample(values, source, there, AVERAGE)


def read_field(path: Path) -> tuple[np.ndarray, Grid]:
    """Return the values and the grid of the first band of a raster in degrees."""
    with open_lonlat(path) as source:
        return read_bands(source, [1])[0], grid_of(source)


def grid_of(source: Raster) -> Grid:
    """Return the grid of a raster in degrees."""
    return Grid.from_transform(source.transform, source.shape)


def boxes_of(bounds: Bounds, most_degrees: float) -> list[Bounds]:
    """Return boxes of a limited size that together are a region, between -180° and 180°."""
    return [
        (west, south, min(west + most_degrees, box[2]), min(south + most_degrees, box[3]))
        for box in between_180(bounds)
        for south in np.arange(box[1], box[3] - FINE / 2, most_degrees).tolist()
        for west in np.arange(box[0], box[2] - FINE / 2, most_degrees).tolist()
    ]
