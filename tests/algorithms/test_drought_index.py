"""Tests of gwsa:droughtindex through the Processing registry."""

import csv
import json

import numpy as np
import pytest
import rasterio
from qgis.core import (
    QgsApplication,
    QgsProcessingException,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)

from gwsa.gwsa_plugin.core.results.drought_index import SCALES, IndexOptions
from gwsa.processing_provider.drought_index import SCALE_LABELS

from .storage_maps import DRY_YEAR, FILLED_MONTHS, MONTHS, write_storage

NO_OUTPUTS = {"OUTPUT": None, "FOLDER": None, "EVENTS": None, "SERIES": None}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_storage(tmp_path_factory.mktemp("storage"))


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_maps_and_tables(run, paths, tmp_path):
    outputs = run(
        "droughtindex",
        GWSA=paths["maps"],
        AQUIFERS=paths["aquifers"],
        ID_FIELD="aquifer",
        OUTPUT=tmp_path / "ggdi.tif",
        FOLDER=tmp_path / "years",
        EVENTS=tmp_path / "events.csv",
        SERIES=tmp_path / "series.csv",
    )
    assert set(outputs) == set(NO_OUTPUTS)
    with rasterio.open(tmp_path / "ggdi.tif") as source:
        assert source.descriptions == tuple(map(str, MONTHS))
        values = source.read()
        tags = source.tags()
        filled = [source.tags(band)["GWSA_SOURCE"] == "filled" for band in source.indexes]
    assert tags["GWSA_VARIABLE"] == "GGDI"
    assert json.loads(tags["GWSA_PARAMETERS"])["scale"] == SCALES[0]
    assert MONTHS[filled].tolist() == FILLED_MONTHS.tolist()
    assert sorted(path.name for path in (tmp_path / "years").glob("*.tif")) == [
        f"GGDI_{year}.tif" for year in range(2005, 2015)
    ]
    events = rows(tmp_path / "events.csv")
    assert {row["polygon"] for row in events} == {"west", "east"}
    dry = np.isin(MONTHS, DRY_YEAR)
    for row in events:
        assert np.datetime64(row["first"]) in DRY_YEAR
        assert row["class"] == "extreme" and float(row["deficit_km3"]) > 0
    series = rows(tmp_path / "series.csv")
    assert len(series) == 2 * MONTHS.size
    west = np.array([float(row["ggdi"]) for row in series if row["polygon"] == "west"])
    # All pixels of a polygon are the same here, so that the index of the mean is theirs.
    np.testing.assert_allclose(values[:, 0, 0], west, atol=2.1e-3)
    assert west[dry].min() < -2 and all(float(row["sigma"]) > 0 for row in series)


def test_stack_is_styled_by_classes_of_drought(run, paths, tmp_path):
    run(
        "droughtindex",
        **{**NO_OUTPUTS, "LAYERS": [str(paths["stack"])], "OUTPUT": tmp_path / "g.tif"},
    )
    layer = QgsRasterLayer(str(tmp_path / "g.tif"), "g")
    layer.loadNamedStyle(str(tmp_path / "g.qml"))
    renderer = layer.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    items = renderer.shader().rasterShaderFunction().colorRampItemList()
    assert [item.value for item in items][:3] == [-2.0, -1.5, -1.0]
    assert "extreme drought" in items[0].label


def test_without_polygons_the_table_has_all_pixels(run, paths, tmp_path):
    given = {**NO_OUTPUTS, "LAYERS": [str(paths["stack"])], "EVENTS": tmp_path / "e.gpkg"}
    layer = QgsVectorLayer(run("droughtindex", **given)["EVENTS"], "events", "ogr")
    assert layer.featureCount() >= 1 and not layer.isSpatial()
    assert {feature["polygon"] for feature in layer.getFeatures()} == {"all"}


def test_threshold_duration_and_trend_are_used(run, paths, tmp_path):
    found = {}
    for name, options in {
        "default": {},
        "long": {"DURATION": 24},
        "strict": {"THRESHOLD": -4.9},
        "detrended": {"DETREND": True, "SCALE": 1},
    }.items():
        path = tmp_path / f"{name}.csv"
        given = {**NO_OUTPUTS, "GWSA": paths["maps"], "EVENTS": path, **options}
        run("droughtindex", **given)
        found[name] = rows(path)
    assert found["default"] and not found["long"] and not found["strict"]
    assert found["detrended"] != found["default"]


def test_defaults_are_those_of_the_core(provider):
    algorithm = QgsApplication.processingRegistry().algorithmById("gwsa:droughtindex")
    defaults = {one.name(): one.defaultValue() for one in algorithm.parameterDefinitions()}
    options = IndexOptions()
    assert SCALES[defaults["SCALE"]] == options.scale
    assert (defaults["DETREND"], defaults["LEAST_YEARS"]) == (options.detrend, options.least_years)
    assert len(SCALE_LABELS) == len(SCALES)


def test_two_runs_write_the_same_bytes(run, paths, tmp_path):
    for name in ("one", "two"):
        given = {**NO_OUTPUTS, "GWSA": paths["maps"], "OUTPUT": tmp_path / name / "g.tif"}
        run("droughtindex", **given)
    one, two = (tmp_path / name / "g.tif" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_mistakes_are_refused_before_the_work(run, paths, tmp_path):
    with pytest.raises(QgsProcessingException, match="No output is chosen"):
        run("droughtindex", GWSA=paths["maps"], **NO_OUTPUTS)
    given = {**NO_OUTPUTS, "OUTPUT": tmp_path / "out" / "g.tif"}
    with pytest.raises(QgsProcessingException, match="either as their folder"):
        run("droughtindex", **given)
    with pytest.raises(QgsProcessingException, match="at most 3 observed values .* needs 5"):
        run("droughtindex", **given, GWSA=paths["maps"], START="2006-01", END="2008-12")
    with pytest.raises(QgsProcessingException, match="no field “id”"):
        run(
            "droughtindex",
            **{**NO_OUTPUTS, "EVENTS": tmp_path / "out" / "e.csv"},
            GWSA=paths["maps"],
            AQUIFERS=paths["aquifers"],
            ID_FIELD="id",
        )
    out = tmp_path / "out"
    assert not out.exists() or not list(out.iterdir())
