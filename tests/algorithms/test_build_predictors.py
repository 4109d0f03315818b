"""gwsa:buildpredictors through the Processing registry."""

import json

import numpy as np
import pytest
import rasterio
from qgis.core import QgsProcessingException

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet

COARSE = Grid(76.0, 30.0, 0.25, 0.25, 3, 2)
MONTHS = month_range("2004-01", "2005-12")
ENTRIES = [
    {"name": "elevation", "files": "elevation.tif"},
    {"name": "rain", "files": "rain_{YYYY}.tif", "lags": [0, 3]},
]


@pytest.fixture
def world(tmp_path):
    """A stack, a catalogue with rasters on another grid, and a land mask of the western column."""
    world = tmp_path / "in"
    world.mkdir()
    write_stack(
        world / "gwsa.tif",
        MonthlyStack.on_calendar(COARSE, MONTHS[:1], np.zeros((1, *COARSE.shape)), "GWSA"),
    )
    own = Grid(75.9, 30.1, 0.01, 0.01, 100, 80)
    mask = np.broadcast_to(own.longitudes < 76.25, own.shape)
    bands = {"elevation": [np.full(own.shape, 300.0)], "mask": [mask]}
    for year in (2004, 2005):
        bands[f"rain_{year}"] = [np.full(own.shape, year + band / 12) for band in range(12)]
    for name, values in bands.items():
        with rasterio.open(
            world / f"{name}.tif", "w", **geotiff_profile(own, len(values))
        ) as target:
            target.write(np.asarray(values, dtype=np.float32))
    (world / "catalogue.json").write_text(json.dumps({"predictors": ENTRIES}))
    return world


def test_set_is_on_the_grid_of_the_stack(run, world, tmp_path):
    outputs = run(
        "buildpredictors",
        CATALOGUE=world / "catalogue.json",
        GRID=world / "gwsa.tif",
        LAND_MASK=world / "mask.tif",
        START="2004-06",
        END="2005-02",
        FACTOR=10,
        OUTPUT=tmp_path / "set",
    )
    assert outputs["OUTPUT"] == str(tmp_path / "set")
    predictors = PredictorSet.open(tmp_path / "set")
    assert predictors.grid.same_as(COARSE.refine(10)) and predictors.coarse_grid.same_as(COARSE)
    assert predictors.months.tolist() == month_range("2004-06", "2005-02").tolist()
    assert (predictors.land() == (predictors.grid.longitudes < 76.25)).all()
    values = read_features(predictors, "coarse", ["2005-01"])[0]
    assert (values[0, :, 0] == 300).all() and np.isnan(values[0, :, 1]).all()
    np.testing.assert_allclose(values[1:, :, 0], [[2005.0] * 3, [2004 + 9 / 12] * 3], rtol=1e-6)
    assert json.loads((tmp_path / "set" / "run.json").read_text())["stage"] == "buildpredictors"


def test_rebuild_keeps_unchanged_rasters(run, world, tmp_path):
    entries = [*ENTRIES, {"name": "loss", "files": "rain_{YYYY}.tif", "scale": 0.5}]
    kept = tmp_path / "set" / "fine" / "rain_2004.tif"
    states = set()
    for catalogue in (ENTRIES, entries):
        (world / "catalogue.json").write_text(json.dumps({"predictors": catalogue}))
        run(
            "buildpredictors",
            CATALOGUE=world / "catalogue.json",
            GRID=world / "gwsa.tif",
            OUTPUT=tmp_path / "set",
        )
        states.add((kept.stat().st_ino, kept.stat().st_mtime_ns))
    assert len(states) == 1
    assert PredictorSet.open(tmp_path / "set").features == (
        "elevation",
        "rain",
        "rain_lag3",
        "loss",
    )


def test_defaults_of_period_mask_and_folder(run, world):
    outputs = run(
        "buildpredictors",
        CATALOGUE=world / "catalogue.json",
        GRID=world / "gwsa.tif",
        OUTPUT="TEMPORARY_OUTPUT",
    )
    predictors = PredictorSet.open(outputs["OUTPUT"])
    assert predictors.factor == 30 and predictors.land().all()
    assert predictors.months.tolist() == MONTHS.tolist()


def test_difference_and_means_are_features(run, world):
    surplus = {"name": "surplus", "difference": ["rain", "loss"], "means": [12]}
    entries = [*ENTRIES, {"name": "loss", "files": "rain_{YYYY}.tif", "scale": 0.5}, surplus]
    (world / "catalogue.json").write_text(json.dumps({"predictors": entries}))
    outputs = run(
        "buildpredictors",
        CATALOGUE=world / "catalogue.json",
        GRID=world / "gwsa.tif",
        FACTOR=10,
        OUTPUT="TEMPORARY_OUTPUT",
    )
    predictors = PredictorSet.open(outputs["OUTPUT"])
    assert predictors.features[-2:] == ("surplus", "surplus_mean12")
    values = read_features(predictors, "fine", ["2004-12"])[0, -2:]
    np.testing.assert_allclose(
        values[:, 0, 0], [(2004 + 11 / 12) / 2, (2004 + 5.5 / 12) / 2], rtol=1e-6
    )


def test_difference_of_a_missing_predictor_is_refused(run, world, tmp_path):
    entries = [*ENTRIES, {"name": "surplus", "difference": ["rain", "loss"]}]
    (world / "catalogue.json").write_text(json.dumps({"predictors": entries}))
    with pytest.raises(
        QgsProcessingException, match=r'catalogue\.json names loss in "difference" of surplus'
    ):
        run(
            "buildpredictors",
            CATALOGUE=world / "catalogue.json",
            GRID=world / "gwsa.tif",
            OUTPUT=tmp_path / "set",
        )


def test_all_missing_files_are_named_and_nothing_is_written(run, world, tmp_path):
    (world / "elevation.tif").unlink()
    (world / "rain_2005.tif").unlink()
    with pytest.raises(QgsProcessingException, match=r"elevation\.tif, rain_2005\.tif"):
        run(
            "buildpredictors",
            CATALOGUE=world / "catalogue.json",
            GRID=world / "gwsa.tif",
            END="2005-12",
            OUTPUT=tmp_path / "set",
        )
    assert not (tmp_path / "set").exists()


def test_invalid_catalogue_is_refused(run, world, tmp_path):
    (world / "catalogue.json").write_text("predictors: none")
    with pytest.raises(QgsProcessingException, match=r"catalogue\.json is not readable as JSON"):
        run(
            "buildpredictors",
            CATALOGUE=world / "catalogue.json",
            GRID=world / "gwsa.tif",
            OUTPUT=tmp_path / "set",
        )
