"""Draws curves: axes, filled months, sigma bands, lines, steps, dashes and dots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPalette, QPen, QPolygonF

from ...gwsa_plugin.core.results.place_series import CELL, INTERPOLATED, WELL
from ...gwsa_plugin.core.results.place_table import all_months
from ...processing_provider.base import tr
from .curves import Curve, filled_months
from .scale import Scale

# First and last month, datetime64[M].
Period = tuple[np.datetime64, np.datetime64]

LINE = 1.8
THIN_LINE = 1.2
DOT = 2.8
RING = 4.0
BAND_ALPHA = 45
# Space of the labels of the axes.
LEFT, BOTTOM, TOP, RIGHT = 58.0, 24.0, 22.0, 10.0


def scale_of(curves: Sequence[Curve], area: QRectF, period: Period | None = None) -> Scale:
    """Return the scale of a chart.

    Parameters
    ----------
    curves : sequence of Curve
        At least one.
    area : QRectF
        Place of the chart with the labels of its axes.
    period : (datetime64[M], datetime64[M]), optional
        First and last month of the axis; by default all months.
    """
    inner = area.adjusted(LEFT, TOP, -RIGHT, -BOTTOM)
    months = np.array(period or all_months([curve.series for curve in curves]))
    values = []
    for curve in curves:
        series = curve.series
        inside = (series.months >= months[0]) & (series.months <= months[-1])
        spread = 0.0 if series.sigma is None else np.nan_to_num(series.sigma[inside])
        values += [series.values[inside] - spread, series.values[inside] + spread]
    return Scale.around(inner, months, np.concatenate(values))


def draw_chart(painter: QPainter, curves: Sequence[Curve], scale: Scale, palette: QPalette) -> None:
    """Draw axes and curves.

    Parameters
    ----------
    painter : QPainter
    curves : sequence of Curve
        At least one; the first is drawn on top.
    scale : Scale
    palette : QPalette
        Colours of text and background.
    """
    text = palette.color(QPalette.ColorRole.Text)
    _draw_axes(painter, scale, text)
    painter.save()
    painter.setClipRect(scale.area)
    _draw_filled(painter, filled_months(curves), scale, text)
    for curve in curves:
        _draw_band(painter, curve, scale)
    for curve in reversed(curves):
        draw_line(painter, curve, scale)
    painter.restore()


def draw_month(
    painter: QPainter, month: np.datetime64, scale: Scale, colour: QColor, dotted: bool = False
) -> None:
    """Draw a vertical line at a month with its name above; nothing for a month off the axis."""
    if not scale.first <= month <= scale.last:
        return
    x = scale.x(month)
    style = Qt.PenStyle.DotLine if dotted else Qt.PenStyle.SolidLine
    painter.setPen(QPen(colour, 1.2, style))
    painter.drawLine(QPointF(x, scale.area.top()), QPointF(x, scale.area.bottom()))
    label = str(month)
    metrics = QFontMetricsF(painter.font())
    width = metrics.horizontalAdvance(label) + 10
    left = min(max(x - width / 2, scale.area.left()), scale.area.right() - width)
    box = QRectF(left, scale.area.top() - metrics.height() - 3, width, metrics.height() + 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(_readable_on(colour))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label)


def draw_values(
    painter: QPainter, curves: Sequence[Curve], month: np.datetime64, scale: Scale
) -> None:
    """Mark the values of the curves in a month by rings."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for curve in curves:
        value, _ = curve.series.at(month)
        if np.isfinite(value):
            painter.setPen(QPen(curve.colour, 1.6))
            painter.drawEllipse(QPointF(scale.x(month), scale.y(value)), RING, RING)


def draw_swatch(painter: QPainter, curve: Curve, box: QRectF) -> None:
    """Draw a sample of a curve for the legend."""
    middle = box.center().y()
    if curve.series.sigma is not None:
        painter.fillRect(box.adjusted(0, 2, 0, -2), _faded(curve.colour))
    painter.setPen(_pen(curve))
    if curve.series.kind == WELL:
        _draw_dots(painter, curve.colour, [QPointF(box.center().x(), middle)])
    elif curve.series.kind == CELL:
        x, step = box.center().x(), 3.0
        corners = [(box.left(), -step), (x, -step), (x, step), (box.right(), step)]
        painter.drawPolyline(QPolygonF([QPointF(x, middle - y) for x, y in corners]))
    else:
        painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))


def draw_line(painter: QPainter, curve: Curve, scale: Scale) -> None:
    """Draw the values of a curve in the way of its kind."""
    series = curve.series
    painter.setPen(_pen(curve))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if series.kind == WELL:
        known = np.flatnonzero(np.isfinite(series.values))
        places = [QPointF(scale.x(series.months[i]), scale.y(series.values[i])) for i in known]
        _draw_dots(painter, curve.colour, places)
        return
    path = QPainterPath()
    alone = []
    for run in runs(series.values):
        months, heights = series.months[run], [scale.y(value) for value in series.values[run]]
        if series.kind == CELL:
            points = [
                QPointF(scale.x(month, part), height)
                for month, height in zip(months, heights)
                for part in (0.0, 1.0)
            ]
        else:
            points = [QPointF(scale.x(month), height) for month, height in zip(months, heights)]
        if len(points) == 1:
            alone += points
        path.addPolygon(QPolygonF(points))
    painter.drawPath(path)
    _draw_dots(painter, curve.colour, alone)


def runs(values: np.ndarray) -> Iterator[slice]:
    """Find the stretches of finite values.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    """
    known = np.isfinite(values).astype(int)
    edges = np.flatnonzero(np.diff(known, prepend=0, append=0))
    for start, stop in edges.reshape(-1, 2):
        yield slice(start, stop)


def _pen(curve: Curve) -> QPen:
    is_main = curve.series.kind not in (CELL, INTERPOLATED)
    style = Qt.PenStyle.SolidLine
    if curve.series.kind == INTERPOLATED:
        style = Qt.PenStyle.DashLine
    pen = QPen(curve.colour, LINE if is_main else THIN_LINE, style)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def _draw_dots(painter: QPainter, colour: QColor, places: Sequence[QPointF]) -> None:
    painter.setPen(QPen(QColor("white"), 0.8))
    painter.setBrush(colour)
    for place in places:
        painter.drawEllipse(place, DOT, DOT)


def _draw_band(painter: QPainter, curve: Curve, scale: Scale) -> None:
    series = curve.series
    if series.sigma is None:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_faded(curve.colour))
    is_step = series.kind == CELL
    for run in runs(series.values + series.sigma):
        months, values, sigma = series.months[run], series.values[run], series.sigma[run]
        upper, lower = [], []
        for month, value, spread in zip(months, values, sigma):
            for part in (0.0, 1.0) if is_step or len(months) == 1 else (0.5,):
                upper.append(QPointF(scale.x(month, part), scale.y(value + spread)))
                lower.append(QPointF(scale.x(month, part), scale.y(value - spread)))
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))


def _draw_filled(painter: QPainter, months: np.ndarray, scale: Scale, text: QColor) -> None:
    shade = QColor(text)
    shade.setAlpha(28)
    for month in months:
        left, right = scale.x(month, 0.0), scale.x(month, 1.0)
        painter.fillRect(QRectF(left, scale.area.top(), right - left, scale.area.height()), shade)


def _draw_axes(painter: QPainter, scale: Scale, text: QColor) -> None:
    area = scale.area
    faint = QColor(text)
    faint.setAlpha(38)
    label = QColor(text)
    label.setAlpha(190)
    for value, number in scale.value_ticks():
        y = scale.y(value)
        painter.setPen(QPen(label if value == 0 else faint, 1.0))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(label)
        box = QRectF(area.left() - 46, y - 9, 40, 18)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
    for month, name in scale.month_ticks():
        x = scale.x(month, 0.0)
        painter.setPen(QPen(faint, 1.0))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom() + 4))
        painter.setPen(label)
        box = QRectF(x - 40, area.bottom() + 4, 80, 18)
        if box.center().x() + 20 <= area.right() + RIGHT:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
    painter.save()
    painter.translate(area.left() - LEFT + 2, area.center().y())
    painter.rotate(-90)
    painter.setPen(label)
    box = QRectF(-area.height() / 2, 0, area.height(), 16)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, tr("cm of water"))
    painter.restore()


def _faded(colour: QColor) -> QColor:
    faded = QColor(colour)
    faded.setAlpha(BAND_ALPHA)
    return faded


def _readable_on(colour: QColor) -> QColor:
    return QColor("white") if colour.lightness() < 150 else QColor("black")
