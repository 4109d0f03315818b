"""Months of the bands of a raster layer, and its period, for QGIS without ranges per band."""

from __future__ import annotations

from qgis.core import Qgis, QgsDateTimeRange, QgsMapLayer, QgsRasterLayer
from qgis.PyQt.QtCore import QDate, QDateTime, QTime

from ...gwsa_plugin.core.base.months import find_month

# QgsRasterLayerTemporalProperties::setFixedRangePerBand is new in QGIS 3.38.
HAS_RANGES_PER_BAND = Qgis.QGIS_VERSION_INT >= 33800


def bands_by_month(layer: QgsMapLayer) -> dict[str, int]:
    """Return the band number of each month, YYYY-MM; empty if a band is not a month.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    """
    if not isinstance(layer, QgsRasterLayer):
        return {}
    months = {find_month(layer.bandName(band)): band for band in range(1, layer.bandCount() + 1)}
    return {} if None in months else {str(month): band for month, band in months.items()}


def move_to_month(layer: QgsMapLayer, month: str) -> bool:
    """Have the renderer of a layer read the band of a month.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    month : str
        YYYY-MM.

    Returns
    -------
    bool
        False if the layer does not have the month, or if its renderer cannot be moved, such as one
        with classes before QGIS 3.38.
    """
    band = bands_by_month(layer).get(month)
    if not band:
        return False
    if hasattr(layer.renderer(), "setInputBand"):  # since QGIS 3.38
        return layer.renderer().setInputBand(band)
    if not hasattr(layer.renderer(), "setBand"):
        return False
    layer.renderer().setBand(band)
    return True


def month_of_renderer(layer: QgsMapLayer) -> str | None:
    """Return the month, YYYY-MM, whose band the renderer of a layer reads; None without one.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    """
    bands = layer.renderer().usesBands() if isinstance(layer, QgsRasterLayer) else []
    months = {band: month for month, band in bands_by_month(layer).items()}
    return months.get(bands[0]) if len(bands) == 1 else None


def period_of_month(month: str) -> QgsDateTimeRange:
    """Return the time from the first day of a month, YYYY-MM, to that of the next, excluded."""
    begin = _first_day(month)
    return QgsDateTimeRange(begin, begin.addMonths(1), True, False)


def set_period(layer: QgsMapLayer) -> None:
    """Hide a monthly layer outside its months, as ranges per band do in later versions."""
    months = bands_by_month(layer)
    if months and not HAS_RANGES_PER_BAND:
        properties = layer.temporalProperties()
        # QGIS 3.22 does not read it from the style of a file that is opened by hand.
        properties.setIsActive(True)
        properties.setMode(Qgis.RasterTemporalMode.FixedTemporalRange)
        begin = _first_day(min(months))
        end = _first_day(max(months)).addMonths(1)
        # With its beginning, QGIS 3.22 would show the layer in the month before as well.
        properties.setFixedTemporalRange(QgsDateTimeRange(begin, end, False, False))


def _first_day(month: str) -> QDateTime:
    return QDateTime(QDate.fromString(month, "yyyy-MM"), QTime(0, 0))
