"""Estimate of the time and memory that all trainings need, from a short one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ...base.progress import SILENT, Progress, duration_name
from ...compute.simulated_pool import SimulatedPool, taking
from ...compute.steps import run_works
from ...compute.threads import run_all, run_measured
from ..samples import ONE_SCALE_UP
from .trainer import Trainer
from .training import Boosting, train, training_bytes

# Every so many months are trained on to measure, and the number of trees.
MEASURED_MONTHS = 8
MEASURED_TREES = 6
GB = 1e9


class TrainingCost(NamedTuple):
    """What trainings cost.

    Parameters
    ----------
    table, tree : float
        Time of binning the table and of growing a tree for each sample that is trained on, seconds.
    at_once : int
        Number of trainings that run at the same time.
    """

    table: float
    tree: float
    at_once: int

    def seconds(self, samples: float, trees: int) -> float:
        """Return the time of a model that is trained on a number of samples."""
        return float(samples * (self.table + trees * self.tree))

    def elapsed(self, trainings: Sequence[float]) -> float:
        """Return how long trainings take together that are started in this order."""
        pool = SimulatedPool(self.at_once)
        run_works([taking(seconds) for seconds in trainings], pool, SILENT)
        return pool.now


class AllTrainings(NamedTuple):
    """All trainings of a run, in the order in which they are made.

    Parameters
    ----------
    trainer : Trainer
        What they share.
    trained : list of numpy.ndarray of bool
        Samples that the models of each split are trained on, shape (samples,).
    averaged : list of numpy.ndarray of bool
        Samples whose averages over 2 x 2 cells are trained on, see ``contrast_scaling``.
    cost : TrainingCost
        What they cost.
    """

    trainer: Trainer
    trained: list[np.ndarray]
    averaged: list[np.ndarray]
    cost: TrainingCost

    def parts(self, progress: Progress) -> tuple[Progress, Progress, Progress]:
        """Return the progress of the choice of trees, of the models and of those of averages.

        Each has the share of the time that is expected.
        """
        given = self.trainer.options.boosting
        steps = (self._choice(), self._models(given), self._averages(given))
        ends = np.cumsum([self.cost.elapsed(step) for step in steps])
        first, second = ends[:2] / ends[-1]
        return progress.part(0.0, first), progress.part(first, second), progress.part(second, 1.0)

    def report_choice(self, progress: Progress) -> None:
        """Log how long the choice of the number of trees takes, if it is chosen."""
        if choice := self._choice():
            progress.info(
                f"The number of trees is chosen by {_name(choice)} of up to "
                f"{self.trainer.options.boosting.trees} trees, in up to "
                f"{duration_name(self.cost.elapsed(choice))}."
            )

    def report(self, boosting: Boosting, progress: Progress) -> None:
        """Log how long the trainings take with the chosen hyper-parameters, and their memory."""
        models, averages = self._models(boosting), self._averages(boosting)
        seconds = self.cost.elapsed(models) + self.cost.elapsed(averages)
        samples = self.trainer.domain.samples
        memory = min(self.cost.at_once, len(models)) * training_bytes(samples)
        progress.info(
            f"{_name(models + averages)} of {boosting.trees} trees will take about "
            f"{duration_name(seconds)} and need up to {memory / GB:.1f} GB of memory."
        )

    def _choice(self) -> list[float]:
        """Most seconds of each training by which hyper-parameters are chosen."""
        candidates, training, _ = self.trainer.candidates()
        return [self.cost.seconds(training.sum(), one.trees) for one in candidates]

    def _models(self, boosting: Boosting) -> list[float]:
        """Seconds of the models of all regions, for each split."""
        return [
            self.cost.seconds(where.sum(), boosting.trees)
            + sum(
                self.cost.seconds(inside.sum(), added.trees)
                for _, inside, added in self.trainer.added_models(where, boosting)
            )
            for where in self.trained
        ]

    def _averages(self, boosting: Boosting) -> list[float]:
        return [
            self.cost.seconds(where.sum() / ONE_SCALE_UP**2, boosting.trees)
            for where in self.averaged
        ]


def measure_training(
    trainer: Trainer, progress: Progress, run: Callable[..., list] = run_all
) -> TrainingCost:
    """Measure a short training.

    Parameters
    ----------
    trainer : Trainer
        What the trainings share.
    progress : Progress
        Allows cancellation.
    run : callable
        Runs the trainings, and the short one.
    """
    (table, tree), workers = run_measured(run, partial(_time_training, trainer), progress)
    # Threads of a process share its memory; each worker of a cluster has its own.
    at_once = min(workers, trainer.limit.count) if run is run_all else workers
    return TrainingCost(table, tree, max(1, at_once))


def _name(trainings: list) -> str:
    return "1 training" if len(trainings) == 1 else f"{len(trainings)} trainings"


def _time_training(trainer: Trainer, progress: Progress) -> tuple[float, float]:
    """Seconds of the table and of a tree of a short training, for each sample."""
    samples = trainer.domain.samples
    where = samples.month % MEASURED_MONTHS == 0
    if not where.any():
        where[:] = True
    # The edges of the bins are found once, for all trainings.
    trainer.bins.require()
    clock = _Clock(progress)
    begin = perf_counter()
    boosting = replace(trainer.options.boosting, trees=MEASURED_TREES)
    train(samples, where, boosting, None, trainer.bins, clock)
    end = perf_counter()
    count = where.sum()
    return (clock.times[0] - begin) / count, (end - clock.times[0]) / (MEASURED_TREES * count)


class _Clock(Progress):
    """Records when each tree begins: XGBoost then asks for the derivatives of the loss."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self.times: list[float] = []

    def is_cancelled(self) -> bool:
        self.times.append(perf_counter())
        return self._progress.is_cancelled()
