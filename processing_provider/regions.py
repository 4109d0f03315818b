"""The region of the parameter EXTENT as bounds in degrees, also across 180 degrees."""

from __future__ import annotations

import re
from math import isfinite

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsRectangle,
)

from ..gwsa_plugin.core.base.errors import InputError
from ..gwsa_plugin.core.base.grid import GLOBE, Bounds

_NUMBER = r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*"
# As QGIS writes an extent: 76,79,28,31 [EPSG:4326].
_EXTENT = re.compile(rf"{','.join([_NUMBER] * 4)}(?:\[(.*)\])?\s*")
# The widest region across 180 degrees; a wider one has west and east in the wrong order.
WIDEST = 180.0


def read_region(algorithm, parameters, context) -> Bounds | None:
    """Return EXTENT as west, south, east and north in degrees.

    An extent whose first longitude is larger than its second crosses 180 degrees.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters : dict
    context : QgsProcessingContext

    Returns
    -------
    (float, float, float, float) or None
        West is from -180 to 180, east above west, and above 180 for a region across 180 degrees.
        None for an empty parameter.

    Raises
    ------
    InputError
        When the parameter is no region in degrees.
    """
    value = parameters.get("EXTENT")
    text = value.strip() if isinstance(value, str) else ""
    stated = _EXTENT.fullmatch(text)
    if stated:
        west, east, south, north = (float(number) for number in stated.groups()[:4])
        crs = QgsCoordinateReferenceSystem(stated[5] or "")
    else:
        box = algorithm.parameterAsExtent(parameters, "EXTENT", context)
        if box.isNull():
            # An empty value of qgis_process is NULL.
            if value in (None, "", NULL):
                return None
            raise InputError(
                f"EXTENT is “{value}”, which is no region; write west,east,south,north in degrees, "
                "for example 76,79,28,31, or 177,-178,-20,-15 for a region across 180°."
            )
        west, east, south, north = _sides(box)
        crs = algorithm.parameterAsExtentCrs(parameters, "EXTENT", context)
    if stated and stated[5] and not crs.isValid():
        raise InputError(
            f"EXTENT is in “{stated[5]}”, which is no coordinate reference system that QGIS knows; "
            "write one like [EPSG:4326], or none for degrees."
        )
    if crs.isValid() and not crs.isGeographic():
        west, east, south, north = _in_degrees((west, east, south, north), crs, context)
    return _bounds(west, east, south, north)


def _sides(box: QgsRectangle) -> tuple[float, float, float, float]:
    return box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum()


def _in_degrees(sides: tuple, crs: QgsCoordinateReferenceSystem, context) -> tuple:
    """Transform a box; the result has its west above its east where it crosses 180 degrees."""
    west, east, south, north = sides
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    transform = QgsCoordinateTransform(crs, degrees, context.transformContext())
    try:
        box = transform.transformBoundingBox(
            QgsRectangle(west, south, east, north), handle180Crossover=True
        )
    except QgsCsException:
        raise InputError(
            f"EXTENT lies outside the area of {crs.authid()}; choose the region again."
        ) from None
    return _sides(box)


def _bounds(west: float, east: float, south: float, north: float) -> Bounds:
    text = f"EXTENT is understood as west {west:g}, east {east:g}, south {south:g}, north {north:g}"
    longest = max(abs(west), abs(east))
    are_numbers = all(map(isfinite, (west, east, south, north)))
    if not are_numbers or longest > 540 or max(abs(south), abs(north)) > 90.0001:
        raise InputError(
            f"{text}, which are no degrees; write west,east,south,north in degrees, or add the "
            "coordinate reference system in brackets, for example [EPSG:3857]."
        )
    south, north = min(south, north), max(south, north)
    width = east - west if east > west else east - west + 360.0
    if south == north or (west >= east and width > WIDEST):
        raise InputError(
            f"{text}; give west before east and south before north, for example 76,79,28,31, or "
            "177,-178,-20,-15 for a region across 180°."
        )
    if width >= 360.0:
        return GLOBE[0], south, GLOBE[2], north
    while not -180.0 <= west < 180.0:
        west += 360.0 if west < -180.0 else -360.0
    return west, south, west + width, north
