"""Train the models of all regions on part of the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from ...base.progress import Progress
from ...compute.threads import Limit
from ..domain import Domain
from ..samples import Samples
from .bins import Bins
from .cell_trends import CellTrends, fit_cell_trends
from .early_stopping import Tuning
from .region_models import ALL, RegionModels
from .training import Boosting, early_stopping, train, training_bytes

# Trees that a region adds, as a fraction of those of the model of all cells.
REGION_TREES = 0.3
# Targets: GWSA, or GWSA minus the level and trend of each cell.
DIRECT = "direct"
ANOMALY = "anomaly"
# Memory that all trainings of a process together may take, bytes, however many cores it has.
MOST_BYTES = 3e9


@dataclass(frozen=True)
class TrainingOptions:
    """How models are trained.

    Parameters
    ----------
    boosting : Boosting
        Hyper-parameters that are given.
    pooled : numpy.ndarray of int, shape (regions,)
        Number of the model that serves each region.
    target : str
        DIRECT or ANOMALY.
    tuning : Tuning, optional
        How hyper-parameters are chosen, once for all trainings; None uses ``boosting`` unchanged.
    """

    boosting: Boosting
    pooled: np.ndarray
    target: str = DIRECT
    tuning: Tuning | None = None


@dataclass(frozen=True, eq=False)
class Trainer:
    """What all trainings of a run share.

    Parameters
    ----------
    domain : Domain
        The study domain.
    options : TrainingOptions
        How models are trained.
    bins : Bins
        Bins of the features.
    limit : Limit
        Trainings that run at once in a process.
    """

    domain: Domain
    options: TrainingOptions
    bins: Bins
    limit: Limit

    @classmethod
    def from_domain(cls, domain: Domain, options: TrainingOptions) -> Trainer:
        """Prepare the trainings on the samples of a domain."""
        room = int(MOST_BYTES / training_bytes(domain.samples))
        return cls(domain, options, Bins(domain.samples), Limit(max(1, room)))

    def samples(self, known: np.ndarray) -> Samples:
        """Return the samples with the target that models are trained on.

        Parameters
        ----------
        known : numpy.ndarray of bool, shape (samples,)
            Samples to which the levels and trends that are removed are fitted.
        """
        samples = self.domain.samples
        trends = removed_trends(self.domain, self.options, known)
        return replace(samples, target=samples.target - trends.at_samples(samples))

    def fit(self, where: np.ndarray, boosting: Boosting, progress: Progress) -> RegionModels:
        """Train the models of all regions.

        Parameters
        ----------
        where : numpy.ndarray of bool, shape (samples,)
            Samples that are trained on.
        boosting : Boosting
            Hyper-parameters of the model of all cells.
        progress : Progress
            Allows cancellation.
        """
        samples = self.samples(where)
        with self.limit:
            progress.stop_if_cancelled()
            boosters = {ALL: train(samples, where, boosting, None, self.bins, progress)}
            for number, inside, added in self.added_models(where, boosting):
                boosters[number] = train(samples, inside, added, boosters[ALL], self.bins, progress)
        return RegionModels(boosters, self.options.pooled, boosting)

    def candidates(self) -> tuple[list[Boosting], np.ndarray, np.ndarray]:
        """Return the hyper-parameters that are tried, and samples to train and to validate on.

        There are none where hyper-parameters are not chosen, and where the samples lie in too few
        blocks to leave any out.
        """
        tuning, given = self.options.tuning, self.options.boosting
        nothing = np.zeros(self.domain.samples.target.size, dtype=bool)
        if tuning is None:
            return [], nothing, nothing
        training, validation = tuning.parts(self.domain.samples, given.seed)
        possible = training.any() and validation.any()
        return tuning.candidates(given) if possible else [], training, validation

    def added_models(
        self, where: np.ndarray, boosting: Boosting
    ) -> Iterator[tuple[int, np.ndarray, Boosting]]:
        """Yield the models of regions: number, samples that are trained on, hyper-parameters.

        Parameters
        ----------
        where, boosting
            As in ``fit``.
        """
        pooled = self.options.pooled
        added = replace(boosting, trees=max(1, round(REGION_TREES * boosting.trees)))
        for number in np.unique(pooled[pooled != ALL]):
            inside = where & (pooled[self._regions] == number)
            if inside.any():
                yield int(number), inside, added

    @cached_property
    def _regions(self) -> np.ndarray:
        """Region of each sample."""
        return self.domain.samples.at(self.domain.regions.cells)


def choose_boosting(trainer: Trainer, progress: Progress, run: Callable[..., list]) -> Boosting:
    """Choose the hyper-parameters with the smallest error of the local contrast.

    Parameters
    ----------
    trainer : Trainer
        Its options have the given hyper-parameters, whose ``trees`` are the most that are tried,
        and the tuning.
    progress : Progress
        Receives the fraction done.
    run : callable
        Runs the trainings and returns their results, as ``run_all`` does.

    Returns
    -------
    Boosting
        The chosen hyper-parameters with the best number of trees. The given ones when the samples
        lie in too few blocks to leave any out.
    """
    candidates, training, validation = trainer.candidates()
    if not candidates:
        return trainer.options.boosting
    results = run(
        [partial(_stop_early, trainer, training, validation, one) for one in candidates], progress
    )
    best = min(range(len(candidates)), key=lambda i: results[i][1])
    trees, _ = results[best]
    return replace(candidates[best], trees=trees)


def _stop_early(
    trainer: Trainer,
    training: np.ndarray,
    validation: np.ndarray,
    boosting: Boosting,
    progress: Progress,
) -> tuple[int, float]:
    """Best number of trees of a candidate, and its error."""
    samples = trainer.samples(training | validation)
    with trainer.limit:
        return early_stopping(samples, training, validation, boosting, trainer.bins, progress)


def removed_trends(domain: Domain, options: TrainingOptions, known: np.ndarray) -> CellTrends:
    """Return the level and trend of cells that are subtracted from GWSA before training.

    Parameters
    ----------
    domain : Domain
        The study domain.
    options : TrainingOptions
        With the target DIRECT, all lines are 0.
    known : numpy.ndarray of bool, shape (samples,)
        Samples that the lines are fitted to.
    """
    if options.target == DIRECT:
        return CellTrends(*np.zeros((3, *domain.cells.shape)))
    return fit_cell_trends(domain.samples, known, domain.cells.shape)
