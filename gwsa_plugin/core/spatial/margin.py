"""Bounds of a region with a margin of a given width."""

from __future__ import annotations

import numpy as np

from ..base.errors import InputError
from ..base.grid import EARTH_RADIUS_KM, Bounds

# Three default footprint widths of 250 km: less than a thousandth of a footprint's weight lies
# further away.
MARGIN_KM = 750.0
WIDEST_KM = 5_000.0


def extended(bounds: Bounds, distance_km: float) -> Bounds:
    """Extend a region by a distance on the sphere.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east and north of the region, degrees.
    distance_km : float

    Returns
    -------
    (float, float, float, float)
        Longitudes may exceed 180°. They span at least 360° where the distance includes a pole.
    """
    west, south, east, north = bounds
    reach = distance_km / EARTH_RADIUS_KM
    up = np.degrees(reach)
    narrowing = np.cos(np.radians(max(abs(south), abs(north))))
    across = (
        np.degrees(np.arcsin(np.sin(reach) / narrowing))
        if max(north, -south) + up < 90.0
        else 180.0
    )
    return west - across, max(south - up, -90.0), east + across, min(north + up, 90.0)


def with_margin(bounds: Bounds, margin_km: float) -> Bounds:
    """Extend a region by a margin.

    It ends at ±180°, where most grids end, unless the region itself crosses 180°.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east and north of the region, degrees, the east above 180 for a region across
        180°.
    margin_km : float
        0 for no margin.

    Raises
    ------
    InputError
        When the margin is out of range.
    """
    if not 0 <= margin_km <= WIDEST_KM:
        raise InputError(
            f"A margin of {margin_km:g} km is not possible; give one from 0 to {WIDEST_KM:g} km."
        )
    if margin_km == 0:
        return bounds
    west, south, east, north = extended(bounds, margin_km)
    across = bounds[2] > 180.0
    if east - west >= 360.0:
        first = bounds[0] if across else -180.0
        return first, south, first + 360.0, north
    return max(west, -180.0), south, east if across else min(east, 180.0), north
