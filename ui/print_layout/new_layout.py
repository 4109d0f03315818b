"""New print layout: the template filled in with the map, its month, its legend and its verdict."""

from __future__ import annotations

from base64 import b64encode

from qgis.core import (
    Qgis,
    QgsColorRampLegendNode,
    QgsCsException,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemPicture,
    QgsLayoutItemScaleBar,
    QgsLegendRenderer,
    QgsLegendStyle,
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsMapSettings,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsReadWriteContext,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QSizeF
from qgis.PyQt.QtXml import QDomDocument

from ...gwsa_plugin.dependencies import MissingLibrary, require
from ...processing_provider.base import tr
from ...processing_provider.styles.months import bands_by_month, month_of_renderer
from ..animation.page import month_title
from ..monthly_products import MonthlyProduct, product_of
from ..round_numbers import round_step
from ..scale_bar import scale_bar
from . import items
from .series_task import SeriesTask, area_of
from .texts import source_line, verdict_paragraph

NO_MAPS = "The project has no layer whose bands are months; load monthly maps first."
NO_MONTH = "{} does not draw one month; choose Singleband pseudocolor in its properties."
COMPUTING = "The mean of the area of the map is being computed…"
OFF_EARTH = "The map shows more than the earth, so there is no series of its area."
OUTSIDE = "The map shows no part of these maps, so there is no series."
# Lines of the grid in each direction, at most.
MOST_LINES = 6
# The enumeration moved in QGIS 3.40.
SVG = (
    Qgis.PictureFormat.SVG
    if hasattr(Qgis, "PictureFormat")
    else QgsLayoutItemPicture.Format.FormatSVG
)
# Colours of the legend, mm.
RAMP_SIZE = QSizeF(6, 42)


def new_print_layout(iface) -> None:
    """Make a print layout of the map as it is, and open it.

    Parameters
    ----------
    iface : QgisInterface
        The application interface of QGIS.
    """
    product = product_of(iface.activeLayer())
    layer = product and layer_of_map(product, iface.activeLayer())
    month = layer and month_of_map(layer, iface.mapCanvas().mapSettings())
    if not month:
        text = tr(NO_MONTH).format(layer.name()) if layer else tr(NO_MAPS)
        iface.messageBar().pushMessage("GWSA", text, Qgis.MessageLevel.Warning)
        return
    layout = make_layout(product, layer, month, iface.mapCanvas().mapSettings())
    QgsProject.instance().layoutManager().addLayout(layout)
    iface.openLayoutDesigner(layout)
    add_series(layout, product, month)


def layer_of_map(product: MonthlyProduct, active: QgsMapLayer | None) -> QgsRasterLayer:
    """Return the layer of a product to show: the active one, the topmost visible, or the newest.

    Parameters
    ----------
    product : MonthlyProduct
    active : QgsMapLayer or None
        The active layer.
    """
    own = set(product.layers.values())
    root = QgsProject.instance().layerTreeRoot()
    visible = set(root.checkedLayers())
    shown = [layer for layer in root.layerOrder() if layer in own and layer in visible]
    return active if active in own else (shown or [product.newest])[0]


def month_of_map(layer: QgsRasterLayer, settings: QgsMapSettings) -> str | None:
    """Return the month, YYYY-MM, that a layer shows; None if it shows no single month.

    Parameters
    ----------
    layer : QgsRasterLayer
    settings : QgsMapSettings
        Settings of the map canvas, whose time counts where it is set.
    """
    if settings.isTemporal():
        month = settings.temporalRange().begin().toString("yyyy-MM")
        if month in bands_by_month(layer):
            return month
    return month_of_renderer(layer)


def make_layout(
    product: MonthlyProduct, layer: QgsRasterLayer, month: str, view: QgsMapSettings
) -> QgsPrintLayout:
    """Make a layout of the current map from the template.

    The layers and their styles are locked in the layout, so that map and month stay together when
    the user goes on to another month.

    Parameters
    ----------
    product : MonthlyProduct
    layer : QgsRasterLayer
        The layer of the product that the map shows.
    month : str
        YYYY-MM.
    view : QgsMapSettings
        Settings of the map canvas.
    """
    layout = QgsPrintLayout(QgsProject.instance())
    document = QDomDocument()
    document.setContent(items.TEMPLATE.read_bytes())
    layout.loadFromTemplate(document, QgsReadWriteContext())
    layout.setName(free_name(f"GWSA {month_title(month)}"))
    layers = layers_of_map(product, layer)
    fill_map(layout.itemById(items.MAP), layers, view)
    fill_scale_bar(layout.itemById(items.SCALE_BAR), layout.itemById(items.MAP))
    fill_legend(layout.itemById(items.LEGEND), layer)
    unit = f" ({product.unit})" if product.unit else ""
    texts = {
        items.TITLE: product.title,
        items.MONTH: month_title(month),
        items.LEGEND_TITLE: f"{product.label}{unit}",
        items.VERDICT: verdict_paragraph(product, month),
        items.SERIES_TITLE: f"{product.label}{unit}: {tr('monthly mean of the area of the map')}",
        items.SERIES_TEXT: tr(COMPUTING),
        items.SOURCE: source_line(product.tags, layers),
    }
    for identifier, text in texts.items():
        layout.itemById(identifier).setText(text)
    return layout


def layers_of_map(product: MonthlyProduct, shown: QgsRasterLayer) -> list[QgsMapLayer]:
    """Return a layer of a product with the other visible layers of the project, the topmost first.

    Parameters
    ----------
    product : MonthlyProduct
        Its other layers are left out.
    shown : QgsRasterLayer
    """
    own = set(product.layers.values())
    root = QgsProject.instance().layerTreeRoot()
    visible = set(root.checkedLayers()) - own
    return [layer for layer in root.layerOrder() if layer in visible or layer is shown]


def free_name(name: str) -> str:
    """Return a name that no layout of the project has, with a number if need be."""
    taken = {layout.name() for layout in QgsProject.instance().layoutManager().layouts()}
    names = (name if number == 1 else f"{name} ({number})" for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)


def fill_map(item: QgsLayoutItemMap, layers: list[QgsMapLayer], view: QgsMapSettings) -> None:
    """Show layers in the map of a layout as the canvas does, and lock them.

    Parameters
    ----------
    item : QgsLayoutItemMap
    layers : list of QgsMapLayer
        The topmost first.
    view : QgsMapSettings
        Settings of the map canvas.
    """
    item.setCrs(view.destinationCrs())
    item.setLayers(layers)
    item.setKeepLayerSet(True)
    item.storeCurrentLayerStyles()
    item.setKeepLayerStyles(True)
    extent = view.extent() if not view.extent().isEmpty() else layers[0].extent()
    item.zoomToExtent(extent)
    if view.isTemporal():
        item.setIsTemporal(True)
        item.setTemporalRange(view.temporalRange())
    grid = item.grid()
    grid.setEnabled(view.destinationCrs().isGeographic())
    grid.setIntervalX(round_step(item.extent().width(), MOST_LINES))
    grid.setIntervalY(round_step(item.extent().height(), MOST_LINES))


def fill_scale_bar(item: QgsLayoutItemScaleBar, map_item: QgsLayoutItemMap) -> None:
    """Give the scale bar of a layout a round length; without one it is removed."""
    bar = scale_bar(map_item.extent(), map_item.crs())
    if bar is None:
        item.layout().removeLayoutItem(item)
        return
    item.setUnitsPerSegment(bar.km / item.numberOfSegments())
    item.update()


def fill_legend(item: QgsLayoutItemLegend, layer: QgsRasterLayer) -> None:
    """Show the colours of a layer, without its name, which is in the title."""
    node = item.model().rootGroup().addLayer(layer)
    QgsLegendRenderer.setNodeLegendStyle(node, QgsLegendStyle.Style.Hidden)
    nodes = item.model().layerLegendNodes(node)
    ramps = [number for number, one in enumerate(nodes) if isinstance(one, QgsColorRampLegendNode)]
    if ramps:
        # Without the name of the band, and high enough to read a value.
        QgsMapLayerLegendUtils.setLegendNodeOrder(node, ramps)
        QgsMapLayerLegendUtils.setLegendNodeSymbolSize(node, ramps[0], RAMP_SIZE)
        item.model().refreshLayerLegend(node)
    item.adjustBoxSize()


def add_series(layout: QgsPrintLayout, product: MonthlyProduct, month: str) -> None:
    """Compute the series of the area of the map in the background and show it when it is ready.

    Parameters
    ----------
    layout : QgsPrintLayout
    product : MonthlyProduct
    month : str
        Month of the map, YYYY-MM.
    """
    map_item = layout.itemById(items.MAP)
    problem = ""
    try:
        require("scipy", "matplotlib")
        area = area_of(map_item.extent(), map_item.crs())
        if not area.intersects(product.newest.extent()):
            problem = tr(OUTSIDE)
    except MissingLibrary as error:
        problem = str(error)
    except QgsCsException:
        problem = tr(OFF_EARTH)
    if problem:
        layout.itemById(items.SERIES_TEXT).setText(problem)
        return
    task = SeriesTask(product, area, month)

    def show(chart: bytes, sentence: str) -> None:
        if not sip.isdeleted(layout):
            fill_series(layout, chart, sentence)

    task.ended.connect(show)
    task.start()


def fill_series(layout: QgsPrintLayout, chart: bytes, sentence: str) -> None:
    """Show a chart, which is stored in the layout, and a sentence; removed items stay removed."""
    picture, text = layout.itemById(items.SERIES), layout.itemById(items.SERIES_TEXT)
    if picture and chart:
        picture.setPicturePath(f"base64:{b64encode(chart).decode()}", SVG)
    if text:
        text.setText(sentence)
        # The designer shows a picture of the item until it is refreshed.
        text.refresh()
