"""One model per aquifer region, each begun from the model of all cells, and how much of them held-out cells confirm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from ...base.progress import Progress
from ...compute.threads import run_all
from ...predictors.stored_features import take_rows
from ..domain import Domain
from ..folds import TIME_FOLDS, Split, nothing_held
from ..forest.engine import evaluator
from ..samples import Samples
from .cell_trends import CellTrends, fit_cell_trends
from .contrast_scaling import contrast_slope, contrast_sums_across_scales
from .early_stopping import Tuning
from .training import Boosting, local_contrast, neighbourhoods, save, train

ALL = 0  # the number of the model of all cells, which serves the background and what is pooled with it
REGION_TREES = 0.3  # of the trees of the model of all cells: what a region adds to it
DIRECT, ANOMALY = (
    "direct",
    "anomaly",
)  # targets: GWSA itself, or what is left of it about each cell's level and trend


@dataclass(frozen=True)
class Recipe:
    """How models are made. ``pooled``: the number of the model that serves each region, int, (regions,). ``tuning``:
    how the settings are settled for each training; None takes ``boosting`` as it is."""

    boosting: Boosting
    pooled: np.ndarray
    target: str = DIRECT
    tuning: Tuning | None = None


@dataclass(frozen=True, eq=False)
class RegionModels:
    """``boosters``: by number, ``ALL`` for every region whose own (``pooled``) is not there. The others begin with the
    trees of ``ALL``.

    ``shrinkage``: the part of the predicted local contrast that held-out cells confirm, 0 to 1, and ``contrast_slope``: by how
    much it is too flat at 1 km, see ``contrast_slope``; predictions are multiplied by both. ``boosting``: what the model of
    all cells was trained with.
    """

    boosters: dict[int, object]
    pooled: np.ndarray
    boosting: Boosting = Boosting()
    shrinkage: float = 1.0
    contrast_slope: float = 1.0

    def __getstate__(self) -> dict:
        """What is compiled stays where it is; another process makes its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_evaluators"}

    def numbers(self, regions: np.ndarray) -> np.ndarray:
        """The model of each place, of the shape of ``regions``."""
        serving = np.where(np.isin(self.pooled, list(self.boosters)), self.pooled, ALL)
        return serving[regions]

    @property
    def remarks(self) -> set[str]:
        """Sentences on what slows predictions down."""
        return self._evaluators[1]

    def predict(self, features: Sequence, weights: dict[int, np.ndarray]) -> np.ndarray:
        """cm, float32, (rows,): what the models make of ``features``, (rows,) each, as an evaluator takes them, blended
        by ``weights`` (number -> (rows,)). The trees that all models share are evaluated once."""
        evaluators = self._evaluators[0]
        of_all = evaluators[ALL].predict(features)
        field = np.zeros_like(of_all)
        for number, weight in weights.items():
            near = weight > 0
            if number == ALL:
                field += weight * of_all
            elif near.any():
                said = evaluators[number].predict(
                    [take_rows(one, near) for one in features], onto=of_all[near]
                )
                field[near] += weight[near] * said
        return field * np.float32(self.shrinkage * self.contrast_slope)

    def predict_in(self, table: np.ndarray, regions: np.ndarray) -> np.ndarray:
        """cm, float32, (rows,): each row of ``table``, (rows, features), by the model of its region, of (rows,)
        ``regions``."""
        numbers = self.numbers(regions)
        return self.predict(
            table.T, {int(one): (numbers == one).astype(np.float32) for one in np.unique(numbers)}
        )

    @cached_property
    def _evaluators(self) -> tuple[dict[int, object], set[str]]:
        """By number, those of regions without the trees of ``ALL``; and what they had to say."""
        remarks, shared = set(), self.boosters[ALL].num_boosted_rounds()
        first_trees = {number: 0 if number == ALL else shared for number in self.boosters}
        evaluators = {
            number: evaluator(booster, remarks.add, skip=first_trees[number])
            for number, booster in self.boosters.items()
        }
        return evaluators, remarks


@dataclass(frozen=True, eq=False)
class HeldOut:
    """``models`` were trained without the samples, cells and months that ``split`` keeps from them."""

    split: Split
    models: RegionModels


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """``detail``: what held-out models predict for the samples: cm, (samples,), NaN for one that no split holds.
    ``level``: each cell's level and trend in the months that its models saw; 0 when the target is GWSA."""

    held_out: list[HeldOut]
    detail: np.ndarray
    level: np.ndarray


def train_and_validate(
    domain: Domain, validations: dict[str, list[Split]], recipe: Recipe, progress: Progress
) -> tuple[RegionModels, dict[str, CrossValidation]]:
    """Train on everything, and without each split of each of the ``validations`` (name -> splits) to predict it.

    The models are multiplied by the share of their contrast that all splits of the first validation together confirm,
    and stretched by what some of them tell of the step to a finer scale; those of a split by what the other splits of
    its validation confirm and tell, so that none is scaled by what it is scored on.
    """
    tasks = [partial(_fit, domain, recipe, nothing_held(domain.cells.shape, domain.months.size))]
    tasks += [
        partial(_fit_split, domain, recipe, split)
        for splits in validations.values()
        for split in splits
    ]
    models, *fitted = run_all(tasks, progress.part(0.0, 0.9))
    evidence, validated, fitted = {}, {}, iter(fitted)
    for name, splits in validations.items():
        evidence[name], validated[name] = _scaled(domain, splits, [next(fitted) for _ in splits])
    first = next(iter(validated))
    within, watched = evidence[first], validated[first]
    slope, validated[first] = _with_contrast_slopes(
        domain, recipe, watched, within, progress.part(0.9, 1.0)
    )
    return replace(models, shrinkage=_shrinkage_factor(within), contrast_slope=slope), validated


def _with_contrast_slopes(
    domain: Domain,
    recipe: Recipe,
    validation: CrossValidation,
    within: np.ndarray,
    progress: Progress,
) -> tuple[float, CrossValidation]:
    """By how much all models are too flat at a finer scale, and the validation with the models of each split stretched
    by what was found in other cells. ``within``: the evidence of each split at the scale of cells."""
    watched = validation.held_out[
        :: TIME_FOLDS + 1
    ]  # of most space folds one, in time folds by turns
    tasks = [partial(_contrast_sums_across_scales, domain, recipe, held) for held in watched]
    across = np.array(run_all(tasks, progress)).reshape(-1, 2)
    stretched = []
    for i, held in enumerate(validation.held_out):
        apart = [not (held.split.cells & other.split.cells).any() for other in watched]
        slope = contrast_slope(across[apart], np.delete(within, i, axis=0))
        stretched.append(replace(held, models=replace(held.models, contrast_slope=slope)))
    return contrast_slope(across, within), replace(validation, held_out=stretched)


def _contrast_sums_across_scales(
    domain: Domain, recipe: Recipe, held: HeldOut, progress: Progress
) -> tuple[float, float]:
    samples = _without_level(domain, recipe, held.split.trained(domain.samples))
    return contrast_sums_across_scales(samples, held.split, held.models.boosting, progress)


def _scaled(
    domain: Domain, splits: list[Split], fitted: list
) -> tuple[np.ndarray, CrossValidation]:
    """The evidence of each split, and its models and predictions multiplied by what the others confirm."""
    wheres = [split.held(domain.samples) for split in splits]
    evidence = np.array(
        [_evidence(domain, where, *said) for where, (_, *said) in zip(wheres, fitted)]
    )
    held, detail, level = (
        [],
        np.full(domain.samples.target.size, np.nan),
        np.zeros(domain.samples.target.size),
    )
    for i, (split, where, (models, predicted, line)) in enumerate(zip(splits, wheres, fitted)):
        shrinkage = _shrinkage_factor(np.delete(evidence, i, axis=0))
        held.append(HeldOut(split, replace(models, shrinkage=shrinkage)))
        detail[where], level[where] = shrinkage * predicted, line
    return evidence, CrossValidation(held, detail, level)


def _fit(domain: Domain, recipe: Recipe, split: Split, progress: Progress) -> RegionModels:
    """Train on the samples that ``split`` leaves."""
    where, regions = split.trained(domain.samples), domain.samples.at(domain.regions.cells)
    samples = _without_level(domain, recipe, where)
    boosting = (
        recipe.tuning.settle(samples, split, recipe.boosting, progress)
        if recipe.tuning
        else recipe.boosting
    )
    boosters = {ALL: train(samples, where, boosting, progress=progress)}
    further = replace(boosting, trees=max(1, round(REGION_TREES * boosting.trees)))
    for number in np.unique(recipe.pooled[recipe.pooled != ALL]):
        inside = where & (recipe.pooled[regions] == number)
        if inside.any():
            boosters[int(number)] = train(samples, inside, further, boosters[ALL], progress)
    return RegionModels(boosters, recipe.pooled, boosting)


def _fit_split(
    domain: Domain, recipe: Recipe, split: Split, progress: Progress
) -> tuple[RegionModels, np.ndarray, np.ndarray]:
    """The models of a split, and of the samples that it holds what they say and the level and trend of the months that
    are not held."""
    samples = domain.samples
    models, where = _fit(domain, recipe, split, progress), split.held(samples)
    lines = cell_trends(domain, recipe, ~(split.months | split.unseen)[samples.month])
    return models, _mean_over_pixels(domain, models, where), lines.of(samples)[where]


def _without_level(domain: Domain, recipe: Recipe, known: np.ndarray) -> Samples:
    lines = cell_trends(domain, recipe, known)
    return replace(domain.samples, target=domain.samples.target - lines.of(domain.samples))


def cell_trends(domain: Domain, recipe: Recipe, known: np.ndarray) -> CellTrends:
    """What of the coarse field models need not explain, from the ``known`` samples, bool, (samples,)."""
    if recipe.target == DIRECT:
        return CellTrends(*np.zeros((3, *domain.cells.shape)))
    return fit_cell_trends(domain.samples, known, domain.cells.shape)


def _mean_over_pixels(domain: Domain, models: RegionModels, where: np.ndarray) -> np.ndarray:
    """The mean of what the models say of the pixels of each of the samples ``where``: cm, (samples,)."""
    regions, pixels = domain.samples.at(domain.regions.cells)[where], domain.samples.pixels.shape[1]
    if not regions.size:
        return np.zeros(0)
    said = models.predict_in(domain.samples.pixel_table(where), np.repeat(regions, pixels))
    return said.reshape(-1, pixels).mean(axis=1, dtype=np.float64)


def _evidence(
    domain: Domain, where: np.ndarray, predicted: np.ndarray, level: np.ndarray
) -> tuple[float, float]:
    """Covariance of predicted and observed local contrast, and variance of the predicted one, over the held-out samples
    ``where``; the others (samples held,)."""
    around = neighbourhoods(domain.samples, where)
    of_models = local_contrast(predicted, around, fraction=1.0)
    observed = local_contrast(domain.samples.target[where] - level, around, fraction=1.0)
    return float((of_models * observed).sum()), float((of_models**2).sum())


def _shrinkage_factor(evidence: np.ndarray) -> float:
    covariance, variance = evidence.sum(axis=0)
    return float(np.clip(covariance / variance, 0.0, 1.0)) if variance > 0 else 0.0


def write_models(folder: Path, domain: Domain, models: RegionModels) -> None:
    """``model_<number>.ubj`` in XGBoost's own format, and ``models.json``: features, scaling, whom each serves."""
    present = np.unique(domain.regions.cells[domain.cells])
    served = models.numbers(present)
    files = {}
    for number, booster in models.boosters.items():
        save(booster, folder / f"model_{number}.ubj")
        files[f"model_{number}.ubj"] = [
            domain.regions.names[region] for region in present[served == number]
        ]
    scaled = {"share": models.shrinkage, "stretch": models.contrast_slope}
    contents = {"features": list(domain.samples.names), **scaled, "models": files}
    (folder / "models.json").write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
