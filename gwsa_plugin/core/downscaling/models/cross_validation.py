"""Train the models of all regions, and validate them on held-out cells and months.

The local contrast that models predict for held-out cells is regressed on the observed contrast. The
slope is the shrinkage factor, by which all predictions are multiplied: where predictors do not
explain GWSA it is near 0, and the map is that of mean-preserving interpolation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ...base.progress import Progress
from ...compute.threads import run_all
from ..domain import Domain
from ..folds import Split
from ..prior.prior import Prior
from .contrast_scaling import contrast_slope, contrast_sums_across_scales
from .region_models import RegionModels
from .trainer import Trainer, TrainingOptions, choose_boosting, removed_trends
from .training import Boosting, local_contrast, neighbourhoods
from .training_cost import AllTrainings, measure_training


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A split and the models that were trained on the samples that it trains on.

    Parameters
    ----------
    split : Split
        The split.
    models : RegionModels
        The trees.
    prior : Prior, optional
        The prior that they are added to.
    observed_prior : numpy.ndarray, optional
        The prior as GRACE would observe it, cm, shape (months, cells).
    """

    split: Split
    models: RegionModels
    prior: Prior | None = None
    observed_prior: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Held-out predictions of one kind of validation.

    Parameters
    ----------
    held_out : list of HeldOut
        The splits and their models.
    detail : numpy.ndarray, shape (samples,)
        Prediction of held-out models for each sample, cm; NaN for a sample that no split holds out.
    level : numpy.ndarray, shape (samples,)
        Level and trend of the cell, fitted to the months that the models were trained on, cm; 0
        with the target DIRECT.
    """

    held_out: list[HeldOut]
    detail: np.ndarray
    level: np.ndarray


class _SplitResult(NamedTuple):
    """Models of a split, and what they predict for its held-out samples, cm, shape (held,)."""

    models: RegionModels
    predicted: np.ndarray
    level: np.ndarray


def train_and_validate(
    domain: Domain,
    validations: dict[str, list[Split]],
    options: TrainingOptions,
    progress: Progress,
    run: Callable[..., list] = run_all,
) -> tuple[RegionModels, dict[str, CrossValidation]]:
    """Train on all samples, and once for each split.

    Parameters
    ----------
    domain : Domain
        The study domain.
    validations : dict of str to list of Split
        Splits of each kind of validation. The first one determines the scaling of the models.
    options : TrainingOptions
        How models are trained.
    progress : Progress
        Receives the fraction done.
    run : callable
        Runs the trainings and returns their results, as ``run_all`` does.

    Returns
    -------
    models : RegionModels
        Trained on all samples. Shrinkage factor and calibration slope are those of all splits of
        the first validation; both are 1 if it has no split.
    validated : dict of str to CrossValidation
        The held-out models and predictions of each validation. The models of a split are scaled by
        what the other splits of the same validation give, so that no model is scaled by the samples
        that it is scored on. Calibration slopes are applied in the first validation only.
    """
    trainer = Trainer.from_domain(domain, options)
    trainings = _all_trainings(trainer, validations, progress, run)
    choosing, fitting, comparing = trainings.parts(progress)
    trainings.report_choice(progress)
    boosting = choose_boosting(trainer, choosing, run)
    trainings.report(boosting, progress)
    tasks: list[Callable[[Progress], object]] = [partial(_fit_all, trainer, boosting)]
    tasks += [
        partial(_fit_split, trainer, boosting, split)
        for splits in validations.values()
        for split in splits
    ]
    models, *results = run(tasks, fitting)
    remaining = iter(results)
    sums = {}
    validated = {}
    for name, splits in validations.items():
        sums[name], validated[name] = _apply_shrinkage(
            domain, splits, [next(remaining) for _ in splits]
        )
    first = next(iter(validated))
    slope, validated[first] = _apply_contrast_slopes(
        trainer, validated[first], sums[first], comparing, run
    )
    shrinkage = _shrinkage_factor(sums[first]) if len(sums[first]) else 1.0
    return replace(models, shrinkage=shrinkage, contrast_slope=slope), validated


def validate_without_trees(
    domain: Domain, validations: dict[str, list[Split]], options: TrainingOptions
) -> tuple[RegionModels, dict[str, CrossValidation]]:
    """Return models without trees, which predict 0 everywhere, and their validation.

    Parameters
    ----------
    domain, validations, options
        As in ``train_and_validate``.
    """
    models = RegionModels({}, options.pooled, options.boosting, shrinkage=0.0)
    validated = {}
    for name, splits in validations.items():
        detail = np.full(domain.samples.target.size, np.nan)
        for split in splits:
            detail[split.held(domain.samples)] = 0.0
        held_out = [HeldOut(split, models) for split in splits]
        validated[name] = CrossValidation(held_out, detail, np.zeros(detail.size))
    return models, validated


def _all_trainings(
    trainer: Trainer,
    validations: dict[str, list[Split]],
    progress: Progress,
    run: Callable[..., list],
) -> AllTrainings:
    """The trainings of all samples and of each split, and what they cost."""
    samples = trainer.domain.samples
    everything = np.ones(samples.target.size, dtype=bool)
    splits = [split for part in validations.values() for split in part]
    first = next(iter(validations.values()))
    return AllTrainings(
        trainer,
        trained=[everything, *(split.trained(samples) for split in splits)],
        averaged=[first[number].trained(samples) for number in _one_of_each_fold(first)],
        cost=measure_training(trainer, progress, run),
    )


def _fit_all(trainer: Trainer, boosting: Boosting, progress: Progress) -> RegionModels:
    """Train all models on all samples."""
    everything = np.ones(trainer.domain.samples.target.size, dtype=bool)
    return trainer.fit(everything, boosting, progress)


def _fit_split(
    trainer: Trainer, boosting: Boosting, split: Split, progress: Progress
) -> _SplitResult:
    """Train without the held-out samples and predict them.

    Level and trend of a held-out cell are fitted to its own samples in the months that are not held
    out: they are known from GRACE, and the models do not predict them.
    """
    domain = trainer.domain
    samples = domain.samples
    models = trainer.fit(split.trained(samples), boosting, progress)
    where = split.held(samples)
    left = ~(split.months | split.excluded_months)[samples.month]
    trends = removed_trends(domain, trainer.options, left)
    predicted = mean_over_pixels(domain, models, where)
    return _SplitResult(models, predicted, trends.at_samples(samples)[where])


def mean_over_pixels(
    domain: Domain, models: RegionModels, where: np.ndarray, count: int | None = None
) -> np.ndarray:
    """Average the predictions for the pixels of some samples.

    Parameters
    ----------
    domain : Domain
        The study domain.
    models : RegionModels
        The models.
    where : numpy.ndarray of bool, shape (samples,)
        The samples.
    count : int, optional
        Number of pixels of each sample; by default all.

    Returns
    -------
    numpy.ndarray of float64, shape (selected samples,)
        cm.
    """
    regions = domain.samples.at(domain.regions.cells)[where]
    table = domain.samples.pixels[where, :count]
    pixels = table.shape[1]
    if not regions.size:
        return np.zeros(0)
    predicted = models.predict_by_region(
        table.reshape(-1, table.shape[2]), np.repeat(regions, pixels)
    )
    return predicted.reshape(-1, pixels).mean(axis=1, dtype=np.float64)


def _apply_shrinkage(
    domain: Domain, splits: list[Split], results: list[_SplitResult]
) -> tuple[np.ndarray, CrossValidation]:
    """Multiply the models and predictions of each split by the shrinkage factor of the others.

    Returns the contrast sums of each split too, shape (splits, 2).
    """
    held_samples = [split.held(domain.samples) for split in splits]
    sums = np.array(
        [
            _contrast_sums(domain, where, result.predicted, result.level)
            for where, result in zip(held_samples, results)
        ]
    ).reshape(-1, 2)
    held_out = []
    detail = np.full(domain.samples.target.size, np.nan)
    level = np.zeros(domain.samples.target.size)
    for i, (split, where, result) in enumerate(zip(splits, held_samples, results)):
        shrinkage = _shrinkage_factor(np.delete(sums, i, axis=0))
        held_out.append(HeldOut(split, replace(result.models, shrinkage=shrinkage)))
        detail[where] = shrinkage * result.predicted
        level[where] = result.level
    return sums, CrossValidation(held_out, detail, level)


def _contrast_sums(
    domain: Domain, where: np.ndarray, predicted: np.ndarray, level: np.ndarray
) -> tuple[float, float]:
    """Compare predicted and observed local contrast of held-out samples.

    Returns the sums of predicted times observed and of predicted squared contrast, cm².
    ``predicted`` and ``level`` are of the samples ``where``.
    """
    around = neighbourhoods(domain.samples, where)
    modelled = local_contrast(predicted, around, fraction=1.0)
    observed = local_contrast(domain.samples.target[where] - level, around, fraction=1.0)
    return float((modelled * observed).sum()), float((modelled**2).sum())


def _shrinkage_factor(sums: np.ndarray) -> float:
    """Slope of observed on predicted contrast, limited to 0..1; 0 without predicted contrast."""
    covariance, variance = sums.sum(axis=0)
    return float(np.clip(covariance / variance, 0.0, 1.0)) if variance > 0 else 0.0


def _apply_contrast_slopes(
    trainer: Trainer,
    validation: CrossValidation,
    within: np.ndarray,
    progress: Progress,
    run: Callable[..., list],
) -> tuple[float, CrossValidation]:
    """Estimate the calibration slope one scale up, for all models and for those of each split.

    The slope of a split is estimated from splits that hold out other cells. ``within``: contrast
    sums of each split at the scale of cells.
    """
    numbers = _one_of_each_fold([held.split for held in validation.held_out])
    tested = [validation.held_out[number] for number in numbers]
    tasks = [partial(_sums_one_scale_up, trainer, held) for held in tested]
    across = np.array(run(tasks, progress)).reshape(-1, 2)
    held_out = []
    for i, held in enumerate(validation.held_out):
        apart = [not (held.split.cells & other.split.cells).any() for other in tested]
        slope = contrast_slope(across[apart], np.delete(within, i, axis=0))
        held_out.append(replace(held, models=replace(held.models, contrast_slope=slope)))
    return contrast_slope(across, within), replace(validation, held_out=held_out)


def _one_of_each_fold(splits: list[Split]) -> list[int]:
    """Number of one split of each spatial fold, with the parts of the record in turn."""
    by_cells: dict[bytes, list[int]] = {}
    for number, split in enumerate(splits):
        by_cells.setdefault(split.cells.tobytes(), []).append(number)
    return [parts[i % len(parts)] for i, parts in enumerate(by_cells.values())]


def _sums_one_scale_up(trainer: Trainer, held: HeldOut, progress: Progress) -> tuple[float, float]:
    """Contrast sums of a model of 2 x 2 averages that is applied to held-out cells."""
    samples = trainer.samples(held.split.trained(trainer.domain.samples))
    with trainer.limit:
        return contrast_sums_across_scales(
            samples, held.split, held.models.boosting, trainer.bins, progress
        )
