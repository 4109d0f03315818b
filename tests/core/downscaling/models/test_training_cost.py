"""The time of trainings follows from that of two short ones, whatever the machine is."""

from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute.threads import Limit
from gwsa.gwsa_plugin.core.downscaling.models import training_cost as module
from gwsa.gwsa_plugin.core.downscaling.models.trainer import TrainingOptions
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting

CELLS, MONTHS = 9, 16
TABLE_S, TREE_S = 0.02, 0.003


class Clock:
    """A training takes TABLE_S, and TREE_S for each tree, for each sample."""

    def __init__(self):
        self.now = 0.0

    def train(self, samples, where, boosting, base, bins, progress):
        self.now += where.sum() * (TABLE_S + TREE_S * boosting.trees)


@pytest.mark.parametrize("pooled, expected", [([0, 0], 0.02 + 0.3), ([0, 1], 2 * 0.02 + 0.39)])
def test_the_estimate_is_the_time_of_a_sample(monkeypatch, pooled, expected):
    clock = Clock()
    monkeypatch.setattr(module, "train", clock.train)
    monkeypatch.setattr(module, "perf_counter", lambda: clock.now)
    samples = SimpleNamespace(
        month=np.repeat(np.arange(MONTHS), CELLS), target=np.zeros(CELLS * MONTHS)
    )
    trainer = SimpleNamespace(
        domain=SimpleNamespace(samples=samples),
        samples=lambda known: samples,
        options=TrainingOptions(Boosting(), np.array(pooled)),
        bins=None,
        limit=Limit(2),
    )
    found = module.estimate_training(trainer, Boosting(trees=100), SILENT)
    assert found == pytest.approx(expected)
