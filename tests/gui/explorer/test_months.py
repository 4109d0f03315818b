"""The slider of months moves the layers of the map, and follows the temporal controller."""

import numpy as np
from qgis.core import (
    QgsProject,
)
from qgis.PyQt.QtWidgets import QApplication

from gwsa.processing_provider.styles.months import period_of_month
from gwsa.tests.gui.explorer.dock_steps import PLACE, pick


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
    canvas.setTemporalRange(period_of_month("2010-04"))
    assert str(dock.bar.month) == "2010-04" and str(dock.chart.month) == "2010-04"
    dock.go_to(np.datetime64("2011-02"))
    assert canvas.temporalRange().begin().toString("yyyy-MM") == "2011-02"


def test_without_the_controller_the_map_has_no_time(dock, canvas):
    assert canvas.temporalRange().isInfinite()
    dock.go_to(np.datetime64("2011-02"))
    assert canvas.temporalRange().isInfinite()
