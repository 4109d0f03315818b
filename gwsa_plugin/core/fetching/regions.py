"""Regions as sources understand them: between -180° and 180°, and on the fine grid of the maps."""

from __future__ import annotations

from ..base.grid import GLOBE, Bounds, Grid

# Cell of what is made from finer data, degrees: that of 1 km maps, whose cells are copied from it.
FINE = 1 / 120
# Coarse cells, degrees, are covered completely, and one fine cell more for the interpolation.
COARSE = 0.5


def with_coarse_cells(bounds: Bounds) -> Bounds:
    """Return a region with all of the coarse cells that it touches and a margin of a fine cell."""
    west, south, east, north = Grid.covering(bounds, COARSE).bounds
    return west - FINE, max(south - FINE, -90.0), east + FINE, min(north + FINE, 90.0)


def between_180(bounds: Bounds) -> list[Bounds]:
    """Return a region as one box, or as two where it crosses 180°.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east and north, degrees, in any turn of longitudes.

    Returns
    -------
    list of (float, float, float, float)
        From west to east, with longitudes from -180 to 180.
    """
    west, south, east, north = bounds
    if east - west >= 360:
        return [(GLOBE[0], south, GLOBE[2], north)]
    while west < -180:
        west, east = west + 360, east + 360
    while west >= 180:
        west, east = west - 360, east - 360
    if east <= 180:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]


def region_key(bounds: Bounds) -> str:
    """Return a region as the end of an address, so that another region has another address."""
    return ",".join(f"{value:.6g}" for value in bounds)
