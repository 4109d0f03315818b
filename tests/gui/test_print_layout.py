"""New print layout: the template filled in, its texts, its series, and its export."""

import base64
import re

import numpy as np
import pytest
from qgis.core import Qgis, QgsLayoutExporter, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QApplication

from gwsa.processing_provider.styles.months import move_to_month
from gwsa.ui.animation.colour_scale import colour_scale
from gwsa.ui.animation.dialog import NO_MAPS
from gwsa.ui.print_layout import items, new_layout, series_task
from gwsa.ui.print_layout.new_layout import COMPUTING, OUTSIDE, new_print_layout

from .maps import FILLED_MONTH, VERDICT_TEXT, add_yearly_maps, show_maps, value_of
from .test_animation import wait_until

MONTH = "2015-04"


@pytest.fixture
def layers(qgis_new_project, qgis_iface, tmp_path):
    layers = add_yearly_maps(tmp_path)
    show_maps(qgis_iface.mapCanvas(), layers[0])
    move_to_month(layers[1], MONTH)
    return layers


@pytest.fixture
def make(qgis_processing, qgis_iface, monkeypatch):
    """Make a layout with an active layer, and return it as the designer gets it."""
    opened = []
    monkeypatch.setattr(qgis_iface, "openLayoutDesigner", opened.append, raising=False)

    def make_one(active=None):
        monkeypatch.setattr(qgis_iface, "activeLayer", lambda: active, raising=False)
        opened.clear()
        new_print_layout(qgis_iface)
        return opened[0] if opened else None

    yield make_one
    QApplication.processEvents()


def text(layout, identifier) -> str:
    return layout.itemById(identifier).text()


def wait_for_series(layout) -> None:
    wait_until(lambda: text(layout, items.SERIES_TEXT) != COMPUTING)


def test_the_texts_are_those_of_the_map(make, layers):
    layout = make()
    assert text(layout, items.TITLE) == "Groundwater storage anomaly (GWSA)"
    assert text(layout, items.MONTH) == "April 2015"
    assert text(layout, items.LEGEND_TITLE) == "GWSA (cm)"
    assert text(layout, items.VERDICT) == f"{VERDICT_TEXT}."
    assert "Anomalies from the mean of 2004-01 to 2009-12." in text(layout, items.SOURCE)
    assert layout.name() == "GWSA April 2015"
    assert layout in QgsProject.instance().layoutManager().layouts()
    assert make().name() == "GWSA April 2015 (2)"
    wait_for_series(layout)


def test_the_active_layer_counts_and_a_filled_month_is_stated(make, layers):
    move_to_month(layers[0], FILLED_MONTH)
    layout = make(layers[0])
    assert text(layout, items.MONTH) == "June 2014"
    assert text(layout, items.VERDICT).endswith("GRACE did not observe it.")
    assert layout.itemById(items.MAP).layers() == [layers[0]]
    wait_for_series(layout)


def test_the_map_stays_at_its_month_with_the_other_layers(make, layers):
    points = QgsVectorLayer("Point?crs=EPSG:4326", "wells", "memory")
    points.setAttribution("Wells of a ministry")
    QgsProject.instance().addMapLayer(points)
    layout = make(layers[1])
    item = layout.itemById(items.MAP)
    assert set(item.layers()) == {points, layers[1]}
    assert text(layout, items.SOURCE).endswith("Wells of a ministry.")
    before = pixel(layout)
    move_to_month(layers[1], "2015-12")
    item.refresh()
    assert pixel(layout) == before
    expected = colour_scale(layers[1].renderer()).colour(value_of(MONTH))
    assert all(abs(one - two) <= 3 for one, two in zip(before, expected.getRgb()[:3]))
    wait_for_series(layout)


def pixel(layout) -> tuple:
    """The colour of the middle of the map in the page."""
    image = QgsLayoutExporter(layout).renderPageToImage(0, dpi=60)
    centre = layout.itemById(items.MAP).sceneBoundingRect().center() * 60 / 25.4
    return image.pixelColor(centre.toPoint()).getRgb()[:3]


def test_the_legend_has_the_colours_of_the_layer_alone(make, layers):
    layout = make()
    legend = layout.itemById(items.LEGEND)
    (node,) = legend.model().rootGroup().findLayers()
    assert node.layer() == layers[1]
    (ramp,) = legend.model().layerLegendNodes(node)
    assert type(ramp).__name__ == "QgsColorRampLegendNode"
    wait_for_series(layout)


def test_scale_bar_and_grid_are_round(make, layers):
    layout = make()
    bar, grid = layout.itemById(items.SCALE_BAR), layout.itemById(items.MAP).grid()
    assert bar.unitsPerSegment() * bar.numberOfSegments() == 100
    assert grid.enabled() and (grid.intervalX(), grid.intervalY()) == (2, 1)
    wait_for_series(layout)


def test_the_series_is_the_mean_of_the_area(make, layers):
    layout = make()
    assert text(layout, items.SERIES_TEXT) == COMPUTING
    wait_for_series(layout)
    sentence = text(layout, items.SERIES_TEXT)
    # Values rise by 1 cm each month.
    assert "2014-01 to 2015-12" in sentence and "+12.00 cm/yr" in sentence
    assert "Grey: filled, or without a value." in sentence and "Band" not in sentence
    path = layout.itemById(items.SERIES).picturePath()
    chart = base64.b64decode(path.partition("base64:")[2])
    assert b"<svg" in chart and not re.search(rb"<dc:date>", chart)


def test_the_layout_is_exported_with_its_series(make, layers, tmp_path):
    layout = make()
    wait_for_series(layout)
    exporter = QgsLayoutExporter(layout)
    settings = QgsLayoutExporter.ImageExportSettings()
    settings.dpi = 60
    pdf, png = str(tmp_path / "layout.pdf"), str(tmp_path / "layout.png")
    success = QgsLayoutExporter.ExportResult.Success
    assert exporter.exportToImage(png, settings) == success
    assert exporter.exportToPdf(pdf, QgsLayoutExporter.PdfExportSettings()) == success
    assert (tmp_path / "layout.pdf").read_bytes().startswith(b"%PDF")
    image = QImage(png)
    assert (image.width(), image.height()) == (701, 496)
    place = layout.itemById(items.SERIES).sceneBoundingRect()
    left, top, right, bottom = (
        round(one * 60 / 25.4) for one in (place.left(), place.top(), place.right(), place.bottom())
    )
    dark = [
        image.pixelColor(x, y).lightness() < 200
        for x in range(left, right, 2)
        for y in range(top, bottom, 2)
    ]
    assert np.mean(dark) > 0.01


def test_a_layout_that_is_closed_early_is_left_alone(make, layers):
    layout = make()
    QgsProject.instance().layoutManager().removeLayout(layout)
    wait_until(lambda: not series_task._running)


def test_a_map_beside_the_maps_has_no_series(make, layers, qgis_iface):
    qgis_iface.mapCanvas().setExtent(QgsRectangle(0, 0, 5, 5))
    layout = make()
    assert text(layout, items.SERIES_TEXT) == OUTSIDE
    assert layout.itemById(items.SERIES).picturePath() == ""


def test_missing_libraries_are_a_sentence(make, layers, monkeypatch):
    def fail(*names):
        raise new_layout.MissingLibrary("matplotlib is missing.")

    monkeypatch.setattr(new_layout, "require", fail)
    assert text(make(), items.SERIES_TEXT) == "matplotlib is missing."


def test_without_maps_there_is_a_message(make, qgis_new_project, qgis_iface):
    assert make() is None
    messages = qgis_iface.messageBar().get_messages(Qgis.MessageLevel.Warning)
    assert messages[-1] == f"GWSA:{NO_MAPS}"
