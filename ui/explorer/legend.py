"""The legend: each series with its value in a month, trend and annual amplitude."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qgis.PyQt.QtCore import QPointF, QRectF, QSizeF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette

from ...gwsa_plugin.core.results.place_series import WELL, Series
from ...gwsa_plugin.core.stats.intervals import Estimate
from ...processing_provider.base import tr
from .curves import Curve, filled_months
from .drawing import draw_swatch
from .scale import number_text

SWATCH = 26.0
INDENT = SWATCH + 8
GAP = 16.0
LINE_GAP = 4.0
# Shortest column of names, in points; with less, each series takes two lines.
SHORTEST_NAME = 110.0
NOTE_SIZE = 0.88
# Room for values of any month, so that columns keep still under the mouse.
VALUE_ROOM = "−000.0 ± 00.0"
_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Legend:
    """The legend of some curves, laid out for a width.

    Parameters
    ----------
    curves : sequence of Curve
        At least one.
    month : datetime64[M] or None
        Month of the values.
    font : QFont
    width : float
        Points that it may take.
    """

    def __init__(
        self, curves: Sequence[Curve], month: np.datetime64 | None, font: QFont, width: float
    ):
        self._curves = curves
        self._series = [curve.series for curve in curves]
        self._month = month
        self._font = font
        self._note_font = QFont(font)
        self._note_font.setPointSizeF(font.pointSizeF() * NOTE_SIZE)
        metrics = QFontMetricsF(font)
        self._line = metrics.height() + LINE_GAP
        heading, *rows = self.rows()
        columns = zip(*(row[1:] for row in (heading, *rows)))
        self._widths = [max(map(metrics.horizontalAdvance, texts)) for texts in columns]
        self._widths[0] = max(self._widths[0], metrics.horizontalAdvance(VALUE_ROOM))
        numbers = sum(self._widths) + GAP * len(self._widths)
        names = max(metrics.horizontalAdvance(row[0]) + 4 for row in rows)
        self._is_stacked = width < INDENT + min(names, SHORTEST_NAME) + numbers
        self._width = width if self._is_stacked else min(width, INDENT + names + numbers)
        self._name = self._width - INDENT - (self._widths[0] if self._is_stacked else numbers)
        box = QRectF(0, 0, self._width, 1000)
        note = QFontMetricsF(self._note_font).boundingRect(
            box, Qt.TextFlag.TextWordWrap, self._note()
        )
        self._note_height = note.height() + LINE_GAP

    @property
    def size(self) -> QSizeF:
        """Size of the legend."""
        titles = len(dict.fromkeys(curve.place for curve in self._curves))
        lines = titles + (1 + len(self._curves)) * (2 if self._is_stacked else 1)
        return QSizeF(self._width, lines * self._line + self._note_height)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the texts: name, value, trend and amplitude, first of the heading."""
        month = "" if self._month is None else f"{self._month} (cm)"
        heading = ("", month, tr("Trend (cm/yr)"), tr("Amplitude (cm)"))
        return [heading, *map(self._row, self._curves)]

    def draw(self, painter: QPainter, corner: QPointF, palette: QPalette) -> None:
        """Draw the legend with its upper left corner at a point."""
        text = palette.color(QPalette.ColorRole.Text)
        faint = QColor(text)
        faint.setAlpha(165)
        painter.save()
        painter.translate(corner)
        painter.setFont(self._font)
        painter.setPen(faint)
        heading, *rows = self.rows()
        y = self._draw_numbers(painter, heading, 0.0)
        place = None
        for curve, row in zip(self._curves, rows):
            painter.setPen(text)
            if curve.place != place:
                place = curve.place
                y = self._draw_title(painter, place, y)
            draw_swatch(painter, curve, QRectF(0, y, SWATCH, self._line - LINE_GAP))
            painter.setPen(text)
            self._draw_text(painter, row[0], QRectF(INDENT, y, self._name, self._line))
            y = self._draw_numbers(painter, row, y)
        painter.setFont(self._note_font)
        painter.setPen(faint)
        note = QRectF(0, y + LINE_GAP, self._width, self._note_height)
        painter.drawText(note, Qt.TextFlag.TextWordWrap, self._note())
        painter.restore()

    def _row(self, curve: Curve) -> tuple[str, str, str, str]:
        trend, amplitude = curve.series.behaviour
        return (
            curve.series.name + self._period(curve.series),
            self._value(curve),
            interval_text(trend, 2),
            interval_text(amplitude, 1),
        )

    def _period(self, series: Series) -> str:
        """Years of a series where they are not those of all; trends of others do not compare."""
        return f"  {years_of(series)}" if len(set(map(years_of, self._series))) > 1 else ""

    def _value(self, curve: Curve) -> str:
        if self._month is None:
            return ""
        value, sigma = curve.series.at(self._month)
        spread = f" ± {number_text(sigma, 1)}" if np.isfinite(sigma) else ""
        return number_text(value, 1) + spread

    def _draw_numbers(self, painter: QPainter, row: Sequence[str], y: float) -> float:
        """Draw the columns of numbers and return the position of the next line."""
        value, *others = zip(row[1:], self._widths)
        groups = [[value], others] if self._is_stacked else [[value, *others]]
        for group in groups:
            right = self._width
            for text, width in reversed(group):
                box = QRectF(right - width, y, width, self._line - LINE_GAP)
                painter.drawText(box, _RIGHT, text)
                right -= width + GAP
            y += self._line
        return y

    def _draw_title(self, painter: QPainter, title: str, y: float) -> float:
        bold = QFont(self._font)
        bold.setBold(True)
        painter.setFont(bold)
        self._draw_text(painter, title, QRectF(0, y, self._width, self._line))
        painter.setFont(self._font)
        return y + self._line

    def _draw_text(self, painter: QPainter, text: str, box: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box.adjusted(0, 0, 0, -LINE_GAP), _MIDDLE, short)

    def _note(self) -> str:
        sentences = [
            tr("Shaded: filled months.") if filled_months(self._curves).size else "",
            tr("Band: ± one sigma.") if any(one.sigma is not None for one in self._series) else "",
            tr("Well: change of storage, with the mean of the map in common months.")
            if any(one.kind == WELL for one in self._series)
            else "",
            tr(
                "Trend: Theil-Sen slope of the deseasonalised series. Amplitude: of the annual "
                "wave. Intervals: 90 %."
            ),
        ]
        return " ".join(filter(None, sentences))


def years_of(series: Series) -> str:
    """Return the years from the first to the last value of a series, such as 2004–2012."""
    known = np.isfinite(series.values)
    years = series.months[known].astype("datetime64[Y]")
    return "–".join(dict.fromkeys(map(str, years[[0, -1]]))) if years.size else ""


def interval_text(estimate: Estimate, digits: int) -> str:
    """Return an estimate as ``−1.84 (−2.10 to −1.52)``."""
    if not np.isfinite(estimate.value):
        return "–"
    value, low, high = (number_text(number, digits) for number in estimate)
    return f"{value} ({low} {tr('to')} {high})"
