"""The dock with layers of the sample world."""

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDateTimeRange,
    QgsProject,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QDateTime

from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.processing_provider.styles.rasters import write_styles
from gwsa.tests.gui.explorer.dock_steps import add_raster, wait
from gwsa.ui.explorer.explorer import Explorer


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
