"""Settings are settled by watched blocks: early where there is nothing to learn, late where there is, never outside."""

from dataclasses import replace

import numpy as np

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.folds import nothing_held
from gwsa.gwsa_plugin.core.downscaling.models.early_stopping import Tuning
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

MANY = Boosting(trees=150, depth=3, rate=0.1, least_rows=10)
EVERYTHING = nothing_held((12, 12), 12)
BLOCKS = np.arange(12)[:, None] // 3 * 10 + np.arange(12) // 3


def samples(signal: float, seed=0) -> Samples:
    """The target is ``signal`` times a feature, and noise."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((12, 3, 12, 12)).astype(np.float32)
    pixels = np.repeat(np.moveaxis(features, 1, -1)[:, :, :, None], 2, axis=3)
    target = signal * features[:, 0] + rng.standard_normal((12, 12, 12))
    cells, place = np.moveaxis(features, 1, -1).reshape(-1, 3), np.nonzero(np.ones(target.shape))
    return Samples(
        *place, target.ravel().astype(np.float32), cells, pixels.reshape(-1, 2, 3), ("a", "b", "c")
    )


def settle(data, split=EVERYTHING, search=0, boosting=MANY):
    return Tuning(BLOCKS, 1, search).settle(data, split, boosting, SILENT)


def test_noise_stops_early_and_a_signal_late():
    assert settle(samples(0.0)).trees < 15
    assert settle(samples(3.0)).trees > 60


def test_what_is_not_trained_on_does_not_matter():
    """The outer folds: whatever stands there, the same settings come out."""
    data, near = samples(2.0), np.zeros((12, 12), bool)
    near[:, 6:] = True
    split = replace(EVERYTHING, near=near, unseen=np.arange(12) >= 8)
    where = (data.column < 6) & (data.month < 8)
    spoiled = replace(data, target=np.where(where, data.target, 1e6), cells=data.cells.copy())
    spoiled.cells[~where] = 99
    assert settle(data, split, search=2) == settle(spoiled, split, search=2)


def test_a_search_finds_better_settings():
    """Of two settings, one that cannot split at all: the search leaves it."""
    stuck = replace(MANY, least_rows=1e6)
    assert settle(samples(3.0), boosting=stuck).least_rows == 1e6
    assert settle(samples(3.0), boosting=stuck, search=8).least_rows < 1e6


def test_one_block_is_too_few_to_leave_one_out():
    near = np.ones((12, 12), bool)
    near[:3, :3] = False
    assert settle(samples(1.0), replace(EVERYTHING, near=near)) == MANY
