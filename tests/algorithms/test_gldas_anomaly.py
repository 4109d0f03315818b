"""gwsa:gldasanomaly through the Processing registry."""

import json
import shutil

import numpy as np
import pytest
import rasterio
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsRectangle, QgsVectorLayer

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import in_baseline, month_range
from gwsa.gwsa_plugin.core.sample_world.gldas_files import (
    MIN_LAND_FRACTION,
    VARIABLES,
    file_name,
    write_month,
)
from gwsa.gwsa_plugin.core.sample_world.land import make_land

GRID = Grid(77.0, 31.0, 0.25, 0.25, 4, 4)
MONTHS = month_range("2003-12", "2010-02")
EXTENT = "77.3,77.7,30.1,30.6 [EPSG:4326]"
SOIL = [name for name in VARIABLES if name.startswith("SoilMoi")]


@pytest.fixture(scope="module")
def gldas_months(tmp_path_factory):
    """Folder of GLDAS months, and their soil moisture.

    Soil moisture is in kg m-2, shape (months, rows, columns), NaN outside the land.
    """
    folder = tmp_path_factory.mktemp("gldas")
    random = np.random.default_rng(3)
    land = make_land(GRID, seed=1)
    soil = []
    for month in MONTHS:
        fields = {name: random.uniform(1, 200, GRID.shape).astype(np.float32) for name in VARIABLES}
        write_month(folder / file_name(month), land, month, fields)
        soil.append(sum(fields[name] for name in SOIL))
    return folder, np.where(land.land_fraction >= MIN_LAND_FRACTION, soil, np.nan)


def test_four_styled_stacks_with_months_and_units(run, gldas_months, tmp_path):
    folder, soil = gldas_months
    wanted = {name: tmp_path / f"{name}.tif" for name in ("SMS", "SWES", "CWS", "OUTPUT")}
    outputs = run(
        "gldasanomaly",
        INPUT=folder,
        EXTENT=EXTENT,
        START="2004-06",
        END="2010-01",
        MARGIN=0,
        **wanted,
    )
    assert set(outputs) >= set(wanted)
    values = {}
    for name, path in wanted.items():
        with rasterio.open(path) as source:
            assert source.descriptions == tuple(map(str, month_range("2004-06", "2010-01")))
            assert set(source.units) == {"cm"} and source.bounds == (77.25, 30.0, 77.75, 30.75)
            assert source.tags()["GWSA_BASELINE"] == "2004-01..2009-12"
            values[name] = source.read()
        assert path.with_suffix(".qml").exists() and path.with_suffix(".run.json").exists()
    assert np.isfinite(values["SMS"]).any()
    anomaly = (soil - soil[in_baseline(MONTHS)].mean(axis=0))[6:-1, 1:4, 1:3] / 10
    np.testing.assert_allclose(values["SMS"], anomaly, atol=1e-4)
    np.testing.assert_allclose(
        values["OUTPUT"], values["SMS"] + values["SWES"] + values["CWS"], atol=1e-4
    )


def test_a_margin_is_kept_by_default(run, gldas_months, tmp_path):
    """750 km are 6.8 degrees of latitude."""
    run("gldasanomaly", INPUT=gldas_months[0], EXTENT=EXTENT, OUTPUT=tmp_path / "sum.tif")
    with rasterio.open(tmp_path / "sum.tif") as source:
        assert (source.bounds.bottom, source.bounds.top) == (23.25, 37.5)
        assert source.tags()["GWSA_REGION"] == "77.25 30 77.75 30.75"
        assert json.loads(source.tags()["GWSA_PARAMETERS"])["margin_km"] == 750


def test_two_runs_write_the_same_bytes(run, gldas_months, tmp_path):
    for name in ("one", "other"):
        run(
            "gldasanomaly",
            INPUT=gldas_months[0],
            EXTENT=EXTENT,
            OUTPUT=tmp_path / name / "sum.tif",
        )
    assert (tmp_path / "one/sum.tif").read_bytes() == (tmp_path / "other/sum.tif").read_bytes()


def test_missing_months_are_listed_and_no_file_is_written(run, gldas_months, tmp_path):
    folder = tmp_path / "gldas"
    shutil.copytree(gldas_months[0], folder)
    for month in ("2006-03", "2006-04", "2008-11"):
        (folder / file_name(np.datetime64(month))).unlink()
    with pytest.raises(QgsProcessingException, match=r"no file for 2006-03\.\.2006-04, 2008-11"):
        run("gldasanomaly", INPUT=folder, OUTPUT=tmp_path / "out" / "sum.tif")
    assert not (tmp_path / "out").exists()


def test_granules_that_are_not_monthly_are_refused(run, real_data, tmp_path):
    with pytest.raises(QgsProcessingException, match="not monthly means: .*A20150101.*A20160101"):
        run("gldasanomaly", INPUT=real_data / "gldas", OUTPUT=tmp_path / "sum.tif")
    assert not list(tmp_path.iterdir())


def test_ice_polygons_can_have_any_crs(run, gldas_months, tmp_path):
    ice = QgsVectorLayer("Polygon?crs=EPSG:3857", "ice", "memory")
    outline = QgsFeature()
    outline.setGeometry(QgsGeometry.fromRect(QgsRectangle(8571000, 3503500, 8600000, 3540000)))
    ice.dataProvider().addFeatures([outline])
    sharp, smooth = (tmp_path / f"{name}.tif" for name in ("sharp", "smooth"))
    region = {"INPUT": gldas_months[0], "EXTENT": EXTENT, "MARGIN": 0}
    run("gldasanomaly", **region, OUTPUT=sharp)
    run(
        "gldasanomaly",
        **region,
        ICE=ice,
        OUTPUT=smooth,
        CELL_SIZE=0.5,
        GAUSSIAN_RADIUS=30,
    )
    with rasterio.open(sharp) as source:
        assert source.res == (0.25, 0.25)
    with rasterio.open(smooth) as source:
        assert source.res == (0.5, 0.5)
        parameters = json.loads(source.tags()["GWSA_PARAMETERS"])
    assert parameters["gaussian_km"] == 30 and len(parameters["ice_polygons"]) == 64


@pytest.mark.parametrize(
    "start, message", [("2010", "START is “2010”"), ("2011-01", "starts in 2011-01")]
)
def test_impossible_period_is_refused(run, gldas_months, tmp_path, start, message):
    with pytest.raises(QgsProcessingException, match=message):
        run("gldasanomaly", INPUT=gldas_months[0], START=start, OUTPUT=tmp_path / "sum.tif")
