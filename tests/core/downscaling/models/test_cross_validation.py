"""Validation without trees: models that predict 0 and are not trained on held-out samples."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.folds import forward_splits, random_splits
from gwsa.gwsa_plugin.core.downscaling.models.cross_validation import (
    validate_without_trees,
)
from gwsa.gwsa_plugin.core.downscaling.models.trainer import TrainingOptions
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting


@pytest.fixture(scope="module")
def domain(driver_world):
    world = driver_world
    return make_domain(world.gwsa, world.predictors, [], (None, None), SILENT)


@pytest.fixture(scope="module")
def validated(domain):
    """The models, the splits and their validation."""
    splits = {
        "blocked": random_splits(domain.cells, domain.months.size, seed=1),
        "forward": forward_splits(domain.cells, domain.months.size),
    }
    options = TrainingOptions(Boosting(trees=2, depth=2), domain.regions.pooled(20_000))
    models, validations = validate_without_trees(domain, splits, options)
    return models, splits, validations


def test_the_models_predict_0(domain, validated):
    models, _, _ = validated
    assert models.shrinkage == 0
    assert not models.boosters
    weights = {0: np.full(7, 0.5, dtype=np.float32)}
    predicted = models.predict([np.ones(7, dtype=np.float32)] * len(domain.samples.names), weights)
    assert predicted.dtype == np.float32 and predicted.tolist() == [0] * 7


def test_held_out_samples_have_0_and_the_others_nothing(domain, validated):
    models, splits, validations = validated
    assert list(validations) == list(splits)
    for name, validation in validations.items():
        held = np.any([split.held(domain.samples) for split in splits[name]], axis=0)
        assert (validation.detail[held] == 0).all() and np.isnan(validation.detail[~held]).all()
        assert not validation.level.any()
        assert [one.split for one in validation.held_out] == splits[name]
        assert all(one.models is models for one in validation.held_out)
        assert all(one.prior is None for one in validation.held_out)
    assert np.isfinite(validations["blocked"].detail).all()
    assert np.isnan(validations["forward"].detail).any()
