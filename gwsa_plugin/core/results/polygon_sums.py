"""Sums of monthly maps over polygons and over nodes, in one pass over the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, radians

import numpy as np
from scipy.sparse import csr_matrix

from ..base.grid import KM_PER_DEGREE, Bounds, Grid
from ..base.progress import SILENT, Progress
from ..base.tiles import squares
from ..files.yearly_maps import YearlyMaps
from ..spatial.aquifers import Aquifer
from ..spatial.polygon_weights import pixel_areas, points_per_pixel, separate_groups
from ..spatial.polygons import meets

# Side of the nodes, degrees: less than half of the footprint of GRACE.
NODE = 1.0
# Points along the side of the windows in which polygons are burned, and pixels along the side of
# those that are read, as in the files.
BURNED_SIDE = 4096
READ_SIDE = 256


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
        The same sums in each node, row by row, also around the polygons.
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
        Distance around the polygons up to which nodes have values.
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
    groups = separate_groups(aquifers)
    windows = _windows(maps.grid, aquifers, margin_km)
    with maps.opened() as read:
        for number, window in enumerate(windows):
            progress.advance(number / len(windows))
            grid = maps.grid.subgrid(*window)
            areas = pixel_areas(aquifers, groups, grid)
            in_node = _membership(grid, nodes)
            node_areas += areas @ in_node.T
            pixels = read(maps.months, window).reshape(months, -1).T
            known = np.isfinite(pixels)
            area = grid.cell_areas().reshape(-1, 1)
            for field, sums, node_sums in (
                (np.where(known, pixels, 0.0), values, node_values),
                (known.astype(float), covered, node_covered),
            ):
                sums += areas @ field
                node_sums += in_node @ (field * area)
    progress.advance(1.0)
    return PolygonSums(maps.months, values, covered, nodes, node_values, node_covered, node_areas)


def _nodes(grid: Grid) -> Grid:
    rows = ceil(grid.rows * grid.dy / NODE - 1e-6)
    columns = ceil(grid.columns * grid.dx / NODE - 1e-6)
    return Grid(grid.west, grid.north, NODE, NODE, rows, columns, grid.crs)


def _windows(grid: Grid, aquifers: Sequence[Aquifer], margin_km: float) -> list:
    """The windows that polygons meet, with a margin around them."""
    side = min(READ_SIDE, BURNED_SIDE // points_per_pixel(grid))
    extents = [_widened(aquifer.extent, margin_km) for aquifer in aquifers]
    return [
        window
        for window in squares(grid.shape, side)
        if any(meets(extent, grid.subgrid(*window)) for extent in extents)
    ]


def _widened(bounds: Bounds, margin_km: float) -> Bounds:
    west, south, east, north = bounds
    up = margin_km / KM_PER_DEGREE
    across = up / max(cos(radians(max(abs(south), abs(north)))), 0.05)
    return west - across, south - up, east + across, north + up


def _membership(grid: Grid, nodes: Grid) -> csr_matrix:
    """1 for the node of each pixel, shape (node cells, pixels)."""
    rows = np.floor((nodes.north - grid.latitudes) / NODE).astype(int)
    columns = np.floor((grid.longitudes - nodes.west) / NODE).astype(int)
    node = (rows[:, None] * nodes.columns + columns).ravel()
    return csr_matrix(
        (np.ones(node.size), (node, np.arange(node.size))),
        shape=(nodes.rows * nodes.columns, node.size),
    )


def _ratio(values: np.ndarray, areas: np.ndarray) -> np.ndarray:
    return np.where(areas > 0, values / np.maximum(areas, 1e-12), np.nan)
