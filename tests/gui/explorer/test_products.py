"""The products of the project, and the reading of their series in the background."""

import shutil
import time

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
)
from qgis.PyQt.QtWidgets import QApplication

from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.results import place_series
from gwsa.gwsa_plugin.core.results.place_series import CELL, INTERPOLATED, PIXEL
from gwsa.tests.gui.explorer.dock_steps import OTHER, PLACE, add_raster, at_pixel, curve, pick, wait
from gwsa.ui.explorer import places as places_module


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


def test_maps_of_folders_with_one_name_are_named_by_the_folder_above(dock, maps, tmp_path):
    for place in ("truth", "mine"):
        (tmp_path / place / "gwsa_1km").mkdir(parents=True)
        shutil.copy(maps / "GWSA_2010.tif", tmp_path / place / "gwsa_1km")
        add_raster(tmp_path / place / "gwsa_1km" / "GWSA_2010.tif")
    wait(dock)
    assert {name for name in names(dock) if "GWSA, 1 km" in name} == {
        f"GWSA, 1 km ({tmp_path.name})",
        "GWSA, 1 km (mine/gwsa_1km)",
        "GWSA, 1 km (truth/gwsa_1km)",
    }


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
