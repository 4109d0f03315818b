"""The temporal controller moves the band of monthly layers in QGIS without ranges per band."""

import numpy as np
import pytest
from qgis.core import QgsDateTimeRange, QgsProject, QgsRasterLayer, QgsTemporalNavigationObject
from qgis.PyQt.QtCore import QDate, QDateTime, QTime

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.processing_provider.styles.months import HAS_RANGES_PER_BAND
from gwsa.processing_provider.styles.rasters import write_styles
from gwsa.ui.months_as_time import MonthsAsTime

pytestmark = pytest.mark.skipif(HAS_RANGES_PER_BAND, reason="QGIS moves the band by itself")
MARCH = QDateTime(QDate(2015, 3, 1), QTime(0, 0))


@pytest.fixture
def layer(tmp_path):
    """A styled layer of 2015 that shows December."""
    months = np.arange("2015-01", "2016-01", dtype="datetime64[M]")
    grid = Grid(70.0, 32.0, 0.25, 0.25, 4, 4)
    values = np.ones((12, *grid.shape), dtype="float32")
    path = tmp_path / "GWSA_2015.tif"
    write_stack(path, MonthlyStack.on_calendar(grid, months, values, "GWSA"))
    write_styles([path])
    return QgsRasterLayer(str(path), "GWSA 2015")


@pytest.fixture
def controller(qgis_iface, qgis_new_project, monkeypatch):
    """A temporal controller that the plugin is connected with."""
    controller = QgsTemporalNavigationObject()
    monkeypatch.setattr(qgis_iface.mapCanvas(), "temporalController", lambda: controller)
    months = MonthsAsTime(qgis_iface)
    yield controller
    months.remove()


def test_a_layer_opened_by_hand_shows_the_month_of_the_controller(controller, layer):
    QgsProject.instance().addMapLayer(layer)
    assert layer.renderer().band() == 12
    controller.updateTemporalRange.emit(QgsDateTimeRange(MARCH, MARCH.addMonths(1), True, False))
    assert layer.renderer().band() == 3


def test_a_layer_opened_by_hand_is_invisible_outside_its_year(controller, layer):
    QgsProject.instance().addMapLayer(layer)
    later = QgsDateTimeRange(MARCH.addYears(1), MARCH.addYears(1).addMonths(1), True, False)
    assert not layer.temporalProperties().isVisibleInTemporalRange(later)


def test_without_navigation_the_band_stays(controller, layer):
    QgsProject.instance().addMapLayer(layer)
    controller.updateTemporalRange.emit(QgsDateTimeRange(QDateTime(), QDateTime()))
    assert layer.renderer().band() == 12
