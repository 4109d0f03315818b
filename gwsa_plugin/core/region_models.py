"""One model per aquifer region, each begun from the model of all cells, and how much of them held-out cells confirm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .boosting import Boosting, local_contrast, predict, train
from .folds import Split
from .progress import Progress
from .scene import Scene
from .threads import run_all

ALL = 0  # the number of the model of all cells, which serves the background and the pooled regions
REGION_TREES = 0.3  # of the trees of the model of all cells: what a region adds to it


@dataclass(frozen=True, eq=False)
class RegionModels:
    """``boosters``: by region number, ``ALL`` for every region without one of its own.

    ``share``: by what the prediction is multiplied, 0 to 1: the part of its local contrast that held-out cells confirm.
    """

    boosters: dict[int, object]
    share: float = 1.0

    def numbers(self, regions: np.ndarray) -> np.ndarray:
        """The model of each place, of the shape of ``regions``."""
        own = [number for number in self.boosters if number != ALL]
        return np.where(np.isin(regions, own), regions, ALL)

    def predict(self, table: np.ndarray, weights: dict[int, np.ndarray]) -> np.ndarray:
        """cm, float32, (rows,): the models' predictions for ``table`` blended by ``weights`` (number -> (rows,))."""
        field = np.zeros(len(table), dtype=np.float32)
        for number, weight in weights.items():
            near = weight > 0
            if near.all():
                field += weight * predict(self.boosters[number], table)
            elif near.any():
                field[near] += weight[near] * predict(self.boosters[number], table[near])
        return field * np.float32(self.share)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """``models`` were trained without the cells and months of ``split``."""

    split: Split
    models: RegionModels


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """``coarse``: the field that held-out models predict, cm, float64, (months, rows, columns), NaN off the cells."""

    held_out: list[HeldOut]
    coarse: np.ndarray


def train_and_validate(
    scene: Scene, splits: list[Split], boosting: Boosting, own: list[int], progress: Progress
) -> tuple[RegionModels, CrossValidation]:
    """Train on everything, and without each split to predict it; ``own``: regions with a model of their own.

    The models are multiplied by the share of their contrast that all splits together confirm; those of a split by what
    the cells and months of the other splits confirm, so that none is scaled by what it is scored on.
    """
    everywhere = np.ones(scene.samples.target.shape, dtype=bool)
    wheres = [everywhere, *(~split.near[None] & ~split.months[:, None, None] for split in splits)]
    models, *fitted = run_all([partial(_fit, scene, boosting, own, where) for where in wheres], progress)
    predictions = [_at_cells(scene, models, split) for models, split in zip(fitted, splits)]
    evidence = np.array([_evidence(scene, field) for field in predictions])
    shares = [_confirmed(np.delete(evidence, i, axis=0).sum(axis=0)) for i in range(len(splits))]
    held = [HeldOut(split, replace(models, share=share)) for split, models, share in zip(splits, fitted, shares)]
    scaled = [share * field for share, field in zip(shares, predictions)]
    whole = np.where(scene.cells, np.nansum(scaled, axis=0), np.nan)
    return replace(models, share=_confirmed(evidence.sum(axis=0))), CrossValidation(held, whole)


def _fit(scene: Scene, boosting: Boosting, own: list[int], where: np.ndarray, go_on) -> RegionModels:
    """Train on the samples ``where``: bool, (months, rows, columns)."""
    base = train(scene.samples, where, boosting, go_on=go_on)
    boosters = {ALL: base}
    further = replace(boosting, trees=max(1, round(REGION_TREES * boosting.trees)))
    for number in own:
        inside = where & (scene.regions.cells == number) & scene.cells
        if inside.any():
            boosters[number] = train(scene.samples, inside, further, base, go_on)
    return RegionModels(boosters)


def _at_cells(scene: Scene, models: RegionModels, split: Split) -> np.ndarray:
    """What the models say of the split's cells and months: cm, (months, rows, columns), NaN elsewhere."""
    where = split.cells[None] & split.months[:, None, None]
    field = np.full(where.shape, np.nan)
    numbers = np.broadcast_to(models.numbers(scene.regions.cells), where.shape)[where]
    weights = {int(number): (numbers == number).astype(np.float32) for number in np.unique(numbers)}
    field[where] = models.predict(scene.samples.table(where), weights)
    return field


def _evidence(scene: Scene, field: np.ndarray) -> tuple[float, float]:
    """Covariance of predicted and observed local contrast, and variance of the predicted one, over held-out samples."""
    where = np.isfinite(field)
    predicted = local_contrast(np.where(where, field, 0.0), where, share=1.0)
    observed = local_contrast(np.where(where, scene.samples.target, 0.0), where, share=1.0)
    return float((predicted * observed).sum()), float((predicted**2).sum())


def _confirmed(evidence) -> float:
    covariance, variance = evidence
    return float(np.clip(covariance / variance, 0.0, 1.0)) if variance > 0 else 0.0
