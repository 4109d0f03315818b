"""Estimate of the time and memory that all trainings need, from two short ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from math import ceil
from time import perf_counter

import numpy as np

from ...base.progress import Progress, duration_name
from ...compute.threads import run_all, run_measured
from .trainer import REGION_TREES, Trainer
from .training import Boosting, train, training_bytes

# Part of the months that is trained on to measure, and numbers of trees of the two trainings.
MEASURED_MONTHS = 8
FEW, MORE = 2, 8
GB = 1e9


def report_training_cost(
    trainer: Trainer,
    trained: Iterable[int],
    boosting: Boosting,
    progress: Progress,
    run: Callable[..., list] = run_all,
) -> None:
    """Log how long trainings take with all workers, and their memory.

    Parameters
    ----------
    trainer : Trainer
        What the trainings share.
    trained : iterable of int
        Number of samples that each of them is trained on.
    boosting : Boosting
        Their hyper-parameters.
    progress : Progress
        Receives the line.
    run : callable
        Runs the trainings, and the two short ones.
    """
    counts = list(trained)
    measuring = partial(estimate_training, trainer, boosting)
    per_sample, workers = run_measured(run, measuring, progress)
    # Threads of a process share its memory; each worker of a cluster has its own.
    at_once = min(workers, trainer.limit.count if run is run_all else workers, len(counts))
    seconds = per_sample * sum(counts) * ceil(len(counts) / at_once) / len(counts)
    memory = at_once * training_bytes(trainer.domain.samples)
    progress.info(
        f"{len(counts)} trainings of {boosting.trees} trees will take about "
        f"{duration_name(seconds)} and need up to {memory / GB:.1f} GB of memory."
    )


def estimate_training(trainer: Trainer, boosting: Boosting, progress: Progress) -> float:
    """Estimate the time of a training for each sample that is trained on, seconds.

    The models of regions are counted as if they covered all samples.
    """
    samples = trainer.samples(np.ones(trainer.domain.samples.target.size, dtype=bool))
    where = samples.month % MEASURED_MONTHS == 0
    if not where.any():
        where[:] = True
    times = []
    for trees in (FEW, MORE):
        started = perf_counter()
        train(samples, where, replace(boosting, trees=trees), None, trainer.bins, progress)
        times.append(perf_counter() - started)
    tree = max(times[1] - times[0], 0.0) / (MORE - FEW)
    table = max(times[0] - FEW * tree, 0.0)
    has_regions = bool((trainer.options.pooled > 0).any())
    parts = 1 + has_regions
    grown = boosting.trees * (1 + REGION_TREES * has_regions)
    return float((parts * table + grown * tree) / where.sum())
