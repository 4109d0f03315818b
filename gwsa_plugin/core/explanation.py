"""What the models make of their predictors: SHAP contributions and gain, region by region."""

from __future__ import annotations

import csv

import numpy as np

from .boosting import THREADS, gains
from .progress import SILENT, Progress
from .region_models import RegionModels
from .scene import Scene
from .whole import whole_file

MOST_SAMPLES = 1500  # cell-months that a region is explained on
FIELDS = ("region", "predictor", "feature", "shap_cm", "gain")


def explain(scene: Scene, models: RegionModels, progress: Progress = SILENT) -> list[dict]:
    """A row per region that has coarse cells and per feature, in the order of both: region, predictor, feature, shap_cm
    and gain, of the model that serves the region.

    ``shap_cm``: the mean absolute contribution of the feature to the prediction, cm, over at most 1,500 random
    cell-months of the region, always the same (TreeSHAP, Lundberg et al. 2020, Nature Machine Intelligence 2:56, as
    XGBoost computes it). It is of the prediction that reaches the map, the models' confirmed share included, before the
    correction. ``gain``: the share of the model's total gain, 0 to 1.
    """
    predictor_of = {feature: one.name for one in scene.predictors.predictors for feature in one.features}
    present = np.unique(scene.regions.cells[scene.cells])
    serving = models.numbers(present)
    rows = []
    for region, model, part in zip(present, serving, progress.parts(present.size)):
        booster = models.boosters[int(model)]
        table = _some_samples(scene, int(region))
        contributions = models.share * np.abs(_contributions(booster, table, scene.samples.names)).mean(axis=0)
        gain = gains(booster)
        for feature, shap in zip(scene.samples.names, contributions):
            values = (scene.regions.names[region], predictor_of[feature], feature, float(shap), gain.get(feature, 0.0))
            rows.append(dict(zip(FIELDS, values)))
        part.advance(1.0)
    return rows


def by_predictor(rows: list[dict]) -> list[dict]:
    """The rows of ``explain`` summed over the features of each predictor: region, predictor, shap_cm and gain.

    Lags that work against each other are not set off: the sum says how much a predictor moves the map through all its
    features.
    """
    sums = {}
    for row in rows:
        total = sums.setdefault(
            (row["region"], row["predictor"]),
            {"region": row["region"], "predictor": row["predictor"], "shap_cm": 0.0, "gain": 0.0},
        )
        total["shap_cm"] += row["shap_cm"]
        total["gain"] += row["gain"]
    return list(sums.values())


def write_explanation(path, rows: list[dict]) -> None:
    """The rows of ``explain`` as CSV, whole or not at all."""
    with whole_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "shap_cm": f"{row['shap_cm']:.5f}", "gain": f"{row['gain']:.5f}"} for row in rows)


def _some_samples(scene: Scene, region: int) -> np.ndarray:
    """Features of at most MOST_SAMPLES cell-months of a region: float32, (samples, features)."""
    inside = np.broadcast_to(scene.cells & (scene.regions.cells == region), scene.samples.target.shape)
    places = np.flatnonzero(inside)
    chosen = np.zeros(inside.shape, dtype=bool)
    chosen.flat[np.random.default_rng(region).choice(places, min(places.size, MOST_SAMPLES), replace=False)] = True
    return scene.samples.table(chosen)


def _contributions(booster, table: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Of each feature to each prediction, cm: (rows, features). The last column, dropped, is the mean prediction."""
    import xgboost

    matrix = xgboost.DMatrix(table, feature_names=list(names), nthread=THREADS)
    return booster.predict(matrix, pred_contribs=True)[:, :-1]
