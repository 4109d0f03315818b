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
from ...predictors.stored_features import cut
from ..domain import Scene
from ..folds import TIME_FOLDS, Split, nothing_held
from ..forest import evaluator
from ..samples import Samples
from .cell_trends import Lines, level_and_trend
from .contrast_scaling import evidence_across, steepness
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

    ``share``: the part of the predicted local contrast that held-out cells confirm, 0 to 1, and ``stretch``: by how
    much it is too flat at 1 km, see ``steepness``; predictions are multiplied by both. ``boosting``: what the model of
    all cells was trained with.
    """

    boosters: dict[int, object]
    pooled: np.ndarray
    boosting: Boosting = Boosting()
    share: float = 1.0
    stretch: float = 1.0

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
                    [cut(one, near) for one in features], onto=of_all[near]
                )
                field[near] += weight[near] * said
        return field * np.float32(self.share * self.stretch)

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
    scene: Scene, validations: dict[str, list[Split]], recipe: Recipe, progress: Progress
) -> tuple[RegionModels, dict[str, CrossValidation]]:
    """Train on everything, and without each split of each of the ``validations`` (name -> splits) to predict it.

    The models are multiplied by the share of their contrast that all splits of the first validation together confirm,
    and stretched by what some of them tell of the step to a finer scale; those of a split by what the other splits of
    its validation confirm and tell, so that none is scaled by what it is scored on.
    """
    tasks = [partial(_fit, scene, recipe, nothing_held(scene.cells.shape, scene.months.size))]
    tasks += [
        partial(_fit_split, scene, recipe, split)
        for splits in validations.values()
        for split in splits
    ]
    models, *fitted = run_all(tasks, progress.part(0.0, 0.9))
    evidence, validated, fitted = {}, {}, iter(fitted)
    for name, splits in validations.items():
        evidence[name], validated[name] = _scaled(scene, splits, [next(fitted) for _ in splits])
    first = next(iter(validated))
    within, watched = evidence[first], validated[first]
    stretch, validated[first] = _stretched(scene, recipe, watched, within, progress.part(0.9, 1.0))
    return replace(models, share=_confirmed(within), stretch=stretch), validated


def _stretched(
    scene: Scene,
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
    tasks = [partial(_evidence_across, scene, recipe, held) for held in watched]
    across = np.array(run_all(tasks, progress)).reshape(-1, 2)
    stretched = []
    for i, held in enumerate(validation.held_out):
        apart = [not (held.split.cells & other.split.cells).any() for other in watched]
        stretch = steepness(across[apart], np.delete(within, i, axis=0))
        stretched.append(replace(held, models=replace(held.models, stretch=stretch)))
    return steepness(across, within), replace(validation, held_out=stretched)


def _evidence_across(scene: Scene, recipe: Recipe, held: HeldOut, go_on) -> tuple[float, float]:
    samples = _without_level(scene, recipe, held.split.trained(scene.samples))
    return evidence_across(samples, held.split, held.models.boosting, go_on)


def _scaled(scene: Scene, splits: list[Split], fitted: list) -> tuple[np.ndarray, CrossValidation]:
    """The evidence of each split, and its models and predictions multiplied by what the others confirm."""
    wheres = [split.held(scene.samples) for split in splits]
    evidence = np.array(
        [_evidence(scene, where, *said) for where, (_, *said) in zip(wheres, fitted)]
    )
    held, detail, level = (
        [],
        np.full(scene.samples.target.size, np.nan),
        np.zeros(scene.samples.target.size),
    )
    for i, (split, where, (models, predicted, line)) in enumerate(zip(splits, wheres, fitted)):
        share = _confirmed(np.delete(evidence, i, axis=0))
        held.append(HeldOut(split, replace(models, share=share)))
        detail[where], level[where] = share * predicted, line
    return evidence, CrossValidation(held, detail, level)


def _fit(scene: Scene, recipe: Recipe, split: Split, go_on) -> RegionModels:
    """Train on the samples that ``split`` leaves."""
    where, regions = split.trained(scene.samples), scene.samples.at(scene.regions.cells)
    samples = _without_level(scene, recipe, where)
    boosting = (
        recipe.tuning.settle(samples, split, recipe.boosting, go_on)
        if recipe.tuning
        else recipe.boosting
    )
    boosters = {ALL: train(samples, where, boosting, go_on=go_on)}
    further = replace(boosting, trees=max(1, round(REGION_TREES * boosting.trees)))
    for number in np.unique(recipe.pooled[recipe.pooled != ALL]):
        inside = where & (recipe.pooled[regions] == number)
        if inside.any():
            boosters[int(number)] = train(samples, inside, further, boosters[ALL], go_on)
    return RegionModels(boosters, recipe.pooled, boosting)


def _fit_split(
    scene: Scene, recipe: Recipe, split: Split, go_on
) -> tuple[RegionModels, np.ndarray, np.ndarray]:
    """The models of a split, and of the samples that it holds what they say and the level and trend of the months that
    are not held."""
    samples = scene.samples
    models, where = _fit(scene, recipe, split, go_on), split.held(samples)
    lines = lines_of(scene, recipe, ~(split.months | split.unseen)[samples.month])
    return models, _mean_over_pixels(scene, models, where), lines.of(samples)[where]


def _without_level(scene: Scene, recipe: Recipe, known: np.ndarray) -> Samples:
    lines = lines_of(scene, recipe, known)
    return replace(scene.samples, target=scene.samples.target - lines.of(scene.samples))


def lines_of(scene: Scene, recipe: Recipe, known: np.ndarray) -> Lines:
    """What of the coarse field models need not explain, from the ``known`` samples, bool, (samples,)."""
    if recipe.target == DIRECT:
        return Lines(*np.zeros((3, *scene.cells.shape)))
    return level_and_trend(scene.samples, known, scene.cells.shape)


def _mean_over_pixels(scene: Scene, models: RegionModels, where: np.ndarray) -> np.ndarray:
    """The mean of what the models say of the pixels of each of the samples ``where``: cm, (samples,)."""
    regions, pixels = scene.samples.at(scene.regions.cells)[where], scene.samples.pixels.shape[1]
    if not regions.size:
        return np.zeros(0)
    said = models.predict_in(scene.samples.pixel_table(where), np.repeat(regions, pixels))
    return said.reshape(-1, pixels).mean(axis=1, dtype=np.float64)


def _evidence(
    scene: Scene, where: np.ndarray, predicted: np.ndarray, level: np.ndarray
) -> tuple[float, float]:
    """Covariance of predicted and observed local contrast, and variance of the predicted one, over the held-out samples
    ``where``; the others (samples held,)."""
    around = neighbourhoods(scene.samples, where)
    of_models = local_contrast(predicted, around, share=1.0)
    observed = local_contrast(scene.samples.target[where] - level, around, share=1.0)
    return float((of_models * observed).sum()), float((of_models**2).sum())


def _confirmed(evidence: np.ndarray) -> float:
    covariance, variance = evidence.sum(axis=0)
    return float(np.clip(covariance / variance, 0.0, 1.0)) if variance > 0 else 0.0


def write_models(folder: Path, scene: Scene, models: RegionModels) -> None:
    """``model_<number>.ubj`` in XGBoost's own format, and ``models.json``: features, scaling, whom each serves."""
    present = np.unique(scene.regions.cells[scene.cells])
    served = models.numbers(present)
    files = {}
    for number, booster in models.boosters.items():
        save(booster, folder / f"model_{number}.ubj")
        files[f"model_{number}.ubj"] = [
            scene.regions.names[region] for region in present[served == number]
        ]
    scaled = {"share": models.share, "stretch": models.stretch}
    contents = {"features": list(scene.samples.names), **scaled, "models": files}
    (folder / "models.json").write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
