"""What the models make of their predictors: SHAP contributions and gain, region by region."""

from __future__ import annotations

import csv
from functools import partial

import numpy as np

from ...base.progress import SILENT, Progress
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ..domain import Domain
from ..models.region_models import RegionModels
from ..models.training import THREADS, gains

MOST_SAMPLES = 500  # cell-months that a region is explained on
ROWS_AT_ONCE = 250  # between two looks at whether to stop
FIELDS = ("region", "predictor", "feature", "shap_cm", "gain")


def explain(domain: Domain, models: RegionModels, progress: Progress = SILENT) -> list[dict]:
    """A row per region that models were trained in and per feature, in the order of both: region, predictor, feature,
    shap_cm and gain, of the model that serves the region.

    ``shap_cm``: the mean absolute contribution of the feature to the prediction, cm, over at most 500 random
    cell-months of the region, always the same (TreeSHAP, Lundberg et al. 2020, Nature Machine Intelligence 2:56, as
    XGBoost computes it). It is of the prediction that reaches the map, the models' share and stretch included, before
    the correction. ``gain``: the share of the model's total gain, 0 to 1.
    """
    present = np.unique(domain.samples.at(domain.regions.cells))
    boosters = [models.boosters[int(number)] for number in models.numbers(present)]
    tasks = [
        partial(_mean_contribution, domain, int(region), booster)
        for region, booster in zip(present, boosters)
    ]
    predictor_of = {
        feature: one.name for one in domain.predictors.predictors for feature in one.features
    }
    rows = []
    for region, booster, contribution in zip(present, boosters, run_all(tasks, progress)):
        gain = gains(booster)
        for feature, shap in zip(
            domain.samples.names, models.shrinkage * models.contrast_slope * contribution
        ):
            values = (
                domain.regions.names[region],
                predictor_of[feature],
                feature,
                float(shap),
                gain.get(feature, 0.0),
            )
            rows.append(dict(zip(FIELDS, values)))
    return rows


def by_predictor(rows: list[dict]) -> list[dict]:
    """The rows of ``explain`` summed over the features of each predictor: region, predictor, shap_cm and gain.

    Lags that work against each other are not set off: the sum says how much a predictor moves the map through all its
    features.
    """
    sums = {}
    for row in rows:
        own = {"region": row["region"], "predictor": row["predictor"], "shap_cm": 0.0, "gain": 0.0}
        total = sums.setdefault((row["region"], row["predictor"]), own)
        total["shap_cm"] += row["shap_cm"]
        total["gain"] += row["gain"]
    return list(sums.values())


def write_explanation(path, rows: list[dict]) -> None:
    """The rows of ``explain`` as CSV, whole or not at all."""
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {**row, "shap_cm": f"{row['shap_cm']:.5f}", "gain": f"{row['gain']:.5f}"}
            for row in rows
        )


def _mean_contribution(domain: Domain, region: int, booster, progress: Progress) -> np.ndarray:
    """Mean |contribution| of each feature over some samples of the region, cm, (features,), ``share`` not applied."""
    import xgboost

    table = _some_samples(domain, region)
    total = np.zeros(table.shape[1])
    for first in range(0, len(table), ROWS_AT_ONCE):
        progress.stop_if_cancelled()
        rows = table[first : first + ROWS_AT_ONCE]
        matrix = xgboost.DMatrix(rows, feature_names=list(domain.samples.names), nthread=THREADS)
        contributions = booster.predict(matrix, pred_contribs=True)[
            :, :-1
        ]  # the last is the mean prediction
        total += np.abs(contributions).sum(axis=0)
    return total / len(table)


def _some_samples(domain: Domain, region: int) -> np.ndarray:
    """Features of at most MOST_SAMPLES cell-months of a region: float32, (samples, features)."""
    inside = np.flatnonzero(domain.samples.at(domain.regions.cells) == region)
    chosen = np.random.default_rng(region).choice(
        inside, min(inside.size, MOST_SAMPLES), replace=False
    )
    return domain.samples.cells[np.sort(chosen)]
