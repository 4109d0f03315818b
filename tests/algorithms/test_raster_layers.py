"""Raster layers as QGIS holds them: in an archive, and with a CRS that the file does not state."""

import zipfile

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
)

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack

MONTHS = month_range("2004-01", "2009-12")


@pytest.fixture
def stack(tmp_path):
    path = tmp_path / "twsa.tif"
    values = np.random.default_rng(1).normal(size=(MONTHS.size, 3, 3)).astype(np.float32)
    write_stack(path, MonthlyStack.on_calendar(Grid(77, 31, 1, 1, 3, 3), MONTHS, values, "TWSA"))
    return path


@pytest.fixture
def add():
    """Function that adds a layer to the project, which is emptied at the end."""

    def add(source):
        layer = QgsRasterLayer(str(source), "layer")
        assert layer.isValid()
        return QgsProject.instance().addMapLayer(layer)

    yield add
    QgsProject.instance().clear()


def test_a_layer_in_an_archive_is_read(run, stack, tmp_path, add):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(stack, "in/twsa.tif")
    layer = add(f"/vsizip/{tmp_path}/a.zip/in/twsa.tif")
    outputs = {}
    for name, source in {"zip": layer, "file": stack}.items():
        outputs[name] = tmp_path / name / "filled.tif"
        run("fillgaps", INPUT=source, METHOD=1, OUTPUT=outputs[name])
    assert outputs["zip"].read_bytes() == outputs["file"].read_bytes()


def test_the_crs_of_a_layer_is_used_while_it_is_set(run, stack, tmp_path, add):
    plain = tmp_path / "plain.tif"
    source = gdal.Open(str(stack))
    copy = gdal.GetDriverByName("GTiff").CreateCopy(str(plain), source)
    copy.SetProjection("")
    del copy, source
    layer = add(plain)
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    output = tmp_path / "out" / "filled.tif"
    run("fillgaps", INPUT=layer, METHOD=1, OUTPUT=output)
    np.testing.assert_array_equal(read_stack(output).values, read_stack(stack).values)
    layer.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(QgsProcessingException, match="set that of its layer in QGIS, or"):
        run("fillgaps", INPUT=layer, METHOD=1, OUTPUT=tmp_path / "out" / "other.tif")
