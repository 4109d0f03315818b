"""The shipped styles, as QGIS reads them."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsFeature,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid

STYLES = Path(__file__).parents[2] / "resources" / "styles"


@pytest.fixture
def raster(tmp_path):
    """A layer of one band, 1 to 16."""
    grid = Grid(70.0, 32.0, 0.25, 0.25, 4, 4)
    with rasterio.open(tmp_path / "x.tif", "w", **geotiff_profile(grid, 1)) as target:
        target.write(np.arange(1, 17, dtype="float32").reshape(1, 4, 4))
    return QgsRasterLayer(str(tmp_path / "x.tif"), "x")


def styled(layer, style):
    message, read = layer.loadNamedStyle(str(STYLES / style))
    assert read, message
    return layer.renderer()


@pytest.mark.parametrize(("style", "low", "high"), [("anomaly.qml", -20, 20), ("sigma.qml", 0, 8)])
def test_continuous_colours_have_a_fixed_range_in_centimetres(raster, style, low, high):
    renderer = styled(raster, style)
    assert renderer.type() == "singlebandpseudocolor"
    assert (renderer.classificationMin(), renderer.classificationMax()) == (low, high)
    ramp = renderer.shader().rasterShaderFunction()
    colours = ramp.colorRampItemList()
    assert (colours[0].label, colours[-1].label) == (f"{low} cm", f"{high} cm")
    assert ramp.sourceColorRamp().count() == len(colours)


def test_zero_is_neutral_in_anomalies_and_less_water_is_brown(raster):
    shade = styled(raster, "anomaly.qml").shader().rasterShaderFunction().shade
    colours = {value: QColor(*shade(value)[1:4]) for value in (-16, 0, 16)}
    assert colours[0].saturation() < 10
    assert colours[-16].red() > colours[-16].blue()
    assert colours[16].blue() > colours[16].red()


def test_flags_have_labels_for_observed_and_filled(raster):
    classes = styled(raster, "flags.qml").classes()
    assert {int(item.value): item.label for item in classes} == {0: "observed", 1: "filled"}


def test_regions_are_transparent():
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "regions", "memory")
    assert styled(layer, "regions.qml").symbol().color().alpha() < 60


@pytest.mark.parametrize(
    ("trend", "label"),
    [
        (-12.0, "falls faster than 4 cm/yr"),
        (-1.0, "-2 to -0.5 cm/yr"),
        (0.0, "-0.5 to 0.5 cm/yr"),
        (4.0, "rises faster than 4 cm/yr"),
        (None, "excluded"),
    ],
)
def test_wells_are_coloured_by_their_trend(trend, label):
    layer = QgsVectorLayer("Point?crs=EPSG:4326&field=trend_well:double", "wells", "memory")
    well = QgsFeature(layer.fields())
    well.setAttributes([trend])
    context = QgsExpressionContext()
    context.setFeature(well)
    *classes, rest = styled(layer, "trend_wells.qml").rootRule().children()
    assert rest.isElse()
    matching = [
        rule for rule in classes if QgsExpression(rule.filterExpression()).evaluate(context)
    ]
    assert [rule.label() for rule in matching or [rest]] == [label]
