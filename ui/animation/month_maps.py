"""Settings of the map of each month, made of copies of the layers."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsMapSettings, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

from ...processing_provider.styles.months import bands_by_month, move_to_month, period_of_month
from ..monthly_products import MonthlyProduct

DPI = 96
# Where maps have no value: white is a value near zero.
NO_VALUE = QColor("#dde3e7")


class MonthMaps:
    """The maps of the months of a product, with the other visible layers of the project.

    The layers are copies, so that neither the map of the user changes nor the frames when the user
    goes on working. All layers of the product have the colours of the newest. Other visible layers
    with months move along, and are left out where they do not have the month.

    Parameters
    ----------
    product : MonthlyProduct
        Drawn even if its layers are not visible.
    view : QgsMapSettings
        Settings of the map canvas.
    extent : QgsRectangle
        What is shown, in the coordinates of the map.
    size : QSize
        Size of the map, pixels.
    zoom : float
        Size of symbols and labels relative to the screen.
    """

    def __init__(
        self,
        product: MonthlyProduct,
        view: QgsMapSettings,
        extent: QgsRectangle,
        size: QSize,
        zoom: float,
    ):
        self._view = QgsMapSettings(view)
        self._view.setExtent(extent)
        self._view.setOutputSize(size)
        self._view.setOutputDpi(DPI * zoom)
        self._view.setDevicePixelRatio(1)
        self._view.setBackgroundColor(NO_VALUE)
        self._layers = []
        own = set(product.layers.values())
        root = QgsProject.instance().layerTreeRoot()
        visible = set(root.checkedLayers())
        for layer in root.layerOrder():
            if layer in own or layer in visible:
                self._add(layer, product.newest.renderer() if layer in own else None)

    def settings(self, month: str) -> QgsMapSettings:
        """Return the settings of the map of a month, YYYY-MM, and move the layers to it."""
        settings = QgsMapSettings(self._view)
        settings.setIsTemporal(True)
        settings.setTemporalRange(period_of_month(month))
        settings.setLayers(
            [layer for layer, moves in self._layers if not moves or move_to_month(layer, month)]
        )
        return settings

    def _add(self, layer: QgsMapLayer, renderer) -> None:
        copy = layer.clone()
        if copy is None:
            return
        if renderer:
            copy.setRenderer(renderer.clone())
        moves = isinstance(copy, QgsRasterLayer) and bool(bands_by_month(copy))
        if moves:
            copy.temporalProperties().setIsActive(False)
        self._layers.append((copy, moves))
