"""Make the template of print layouts, ``resources/layouts/gwsa.qpt``.

Usage: ``make layout``, on Debian 12 (QGIS 3.22), whose templates later versions read. The items
have the identifiers of ``ui/print_layout/items.py``, by which the plugin fills them in.
"""

from __future__ import annotations

from qgis.core import (
    QgsFillSymbol,
    QgsLayoutItem,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemMapGrid,
    QgsLayoutItemPicture,
    QgsLayoutItemScaleBar,
    QgsLayoutItemShape,
    QgsLayoutMeasurement,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLegendStyle,
    QgsPrintLayout,
    QgsProject,
    QgsReadWriteContext,
    QgsRectangle,
    QgsSimpleFillSymbolLayer,
    QgsTextFormat,
    QgsUnitTypes,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QFont

from gwsa.setup.start_qgis import start_application
from gwsa.ui.animation.month_maps import NO_VALUE
from gwsa.ui.print_layout import items
from gwsa.ui.print_layout.items import TEMPLATE

INK, QUIET, LINE, ACCENT = (QColor(one) for one in ("#22303a", "#6b7882", "#c3ccd2", "#01665e"))
# A4, landscape, mm.
MARGIN, WIDTH, HEIGHT = 12, 297, 210
RIGHT = 222
# Identifier -> text, place (left, top, width, height), size in points, bold, colour.
LABELS = {
    items.TITLE: ("Title", (MARGIN, 10, 190, 11), 20, True, INK),
    items.MONTH: ("Month", (RIGHT - 20, 10, WIDTH - MARGIN - RIGHT + 20, 11), 20, True, ACCENT),
    items.LEGEND_TITLE: ("Legend", (RIGHT, 27, 63, 6), 11, True, INK),
    items.NO_VALUE: ("Grey: no value", (RIGHT, 86, 63, 5), 8, False, QUIET),
    items.VERDICT_TITLE: ("How sure is the detail?", (RIGHT, 95, 63, 6), 11, True, INK),
    items.VERDICT: ("Verdict", (RIGHT, 102, 63, 43), 8.5, False, INK),
    items.SERIES_TITLE: ("Monthly mean", (MARGIN, 147, 205, 6), 11, True, INK),
    items.SERIES_TEXT: ("Series", (RIGHT, 154, 63, 42), 8.5, False, INK),
    items.SOURCE: ("Source", (MARGIN, 198, WIDTH - 2 * MARGIN, 6), 7, False, QUIET),
}
MAP_PLACE = (MARGIN + 4, 27, 200, 112)
LEGEND_PLACE = (RIGHT - 2, 33, 60, 50)
SERIES_PLACE = (MARGIN, 153, 205, 43)


def main() -> None:
    """Write the template."""
    start_application()
    layout = QgsPrintLayout(QgsProject.instance())
    layout.initializeDefaults()
    layout.setName("GWSA")
    map_item = add_map(layout)
    add_rule(layout)
    for identifier, (text, place, size, is_bold, colour) in LABELS.items():
        add_label(layout, identifier, text, place, size, is_bold, colour)
    add_legend(layout, map_item)
    add_scale_bar(layout, map_item)
    picture = QgsLayoutItemPicture(layout)
    add(layout, picture, items.SERIES, SERIES_PLACE)
    TEMPLATE.parent.mkdir(parents=True, exist_ok=True)
    layout.saveAsTemplate(str(TEMPLATE), QgsReadWriteContext())
    print(TEMPLATE)


def add(layout: QgsPrintLayout, item: QgsLayoutItem, identifier: str, place: tuple) -> None:
    """Put an item on the page, at left, top, width and height in mm."""
    item.setId(identifier)
    layout.addLayoutItem(item)
    item.attemptMove(QgsLayoutPoint(*place[:2]))
    item.attemptResize(QgsLayoutSize(*place[2:]))


def add_label(layout, identifier, text, place, size, is_bold, colour) -> None:
    label = QgsLayoutItemLabel(layout)
    label.setText(text)
    label.setFont(font(size, is_bold))
    label.setFontColor(colour)
    side = Qt.AlignmentFlag
    label.setHAlign(side.AlignRight if identifier == items.MONTH else side.AlignLeft)
    if identifier in (items.TITLE, items.MONTH):
        label.setVAlign(Qt.AlignmentFlag.AlignVCenter)
    label.setMarginX(0)
    add(layout, label, identifier, place)


def add_map(layout: QgsPrintLayout) -> QgsLayoutItemMap:
    item = QgsLayoutItemMap(layout)
    item.setFrameEnabled(True)
    item.setFrameStrokeColor(LINE)
    item.setFrameStrokeWidth(QgsLayoutMeasurement(0.2))
    item.setBackgroundColor(NO_VALUE)
    add(layout, item, items.MAP, MAP_PLACE)
    # Any extent of the form of the item, without which QGIS cannot zoom it.
    item.setExtent(QgsRectangle(0, 0, *MAP_PLACE[2:]))
    grid = QgsLayoutItemMapGrid("degrees", item)
    grid.setStyle(QgsLayoutItemMapGrid.GridStyle.FrameAnnotationsOnly)
    grid.setAnnotationEnabled(True)
    grid.setAnnotationFormat(QgsLayoutItemMapGrid.AnnotationFormat.DecimalWithSuffix)
    grid.setAnnotationPrecision(0)
    grid.setAnnotationFont(font(7, False))
    grid.setAnnotationFontColor(QUIET)
    vertical = QgsLayoutItemMapGrid.AnnotationDirection.Vertical
    side = QgsLayoutItemMapGrid.BorderSide
    grid.setAnnotationDirection(vertical, side.Left)
    for one in (side.Top, side.Right):
        grid.setAnnotationDisplay(QgsLayoutItemMapGrid.DisplayMode.HideAll, one)
    item.grids().addGrid(grid)
    return item


def add_rule(layout: QgsPrintLayout) -> None:
    """Add the line below the title."""
    line = QgsLayoutItemShape(layout)
    line.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
    fill = QgsSimpleFillSymbolLayer(LINE, strokeStyle=Qt.PenStyle.NoPen)
    line.setSymbol(QgsFillSymbol([fill]))
    add(layout, line, items.RULE, (MARGIN, 22.5, WIDTH - 2 * MARGIN, 0.4))


def add_legend(layout: QgsPrintLayout, map_item: QgsLayoutItemMap) -> None:
    legend = QgsLayoutItemLegend(layout)
    legend.setLinkedMap(map_item)
    legend.setAutoUpdateModel(False)
    legend.setResizeToContents(True)
    for style in (QgsLegendStyle.Style.SymbolLabel, QgsLegendStyle.Style.Subgroup):
        legend.setStyleFont(style, font(9, False))
    legend.setFontColor(INK)
    add(layout, legend, items.LEGEND, LEGEND_PLACE)


def add_scale_bar(layout: QgsPrintLayout, map_item: QgsLayoutItemMap) -> None:
    bar = QgsLayoutItemScaleBar(layout)
    bar.setLinkedMap(map_item)
    bar.setStyle("Line Ticks Up")
    bar.setUnits(QgsUnitTypes.DistanceUnit.DistanceKilometers)
    bar.setUnitLabel("km")
    bar.setNumberOfSegmentsLeft(0)
    bar.setNumberOfSegments(2)
    bar.setUnitsPerSegment(100)
    text = QgsTextFormat()
    text.setFont(font(8, False))
    text.setSize(8)
    text.setColor(INK)
    bar.setTextFormat(text)
    bar.setHeight(1.5)
    bar.setBoxContentSpace(2)
    bar.setBackgroundEnabled(True)
    bar.setBackgroundColor(QColor(255, 255, 255, 215))
    add(layout, bar, items.SCALE_BAR, (MAP_PLACE[0] + 3, MAP_PLACE[1] + MAP_PLACE[3] - 16, 50, 13))


def font(size: float, is_bold: bool) -> QFont:
    """Return a font that every system has one of."""
    one = QFont("Sans Serif")
    one.setStyleHint(QFont.StyleHint.SansSerif)
    one.setPointSizeF(size)
    one.setBold(is_bold)
    return one


if __name__ == "__main__":
    main()
