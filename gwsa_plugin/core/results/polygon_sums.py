"""Sums of monthly maps over polygons and over nodes, in one pass over the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import ceil, cos, radians
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, vstack

from ..base.cores import usable_cores
from ..base.grid import KM_PER_DEGREE, Bounds, Grid
from ..base.progress import SILENT, Progress
from ..base.tiles import Tile, squares
from ..compute.threads import run_all
from ..files.yearly_maps import YearlyMaps
from ..spatial.aquifers import Aquifer
from ..spatial.polygon_weights import pixel_areas, points_per_pixel, separate_groups
from ..spatial.polygons import meets

# Side of the nodes, degrees: less than half of the footprint of GRACE.
NODE = 1.0
# Points along the side of the windows in which polygons are burned, and pixels along the side of
# those that are read: the blocks of the maps, where these are usable.
BURNED_SIDE = 4096
READ_SIDE = 256
USABLE_SIDES = range(64, 513)
# Months that are read at a time, which bounds the memory, and windows of a task, which has the
# files open.
MONTHS_READ = 48
WINDOWS_OF_TASK = 32


@dataclass(frozen=True, eq=False)
class PolygonSums:
    """Sums over the pixels that have a value, by polygon and by node.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        Those of the maps.
    values : ndarray of float64, shape (polygons, months)
        Sum of value times area, cm km².
    covered : ndarray of float64, shape (polygons, months)
        Area that has values, km².
    nodes : Grid
        Cells of ``NODE`` degrees from the north-west corner of the maps.
    node_values, node_covered : ndarray of float64, shape (node cells, months)
        The same sums in each node, row by row, also around the polygons; 0 for a margin of 0.
    node_areas : csr_matrix of float64, shape (polygons, node cells)
        Area of each polygon in each node, km².
    """

    months: np.ndarray
    values: np.ndarray
    covered: np.ndarray
    nodes: Grid
    node_values: np.ndarray
    node_covered: np.ndarray
    node_areas: csr_matrix

    @property
    def means(self) -> np.ndarray:
        """Area-weighted means in cm, shape (polygons, months); NaN where nothing is covered."""
        return _ratio(self.values, self.covered)

    @property
    def node_means(self) -> np.ndarray:
        """Means of the nodes in cm, shape (node cells, months); NaN where nothing is covered."""
        return _ratio(self.node_values, self.node_covered)


def sum_over_polygons(
    maps: YearlyMaps,
    aquifers: Sequence[Aquifer],
    margin_km: float = 0.0,
    progress: Progress = SILENT,
) -> PolygonSums:
    """Sum monthly maps over polygons and over nodes, window by window.

    Parameters
    ----------
    maps : YearlyMaps
        Yearly maps or a monthly stack.
    aquifers : sequence of Aquifer
        Polygons, which may overlap each other and extend beyond the maps.
    margin_km : float
        Distance around the polygons up to which nodes have values; 0 for nodes without values.
    progress : Progress

    Returns
    -------
    PolygonSums

    Raises
    ------
    InputError
        When a file cannot be read, its unit is not known, or a value is not possible.
    """
    nodes = _nodes(maps.grid)
    count, months, cells = len(aquifers), maps.months.size, nodes.rows * nodes.columns
    values, covered = np.zeros((2, count, months))
    node_values, node_covered = np.zeros((2, cells, months))
    node_areas = csr_matrix((count, cells))
    windows = _windows(maps, aquifers, margin_km)
    work = partial(_sum_windows, maps, aquifers, separate_groups(aquifers), nodes, margin_km > 0)
    size = min(WINDOWS_OF_TASK, max(1, len(windows) // (4 * usable_cores())))
    firsts = range(0, len(windows), size)
    tasks = [partial(work, windows[first : first + size]) for first in firsts]
    for part in chain.from_iterable(run_all(tasks, progress)):
        values[part.polygons] += part.values[: part.polygons.size]
        covered[part.polygons] += part.covered[: part.polygons.size]
        node_values[part.nodes] += part.values[part.polygons.size :]
        node_covered[part.nodes] += part.covered[part.polygons.size :]
        node_areas = node_areas + part.node_areas
    return PolygonSums(maps.months, values, covered, nodes, node_values, node_covered, node_areas)


class _WindowSums(NamedTuple):
    """Sums over a window, those of the polygons before those of the nodes.

    Parameters
    ----------
    polygons, nodes : ndarray of int
        Their numbers.
    values, covered : ndarray of float64, shape (polygons + nodes, months)
    node_areas : csr_matrix
        As in ``PolygonSums``.
    """

    polygons: np.ndarray
    nodes: np.ndarray
    values: np.ndarray
    covered: np.ndarray
    node_areas: csr_matrix


def _sum_windows(
    maps: YearlyMaps,
    aquifers: Sequence[Aquifer],
    groups: list[list[int]],
    nodes: Grid,
    with_nodes: bool,
    windows: list[Tile],
    progress: Progress,
) -> list[_WindowSums]:
    """Sum the windows that a polygon meets, or all where nodes are summed too."""
    parts = []
    with maps.opened() as read:
        for window in windows:
            progress.stop_if_cancelled()
            grid = maps.grid.subgrid(*window)
            areas = pixel_areas(aquifers, groups, grid)
            if not (areas.nnz or with_nodes):
                continue
            polygons = np.flatnonzero(np.diff(areas.indptr))
            numbers, in_node = _membership(grid, nodes)
            node_areas = _in_columns(areas @ in_node.T, numbers, nodes.rows * nodes.columns)
            weights = areas[polygons]
            if with_nodes:
                weights = vstack([weights, in_node.multiply(grid.cell_areas().ravel())], "csr")
            sums = [
                _sums(weights, read(maps.months[first : first + MONTHS_READ], window))
                for first in range(0, maps.months.size, MONTHS_READ)
            ]
            values, covered = np.concatenate(sums, axis=2)
            used = numbers if with_nodes else numbers[:0]
            parts.append(_WindowSums(polygons, used, values, covered, node_areas))
    return parts


def _sums(weights: csr_matrix, values: np.ndarray) -> np.ndarray:
    """Weighted sums of the values and of where there are any, shape (2, rows, months)."""
    sums = np.empty((2, weights.shape[0], len(values)))
    known_before, covered = np.empty(0, bool), np.empty(0)
    for month, field in enumerate(values.reshape(len(values), -1)):
        known = np.isfinite(field)
        if not np.array_equal(known, known_before):
            known_before, covered = known, weights @ known
        sums[:, :, month] = weights @ np.where(known, field, 0.0), covered
    return sums


def _nodes(grid: Grid) -> Grid:
    rows = ceil(grid.rows * grid.dy / NODE - 1e-6)
    columns = ceil(grid.columns * grid.dx / NODE - 1e-6)
    return Grid(grid.west, grid.north, NODE, NODE, rows, columns, grid.crs)


def _windows(maps: YearlyMaps, aquifers: Sequence[Aquifer], margin_km: float) -> list[Tile]:
    """The windows that extents of polygons meet, with a margin around them."""
    grid, side = maps.grid, _side(maps)
    tops, lefts = np.arange(0, grid.rows, side), np.arange(0, grid.columns, side)
    norths, wests = grid.north - grid.dy * tops, grid.west + grid.dx * lefts
    souths = np.append(norths[1:], grid.bounds[1])
    easts = np.append(wests[1:], grid.bounds[2])
    met = np.zeros((tops.size, lefts.size), dtype=bool)
    for aquifer in aquifers:
        extent = west, south, east, north = _widened(aquifer.extent, margin_km)
        rows = (south < norths) & (north > souths)
        for turn in meets(extent, grid):
            met |= rows[:, None] & (west + turn < easts) & (east + turn > wests)
    return [window for window, used in zip(squares(grid.shape, side), met.ravel()) if used]


def _side(maps: YearlyMaps) -> int:
    """Pixels along the side of a window: that of the blocks of the maps, where it is usable."""
    rows, columns = maps.block()
    side = rows if rows == columns and rows in USABLE_SIDES else READ_SIDE
    return min(side, BURNED_SIDE // points_per_pixel(maps.grid))


def _widened(bounds: Bounds, margin_km: float) -> Bounds:
    west, south, east, north = bounds
    up = margin_km / KM_PER_DEGREE
    across = up / max(cos(radians(max(abs(south), abs(north)))), 0.05)
    return west - across, south - up, east + across, north + up


def _membership(grid: Grid, nodes: Grid) -> tuple[np.ndarray, csr_matrix]:
    """The nodes of a grid, and 1 for the node of each pixel, shape (nodes of it, pixels)."""
    rows = np.floor((nodes.north - grid.latitudes) / NODE).astype(int)
    columns = np.floor((grid.longitudes - nodes.west) / NODE).astype(int)
    node = (rows[:, None] * nodes.columns + columns).ravel()
    numbers, place = np.unique(node, return_inverse=True)
    return numbers, csr_matrix((np.ones(node.size), (place, np.arange(node.size))))


def _in_columns(matrix: csr_matrix, numbers: np.ndarray, count: int) -> csr_matrix:
    """Put the columns of a matrix into those of a wider one."""
    return csr_matrix(
        (matrix.data, numbers[matrix.indices], matrix.indptr), shape=(matrix.shape[0], count)
    )


def _ratio(values: np.ndarray, areas: np.ndarray) -> np.ndarray:
    return np.where(areas > 0, values / np.maximum(areas, 1e-12), np.nan)
