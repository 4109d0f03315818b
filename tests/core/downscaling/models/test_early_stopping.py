"""Hyper-parameters are chosen once, on blocks that are left out."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.models.early_stopping import Tuning
from gwsa.gwsa_plugin.core.downscaling.models.trainer import (
    Trainer,
    TrainingOptions,
    choose_boosting,
)
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

pytestmark = pytest.mark.slow

MANY = Boosting(trees=150, depth=3, rate=0.1, least_rows=10)
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


def choose(data, search=0, boosting=MANY, blocks=BLOCKS):
    domain = SimpleNamespace(samples=data, cells=np.ones(BLOCKS.shape, bool))
    options = TrainingOptions(boosting, np.zeros(1, int), tuning=Tuning(blocks, 1, search))
    return choose_boosting(Trainer.from_domain(domain, options), SILENT, run_all)


def test_noise_stops_early_and_a_signal_late():
    assert choose(samples(0.0)).trees < 15
    assert choose(samples(3.0)).trees > 60


def test_blocks_that_validate_are_not_trained_on():
    """Nor are the cells next to them."""
    training, validation = Tuning(BLOCKS, 1).parts(data := samples(1.0), seed=1)
    assert validation.any() and training.any()
    for row, column in {*zip(data.row[validation], data.column[validation])}:
        near = (abs(data.row - row) <= 1) & (abs(data.column - column) <= 1)
        assert not training[near].any()


def test_a_search_finds_better_hyperparameters():
    """The given ones allow no split at all."""
    stuck = replace(MANY, least_rows=1e6)
    assert choose(samples(3.0), boosting=stuck).least_rows == 1e6
    assert choose(samples(3.0), boosting=stuck, search=8).least_rows < 1e6


def test_a_single_block_leaves_the_hyperparameters_unchanged():
    assert choose(samples(1.0), blocks=np.zeros_like(BLOCKS)) == MANY
