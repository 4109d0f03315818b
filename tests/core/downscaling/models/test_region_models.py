"""Blended predictions are those of XGBoost, with the kernel and without it."""

from types import SimpleNamespace

import numpy as np
import pytest
import xgboost

from gwsa.gwsa_plugin.core.downscaling import forest
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels, write_models

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
    response = table[:, 0] * np.nan_to_num(table[:, 2])
    every = xgboost.train(SETTINGS, xgboost.DMatrix(table, response), 20)
    part = xgboost.DMatrix(table[:300], -response[:300])
    own = xgboost.train(SETTINGS, part, 7, xgb_model=every)
    return RegionModels({ALL: every, OWN: own}, np.array([ALL, OWN, ABSENT]), shrinkage=0.75)


@pytest.fixture(params=["kernel", "xgboost"])
def evaluated(request, models, monkeypatch):
    """Models that have not predicted yet, evaluated by the kernel or by XGBoost."""
    if request.param == "xgboost":
        monkeypatch.setattr(forest.engine, "_import_compiled", without_numba)
    return RegionModels(models.boosters, models.pooled, shrinkage=models.shrinkage)


def without_numba():
    raise forest.model.Unsupported("numba could not be used")


def test_predictions_are_weighted_means_of_the_models(evaluated, table):
    weight = np.linspace(-0.5, 1.5, len(table)).clip(0, 1).astype(np.float32)
    blended = evaluated.predict(table.T, {ALL: 1 - weight, OWN: weight})
    every, own = (evaluated.boosters[number].inplace_predict(table) for number in (ALL, OWN))
    expected = ((1 - weight) * every + weight * own) * np.float32(0.75)
    np.testing.assert_array_equal(blended, expected)


def test_each_row_is_predicted_by_the_model_of_its_region(evaluated, table):
    regions = np.arange(len(table)) % 3
    predicted = evaluated.predict_by_region(table, regions)
    every, own = (evaluated.boosters[number].inplace_predict(table) for number in (ALL, OWN))
    expected = np.where(regions == 1, own, every) * np.float32(0.75)
    np.testing.assert_array_equal(predicted, expected)


def test_slow_prediction_is_remarked_once(evaluated, request):
    by_xgboost = "xgboost" in request.node.name
    assert len(evaluated.remarks) == by_xgboost
    assert all("numba could not be used" in remark for remark in evaluated.remarks)


@pytest.fixture
def domain():
    """What is written of a domain: its regions, those of its cells, and its features."""
    regions = SimpleNamespace(cells=np.arange(3), names=["plain", "hills", "coast"])
    samples = SimpleNamespace(names=list("abcde"))
    return SimpleNamespace(regions=regions, cells=np.arange(3), samples=samples)


def test_models_that_are_written_predict_the_same(models, domain, table, tmp_path):
    write_models(tmp_path, domain, models)
    for number in (ALL, OWN):
        read = xgboost.Booster(model_file=tmp_path / f"model_{number}.ubj")
        expected = models.boosters[number].inplace_predict(table)
        np.testing.assert_array_equal(read.inplace_predict(table), expected)


@pytest.mark.parametrize("missing", [100, 10_000])
def test_a_model_of_which_the_end_is_lost_is_an_error(
    models, domain, tmp_path, room_on_disk, missing
):
    """XGBoost does not notice when it cannot write what is left at the end of a file."""
    size = len(models.boosters[ALL].save_raw("ubj"))
    with room_on_disk(size - missing), pytest.raises(OSError, match="too large"):
        write_models(tmp_path, domain, models)
