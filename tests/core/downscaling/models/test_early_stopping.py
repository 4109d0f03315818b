"""Hyper-parameters are chosen on validation blocks among the training samples."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.folds import no_holdout
from gwsa.gwsa_plugin.core.downscaling.models.early_stopping import Tuning
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

pytestmark = pytest.mark.slow

MANY = Boosting(trees=150, depth=3, rate=0.1, least_rows=10)
EVERYTHING = no_holdout((12, 12), 12)
BLOCKS = np.arange(12)[:, None] // 3 * 10 + np.arange(12) // 3


def samples(signal: float, seed=0) -> Samples:
    """The target is ``signal`` times a feature, plus noise."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((12, 3, 12, 12)).astype(np.float32)
    pixels = np.repeat(np.moveaxis(features, 1, -1)[:, :, :, None], 2, axis=3)
    target = signal * features[:, 0] + rng.standard_normal((12, 12, 12))
    cells, place = np.moveaxis(features, 1, -1).reshape(-1, 3), np.nonzero(np.ones(target.shape))
    return Samples(
        *place, target.ravel().astype(np.float32), cells, pixels.reshape(-1, 2, 3), ("a", "b", "c")
    )


def choose(data, split=EVERYTHING, search=0, boosting=MANY):
    return Tuning(BLOCKS, 1, search).choose(data, split, boosting, SILENT)


def test_noise_stops_early_and_a_signal_late():
    assert choose(samples(0.0)).trees < 15
    assert choose(samples(3.0)).trees > 60


def test_the_choice_does_not_depend_on_samples_outside_the_training():
    """The samples that the outer split excludes may hold anything."""
    data, excluded_cells = samples(2.0), np.zeros((12, 12), bool)
    excluded_cells[:, 6:] = True
    split = replace(EVERYTHING, excluded_cells=excluded_cells, excluded_months=np.arange(12) >= 8)
    where = (data.column < 6) & (data.month < 8)
    spoiled = replace(data, target=np.where(where, data.target, 1e6), cells=data.cells.copy())
    spoiled.cells[~where] = 99
    assert choose(data, split, search=2) == choose(spoiled, split, search=2)


def test_a_search_finds_better_hyperparameters():
    """The given ones allow no split at all."""
    stuck = replace(MANY, least_rows=1e6)
    assert choose(samples(3.0), boosting=stuck).least_rows == 1e6
    assert choose(samples(3.0), boosting=stuck, search=8).least_rows < 1e6


def test_a_single_block_leaves_the_hyperparameters_unchanged():
    excluded_cells = np.ones((12, 12), bool)
    excluded_cells[:3, :3] = False
    assert choose(samples(1.0), replace(EVERYTHING, excluded_cells=excluded_cells)) == MANY
