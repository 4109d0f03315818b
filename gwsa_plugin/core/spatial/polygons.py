"""Polygons in degrees: across 180° east and west, and on a grid that may run beyond 180°."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import floor

import numpy as np

from ..base.grid import EARTH_RADIUS_KM, Bounds, Grid, intersection
from ..rasters import warping

TURN = 360.0
# Steps in longitude of this length are the two sides of a polygon that is cut at 180°.
CUT = TURN - 1e-6


def parts_of(geometry: dict) -> list:
    """Return the rings of each polygon of a GeoJSON polygon or multipolygon."""
    parts = geometry["coordinates"]
    return parts if geometry["type"] == "MultiPolygon" else [parts]


def extent(geometry: dict) -> Bounds:
    """Return west, south, east and north of a GeoJSON polygon or multipolygon."""
    points = np.concatenate([np.array(part[0], dtype=float)[:, :2] for part in parts_of(geometry)])
    return (*points.min(axis=0), *points.max(axis=0))


def area_km2(geometry: dict) -> float:
    """Compute the area of a GeoJSON polygon or multipolygon on the sphere, without its holes.

    Parameters
    ----------
    geometry : dict
        Longitudes are continuous across 180°.

    References
    ----------
    Chamberlain, R. G. & Duquette, W. H. (2007): Some algorithms for polygons on a sphere. JPL
        Publication 07-03, equation 1.
    """
    return sum(_ring_km2(part[0]) - sum(map(_ring_km2, part[1:])) for part in parts_of(geometry))


def _ring_km2(ring: Sequence) -> float:
    longitude, latitude = np.radians([point[:2] for point in ring]).T
    heights = 2.0 + np.sin(latitude[1:]) + np.sin(latitude[:-1])
    return abs(float(np.diff(longitude) @ heights)) * EARTH_RADIUS_KM**2 / 2.0


def unwrap(polygon: Sequence) -> list | None:
    """Make the longitudes of a polygon continuous where it crosses 180° east and west.

    Neighbouring points at 179° and -179° are two degrees apart, not 358. The longitudes of the
    result begin in -180..180 and may end beyond 180.

    Parameters
    ----------
    polygon : sequence of rings, the outer ring first
        A ring is a sequence of (longitude, latitude) in degrees, its last point the first one.

    Returns
    -------
    list of rings, or None
        Lists of [longitude, latitude]; None for a polygon around a pole.
    """
    rings = [_continuous(ring) for ring in polygon]
    if any(abs(ring[-1, 0] - ring[0, 0]) > TURN / 2 for ring in rings):
        return None
    west, east = rings[0][:, 0].min(), rings[0][:, 0].max()
    middle = (west + east) / 2
    for ring in rings[1:]:
        ring[:, 0] -= TURN * round((ring[:, 0].mean() - middle) / TURN)
    begin = TURN * floor((west + TURN / 2) / TURN)
    return [(ring - (begin, 0.0)).tolist() for ring in rings]


def _continuous(ring: Sequence) -> np.ndarray:
    points = np.array([(point[0], point[1]) for point in ring], dtype=float)
    steps = np.diff(points[:, 0])
    crosses = (np.abs(steps) > TURN / 2) & (np.abs(steps) < CUT)
    points[1:, 0] -= TURN * np.cumsum(np.sign(steps) * crosses)
    return points


def rasterise(shapes: Iterable[tuple[dict, Bounds, int]], grid: Grid, dtype: str) -> np.ndarray:
    """Give each pixel of a grid the number of the last polygon around its centre.

    Parameters
    ----------
    shapes : iterable of (dict, bounds, int)
        GeoJSON polygons or multipolygons in degrees, their extents, and their numbers. They may lie
        a full turn east or west of the grid.
    grid : Grid
    dtype : str
        Numpy name of the integer type of the result.

    Returns
    -------
    ndarray of ``dtype``, shape of ``grid``
        0 where there is no polygon.
    """
    placed = [
        (moved, number)
        for geometry, bounds, number in shapes
        for moved in _placements(geometry, bounds, grid)
    ]
    if not placed:
        return np.zeros(grid.shape, dtype=dtype)
    return warping.rasterise(placed, grid, dtype=dtype)


def meets(bounds: Bounds, grid: Grid) -> list[float]:
    """Return by how many degrees a box can be moved, in full turns, to overlap a grid."""
    west, south, east, north = bounds
    return [
        turn
        for turn in (-TURN, 0.0, TURN)
        if intersection((west + turn, south, east + turn, north), grid.bounds)
    ]


def _placements(geometry: dict, bounds: Bounds, grid: Grid) -> Iterator[dict]:
    for turn in meets(bounds, grid):
        yield _moved(geometry, turn) if turn else geometry


def _moved(geometry: dict, degrees: float) -> dict:
    parts = [
        [[(point[0] + degrees, point[1]) for point in ring] for ring in part]
        for part in parts_of(geometry)
    ]
    return {"type": "MultiPolygon", "coordinates": parts}
