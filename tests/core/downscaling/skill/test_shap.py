"""Contributions are the TreeSHAP values of XGBoost for the model that serves a region."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import xgboost

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, gains, train
from gwsa.gwsa_plugin.core.downscaling.skill.shap import by_predictor, explain, write_explanation

pytestmark = pytest.mark.slow

FEW = Boosting(trees=30, depth=3, rate=0.2)
FEATURES = ["soil", "relief", "rain", "rain_lag1"]


@pytest.fixture(scope="module")
def domain(small_world):
    return make_domain(
        small_world.gwsa, small_world.predictors, small_world.aquifers, (None, None), SILENT
    ).with_features(SILENT)


@pytest.fixture(scope="module")
def models(domain):
    """The region "large" has a model of its own, trained on the lagged rain as target."""
    everywhere, lag = np.ones(domain.samples.target.size, dtype=bool), domain.samples.cells[:, 3]
    own = train(replace(domain.samples, target=lag), np.isfinite(lag), FEW)
    return RegionModels(
        {ALL: train(domain.samples, everywhere, FEW), 1: own},
        np.array([ALL, 1, ALL]),
        shrinkage=0.6,
    )


def region_rows(rows, region):
    return {row["feature"]: row for row in rows if row["region"] == region}


def test_a_row_for_each_region_and_feature(domain, models):
    rows = explain(domain, models)
    assert {row["region"] for row in rows} == {"background", "large", "small"}
    for region in ("background", "large", "small"):
        assert list(region_rows(rows, region)) == FEATURES
    assert [row["predictor"] for row in rows[:4]] == ["soil", "relief", "rain", "rain"]


def test_contributions_add_up_to_the_predictions_of_a_region(domain, models):
    """The small region has fewer cell-months than are sampled, so that all of them are used."""
    table = domain.samples.cells[domain.samples.at(domain.regions.cells) == 2]
    booster = models.boosters[ALL]
    contributions = booster.predict(
        xgboost.DMatrix(table, feature_names=FEATURES), pred_contribs=True
    )
    assert np.allclose(contributions.sum(axis=1), booster.inplace_predict(table), atol=1e-4)
    rows = region_rows(explain(domain, models), "small")
    for column, feature in enumerate(FEATURES):
        expected = (
            models.shrinkage * models.contrast_slope * np.abs(contributions[:, column]).mean()
        )
        assert rows[feature]["shap_cm"] == pytest.approx(expected, rel=1e-4)
        assert rows[feature]["gain"] == pytest.approx(gains(booster).get(feature, 0))


def test_a_region_is_explained_by_its_own_model(domain, models):
    rows = explain(domain, models)
    own, pooled = region_rows(rows, "large"), region_rows(rows, "background")
    assert own["rain_lag1"]["gain"] > 0.9
    assert own["rain_lag1"]["shap_cm"] > 10 * own["relief"]["shap_cm"]
    assert pooled["rain_lag1"]["gain"] < 0.5
    assert sum(row["gain"] for row in own.values()) == pytest.approx(1)


def test_contributions_are_multiplied_by_the_shrinkage_factor(domain, models):
    full, half = (explain(domain, replace(models, shrinkage=factor)) for factor in (1.0, 0.5))
    assert [row["shap_cm"] for row in half] == pytest.approx([row["shap_cm"] / 2 for row in full])
    assert [row["gain"] for row in half] == [row["gain"] for row in full]


def test_features_of_one_predictor_are_summed(domain, models):
    rows = explain(domain, models)
    sums = by_predictor(rows)
    assert len(sums) == 9
    rain = next(row for row in sums if row["region"] == "small" and row["predictor"] == "rain")
    features = [region_rows(rows, "small")[feature] for feature in ("rain", "rain_lag1")]
    assert rain["shap_cm"] == pytest.approx(sum(row["shap_cm"] for row in features))
    assert rain["gain"] == pytest.approx(sum(row["gain"] for row in features))


class Cancelling(Progress):
    def is_cancelled(self):
        return True


def test_it_can_be_cancelled(domain, models):
    with pytest.raises(Cancelled):
        explain(domain, models, Cancelling())


def test_the_table_has_the_rows_and_is_reproducible(domain, models, tmp_path):
    paths = [tmp_path / name for name in ("one.csv", "two.csv")]
    for path in paths:
        write_explanation(path, explain(domain, models))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with open(paths[0], newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    for row, made in zip(read, explain(domain, models), strict=True):
        assert row["region"] == made["region"] and row["feature"] == made["feature"]
        assert float(row["shap_cm"]) == pytest.approx(made["shap_cm"], abs=1e-5)
