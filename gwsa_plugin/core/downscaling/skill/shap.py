"""Contributions of the predictors in each region: SHAP and gain of trees, parts of the prior.

References
----------
Lundberg, S. M. et al. (2020): From local explanations to global understanding with explainable AI
    for trees. Nature Machine Intelligence 2, 56-67. (TreeSHAP, as implemented in XGBoost.)
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...base.progress import SILENT, Progress
from ...compute.threads import run_all
from ...files.atomic import atomic_file
from ...predictors.predictor_set import PredictorSet
from ..domain import Domain
from ..models.bins import THREADS
from ..models.region_models import RegionModels
from ..models.training import gains
from ..prior.drivers import driver_set
from ..prior.fitted_prior import FittedPrior

if TYPE_CHECKING:
    from xgboost import Booster

# Cell-months of a region for which contributions are computed.
MOST_SAMPLES = 500
# Cell-months between two checks for cancellation.
ROWS_AT_ONCE = 250
FIELDS = ("region", "predictor", "feature", "shap_cm", "gain")


def explain_maps(domain: Domain, models: RegionModels, prior: FittedPrior | None) -> list[dict]:
    """Return contributions to the maps: of the trees where they are mapped, or of the prior.

    Parameters
    ----------
    domain, models
        As in ``explain``.
    prior : FittedPrior or None
        The mapped prior. There are no rows if neither trees nor a prior are mapped.
    """
    if models.shrinkage:
        return explain(domain, models)
    return explain_prior(prior) if prior else []


def explain_prior(prior: FittedPrior) -> list[dict]:
    """Compute the contribution of each term and static of the prior in each region.

    Returns
    -------
    list of dict
        Rows as those of ``explain``: ``shap_cm`` is the mean absolute contribution over pixels and
        months, cm, see ``PriorSamples.mean_contributions``; ``gain`` is NaN.
    """
    domain = prior.domain
    regions = domain.regions.cells[domain.cells]
    names = _names_of_drivers(domain.predictors)
    return [
        {
            "region": domain.regions.names[region],
            "predictor": names[feature],
            "feature": feature,
            "shap_cm": float(contribution),
            "gain": np.nan,
        }
        for region in np.unique(regions)
        for feature, contribution in zip(
            (*prior.samples.term_names, *prior.samples.static_names),
            prior.samples.mean_contributions(prior.prior, regions == region),
        )
    ]


def _names_of_drivers(predictors: PredictorSet) -> dict[str, str]:
    """Predictor of each term and static; ``surplus`` is that of the antecedent water surplus."""
    drivers = driver_set(predictors)
    names = {f"mean_{one.name}": one.name for one in predictors.predictors}
    for one in (*predictors.predictors, *(drivers.predictors if drivers else ())):
        names.update(dict.fromkeys(one.features, one.name))
    return names


def explain(domain: Domain, models: RegionModels, progress: Progress = SILENT) -> list[dict]:
    """Compute contribution and gain of each feature in each region with training samples.

    Parameters
    ----------
    domain : Domain
        The study domain.
    models : RegionModels
        The models. The one that serves a region is used for it.
    progress : Progress
        Receives the fraction done.

    Returns
    -------
    list of dict
        A row per region and feature: ``region``, ``predictor``, ``feature``, ``shap_cm`` and
        ``gain``. ``shap_cm`` is the mean absolute SHAP contribution to the prediction before the
        correction, cm, multiplied by shrinkage factor and calibration slope, over at most 500
        random cell-months of the region, always the same ones. ``gain`` is the fraction of the
        model's total gain, 0 to 1.
    """
    present = np.unique(domain.samples.at(domain.regions.cells))
    boosters = [models.boosters[int(number)] for number in models.numbers(present)]
    tasks = [
        partial(_mean_contribution, domain, int(region), booster)
        for region, booster in zip(present, boosters)
    ]
    predictor_names = {
        feature: predictor.name
        for predictor in domain.predictors.predictors
        for feature in predictor.features
    }
    rows: list[dict] = []
    for region, booster, contribution in zip(present, boosters, run_all(tasks, progress)):
        gain = gains(booster)
        scaled = models.shrinkage * models.contrast_slope * contribution
        rows += [
            {
                "region": domain.regions.names[region],
                "predictor": predictor_names[feature],
                "feature": feature,
                "shap_cm": float(shap),
                "gain": gain.get(feature, 0.0),
            }
            for feature, shap in zip(domain.samples.names, scaled)
        ]
    return rows


def by_predictor(rows: list[dict]) -> list[dict]:
    """Sum the rows of ``explain`` over the features of each predictor.

    Contributions are added as absolute values, so that features of opposite effect do not cancel.

    Returns
    -------
    list of dict
        A row per region and predictor: ``region``, ``predictor``, ``shap_cm`` and ``gain``.
    """
    sums: dict[tuple[str, str], dict] = {}
    for row in rows:
        empty = {
            "region": row["region"],
            "predictor": row["predictor"],
            "shap_cm": 0.0,
            "gain": 0.0,
        }
        total = sums.setdefault((row["region"], row["predictor"]), empty)
        total["shap_cm"] += row["shap_cm"]
        total["gain"] += row["gain"]
    return list(sums.values())


def write_explanation(path: str | Path, rows: list[dict]) -> None:
    """Write the rows of ``explain_maps`` atomically as CSV; a gain of NaN is left empty."""
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {
                **row,
                "shap_cm": f"{row['shap_cm']:.5f}",
                "gain": f"{row['gain']:.5f}" if np.isfinite(row["gain"]) else "",
            }
            for row in rows
        )


def _mean_contribution(
    domain: Domain, region: int, booster: Booster, progress: Progress
) -> np.ndarray:
    """Mean absolute contribution of each feature in a region, cm, not scaled, (features,)."""
    import xgboost

    table = _some_samples(domain, region)
    total = np.zeros(table.shape[1])
    for first in range(0, len(table), ROWS_AT_ONCE):
        progress.stop_if_cancelled()
        rows = table[first : first + ROWS_AT_ONCE]
        matrix = xgboost.DMatrix(rows, feature_names=list(domain.samples.names), nthread=THREADS)
        contributions = booster.predict(matrix, pred_contribs=True)
        # The last column is the mean prediction.
        total += np.abs(contributions[:, :-1]).sum(axis=0)
    return total / len(table)


def _some_samples(domain: Domain, region: int) -> np.ndarray:
    """Features of at most MOST_SAMPLES random cell-months of a region, float32."""
    inside = np.flatnonzero(domain.samples.at(domain.regions.cells) == region)
    chosen = np.random.default_rng(region).choice(
        inside, min(inside.size, MOST_SAMPLES), replace=False
    )
    return domain.samples.cells[np.sort(chosen)]
