"""The chart: curves above or beside their legend, with the month under the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from qgis.PyQt.QtCore import QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPainter, QPalette
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ...gwsa_plugin.core.files.atomic import atomic_file
from ...gwsa_plugin.core.results.place_table import all_months
from ...processing_provider.base import tr
from ..pictures import png, svg
from .curves import Curve
from .drawing import Period, draw_chart, draw_month, draw_values, scale_of
from .legend import Legend
from .scale import Scale

# From this width the legend is beside the curves.
WIDE = 1060.0
PADDING = 8.0
# Largest part of the width that the legend takes there.
BESIDE = 0.6
LEGEND_SIZE = 0.92  # of the size of the font
LEAST_HEIGHT = 150.0
# Width of saved pictures and height of their curves in points, and pixels of a PNG per point.
PICTURE_WIDTH, PICTURE_CHART = 960, 400
PIXELS_PER_POINT = 2
# The wheel of the mouse multiplies the number of months by this, down to SHORTEST months.
ZOOM = 0.8
SHORTEST = 12
MONTH_COLOUR = "#b2182b"
WELCOME = (
    "Choose “Pick” and click on the map: the monthly series of all loaded products there appear "
    "here. Ctrl-click adds a place."
)


class Chart(QWidget):
    """Shows curves; emits ``month_clicked`` with the datetime64[M] of a click.

    Parameters
    ----------
    parent : QWidget, optional
    """

    month_clicked = pyqtSignal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.curves: list[Curve] = []
        self.month: np.datetime64 | None = None
        self.hovered: np.datetime64 | None = None
        self.message = tr(WELCOME)
        self._scale: Scale | None = None
        self._period: Period | None = None
        self.setMouseTracking(True)
        self.setMinimumWidth(320)
        expanding = QSizePolicy.Policy.Expanding
        self.setSizePolicy(expanding, expanding)

    def sizeHint(self) -> QSize:
        """Return a size for the lower edge of a window."""
        return QSize(1000, 300)

    def show_curves(self, curves: Sequence[Curve], message: str = "") -> None:
        """Show curves, or a message where there are none."""
        self.curves = list(curves)
        self.message = message or tr(WELCOME)
        if not curves:
            self._scale = self._period = None
        self._make_room()
        self.update()

    def resizeEvent(self, event) -> None:
        """Make room for the legend, whose height depends on the width."""
        self._make_room()

    def _make_room(self) -> None:
        self.setMinimumHeight(ceil(self._height(self.width(), LEAST_HEIGHT)))

    def set_month(self, month: np.datetime64 | None) -> None:
        """Move the line of the month that the map shows."""
        self.month = month
        self.update()

    def legend(self, width: float) -> Legend:
        """Return the legend with the values of the month under the mouse or of the map."""
        month = self.month if self.hovered is None else self.hovered
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * LEGEND_SIZE)
        return Legend(self.curves, month, font, width)

    def paintEvent(self, event) -> None:
        """Draw the curves, or the message."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self.curves:
            self._scale = self._draw(painter, QRectF(self.rect()), self.palette())
            if self.hovered is not None:
                grey = self.palette().color(QPalette.ColorRole.Mid)
                draw_month(painter, self.hovered, self._scale, grey, dotted=True)
                draw_values(painter, self.curves, self.hovered, self._scale)
            return
        faint = self.palette().color(QPalette.ColorRole.Text)
        faint.setAlpha(170)
        painter.setPen(faint)
        box = QRectF(self.rect()).adjusted(24, 24, -24, -24)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(box, int(flags), self.message)

    def mouseMoveEvent(self, event) -> None:
        """Read month and values under the mouse."""
        self._hover(self._month_at(event.pos()))

    def leaveEvent(self, event) -> None:
        """Show the values of the month of the map again."""
        self._hover(None)

    def mousePressEvent(self, event) -> None:
        """Move the map to the month under the mouse."""
        month = self._month_at(event.pos())
        if month is not None and event.button() == Qt.MouseButton.LeftButton:
            self.month_clicked.emit(month)

    def wheelEvent(self, event) -> None:
        """Show fewer or more months around the one under the mouse."""
        month = self.hovered
        if month is None or self._scale is None:
            event.ignore()
            return
        months = all_months([curve.series for curve in self.curves])
        now = self._scale.months
        count = now * ZOOM if event.angleDelta().y() > 0 else now / ZOOM
        count = min(max(round(count), min(SHORTEST, months.size)), months.size)
        before = int((month - self._scale.first).astype(int)) * count // now
        first = min(max(month - before, months[0]), months[-1] - (count - 1))
        self._period = None if count == months.size else (first, first + (count - 1))
        self.update()

    def mouseDoubleClickEvent(self, event) -> None:
        """Show all months again."""
        self._period = None
        self.update()

    def save_png(self, path: str | Path) -> None:
        """Save the chart as a picture on white.

        Parameters
        ----------
        path : str or Path
            A file of that name is replaced.

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        image = QImage(self._picture_size() * PIXELS_PER_POINT, QImage.Format.Format_RGB32)
        image.fill(QColor("white"))
        painter = QPainter(image)
        painter.scale(PIXELS_PER_POINT, PIXELS_PER_POINT)
        self._draw_picture(painter)
        painter.end()
        with atomic_file(path) as part:
            part.write_bytes(png(image))

    def save_svg(self, path: str | Path) -> None:
        """Save the chart as vectors on white; see ``save_png``."""
        picture = svg(self._picture_size(), tr("Groundwater storage"), self._draw_picture)
        with atomic_file(path) as part:
            part.write_bytes(picture)

    def _picture_size(self) -> QSize:
        return QSize(PICTURE_WIDTH, ceil(self._height(PICTURE_WIDTH, PICTURE_CHART)))

    def _draw_picture(self, painter: QPainter) -> None:
        painter.setFont(self.font())
        white = QPalette(QColor("white"))
        white.setColor(QPalette.ColorRole.Text, QColor("#202020"))
        size = self._picture_size()
        area = QRectF(0, 0, size.width(), size.height())
        painter.fillRect(area, QColor("white"))
        self._draw(painter, area, white)

    def _draw(self, painter: QPainter, area: QRectF, palette: QPalette) -> Scale:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = area.adjusted(PADDING, PADDING, -PADDING, -PADDING)
        legend, is_beside = self._layout(area.width())
        size = legend.size
        chart, corner = QRectF(area), area.topLeft()
        if is_beside:
            chart.setRight(area.right() - size.width() - 2 * PADDING)
            corner.setX(area.right() - size.width())
        else:
            chart.setBottom(area.bottom() - size.height() - PADDING)
            corner.setY(chart.bottom() + PADDING)
        scale = scale_of(self.curves, chart, self._period)
        draw_chart(painter, self.curves, scale, palette)
        if self.month is not None:
            draw_month(painter, self.month, scale, QColor(MONTH_COLOUR))
        legend.draw(painter, corner, palette)
        return scale

    def _layout(self, width: float) -> tuple[Legend, bool]:
        """Return the legend and whether it is beside the curves."""
        is_beside = width >= WIDE
        return self.legend(width * BESIDE if is_beside else width), is_beside

    def _height(self, width: float, chart: float) -> float:
        """Return the height in which legend and curves have room, curves of height ``chart``."""
        if not self.curves:
            return chart
        legend, is_beside = self._layout(width - 2 * PADDING)
        height = legend.size.height()
        return max(height, chart) + 2 * PADDING if is_beside else height + chart + 3 * PADDING

    def _month_at(self, position) -> np.datetime64 | None:
        if self._scale is None or not self.curves:
            return None
        area = self._scale.area
        inside = area.left() <= position.x() <= area.right() and position.y() <= area.bottom()
        return self._scale.month_at(position.x()) if inside else None

    def _hover(self, month: np.datetime64 | None) -> None:
        if month != self.hovered:
            self.hovered = month
            self.update()
