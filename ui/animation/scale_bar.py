"""Scale bar of a rendered map: a round length, and the latitude where it holds."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDistanceArea,
    QgsMapSettings,
    QgsPointXY,
    QgsRectangle,
)

ROUND_LENGTHS = (5, 2, 1)
# The bar is at most this part of the width of the map.
LONGEST = 0.22
# Relative difference of scale between the north and the south of a map that is mentioned.
NOTICEABLE = 0.05
# Lines that a width is measured by.
PARTS = 16


@dataclass(frozen=True)
class ScaleBar:
    """A scale bar.

    Parameters
    ----------
    text : str
        Length, for example "200 km" or "200 km at 27° N".
    fraction : float
        Length as a part of the width of the map.
    """

    text: str
    fraction: float


def scale_bar(settings: QgsMapSettings) -> ScaleBar | None:
    """Return the scale bar of a map along its middle; None if it cannot be computed.

    Parameters
    ----------
    settings : QgsMapSettings
        The map.
    """
    extent = settings.visibleExtent()
    inset = 0.1 * extent.height()
    middle = extent.center().y()
    if not settings.destinationCrs().isValid():
        return None
    try:
        width, north, south = (
            _width_km(settings, extent, y)
            for y in (middle, extent.yMaximum() - inset, extent.yMinimum() + inset)
        )
        latitude = _latitude(settings, extent.center())
    except QgsCsException:
        return None
    if not width > 0:
        return None
    longest = LONGEST * width
    power = 10.0 ** floor(log10(longest))
    length = next(one * power for one in ROUND_LENGTHS if one * power <= longest)
    text = f"{length:g} km" if length >= 1 else f"{1000 * length:g} m"
    if abs(north - south) > NOTICEABLE * width:
        text += f" at {abs(latitude):.0f}°" + (" N" if latitude > 0 else " S")
    return ScaleBar(text, length / width)


def _latitude(settings: QgsMapSettings, point: QgsPointXY) -> float:
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    transform = QgsCoordinateTransform(
        settings.destinationCrs(), degrees, settings.transformContext()
    )
    return transform.transform(point).y()


def _width_km(settings: QgsMapSettings, extent: QgsRectangle, y: float) -> float:
    """Width of the map at a y coordinate, as the sum of short lines, km."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(settings.destinationCrs(), settings.transformContext())
    measure.setEllipsoid("EPSG:7030")
    points = [
        QgsPointXY(extent.xMinimum() + extent.width() * part / PARTS, y)
        for part in range(PARTS + 1)
    ]
    return measure.measureLine(points) / 1000
