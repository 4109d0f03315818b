"""The page of a frame: the map, its month, a colour bar, a scale bar and a time line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgis.PyQt.QtCore import QDate, QLocale, QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from ...processing_provider.base import tr
from ..scale_bar import ScaleBar
from .colour_scale import ColourScale
from .month_maps import NO_VALUE

# Size that the lengths below are made for; other sizes are scaled.
DESIGN = QSize(1280, 720)
MARGIN = 28
HEADER = 72
FOOTER = 34
LEGEND = 116
BAR_WIDTH = 20
INK = QColor("#22303a")
QUIET = QColor("#6b7882")
LINE = QColor("#c3ccd2")
ACCENT = QColor("#01665e")
PAPER = QColor("#ffffff")
PANEL = QColor(255, 255, 255, 215)
# Remarks on months that GRACE did not observe.
REMARKS = {"filled": "filled, not observed by GRACE", "missing": "no data"}
MOST_TICKS = 9


@dataclass(frozen=True)
class Page:
    """What all frames have in common.

    Parameters
    ----------
    size : QSize
        Width and height, pixels.
    title, verdict : str
        What is mapped and whether its detail is right; the verdict may be empty.
    unit : str
        Unit of the values; may be empty.
    scale : ColourScale
        Colours of the values.
    bar : ScaleBar or None
    months : sequence of str
        Months of the animation in order, YYYY-MM.
    """

    size: QSize
    title: str
    verdict: str
    unit: str
    scale: ColourScale
    bar: ScaleBar | None
    months: Sequence[str]

    @property
    def map_rect(self) -> QRectF:
        """Where the map is, pixels."""
        return map_rect(self.size)

    def paint(self, image: QImage, month: str, source: str) -> QImage:
        """Return a frame.

        Parameters
        ----------
        image : QImage
            The map, of the size of ``map_rect``.
        month : str
            YYYY-MM.
        source : str
            Observed, filled or missing.
        """
        frame = QImage(self.size, QImage.Format.Format_RGB32)
        frame.fill(PAPER)
        painter = QPainter(frame)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = self.map_rect
        painter.drawImage(place, image)
        painter.setPen(QPen(LINE, 1))
        painter.drawRect(place.adjusted(-0.5, -0.5, 0.5, 0.5))
        self._paint_header(painter, month, source)
        self._paint_colours(painter)
        self._paint_scale_bar(painter)
        self._paint_time(painter, month)
        painter.end()
        return frame

    @property
    def _unit_length(self) -> float:
        return unit_length(self.size)

    def _font(self, points: float, is_bold: bool = False) -> QFont:
        font = QFont()
        font.setStyleHint(QFont.StyleHint.SansSerif)
        font.setPixelSize(max(8, round(points * self._unit_length)))
        font.setBold(is_bold)
        return font

    def _paint_header(self, painter: QPainter, month: str, source: str) -> None:
        one = self._unit_length
        place = QRectF(MARGIN * one, 18 * one, self.size.width() - 2 * MARGIN * one, 44 * one)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        big = self._font(34, is_bold=True)
        painter.setFont(big)
        painter.setPen(INK)
        painter.drawText(place, left, month_title(month))
        used = QFontMetricsF(big).horizontalAdvance(month_title(month))
        if source in REMARKS:
            painter.setFont(self._font(15))
            painter.setPen(QColor("#b35806"))
            shift = used + 18 * one
            painter.drawText(place.adjusted(shift, 8 * one, 0, 0), left, REMARKS[source])
            used = shift + painter.fontMetrics().horizontalAdvance(REMARKS[source])
        room = place.adjusted(used + 24 * one, 0, 0, 0)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(self._font(19, is_bold=True))
        painter.setPen(INK)
        offset = -11 * one if self.verdict else 0
        self._paint_fitting(painter, room.translated(0, offset), right, self.title)
        painter.setFont(self._font(14))
        painter.setPen(QUIET)
        self._paint_fitting(painter, room.translated(0, 13 * one), right, self.verdict)

    def _paint_fitting(self, painter: QPainter, room: QRectF, alignment, text: str) -> None:
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(room, alignment, shown)

    def _paint_colours(self, painter: QPainter) -> None:
        one = self._unit_length
        place = self.map_rect
        length = min(0.72 * place.height(), 420 * one)
        left = place.right() + 24 * one
        top = place.center().y() - length / 2 + 8 * one
        bar = QRectF(left, top, BAR_WIDTH * one, length)
        scale = self.scale
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        rows = max(1, round(length))
        for row in range(rows):
            value = scale.high - (row + 0.5) / rows * (scale.high - scale.low)
            painter.fillRect(QRectF(left, top + row, bar.width(), 1.5), scale.colour(value))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Values beyond the range have the colours of its ends.
        self._paint_end(painter, bar, scale.colour(scale.high), is_upper=True)
        if scale.low != 0:
            self._paint_end(painter, bar, scale.colour(scale.low), is_upper=False)
        font = self._font(15)
        painter.setFont(font)
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for value in scale.ticks(MOST_TICKS):
            y = top + length * (scale.high - value) / (scale.high - scale.low)
            painter.setPen(QPen(QUIET, one))
            painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + 5 * one, y))
            painter.setPen(INK)
            label = QRectF(bar.right() + 10 * one, y - 12 * one, 70 * one, 24 * one)
            painter.drawText(label, middle, number_text(value))
        self._paint_no_value(painter, QRectF(left, bar.bottom() + 34 * one, bar.width(), 14 * one))
        painter.setFont(self._font(16, is_bold=True))
        painter.setPen(INK)
        above = QRectF(left, top - 52 * one, (LEGEND - 24) * one, 24 * one)
        painter.drawText(above, middle, self.unit)

    def _paint_no_value(self, painter: QPainter, place: QRectF) -> None:
        one = self._unit_length
        painter.fillRect(place, NO_VALUE)
        painter.setFont(self._font(13))
        painter.setPen(QUIET)
        label = QRectF(place.right() + 8 * one, place.top() - 5 * one, 90 * one, 24 * one)
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(label, middle, tr("no value"))

    def _paint_end(self, painter: QPainter, bar: QRectF, colour: QColor, is_upper: bool) -> None:
        y = bar.top() if is_upper else bar.bottom()
        tip = y + (-14 if is_upper else 14) * self._unit_length
        corners = (QPointF(bar.left(), y), QPointF(bar.right(), y), QPointF(bar.center().x(), tip))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF(corners))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_scale_bar(self, painter: QPainter) -> None:
        if self.bar is None:
            return
        one = self._unit_length
        place = self.map_rect
        font = self._font(14)
        painter.setFont(font)
        length = self.bar.fraction * place.width()
        width = max(length, painter.fontMetrics().horizontalAdvance(self.bar.text)) + 24 * one
        panel = QRectF(place.left() + 12 * one, place.bottom() - 54 * one, width, 42 * one)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PANEL)
        painter.drawRoundedRect(panel, 4 * one, 4 * one)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left, y = panel.left() + 12 * one, panel.bottom() - 11 * one
        painter.setPen(INK)
        text = QRectF(left, panel.top() + 4 * one, width, 20 * one)
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                         self.bar.text)  # fmt: skip
        painter.setPen(QPen(INK, 2 * one))
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(left, y - 5 * one),
                    QPointF(left, y),
                    QPointF(left + length, y),
                    QPointF(left + length, y - 5 * one),
                ]
            )
        )

    def _paint_time(self, painter: QPainter, month: str) -> None:
        if len(self.months) < 2:
            return
        one = self._unit_length
        place = self.map_rect
        y = place.bottom() + 16 * one
        step = place.width() / len(self.months)
        painter.setPen(QPen(LINE, 4 * one, cap=Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(place.left(), y), QPointF(place.right(), y))
        index = self.months.index(month)
        painter.setPen(QPen(ACCENT, 4 * one, cap=Qt.PenCapStyle.FlatCap))
        now = place.left() + (index + 1) * step
        painter.drawLine(QPointF(place.left(), y), QPointF(now, y))
        font = self._font(13)
        painter.setFont(font)
        painter.setPen(QUIET)
        room = QFontMetricsF(font).horizontalAdvance("2000") + 14 * one
        free = place.left() - room
        for number, one_month in enumerate(self.months):
            x = place.left() + number * step
            if not one_month.endswith("-01") or x < free + room or x > place.right() - room:
                continue
            free = x
            painter.drawLine(QPointF(x, y - 2 * one), QPointF(x, y + 7 * one))
            label = QRectF(x + 4 * one, y + 3 * one, room, 16 * one)
            painter.drawText(label, Qt.AlignmentFlag.AlignLeft, one_month[:4])


def unit_length(size: QSize) -> float:
    """Return the pixels of a length of 1 of the design."""
    return min(size.width() / DESIGN.width() * 1.2, size.height() / DESIGN.height())


def map_rect(size: QSize) -> QRectF:
    """Return where the map of a frame of a size is, complete pixels."""
    one = unit_length(size)
    left, top = round(MARGIN * one), round(HEADER * one)
    right = size.width() - round((MARGIN + LEGEND) * one) + round(MARGIN * one) // 2
    bottom = size.height() - round((MARGIN / 2 + FOOTER) * one)
    return QRectF(left, top, right - left, bottom - top)


def month_title(month: str) -> str:
    """Return a month, YYYY-MM, in words, for example "March 2015"."""
    return QLocale().toString(QDate.fromString(month, "yyyy-MM"), "MMMM yyyy")


def number_text(value: float) -> str:
    """Return a number with a minus sign."""
    return f"{value:g}".replace("-", "\u2212")
