"""The temporal controller shows the band of its month, in QGIS before 3.38."""

from __future__ import annotations

from qgis.core import QgsDateTimeRange, QgsMapLayer, QgsProject

from ..processing_provider.styles.months import HAS_RANGES_PER_BAND, move_to_month, set_period


class MonthsAsTime:
    """Moves the band of layers whose bands are months with the temporal controller.

    Later versions of QGIS do so by themselves with the ranges of the style.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """

    def __init__(self, iface):
        self._controller = None if HAS_RANGES_PER_BAND else iface.mapCanvas().temporalController()
        if self._controller:
            QgsProject.instance().layersAdded.connect(_set_periods)
            self._controller.updateTemporalRange.connect(show_month)

    def remove(self):
        """Leave the layers as they are."""
        if self._controller:
            QgsProject.instance().layersAdded.disconnect(_set_periods)
            self._controller.updateTemporalRange.disconnect(show_month)


def show_month(time: QgsDateTimeRange) -> None:
    """Show the band of the month in which a range begins, in all layers that have one."""
    month = time.begin().toString("yyyy-MM")
    for layer in QgsProject.instance().mapLayers().values():
        if move_to_month(layer, month):
            layer.triggerRepaint()


def _set_periods(layers: list[QgsMapLayer]) -> None:
    for layer in layers:
        set_period(layer)
