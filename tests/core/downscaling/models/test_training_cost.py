"""The time of all trainings follows from that of a short one, whatever the machine is."""

from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.models import training_cost as module
from gwsa.gwsa_plugin.core.downscaling.models.early_stopping import Tuning
from gwsa.gwsa_plugin.core.downscaling.models.trainer import Trainer, TrainingOptions
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, training_bytes
from gwsa.gwsa_plugin.core.downscaling.models.training_cost import (
    AllTrainings,
    TrainingCost,
    measure_training,
)
from gwsa.gwsa_plugin.core.downscaling.samples import Samples

SIDE, MONTHS = 8, 16
TABLE_S, TREE_S, BINS_S = 0.02, 0.003, 1000.0
REGIONS = np.repeat([0, 1], SIDE // 2) * np.ones((SIDE, 1), dtype=int)


class Clock:
    """Bins take BINS_S once. A training takes TABLE_S, and TREE_S a tree, for each sample."""

    def __init__(self):
        self.now = 0.0

    def require(self):
        self.now += BINS_S

    def train(self, samples, where, boosting, base, bins, progress):
        self.now += where.sum() * TABLE_S
        for _ in range(boosting.trees):
            progress.stop_if_cancelled()
            self.now += where.sum() * TREE_S


class Parts(Progress):
    """Records the lines, and the ends of all parts."""

    def __init__(self):
        self.lines, self.ends = [], []
        self.info = self.lines.append

    def part(self, start, stop):
        self.ends.append((start, stop))
        return self


def trainer(pooled=(0, 0), tuning=None, boosting=Boosting(trees=100)):
    month, row, column = (axis.ravel() for axis in np.indices((MONTHS, SIDE, SIDE)))
    count = month.size
    samples = Samples(
        month,
        row,
        column,
        np.zeros(count),
        np.zeros((count, 2), np.float32),
        np.zeros((count, 16, 2), np.float32),
        ("a", "b"),
    )
    domain = SimpleNamespace(samples=samples, regions=SimpleNamespace(cells=REGIONS))
    return Trainer.from_domain(domain, TrainingOptions(boosting, np.array(pooled), tuning=tuning))


def all_trainings(trainer, splits=3, at_once=1):
    """All samples, and splits that are trained on half of the months."""
    month = trainer.domain.samples.month
    masks = [month >= 0, *[month < MONTHS // 2] * splits]
    return AllTrainings(trainer, masks, masks[1:2], TrainingCost(TABLE_S, TREE_S, at_once))


def test_a_short_training_gives_the_times_of_table_and_tree(monkeypatch):
    """The bins, which the first training finds for all, are in neither of them."""
    clock = Clock()
    monkeypatch.setattr(module, "train", clock.train)
    monkeypatch.setattr(module, "perf_counter", lambda: clock.now)
    one = trainer()
    monkeypatch.setattr(one.bins, "require", clock.require)
    found = measure_training(one, SILENT, run_all)
    assert found.table == pytest.approx(TABLE_S) and found.tree == pytest.approx(TREE_S)


def test_a_training_can_be_measured():
    """No clock is simulated: the derivatives are asked for at each tree."""
    found = measure_training(trainer(), SILENT, run_all)
    assert found.table > 0 and found.tree > 0 and found.at_once >= 1


@pytest.mark.parametrize(("cores", "at_once"), [(2, 2), (16, 10), (64, 10)])
def test_memory_limits_the_trainings_that_are_expected_at_once(monkeypatch, cores, at_once):
    """Ten trainings of a process have room, whatever the number of cores."""
    monkeypatch.setattr("gwsa.gwsa_plugin.core.compute.threads.usable_cores", lambda: cores)
    monkeypatch.setattr(module, "training_bytes", lambda samples: 0.29e9)
    monkeypatch.setattr(
        "gwsa.gwsa_plugin.core.downscaling.models.trainer.training_bytes", lambda samples: 0.29e9
    )
    one = trainer()
    found = measure_training(one, SILENT, run_all)
    assert found.at_once == at_once
    progress = Parts()
    all_trainings(one, 30, found.at_once).report(Boosting(trees=7), progress)
    assert f"need up to {at_once * 0.29:.1f} GB of memory" in progress.lines[0]
    assert at_once * 0.29 < 4


@pytest.mark.parametrize("at_once", [1, 2, 8, 16])
def test_the_time_of_all_trainings_is_that_of_their_schedule(at_once):
    """One of all samples, three of half of them, and one of averages of 2 x 2 cells."""
    count = MONTHS * SIDE**2
    one = count * (TABLE_S + 100 * TREE_S)
    progress = Parts()
    all_trainings(trainer(), at_once=at_once).report(Boosting(trees=100), progress)
    models = {1: 2.5, 2: 1.5}.get(at_once, 1.0)
    minutes = one * (models + 0.5 / 4) / 60
    assert f"5 trainings of 100 trees will take about {minutes:.0f} minutes" in progress.lines[0]


def test_models_of_regions_are_trained_on_their_own_samples():
    """Half of the samples lie in a region with 30 more trees."""
    trainings = all_trainings(trainer(pooled=(0, 1)), splits=1)
    half = MONTHS * SIDE**2 / 2
    own = half * (TABLE_S + 30 * TREE_S)
    assert trainings._models(Boosting(trees=100)) == pytest.approx(
        [2 * half * (TABLE_S + 100 * TREE_S) + own, half * (TABLE_S + 100 * TREE_S) + own / 2]
    )


def test_the_choice_of_trees_has_its_share_of_the_time():
    """It is trained on three of four blocks with the most trees."""
    blocks = (np.arange(SIDE)[:, None] // 4 * 2 + np.arange(SIDE) // 4).astype(int)
    one = trainer(tuning=Tuning(blocks, 0))
    trainings = all_trainings(one)
    progress = Parts()
    trainings.report_choice(progress)
    seconds = 0.75 * MONTHS * SIDE**2 * (TABLE_S + 100 * TREE_S)
    assert progress.lines == [
        "The number of trees is chosen by 1 training of up to 100 trees, in up to "
        f"{seconds / 60:.0f} minutes."
    ]
    trainings.parts(progress)
    total = 0.75 + 2.5 + 0.5 / 4
    first, second = 0.75 / total, 3.25 / total
    assert np.array(progress.ends) == pytest.approx(
        np.array([(0, first), (first, second), (second, 1)])
    )


def test_given_trees_leave_no_share_for_a_choice():
    progress = Parts()
    trainings = all_trainings(trainer())
    trainings.report_choice(progress)
    trainings.parts(progress)
    assert not progress.lines and progress.ends[0] == (0, 0)


@pytest.mark.parametrize(("count", "room"), [(100_000, 2), (50_000, 5), (400_000, 1)])
def test_trainings_of_a_process_take_three_gigabytes(monkeypatch, count, room):
    """Or what one takes. 60 features, on any number of cores; one of 100,000 takes 1.1 GB."""
    monkeypatch.setattr("gwsa.gwsa_plugin.core.downscaling.models.trainer.Bins", lambda given: None)
    samples = SimpleNamespace(
        target=np.broadcast_to(0.0, count),
        pixels=np.broadcast_to(np.float32(0), (count, 16, 60)),
        names=("",) * 60,
    )
    limit = Trainer.from_domain(SimpleNamespace(samples=samples), None).limit
    assert limit.count == room
    assert training_bytes(samples) == pytest.approx(count * 17 * 660)
    assert room == 1 or room * training_bytes(samples) <= 3e9
