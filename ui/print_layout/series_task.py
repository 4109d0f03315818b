"""Monthly mean of the area of a map, computed in the background for the chart of a layout."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsTask,
)
from qgis.PyQt.QtCore import pyqtSignal

from ...gwsa_plugin.core.base.errors import Cancelled, InputError
from ...processing_provider.base import tr
from ..monthly_products import MonthlyProduct
from ..task_progress import TaskProgress

AREA = "The area of the map"
# Points that are added to each side of the area before it is transformed to degrees.
EXTRA_POINTS = 20
# QGIS keeps no reference to a task of Python.
_running: set[QgsTask] = set()


class SeriesTask(QgsTask):
    """Computes the series of an area and draws it.

    Parameters
    ----------
    product : MonthlyProduct
    area : QgsGeometry
        Polygon in degrees.
    month : str
        Month of the map, YYYY-MM.
    """

    # The chart as SVG, empty if there is none, and a sentence.
    ended = pyqtSignal(bytes, str)

    def __init__(self, product: MonthlyProduct, area: QgsGeometry, month: str):
        super().__init__(tr("GWSA: series of the print layout"), QgsTask.Flag.CanCancel)
        self._paths = sorted({Path(layer.source()) for layer in product.layers.values()})
        self._area = json.loads(area.asJson())
        self._month = month
        self._chart = b""
        self._sentence = ""

    def start(self) -> None:
        """Start in the background."""
        _running.add(self)
        QgsApplication.taskManager().addTask(self)

    def run(self):
        """Compute and draw; mistakes of the input are sentences."""
        try:
            self._compute()
        except Cancelled:
            self._sentence = tr("The series was cancelled.")
        except InputError as error:
            self._sentence = str(error)
        except Exception as error:  # the layout waits for the end
            self._sentence = f"{type(error).__name__}: {error}"
        return bool(self._chart)

    def finished(self, result):
        """Hand the chart over in the main thread."""
        self.ended.emit(self._chart, self._sentence)
        _running.discard(self)

    def _compute(self) -> None:
        import numpy as np

        from ...gwsa_plugin.core.files.stack import OBSERVED
        from ...gwsa_plugin.core.files.yearly_maps import YearlyMaps, sigma_maps
        from ...gwsa_plugin.core.results.polygon_series import polygon_series
        from ...gwsa_plugin.core.results.series_report import layout_chart
        from ...gwsa_plugin.core.results.series_table import polygon_columns, statements
        from ...gwsa_plugin.core.results.storage_trends import storage_trends
        from ...gwsa_plugin.core.spatial.aquifers import Aquifer

        maps = YearlyMaps.from_files(self._paths)
        is_folder = len({path.parent for path in self._paths}) == 1 and len(self._paths) > 1
        sigma = sigma_maps(self._paths[0].parent) if is_folder else None
        area = Aquifer(tr(AREA), self._area)
        progress = TaskProgress(self)
        series = polygon_series(maps, [area], sigma, progress.part(0, 0.9))
        trends = storage_trends(series, progress.part(0.9, 1))
        sentence = statements(polygon_columns(series, trends), series.names)[0]
        key = [
            series.sigma_cm is not None and tr("Band: one standard error."),
            (set(series.source) != {OBSERVED}) and tr("Grey: filled, or without a value."),
            np.isfinite(trends.slope[0]) and tr("Orange: trend."),
            tr("Black: this month."),
        ]
        self._sentence = f"{sentence}\n\n{' '.join(text for text in key if text)}"
        self._chart = layout_chart(series, trends, 0, np.datetime64(self._month, "M"))


def area_of(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> QgsGeometry:
    """Return a rectangle as a polygon in degrees.

    Parameters
    ----------
    extent : QgsRectangle
    crs : QgsCoordinateReferenceSystem
        Of the extent.

    Raises
    ------
    QgsCsException
        When a corner has no place on the earth.
    """
    area = QgsGeometry.fromRect(extent).densifyByCount(EXTRA_POINTS)
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    area.transform(QgsCoordinateTransform(crs, degrees, QgsProject.instance()))
    return area
