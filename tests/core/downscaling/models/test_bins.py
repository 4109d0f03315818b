"""Bins are shared by trainings, and hardly change what trees predict."""

import pickle

import numpy as np
import xgboost

from gwsa.gwsa_plugin.core.downscaling.models.bins import Bins
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

PARAMETERS = {"tree_method": "hist", "max_bin": 255, "max_depth": 5, "nthread": 1, "eta": 0.3}


def samples(count=9000, seed=0) -> Samples:
    """More pixels than bins are made of; the second feature has no value in a tenth of them."""
    random = np.random.default_rng(seed)
    pixels = random.standard_normal((count, 8, 2)).astype(np.float32)
    pixels[..., 1][random.random((count, 8)) < 0.1] = np.nan
    place = [np.arange(count) if axis == 0 else np.zeros(count, int) for axis in range(3)]
    return Samples(*place, np.zeros(count), pixels.mean(axis=1), pixels, ("a", "b"))


def booster(matrix, target):
    matrix.set_label(target)
    return xgboost.train(PARAMETERS, matrix, 20)


def test_trees_predict_as_well_with_shared_bins_as_with_their_own():
    table = samples(seed=1).pixels[:2000].reshape(-1, 2)
    target = np.sin(2 * table[:, 0]) + np.nan_to_num(table[:, 1], nan=2.0)
    own = booster(xgboost.DMatrix(table, nthread=1, feature_names=["a", "b"]), target)
    shared = booster(Bins(samples()).matrix(table), target)
    errors = [np.mean((one.inplace_predict(table) - target) ** 2) for one in (own, shared)]
    assert errors[1] <= 1.1 * errors[0] < 0.05


def test_values_outside_the_binned_rows_are_trained_on_as_they_are_predicted():
    data = samples()
    data.pixels[1::40, 1] *= 10  # Every eighth row is binned, never the second pixel.
    matrix = Bins(data).matrix(table := data.pixels[:4000].reshape(-1, 2))
    grown = booster(matrix, np.nan_to_num(table).sum(axis=1) ** 2)
    assert np.allclose(grown.predict(matrix), grown.inplace_predict(table), rtol=1e-5)


def test_another_process_finds_the_same_bins():
    bins = Bins(samples())
    copy = pickle.loads(pickle.dumps(bins))
    table = samples(seed=2).pixels.reshape(-1, 2)
    target = np.nan_to_num(table).sum(axis=1)
    one, other = (booster(each.matrix(table), target).save_raw() for each in (bins, copy))
    assert one == other
