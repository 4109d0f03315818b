"""The cells of a region in a regular grid of the globe, and the bytes of a subset of them."""

from __future__ import annotations

from math import ceil, floor

from ..base.grid import Bounds

# Fraction of a cell within which an edge is that of the region.
TOLERANCE = 1e-6


def indices(grid: dict, bounds: Bounds) -> tuple[range, range]:
    """Return the rows and columns of the cells that a region touches.

    All columns where the region crosses the seam of the grid.

    Parameters
    ----------
    grid : dict
        ``west`` and ``south``, the centre of the first cell; ``step``, degrees; ``columns`` and
        ``rows``, which run from south to north.
    bounds : (float, float, float, float)
        West, south, east and north, degrees.
    """
    west, south, east, north = bounds
    left, bottom = grid["west"] - grid["step"] / 2, grid["south"] - grid["step"] / 2
    rows = _touched(south - bottom, north - bottom, grid["step"], grid["rows"])
    if west < left or east > left + 360:
        return rows, range(grid["columns"])
    return rows, _touched(west - left, east - left, grid["step"], grid["columns"])


def subset_bytes(settings: dict, values: int) -> tuple[int, int]:
    """Return the least and the greatest number of bytes of a subset.

    Parameters
    ----------
    settings : dict
        ``bytes_per_value`` and ``bytes_besides``, the least and the greatest of each.
    values : int
    """
    least, most = (
        int(besides + values * each)
        for besides, each in zip(settings["bytes_besides"], settings["bytes_per_value"])
    )
    return least, most


def _touched(start: float, stop: float, step: float, count: int) -> range:
    first = max(floor(start / step + TOLERANCE), 0)
    return range(first, min(max(ceil(stop / step - TOLERANCE), first + 1), count))
