"""The explorer on the sample world: what is plotted, picked, moved, saved and left behind."""

import csv
import time

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsDateTimeRange,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import QDateTime, QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QImage, QMouseEvent, QWheelEvent
from qgis.PyQt.QtSvg import QSvgRenderer
from qgis.PyQt.QtWidgets import QApplication

from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.results import place_series
from gwsa.gwsa_plugin.core.results.place_series import CELL, INTERPOLATED, MEAN, PIXEL, WELL
from gwsa.processing_provider.styles.rasters import write_styles
from gwsa.ui.explorer import places as places_module
from gwsa.ui.explorer.explorer import Explorer
from gwsa.ui.explorer.month_layers import time_of

# A pixel of land in the sample world.
PLACE = QgsPointXY(77.4321, 29.4567)
OTHER = QgsPointXY(78.2, 30.2)
PATIENCE_S = 30


def wait(dock) -> None:
    """Let the work in the background end and its results arrive."""
    end = time.monotonic() + PATIENCE_S
    while True:
        QApplication.processEvents()
        if not dock.products.is_busy and not dock.places.is_busy:
            break
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def canvas(qgis_iface, qgis_new_project):
    canvas = qgis_iface.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    canvas.resize(400, 400)
    canvas.setExtent(QgsRectangle(77, 29, 79, 31))
    yield canvas
    canvas.setTemporalRange(QgsDateTimeRange(QDateTime(), QDateTime()))


@pytest.fixture
def explorer(qgis_processing, qgis_iface, canvas):
    qgis_iface.mainWindow().show()
    explorer = Explorer(qgis_iface)
    yield explorer
    explorer.remove()
    qgis_iface.mainWindow().hide()


@pytest.fixture
def maps(sample_world, tmp_path):
    """Two years of 1 km maps with sigma: those of the sample world, and the same 3 cm lower."""
    source = sample_world / "truth/gwsa_1km/GWSA_2010.tif"
    stack = read_stack(source)
    lower = MonthlyStack.on_calendar(stack.grid, stack.months + 12, stack.values - 3, "GWSA")
    sigma = np.full_like(stack.values, 2.0)
    (tmp_path / "sigma").mkdir()
    paths = []
    for one in (MonthlyStack.on_calendar(stack.grid, stack.months, stack.values, "GWSA"), lower):
        year = str(one.months[0])[:4]
        paths.append(tmp_path / f"GWSA_{year}.tif")
        write_stack(paths[-1], one)
        spread = MonthlyStack.on_calendar(stack.grid, one.months, sigma, "SIGMA_GWSA")
        write_stack(tmp_path / f"sigma/GWSA_SIGMA_{year}.tif", spread)
    write_styles(paths)
    return tmp_path


def add_raster(path) -> QgsRasterLayer:
    layer = QgsRasterLayer(str(path), path.stem)
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def years(canvas, maps):
    """Layers of the two years, of which the later is ticked."""
    layers = [add_raster(maps / f"GWSA_{year}.tif") for year in (2010, 2011)]
    root = QgsProject.instance().layerTreeRoot()
    root.findLayer(layers[0].id()).setItemVisibilityChecked(False)
    return layers


@pytest.fixture
def dock(explorer, years, sample_world):
    """The dock with the 1 km maps, the coarse GWSA and TWSA."""
    for name in ("GWSA", "TWSA"):
        add_raster(sample_world / f"truth/{name}.tif")
    explorer.show()
    wait(explorer.dock)
    return explorer.dock


def pick(dock, point, is_added=False):
    dock.pick(point, is_added)
    wait(dock)


def curve(dock, kind, place=0):
    title = list(dict.fromkeys(one.place for one in dock.chart.curves))[place]
    return next(
        one.series for one in dock.chart.curves if (one.place, one.series.kind) == (title, kind)
    )


def at_pixel(path, point):
    """All months of the pixel at a point, read with nothing of the explorer."""
    layer = QgsRasterLayer(str(path), "check")
    provider = layer.dataProvider()
    values = [provider.sample(point, band) for band in range(1, layer.bandCount() + 1)]
    return np.array([value if known else np.nan for value, known in values])


def test_a_click_plots_the_values_of_the_rasters(dock, maps, sample_world):
    pick(dock, PLACE)
    fine = curve(dock, PIXEL)
    expected = [at_pixel(maps / f"GWSA_{year}.tif", PLACE) for year in (2010, 2011)]
    np.testing.assert_allclose(fine.values, np.concatenate(expected), atol=1e-6)
    assert np.isfinite(fine.values).all()
    np.testing.assert_allclose(fine.sigma, 2.0)
    cell = curve(dock, CELL)
    coarse = at_pixel(sample_world / "truth/GWSA.tif", PLACE)
    np.testing.assert_allclose(cell.values, coarse, atol=1e-6)
    assert np.isfinite(curve(dock, INTERPOLATED).values).any()
    assert not np.array_equal(curve(dock, INTERPOLATED).values, cell.values)


def test_the_legend_has_value_sigma_trend_and_amplitude(dock):
    pick(dock, PLACE)
    dock.go_to(np.datetime64("2011-03"))
    rows = dock.chart.legend(900).rows()
    fine = curve(dock, PIXEL)
    value = f"{fine.values[14]:.1f}".replace("-", "−")
    assert rows[0][1] == "2011-03 (cm)"
    assert rows[1][:2] == ("GWSA, 1 km  2010–2011", f"{value} ± 2.0")
    trend = fine.behaviour.trend
    assert rows[1][2].startswith(f"{trend.value:.2f}".replace("-", "−"))
    assert " to " in rows[1][2] and " to " in rows[1][3]


def test_the_mouse_reads_month_and_value(dock):
    pick(dock, PLACE)
    chart = dock.chart
    chart.resize(800, 500)
    chart.grab()
    month = np.datetime64("2010-08")
    scale = chart._scale
    position = QPoint(round(scale.x(month)), round(scale.area.center().y()))
    send(chart, QEvent.Type.MouseMove, position)
    assert chart.hovered == month
    heading, row, *_ = chart.legend(900).rows()
    value = f"{curve(dock, PIXEL).values[7]:.1f}".replace("-", "−")
    assert heading[1] == "2010-08 (cm)" and row[1] == f"{value} ± 2.0"
    send(chart, QEvent.Type.MouseButtonPress, position)
    assert dock.bar.month == month and chart.month == month
    chart.leaveEvent(None)
    assert chart.hovered is None


def test_the_wheel_shows_fewer_months_around_the_mouse(dock):
    pick(dock, PLACE)
    chart = dock.chart
    chart.resize(800, 500)
    chart.grab()
    everything, height = chart._scale.months, chart._scale.high - chart._scale.low
    month = np.datetime64("2010-06")
    for _ in range(40):
        position = QPointF(chart._scale.x(month), chart._scale.area.center().y())
        send(chart, QEvent.Type.MouseMove, position.toPoint())
        turn(chart, position, 120)
        chart.grab()
        assert abs((chart._scale.month_at(position.x()) - month).astype(int)) <= 1
    assert chart._scale.months == 12
    assert chart._scale.high - chart._scale.low < height
    for _ in range(40):
        turn(chart, chart._scale.area.center(), -120)
        chart.grab()
    assert chart._scale.months == everything


def turn(chart, position, delta):
    event = QWheelEvent(
        position,
        position,
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(chart, event)


def send(widget, kind, position):
    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(kind, position, left, left, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


def test_terms_are_shown_on_request(dock):
    pick(dock, PLACE)
    names = [one.series.name for one in dock.chart.curves]
    assert "TWSA, 0.25°" not in names
    action = next(one for one in dock.series_menu.actions() if one.text() == "TWSA, 0.25°")
    assert not action.isChecked()
    action.trigger()
    wait(dock)
    assert "TWSA, 0.25°" in [one.series.name for one in dock.chart.curves]
    action.trigger()
    assert [one.series.name for one in dock.chart.curves] == names


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


def test_the_slider_moves_the_layers_and_the_line(dock, years):
    root = QgsProject.instance().layerTreeRoot()
    nodes = [root.findLayer(layer.id()) for layer in years]
    assert (str(dock.bar.month), str(dock.chart.month)) == ("2011-12", "2011-12")
    dock.bar.slider.setValue(dock.bar.slider.value() - 15)
    assert str(dock.chart.month) == "2010-09"
    assert [node.isVisible() for node in nodes] == [True, False]
    assert years[0].renderer().band() == 9
    coarse = next(
        layer for layer in QgsProject.instance().mapLayers().values() if layer.name() == "GWSA"
    )
    if hasattr(coarse.renderer(), "setBand"):
        assert coarse.bandName(coarse.renderer().band()).endswith("2010-09")
    dock.bar.slider.setValue(dock.bar.slider.value() + 4)
    assert [node.isVisible() for node in nodes] == [False, True]
    assert years[1].renderer().band() == 1


def test_layers_that_the_user_has_unticked_stay_so(dock, years):
    root = QgsProject.instance().layerTreeRoot()
    for layer in years:
        root.findLayer(layer.id()).setItemVisibilityChecked(False)
    dock.go_to(np.datetime64("2010-05"))
    assert not any(root.findLayer(layer.id()).isVisible() for layer in years)


def test_play_goes_on_and_begins_again_after_the_last_month(dock):
    dock.bar.slider.setValue(dock.bar.slider.maximum())
    dock.bar.play_button.click()
    assert dock.bar._timer.isActive()
    dock.bar.step()
    assert dock.bar.slider.value() == 0
    assert dock.chart.month == dock.bar.month
    dock.close()
    QApplication.processEvents()
    assert not dock.bar._timer.isActive()


def test_the_dock_follows_the_temporal_controller(dock, canvas):
    pick(dock, PLACE)
    canvas.setTemporalRange(time_of(np.datetime64("2010-04")))
    assert str(dock.bar.month) == "2010-04" and str(dock.chart.month) == "2010-04"
    dock.go_to(np.datetime64("2011-02"))
    assert canvas.temporalRange().begin().toString("yyyy-MM") == "2011-02"


def test_without_the_controller_the_map_has_no_time(dock, canvas):
    assert canvas.temporalRange().isInfinite()
    dock.go_to(np.datetime64("2011-02"))
    assert canvas.temporalRange().isInfinite()


def test_the_csv_equals_the_plot(dock, tmp_path):
    pick(dock, PLACE)
    pick(dock, OTHER, is_added=True)
    dock.save(tmp_path / "series.csv")
    with (tmp_path / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [
        (one.place[4:], one.series.name, str(month), value)
        for one in dock.chart.curves
        for month, value in zip(one.series.months, one.series.values)
        if np.isfinite(value)
    ]
    assert [(row["place"], row["series"], row["month"]) for row in rows] == [
        one[:3] for one in expected
    ]
    np.testing.assert_allclose(
        [float(row["value_cm"]) for row in rows], [one[3] for one in expected], atol=6e-5
    )
    assert "saved" in dock.status.text().lower()


def test_the_table_is_copied(dock):
    pick(dock, PLACE)
    dock.copy()
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("month\t29.4567° N, 77.4321° E: GWSA, 1 km (cm)\t")
    row = next(line.split("\t") for line in lines if line.startswith("2010-03"))
    assert float(row[1]) == pytest.approx(curve(dock, PIXEL).values[2], abs=6e-5)


def test_pictures_are_saved(dock, tmp_path):
    pick(dock, PLACE)
    dock.save(tmp_path / "series.png")
    dock.save(tmp_path / "series.svg")
    image = QImage(str(tmp_path / "series.png"))
    assert image.width() == 1920
    colours = {image.pixelColor(x, 400).name() for x in range(0, 1920, 3)}
    assert "#ffffff" in colours and len(colours) > 3
    renderer = QSvgRenderer(str(tmp_path / "series.svg"))
    assert renderer.isValid() and renderer.viewBox().width() == 960
    assert "GWSA, 1 km" in (tmp_path / "series.svg").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_a_sentence(dock, tmp_path):
    pick(dock, PLACE)
    (tmp_path / "file").write_text("")
    for ending in ("csv", "png"):
        dock.save(tmp_path / "file" / f"series.{ending}")
        assert f"series.{ending} is not saved: " in dock.status.text()


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


def test_a_stack_of_anybody_is_plotted(explorer, canvas, sample_world, tmp_path):
    """In mm, from 0 to 360°, without tags; the months are in the descriptions of the bands."""
    from gwsa.gwsa_plugin.core.rasters.reading import open_raster

    stack = read_stack(sample_world / "truth/GWSA.tif")
    path = tmp_path / "theirs.tif"
    write_stack(
        path, MonthlyStack.on_calendar(stack.grid, stack.months, stack.values * 10, "", "mm")
    )
    with open_raster(path) as source:
        assert source.bands[0].description == str(stack.months[0])
    add_raster(path)
    explorer.show()
    wait(explorer.dock)
    pick(explorer.dock, PLACE)
    np.testing.assert_allclose(
        curve(explorer.dock, CELL).values,
        at_pixel(sample_world / "truth/GWSA.tif", PLACE),
        atol=1e-5,
    )


def test_predictors_flags_and_sigma_are_no_products(dock, sample_world):
    assert names(dock) == ["GWSA, 1 km", "GWSA, 0.25°", "TWSA, 0.25°"]
    for name in ("ndvi_2010", "precipitation_2010", "elevation"):
        add_raster(sample_world / f"predictors/{name}.tif")
    wait(dock)
    # A flux in mm is one only on request.
    assert names(dock) == ["GWSA, 1 km", "GWSA, 0.25°", "Precipitation, 1 km", "TWSA, 0.25°"]
    assert [one.product.name for one in dock.shown] == ["GWSA, 1 km", "GWSA, 0.25°"]


def names(dock):
    return [one.product.name for one in dock.products.loaded]


def test_a_removed_layer_disappears_and_nothing_loaded_is_stated(dock, years):
    pick(dock, PLACE)
    QgsProject.instance().removeMapLayers([layer.id() for layer in years])
    wait(dock)
    assert {one.series.kind for one in dock.chart.curves} == {CELL, INTERPOLATED}
    QgsProject.instance().clear()
    wait(dock)
    assert dock.chart.curves == []
    assert dock.chart.message.startswith("No monthly maps are loaded.")
    assert not dock.bar.isEnabled()


def test_a_replaced_file_is_read_again(dock, maps, years):
    pick(dock, PLACE)
    before = curve(dock, PIXEL).values
    path = maps / "GWSA_2011.tif"
    stack = read_stack(path)
    time.sleep(0.02)
    write_stack(path, MonthlyStack.on_calendar(stack.grid, stack.months, stack.values - 1, "GWSA"))
    dock.products.find()
    wait(dock)
    np.testing.assert_allclose(curve(dock, PIXEL).values[12:], before[12:] - 1, atol=1e-5)


def test_series_are_read_once(dock, monkeypatch, sample_world):
    pick(dock, PLACE)
    read = []

    def count(product, *given):
        read.append(product.name)
        return place_series.series_at(product, *given)

    monkeypatch.setattr(places_module, "series_at", count)
    dock.pick_button.click()
    wait(dock)
    add_raster(sample_world / "truth/SMS.tif")
    wait(dock)
    assert read == []
    pick(dock, OTHER, is_added=True)
    assert read == ["GWSA, 1 km", "GWSA, 0.25°"]


def test_a_stack_that_cannot_be_used_is_explained(explorer, canvas, sample_world, tmp_path):
    path = tmp_path / "theirs.tif"
    write_stack(path, read_stack(sample_world / "truth/GWSA.tif"))
    raster = gdal.Open(str(path), gdal.GA_Update)
    raster.SetProjection(QgsCoordinateReferenceSystem("EPSG:32643").toWkt())
    raster = None
    add_raster(path)
    explorer.show()
    wait(explorer.dock)
    assert "theirs.tif is in " in explorer.dock.chart.message
    assert any("theirs.tif" in one.toolTip() for one in explorer.dock.series_menu.actions())


def test_a_new_click_cancels_the_reading_of_the_last(dock, monkeypatch):
    """A slow disk: the first place is given up, and the window was never blocked."""
    read = []

    def slow(product, longitude, latitude, progress):
        read.append(longitude)
        for _ in range(200):
            progress.stop_if_cancelled()
            time.sleep(0.01)
        return place_series.series_at(product, longitude, latitude, progress)

    monkeypatch.setattr(places_module, "series_at", slow)
    started = time.monotonic()
    dock.pick(PLACE)
    assert time.monotonic() - started < 0.3
    QApplication.processEvents()
    monkeypatch.setattr(places_module, "series_at", place_series.series_at)
    pick(dock, OTHER)
    assert len(dock.places.places) == 1
    assert {one.place[4:] for one in dock.chart.curves} == {"30.2000° N, 78.2000° E"}
    assert len(read) <= 1


def test_a_damaged_file_is_a_sentence_and_the_others_are_shown(dock, maps):
    path = maps / "GWSA_2011.tif"
    path.write_bytes(path.read_bytes()[:3000])
    pick(dock, PLACE)
    assert "GWSA_2011.tif" in dock.status.text()
    assert {one.series.kind for one in dock.chart.curves} == {CELL, INTERPOLATED}


def test_nothing_is_left_behind(qgis_iface, canvas, years):
    explorer = Explorer(qgis_iface)
    tool = canvas.mapTool()
    items = set(canvas.scene().items())
    explorer.show()
    wait(explorer.dock)
    explorer.dock.pick_button.click()
    explorer.dock.pick(PLACE)  # reading while the plugin is removed
    assert len(set(canvas.scene().items()) - items) >= 1
    explorer.remove()
    QApplication.processEvents()
    assert set(canvas.scene().items()) <= items
    assert canvas.mapTool() is tool
    assert explorer.dock is None
    assert not [
        task for task in QgsApplication.taskManager().activeTasks() if "GWSA" in task.description()
    ]
    years[0].renderer().setBand(1)
    QgsProject.instance().removeMapLayer(years[0].id())
    QApplication.processEvents()


def test_the_action_shows_and_hides_the_dock(explorer, canvas, years):
    explorer.action.trigger()
    wait(explorer.dock)
    assert explorer.action.isChecked() and explorer.dock.isVisible()
    pick(explorer.dock, PLACE)
    explorer.action.trigger()
    QApplication.processEvents()
    assert not explorer.action.isChecked() and not explorer.dock.isVisible()
    assert not any(mark.isVisible() for mark in explorer.dock.marks)
    explorer.action.trigger()
    assert explorer.dock.isVisible() and explorer.dock.marks[0].isVisible()
    explorer.dock.close()
    assert not explorer.action.isChecked()
