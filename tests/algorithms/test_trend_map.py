"""Tests of gwsa:trendmap through the Processing registry."""

import json

import numpy as np
import pytest
import rasterio
from qgis.core import (
    QgsLayerTreeModel,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
)
from qgis.gui import QgsLayerTreeView

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack

MONTHS = month_range("2004-01", "2012-12")
TRUTH = np.linspace(-3, 3, 10)


@pytest.fixture
def stack(tmp_path):
    """Trends that rise from west to east, with a season and noise; two columns have no trend."""
    years = decimal_years(MONTHS)
    values = np.random.default_rng(0).normal(size=(MONTHS.size, 8, 10))
    values += (years - 2008)[:, None, None] * TRUTH
    values[:, :, 4:6] -= (years - 2008)[:, None, None] * TRUTH[4:6]
    values += 5 * np.cos(2 * np.pi * (years - years[0]))[:, None, None]
    path = tmp_path / "in" / "gwsa.tif"
    grid = Grid(75.0, 30.0, 0.25, 0.25, 8, 10)
    write_stack(path, MonthlyStack.on_calendar(grid, MONTHS, values.astype("float32"), "GWSA"))
    return path


def read(path):
    with rasterio.open(path) as source:
        return dict(zip(source.descriptions, source.read())), source.tags()


def test_a_stack_gives_a_named_and_styled_map(run, stack, tmp_path):
    out = tmp_path / "out" / "trend.tif"
    assert run("trendmap", LAYERS=[str(stack)], OUTPUT=out) == {"OUTPUT": str(out)}
    bands, tags = read(out)
    assert list(bands) == ["trend", "lower", "upper", "p", "q", "amplitude", "peak month"]
    np.testing.assert_allclose(bands["trend"][:, [0, 9]], np.tile(TRUTH[[0, 9]], (8, 1)), atol=0.3)
    np.testing.assert_allclose(bands["peak month"], 1, atol=0.5)
    assert json.loads(tags["GWSA_PARAMETERS"])["confidence"] == 0.9
    record = json.loads(out.with_suffix(".run.json").read_text())
    assert record["results"]["pixels"] == 80
    layer = QgsRasterLayer(str(out))
    assert layer.renderer().type() == "singlebandpseudocolor"
    assert layer.renderer().usesBands() == [1]
    assert layer.renderer().classificationMin() == -layer.renderer().classificationMax() < -2
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "trend.qml", "trend.run.json", "trend.tif",
    ]  # fmt: skip


def test_region_period_and_breaks(run, stack, tmp_path):
    out = tmp_path / "trend.tif"
    parameters = {"EXTENT": "76,77,28.5,30 [EPSG:4326]", "END": "2012-06", "BREAKS": True}
    run("trendmap", LAYERS=[str(stack)], OUTPUT=out, **parameters)
    bands, _ = read(out)
    assert bands["break year"].shape == (6, 4)
    assert ((bands["break year"] >= 2008) & (bands["break year"] < 2008.6)).all()
    with rasterio.open(out) as source:
        assert source.bounds == (76, 28.5, 77, 30)


def test_yearly_maps_of_a_folder(run, tmp_path):
    values = np.random.default_rng(1).normal(size=(36, 4, 4)).astype("float32")
    for number, year in enumerate(("2004", "2005", "2006")):
        months = month_range(f"{year}-01", f"{year}-12")
        part = values[12 * number : 12 * number + 12]
        stack = MonthlyStack.on_calendar(Grid(75, 30, 0.25, 0.25, 4, 4), months, part, "GWSA")
        write_stack(tmp_path / "maps" / f"GWSA_{year}.tif", stack)
    run("trendmap", GWSA=tmp_path / "maps", OUTPUT=tmp_path / "trend.tif")
    assert np.isfinite(read(tmp_path / "trend.tif")[0]["q"]).all()


def test_a_short_record_is_refused_in_one_sentence(run, stack, tmp_path):
    with pytest.raises(QgsProcessingException, match="12 months from 2005-01 to 2005-12"):
        parameters = {"START": "2005-01", "END": "2005-12"}
        run("trendmap", LAYERS=[str(stack)], OUTPUT=tmp_path / "t.tif", **parameters)
    assert not (tmp_path / "t.tif").exists()


def test_the_map_loads_below_a_veil_over_what_is_not_significant(
    provider, stack, tmp_path, qgis_iface, monkeypatch
):
    from processing.gui.Postprocessing import handleAlgorithmResults

    project = QgsProject()
    tree = QgsLayerTreeView()
    tree.setModel(QgsLayerTreeModel(project.layerTreeRoot()))
    monkeypatch.setattr(qgis_iface, "layerTreeView", lambda: tree, raising=False)
    context = QgsProcessingContext()
    context.setProject(project)
    feedback = QgsProcessingFeedback()
    out = str(tmp_path / "trend.tif")
    details = context.LayerDetails("Trend map", project, "OUTPUT")
    context.addLayerToLoadOnCompletion(out, details)
    algorithm = provider.algorithm("trendmap")
    parameters = {"LAYERS": [str(stack)], "OUTPUT": out}
    _, ok = algorithm.run(parameters, context, feedback)
    assert ok
    handleAlgorithmResults(algorithm, context, feedback)
    names = [node.layer().name() for node in project.layerTreeRoot().findLayers()]
    assert names == ["Not significant (q > 0.1)", "Trend"]
    veil = project.layerTreeRoot().findLayers()[0].layer()
    bands, _ = read(out)
    assert veil.renderer().usesBands() == [list(bands).index("q") + 1]
    block = veil.renderer().block(1, veil.extent(), 10, 8)
    opaque = [[block.color(row, column) >> 24 > 0 for column in range(10)] for row in range(8)]
    np.testing.assert_array_equal(opaque, bands["q"] > 0.1)
