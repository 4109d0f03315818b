"""Predictions of several models blended: those of XGBoost itself, whoever evaluates the trees."""

import numpy as np
import pytest
import xgboost

from gwsa.gwsa_plugin.core.downscaling import forest
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels

SETTINGS = {
    "tree_method": "hist",
    "max_bin": 255,
    "max_depth": 4,
    "eta": 0.3,
    "base_score": 0.0,
    "nthread": 1,
}
OWN, ABSENT = 1, 2


@pytest.fixture(scope="module")
def table():
    table = np.random.default_rng(1).standard_normal((700, 5), dtype=np.float32)
    table[::7, 2] = np.nan
    return table


@pytest.fixture(scope="module")
def models(table):
    answer = table[:, 0] * np.nan_to_num(table[:, 2])
    of_all = xgboost.train(SETTINGS, xgboost.DMatrix(table, answer), 20)
    own = xgboost.train(SETTINGS, xgboost.DMatrix(table[:300], -answer[:300]), 7, xgb_model=of_all)
    return RegionModels({ALL: of_all, OWN: own}, np.array([ALL, OWN, ABSENT]), shrinkage=0.75)


@pytest.fixture(params=["kernel", "xgboost"])
def evaluated(request, models, monkeypatch):
    """The models, evaluated by either; each fixture starts with models that have not predicted yet."""
    if request.param == "xgboost":
        monkeypatch.setattr(forest.engine, "_compiled", without_numba)
    return RegionModels(models.boosters, models.pooled, shrinkage=models.shrinkage)


def without_numba():
    raise forest.model.Unsupported("numba could not be used")


def test_a_blend_of_models(evaluated, table):
    weight = np.linspace(-0.5, 1.5, len(table)).clip(0, 1).astype(np.float32)
    blended = evaluated.predict(table.T, {ALL: 1 - weight, OWN: weight})
    of_all, own = (evaluated.boosters[number].inplace_predict(table) for number in (ALL, OWN))
    np.testing.assert_array_equal(
        blended, ((1 - weight) * of_all + weight * own) * np.float32(0.75)
    )


def test_each_row_by_the_model_of_its_region(evaluated, table):
    regions = np.arange(len(table)) % 3
    said = evaluated.predict_in(table, regions)
    of_all, own = (evaluated.boosters[number].inplace_predict(table) for number in (ALL, OWN))
    np.testing.assert_array_equal(said, np.where(regions == 1, own, of_all) * np.float32(0.75))


def test_what_slows_predictions_down_is_said_once(evaluated, request):
    by_xgboost = "xgboost" in request.node.name
    assert len(evaluated.remarks) == by_xgboost
    assert all("numba could not be used" in remark for remark in evaluated.remarks)
