"""Length of the scale bar of a map: a round number, and the latitude where it holds."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)

from .round_numbers import round_length

# The bar is at most this part of the width of the map.
LONGEST = 0.22
# Relative difference of scale between the north and the south of a map that is mentioned.
NOTICEABLE = 0.05
# Lines that a width is measured by.
PARTS = 16
LONLAT = "EPSG:4326"
WGS84 = "EPSG:7030"


@dataclass(frozen=True)
class ScaleBar:
    """A scale bar.

    Parameters
    ----------
    km : float
        Length.
    fraction : float
        Length as a part of the width of the map.
    latitude : float or None
        Latitude where it holds, degrees; None if it holds everywhere.
    """

    km: float
    fraction: float
    latitude: float | None

    @property
    def text(self) -> str:
        """Length, for example "200 km" or "200 km at 27° N"."""
        text = f"{self.km:g} km" if self.km >= 1 else f"{1000 * self.km:g} m"
        if self.latitude is None:
            return text
        side = "N" if self.latitude >= 0 else "S"
        return f"{text} at {abs(self.latitude):.0f}° {side}"


def scale_bar(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> ScaleBar | None:
    """Return the scale bar for the middle of a map; None if it cannot be computed.

    Parameters
    ----------
    extent : QgsRectangle
        What the map shows.
    crs : QgsCoordinateReferenceSystem
        Of the map.
    """
    if not crs.isValid() or extent.isEmpty():
        return None
    context = QgsProject.instance().transformContext()
    inset = 0.1 * extent.height()
    ordinates = (extent.center().y(), extent.yMaximum() - inset, extent.yMinimum() + inset)
    try:
        width, north, south = (_width_km(extent, y, crs, context) for y in ordinates)
        to_degrees = QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem(LONLAT), context)
        latitude = to_degrees.transform(extent.center()).y()
    except QgsCsException:
        return None
    if not width > 0:
        return None
    length = round_length(LONGEST * width)
    varies = abs(north - south) > NOTICEABLE * width
    return ScaleBar(length, length / width, latitude if varies else None)


def _width_km(
    extent: QgsRectangle,
    y: float,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> float:
    """Width of the map at a y coordinate, as the sum of short lines, km."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(WGS84)
    points = [
        QgsPointXY(extent.xMinimum() + extent.width() * part / PARTS, y)
        for part in range(PARTS + 1)
    ]
    return measure.measureLine(points) / 1000
