"""The veil over the pixels of a trend map whose trend is not significant."""

from __future__ import annotations

from qgis.core import (
    QgsColorRampShader,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

from .rasters import style_raster

# Opaque enough to tell the pixels apart, and clear enough to see their trend.
VEIL = QColor(70, 70, 70, 110)
CLEAR = QColor(255, 255, 255, 0)


def show_trend(layer: QgsRasterLayer) -> None:
    """Style a trend map that QGIS has loaded, and put the veil above it."""
    style_raster(layer)
    veil = QgsRasterLayer(layer.source(), "")
    style_veil(veil)
    project = layer.project()
    project.addMapLayer(veil, False)
    node = project.layerTreeRoot().findLayer(layer.id())
    parent = node.parent()
    parent.insertLayer(parent.children().index(node), veil)


def style_veil(layer: QgsRasterLayer) -> None:
    """Show the pixels whose q is too large in grey, and nothing of the others."""
    from ...gwsa_plugin.core.results.trend_map import FALSE_DISCOVERIES, TREND_BANDS, Q

    items = [
        QgsColorRampShader.ColorRampItem(FALSE_DISCOVERIES, CLEAR, f"q ≤ {FALSE_DISCOVERIES:g}"),
        QgsColorRampShader.ColorRampItem(float("inf"), VEIL, f"q > {FALSE_DISCOVERIES:g}"),
    ]
    function = QgsColorRampShader(0, 1, None, QgsColorRampShader.Type.Discrete)
    function.setColorRampItemList(items)
    shader = QgsRasterShader(0, 1)
    shader.setRasterShaderFunction(function)
    band = list(TREND_BANDS).index(Q) + 1
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), band, shader))
    layer.setName(f"Not significant (q > {FALSE_DISCOVERIES:g})")
