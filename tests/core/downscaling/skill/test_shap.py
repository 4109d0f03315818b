"""Contributions are those that XGBoost adds up to the prediction, of the model that serves the region."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import xgboost

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.domain import set_scene
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, gains, train
from gwsa.gwsa_plugin.core.downscaling.skill.shap import by_predictor, explain, write_explanation

FEW = Boosting(trees=30, depth=3, rate=0.2)
FEATURES = ["soil", "relief", "rain", "rain_lag1"]


@pytest.fixture(scope="module")
def scene(small_world):
    return set_scene(
        small_world.gwsa, small_world.predictors, small_world.aquifers, (None, None), SILENT
    )


@pytest.fixture(scope="module")
def models(scene):
    """The region "large" has a model of its own that is taught by the rain of the month before alone."""
    everywhere, lag = np.ones(scene.samples.target.size, dtype=bool), scene.samples.cells[:, 3]
    own = train(replace(scene.samples, target=lag), np.isfinite(lag), FEW)
    return RegionModels(
        {ALL: train(scene.samples, everywhere, FEW), 1: own}, np.array([ALL, 1, ALL]), share=0.6
    )


def rows_of(rows, region):
    return {row["feature"]: row for row in rows if row["region"] == region}


def test_a_row_for_each_region_and_feature(scene, models):
    rows = explain(scene, models)
    assert {row["region"] for row in rows} == {"background", "large", "small"}
    for region in ("background", "large", "small"):
        assert list(rows_of(rows, region)) == FEATURES
    assert [row["predictor"] for row in rows[:4]] == ["soil", "relief", "rain", "rain"]


def test_contributions_of_a_region_are_those_to_its_predictions(scene, models):
    """The small region has fewer cell-months than are sampled, so that the whole mean is known."""
    table, booster = (
        scene.samples.cells[scene.samples.at(scene.regions.cells) == 2],
        models.boosters[ALL],
    )
    contributions = booster.predict(
        xgboost.DMatrix(table, feature_names=FEATURES), pred_contribs=True
    )
    assert np.allclose(contributions.sum(axis=1), booster.inplace_predict(table), atol=1e-4)
    rows = rows_of(explain(scene, models), "small")
    for column, feature in enumerate(FEATURES):
        expected = models.share * models.stretch * np.abs(contributions[:, column]).mean()
        assert rows[feature]["shap_cm"] == pytest.approx(expected, rel=1e-4)
        assert rows[feature]["gain"] == pytest.approx(gains(booster).get(feature, 0))


def test_a_region_is_explained_by_its_own_model(scene, models):
    rows = explain(scene, models)
    own, pooled = rows_of(rows, "large"), rows_of(rows, "background")
    assert own["rain_lag1"]["gain"] > 0.9
    assert own["rain_lag1"]["shap_cm"] > 10 * own["relief"]["shap_cm"]
    assert pooled["rain_lag1"]["gain"] < 0.5
    assert sum(row["gain"] for row in own.values()) == pytest.approx(1)


def test_contributions_shrink_with_what_is_confirmed(scene, models):
    whole, half = (explain(scene, replace(models, share=share)) for share in (1.0, 0.5))
    assert [row["shap_cm"] for row in half] == pytest.approx([row["shap_cm"] / 2 for row in whole])
    assert [row["gain"] for row in half] == [row["gain"] for row in whole]


def test_features_of_one_predictor_are_summed(scene, models):
    rows = explain(scene, models)
    sums = by_predictor(rows)
    assert len(sums) == 9
    rain = next(row for row in sums if row["region"] == "small" and row["predictor"] == "rain")
    of_rain = [rows_of(rows, "small")[feature] for feature in ("rain", "rain_lag1")]
    assert rain["shap_cm"] == pytest.approx(sum(row["shap_cm"] for row in of_rain))
    assert rain["gain"] == pytest.approx(sum(row["gain"] for row in of_rain))


class Stopped(Progress):
    def is_cancelled(self):
        return True


def test_it_can_be_stopped(scene, models):
    with pytest.raises(Cancelled):
        explain(scene, models, Stopped())


def test_the_table_is_the_rows_and_the_same_bytes_again(scene, models, tmp_path):
    paths = [tmp_path / name for name in ("one.csv", "two.csv")]
    for path in paths:
        write_explanation(path, explain(scene, models))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with open(paths[0], newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    for row, made in zip(read, explain(scene, models), strict=True):
        assert row["region"] == made["region"] and row["feature"] == made["feature"]
        assert float(row["shap_cm"]) == pytest.approx(made["shap_cm"], abs=1e-5)
