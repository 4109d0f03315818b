"""Places on the map: the tool that picks them, the features of layers there, and their marks."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsMapLayer,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorLayerUtils,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QPointF, QRectF, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont, QPainter, QPen

from ...gwsa_plugin.core.base.errors import InputError
from ...processing_provider.base import tr
from ...processing_provider.layers import LONLAT
from ...processing_provider.polygon_layers import polygons_in_degrees

RADIUS = 9.0  # pixels of the mark of a place
FILL_ALPHA = 40
_POLYGON = QgsWkbTypes.GeometryType.PolygonGeometry
_POINT = QgsWkbTypes.GeometryType.PointGeometry


class PlaceTool(QgsMapTool):
    """Emits ``picked`` with the point of a click and whether Ctrl was pressed.

    Parameters
    ----------
    canvas : QgsMapCanvas
    """

    picked = pyqtSignal(object, bool)

    def __init__(self, canvas: QgsMapCanvas):
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasReleaseEvent(self, event) -> None:
        """Pick the point of a click with the left button."""
        if event.button() == Qt.MouseButton.LeftButton:
            is_added = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self.picked.emit(event.mapPoint(), is_added)


@dataclass(frozen=True, eq=False)
class Spot:
    """A point, or a feature of a layer, in EPSG:4326.

    Parameters
    ----------
    point : QgsPointXY
        Of a polygon, a point inside.
    name : str
        Name of the feature; empty for a point of the map.
    polygon : QgsGeometry, optional
    feature : QgsFeature, optional
        A well.
    layer : QgsVectorLayer, optional
        Layer of the well.
    """

    point: QgsPointXY
    name: str = ""
    polygon: QgsGeometry | None = None
    feature: QgsFeature | None = None
    layer: QgsVectorLayer | None = None


def is_well_layer(layer: QgsMapLayer | None) -> bool:
    """Whether a layer has points."""
    return isinstance(layer, QgsVectorLayer) and layer.geometryType() == _POINT


def spot_at(point: QgsPointXY, canvas: QgsMapCanvas, layer: QgsVectorLayer | None) -> Spot:
    """Return what is at a point of the map.

    Parameters
    ----------
    point : QgsPointXY
        In the coordinate reference system of the map.
    canvas : QgsMapCanvas
    layer : QgsVectorLayer or None
        Layer of which a feature is picked; None for the point itself.

    Returns
    -------
    Spot
        The smallest polygon, or the nearest point, of the layer.

    Raises
    ------
    InputError
        When there is no feature, or the point is not on the globe.
    """
    crs = canvas.mapSettings().destinationCrs()
    if layer is None:
        return Spot(_turned(QgsGeometry.fromPointXY(point), crs).asPoint())
    radius = QgsMapTool.searchRadiusMU(canvas)
    is_polygon = layer.geometryType() == _POLYGON
    settings = canvas.mapSettings()
    around = QgsRectangle.fromCenterAndSize(point, 2 * radius, 2 * radius)
    centre = QgsGeometry.fromPointXY(settings.mapToLayerCoordinates(layer, point))
    request = QgsFeatureRequest().setFilterRect(settings.mapToLayerCoordinates(layer, around))
    request.setFlags(QgsFeatureRequest.Flag.ExactIntersect)
    found = [
        feature
        for feature in layer.getFeatures(request)
        if not is_polygon or feature.geometry().intersects(centre)
    ]
    if not found:
        raise InputError(f"There is no feature of {layer.name()} there.")

    def order(feature: QgsFeature) -> float:
        shape = feature.geometry()
        return shape.area() if is_polygon else shape.distance(centre)

    feature = min(found, key=order)
    shape = _turned(feature.geometry(), layer.crs())
    name = QgsVectorLayerUtils.getFeatureDisplayString(layer, feature)
    if is_polygon:
        shape, _ = polygons_in_degrees(shape, f"{name} of {layer.name()}")
        if shape is None:
            raise InputError(f"{name} of {layer.name()} has no area.")
        return Spot(shape.pointOnSurface().asPoint(), name, polygon=shape)
    return Spot(shape.boundingBox().center(), name, feature=feature, layer=layer)


def _turned(shape: QgsGeometry, crs) -> QgsGeometry:
    """Return a geometry in EPSG:4326."""
    turned = QgsGeometry(shape)
    try:
        turned.transform(QgsCoordinateTransform(crs, LONLAT, QgsProject.instance()))
    except QgsCsException:
        raise InputError(tr("This point of the map is not on the globe.")) from None
    return turned


class Mark(QgsMapCanvasItem):
    """A coloured disc with a letter at a place, and the outline of its polygon.

    Parameters
    ----------
    canvas : QgsMapCanvas
    spot : Spot
    letter : str
    colour : QColor
    """

    def __init__(self, canvas: QgsMapCanvas, spot: Spot, letter: str, colour: QColor):
        super().__init__(canvas)
        self._canvas = canvas
        self._point = spot.point
        self._letter = letter
        self._colour = colour
        self._band: QgsRubberBand | None = None
        if spot.polygon is not None:
            self._band = QgsRubberBand(canvas, _POLYGON)
            self._band.setToGeometry(spot.polygon, LONLAT)
            self._band.setStrokeColor(colour)
            self._band.setWidth(2)
            fill = QColor(colour)
            fill.setAlpha(FILL_ALPHA)
            self._band.setFillColor(fill)
        self.setZValue(200)
        self.updatePosition()

    def updatePosition(self) -> None:
        """Follow the map."""
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            turned = QgsCoordinateTransform(LONLAT, crs, QgsProject.instance()).transform(
                self._point
            )
        except QgsCsException:
            return
        self.setPos(self.toCanvasCoordinates(turned))

    def boundingRect(self) -> QRectF:
        """Return the disc with its outline."""
        side = 2 * RADIUS + 4
        return QRectF(-side / 2, -side / 2, side, side)

    def paint(self, painter: QPainter, option=None, widget=None) -> None:
        """Draw the disc and its letter."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor("white"), 2))
        painter.setBrush(self._colour)
        painter.drawEllipse(QPointF(0, 0), RADIUS, RADIUS)
        font = QFont(painter.font())
        font.setBold(True)
        font.setPixelSize(int(RADIUS * 1.3))
        painter.setFont(font)
        painter.setPen(QColor("white"))
        painter.drawText(self.boundingRect(), Qt.AlignmentFlag.AlignCenter, self._letter)

    def show_all(self, is_shown: bool) -> None:
        """Show or hide the disc and the outline."""
        for item in self._items():
            item.setVisible(is_shown)

    def remove(self) -> None:
        """Take the mark off the map."""
        for item in self._items():
            self._canvas.scene().removeItem(item)

    def _items(self) -> list[QgsMapCanvasItem]:
        return [self] if self._band is None else [self, self._band]
