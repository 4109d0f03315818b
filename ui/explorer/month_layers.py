"""Shows a month in all layers of the products: the band of each, and the layer of its year."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from qgis.core import QgsDateTimeRange, QgsProject

from ...processing_provider.styles.months import bands_by_month, period_of_month
from .products import Loaded


def show_month(month: np.datetime64, loaded: Iterable[Loaded], canvas) -> None:
    """Show a month on the map.

    Layers show the band of the month. Where a product has one layer for each year and one of them
    is visible, the layer of the month becomes visible in its place. If the temporal controller
    restricts the map to a time, that time becomes the month.

    Parameters
    ----------
    month : datetime64[M]
    loaded : iterable of Loaded
    canvas : QgsMapCanvas
    """
    bands = {}
    for one in loaded:
        if month in one.product.maps.bands:
            path, number = one.product.maps.bands[month]
            _show_file(one, path)
            bands.update(dict.fromkeys(one.layers.get(path, ()), number))
    for layer_id, layer in QgsProject.instance().mapLayers().items():
        # Layers of sigma are no products; they are found by the names of their bands.
        band = bands.get(layer_id) or bands_by_month(layer).get(str(month))
        # Classes of a paletted renderer cannot be moved to another band before QGIS 3.38.
        if band and hasattr(layer.renderer(), "setBand") and layer.renderer().band() != band:
            layer.renderer().setBand(band)
            layer.triggerRepaint()
    if not canvas.temporalRange().isInfinite():
        canvas.setTemporalRange(period_of_month(str(month)))


def month_of(time: QgsDateTimeRange) -> np.datetime64 | None:
    """Return the month in which a time begins; None for a time without beginning."""
    text = time.begin().toString("yyyy-MM")
    return np.datetime64(text, "M") if text else None


def shown_month(loaded: Iterable[Loaded]) -> np.datetime64 | None:
    """Return the month that a visible layer shows; None if there is none."""
    root = QgsProject.instance().layerTreeRoot()
    for one in loaded:
        months = {place: month for month, place in one.product.maps.bands.items()}
        for path, layers in one.layers.items():
            for layer_id in layers:
                node = root.findLayer(layer_id)
                layer = QgsProject.instance().mapLayer(layer_id)
                if node and layer and node.isVisible() and hasattr(layer.renderer(), "band"):
                    return months.get((path, layer.renderer().band()))
    return None


def _show_file(one: Loaded, path: Path) -> None:
    """Tick the layers of a file instead of those of other files, if any of these is ticked."""
    if len(one.layers) < 2 or path not in one.layers:
        return
    root = QgsProject.instance().layerTreeRoot()
    nodes = {
        file: [node for layer_id in layers if (node := root.findLayer(layer_id))]
        for file, layers in one.layers.items()
    }
    ticked = [node for found in nodes.values() for node in found if node.itemVisibilityChecked()]
    if ticked:
        for file, found in nodes.items():
            for node in found:
                if node.itemVisibilityChecked() != (file == path):
                    node.setItemVisibilityChecked(file == path)
