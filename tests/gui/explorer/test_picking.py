"""What is picked on the map: points, polygons and wells, one or several."""

import csv

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgsMapMouseEvent, QgsRubberBand
from qgis.PyQt.QtCore import QEvent, Qt

from gwsa.gwsa_plugin.core.files.stack import read_stack
from gwsa.gwsa_plugin.core.results.place_series import CELL, INTERPOLATED, MEAN, PIXEL, WELL
from gwsa.tests.gui.explorer.dock_steps import (
    OTHER,
    PLACE,
    curve,
    pick,
    wait,
)


def click(dock, point, modifiers=Qt.KeyboardModifier.NoModifier):
    canvas = dock.canvas
    pixel = canvas.mapSettings().mapToPixel().transform(point).toQPointF().toPoint()
    event = QgsMapMouseEvent(
        canvas,
        QEvent.Type.MouseButtonRelease,
        pixel,
        Qt.MouseButton.LeftButton,
        Qt.MouseButton.LeftButton,
        modifiers,
    )
    canvas.mapTool().canvasReleaseEvent(event)
    wait(dock)


def test_the_tool_picks_and_ctrl_adds_a_place(dock):
    dock.pick_button.click()
    assert dock.canvas.mapTool() is dock.tool
    click(dock, PLACE)
    click(dock, OTHER, Qt.KeyboardModifier.ControlModifier)
    assert [place.name[0] for place in dock.places.places] == ["2", "3"]
    assert len({one.place for one in dock.chart.curves}) == 2
    assert len({one.colour.name() for one in dock.chart.curves}) == 2
    assert len(dock.marks) == 2
    click(dock, OTHER)
    assert len(dock.places.places) == 1 and len(dock.marks) == 1
    dock.pick_button.click()
    assert dock.canvas.mapTool() is not dock.tool


def test_the_map_may_have_another_reference_system(dock, canvas):
    pick(dock, PLACE)
    expected = curve(dock, PIXEL).values
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsCoordinateReferenceSystem("EPSG:3857"),
        QgsProject.instance(),
    )
    pick(dock, transform.transform(PLACE))
    np.testing.assert_array_equal(curve(dock, PIXEL).values, expected)


def test_a_place_without_values_is_stated(dock):
    pick(dock, QgsPointXY(10, 10))
    assert dock.chart.curves == []
    assert "no values there" in dock.chart.message
    assert not dock.save_button.isEnabled()


def test_a_polygon_is_plotted_as_its_mean(dock, sample_world, maps):
    layer = QgsVectorLayer(str(sample_world / "aquifers.geojson"), "Aquifers")
    QgsProject.instance().addMapLayer(layer)
    dock.layer_box.setLayer(layer)
    polygon = min(layer.getFeatures(), key=lambda one: one.geometry().area())
    pick(dock, polygon.geometry().pointOnSurface().asPoint())
    fine = curve(dock, MEAN)
    inside = polygon.geometry()
    with_values = read_stack(maps / "GWSA_2010.tif")
    rows, columns = with_values.grid.window(tuple_of(inside.boundingBox()))
    part = with_values.grid.subgrid(rows, columns)
    centres = [[inside.contains(QgsPointXY(x, y)) for x in part.longitudes] for y in part.latitudes]
    expected = with_values.values[:, rows, columns][:, np.array(centres)]
    np.testing.assert_allclose(fine.values[:12], np.nanmean(expected, axis=1), atol=0.1)
    assert (fine.sigma < 2.0).all()
    assert dock.chart.curves[0].place.startswith(f"A   {polygon['name']}")
    assert {one.series.kind for one in dock.chart.curves} == {MEAN}
    items = [item for item in dock.canvas.scene().items() if isinstance(item, QgsRubberBand)]
    assert any(item.isVisible() for item in items)
    dock.close()
    assert not any(item.isVisible() for item in items)


def tuple_of(box):
    return box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()


@pytest.fixture
def wells(dock, sample_world):
    layer = QgsVectorLayer(str(sample_world / "wells.geojson"), "Wells")
    QgsProject.instance().addMapLayer(layer)
    dock.layer_box.setLayer(layer)
    return layer


def test_a_well_is_plotted_as_storage(dock, wells, sample_world):
    feature = next(one for one in wells.getFeatures() if not one["confined"])
    pick(dock, feature.geometry().asPoint())
    well = curve(dock, WELL)
    assert well.name == f"Well {feature['well']}"
    with (sample_world / "observations.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["well"] == feature["well"]]
    known = np.isfinite(well.values)
    months = {str(month): value for month, value in zip(well.months[known], well.values[known])}
    first, last = (row for row in (rows[0], rows[-1]))
    if {first["date"][:7], last["date"][:7]} <= set(months):
        change = -100 * feature["specific_yield"]
        change *= float(last["depth_to_water"]) - float(first["depth_to_water"])
        found = months[last["date"][:7]] - months[first["date"][:7]]
        assert found == pytest.approx(change, abs=1e-6)
    fine = curve(dock, PIXEL)
    common = np.intersect1d(well.months[known], fine.months, return_indices=True)
    assert well.values[known][common[1]].mean() == pytest.approx(
        fine.values[common[2]].mean(), abs=1e-6
    )


def test_a_click_beside_all_wells_is_stated(dock, wells):
    pick(dock, QgsPointXY(77.0001, 30.9999))
    assert dock.status.text() == "There is no feature of Wells there."
    assert dock.places.places == []


def test_a_well_without_readings_is_stated(dock, wells, tmp_path):
    (tmp_path / "none.csv").write_text("well,date,depth_to_water\nother,2010-01-01,3\n")
    wells.setCustomProperty("gwsa/readings", str(tmp_path / "none.csv"))
    feature = next(wells.getFeatures())
    pick(dock, feature.geometry().asPoint())
    assert dock.status.text().startswith("No reading belongs to any of the wells")
    assert {one.series.kind for one in dock.chart.curves} == {PIXEL, CELL, INTERPOLATED}


def in_memory(layer, name):
    """A temporary copy of a layer, as the tools of QGIS make it."""
    kind = "Point?crs=EPSG:4326" if layer.isSpatial() else "None"
    copy = QgsVectorLayer(kind, name, "memory")
    copy.dataProvider().addAttributes(layer.fields())
    copy.updateFields()
    copy.dataProvider().addFeatures(layer.getFeatures())
    QgsProject.instance().addMapLayer(copy)
    return copy


def test_wells_and_readings_may_be_temporary_layers(dock, wells, sample_world):
    feature = next(one for one in wells.getFeatures() if not one["confined"])
    pick(dock, feature.geometry().asPoint())
    expected = curve(dock, WELL)
    copy = in_memory(wells, "Copy of the wells")
    QgsProject.instance().removeMapLayer(wells.id())
    dock.layer_box.setLayer(copy)
    pick(dock, feature.geometry().asPoint())
    assert f"No readings of well {feature['well']} are known" in dock.status.text()
    readings = QgsVectorLayer(str(sample_world / "observations.csv"), "Readings")
    in_memory(readings, "Copy of the readings")
    pick(dock, feature.geometry().asPoint())
    found = curve(dock, WELL)
    np.testing.assert_array_equal(found.months, expected.months)
    np.testing.assert_allclose(found.values, expected.values)


def test_a_temporary_layer_of_wells_may_have_months_as_fields(dock, wells):
    feature = next(wells.getFeatures())
    months = "&".join(f"field=2010-{month:02d}:double" for month in range(1, 13))
    fields = f"field=site:integer&field=sy:double&{months}"
    layer = QgsVectorLayer(f"Point?crs=EPSG:4326&{fields}", "Months", "memory")
    one = QgsFeature(layer.fields())
    one.setGeometry(feature.geometry())
    one.setAttributes([14, 0.1, *(5 + month / 12 for month in range(12))])
    layer.dataProvider().addFeatures([one])
    QgsProject.instance().addMapLayer(layer)
    dock.layer_box.setLayer(layer)
    pick(dock, feature.geometry().asPoint())
    well = curve(dock, WELL)
    assert well.name == "Well 14"
    # 0.1 of a fall by 1/12 m is 10/12 cm.
    np.testing.assert_allclose(np.diff(well.values), -10 / 12)
