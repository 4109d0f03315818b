"""Settings are settled by watched blocks: early where there is nothing to learn, late where there is, never outside."""

from dataclasses import replace

import numpy as np

from gwsa.gwsa_plugin.core.boosting import Boosting, Samples
from gwsa.gwsa_plugin.core.tuning import Tuning

MANY = Boosting(trees=150, depth=3, rate=0.1, least_rows=10)
BLOCKS = np.arange(12)[:, None] // 3 * 10 + np.arange(12) // 3


def samples(signal: float, seed=0) -> Samples:
    """The target is ``signal`` times a feature, and noise."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((12, 3, 12, 12)).astype(np.float32)
    pixels = np.repeat(np.moveaxis(features, 1, -1)[:, :, :, None], 2, axis=3)
    target = signal * features[:, 0] + rng.standard_normal((12, 12, 12))
    usable = np.ones(target.shape, bool)
    cells = np.moveaxis(features, 1, -1)
    return Samples(target.astype(np.float32), usable, cells[usable], pixels[usable], ("a", "b", "c"))


def settle(data, where=None, search=0, boosting=MANY):
    where = np.ones(data.target.shape, bool) if where is None else where
    return Tuning(BLOCKS, 1, search).settle(data, where, boosting, lambda: None)


def test_noise_stops_early_and_a_signal_late():
    assert settle(samples(0.0)).trees < 15
    assert settle(samples(3.0)).trees > 60


def test_what_is_not_trained_on_does_not_matter():
    """The outer folds: whatever stands there, the same settings come out."""
    data, where = samples(2.0), np.ones((12, 12, 12), bool)
    where[:, :, 6:] = False
    where[8:] = False
    spoiled = replace(data, target=np.where(where, data.target, 1e6), cells=data.cells.copy())
    spoiled.cells[~where[data.usable]] = 99
    assert settle(data, where, search=2) == settle(spoiled, where, search=2)


def test_a_search_finds_better_settings():
    """Of two settings, one that cannot split at all: the search leaves it."""
    stuck = replace(MANY, least_rows=1e6)
    assert settle(samples(3.0), boosting=stuck).least_rows == 1e6
    assert settle(samples(3.0), boosting=stuck, search=8).least_rows < 1e6


def test_one_block_is_too_few_to_leave_one_out():
    where = np.zeros((12, 12, 12), bool)
    where[:, :3, :3] = True
    assert settle(samples(1.0), where) == MANY
