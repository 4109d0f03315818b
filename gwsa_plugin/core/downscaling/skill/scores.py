"""Scores of a downscaling: held-out skill, closure and seams, each under its own name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ...files.atomic import atomic_file
from ...spatial.aquifers import GRACE_FOOTPRINT_KM2
from ...stats.metrics import agreement_from_sums, agreement_sums, field_agreement
from ..domain import Domain
from ..models.cross_validation import CrossValidation
from ..models.region_models import ALL, RegionModels
from ..models.trainer import TrainingOptions, removed_trends
from ..models.training import local_contrast, neighbourhoods
from .closure import Closure
from .reduced_resolution import ReducedResolution


def region_table(
    domain: Domain,
    models: RegionModels,
    validation: CrossValidation,
    reduced: ReducedResolution | None,
) -> list[dict]:
    """Compute the scores of each region that has mapped cells.

    Parameters
    ----------
    domain : Domain
        The study domain.
    models : RegionModels
        The models.
    validation : CrossValidation
        The blocked validation.
    reduced : ReducedResolution, optional
        Its validation at reduced resolution; None if GRACE does not resolve the cells.

    Returns
    -------
    list of dict
        ``number`` and ``name`` of the region; ``cells``: number of coarse cells; ``area_km2`` of
        land; ``n_eff``: number of independent GRACE values (land / 90,000 km²); ``model`` that
        serves it: own, that of its parent, or all. Held-out agreement of the local contrast:
        ``contrast_nse`` and ``contrast_rmse_cm``. At reduced resolution: ``rmse_cm`` of held-out
        models, ``gain_over_mean_preserving`` and ``gain_over_bilinear``; NaN without ``reduced``.
    """
    observed, predicted = contrasts(domain, validation)
    served = models.numbers(np.arange(len(domain.regions.names)))
    sample_regions = domain.samples.at(domain.regions.cells)
    rows = []
    for number, name in enumerate(domain.regions.names):
        cells = domain.cells & (domain.regions.cells == number)
        if not cells.any():
            continue
        inside = sample_regions == number
        contrast = field_agreement(predicted[inside], observed[inside])
        scores = reduced.scores(inside) if reduced else {}
        rows.append(
            {
                "number": number,
                "name": name,
                "cells": int(cells.sum()),
                "area_km2": float(domain.regions.areas[number]),
                "n_eff": float(domain.regions.areas[number] / GRACE_FOOTPRINT_KM2),
                "model": _model_name(served[number], number, domain.regions.parents[number]),
                "contrast_nse": contrast["nse"],
                "contrast_rmse_cm": contrast["rmse_cm"],
                "rmse_cm": scores.get("rmse_model_cm", float("nan")),
                "gain_over_mean_preserving": scores.get("gain_over_mean_preserving", float("nan")),
                "gain_over_bilinear": scores.get("gain_over_bilinear", float("nan")),
            }
        )
    return rows


def score(
    domain: Domain,
    options: TrainingOptions,
    models: RegionModels,
    validation: CrossValidation,
    closures: Iterable[Closure],
    preserved: Sequence[np.ndarray],
) -> dict:
    """Compute the scores of a downscaling.

    Parameters
    ----------
    domain : Domain
        The study domain.
    options : TrainingOptions
        How the models were trained.
    models : RegionModels
        The models.
    validation : CrossValidation
        The blocked validation.
    closures : iterable of Closure
        Closure of all years.
    preserved : sequence of numpy.ndarray
        Coarse field that the maps preserve in each mapped month, cm, coarse shape.

    Returns
    -------
    dict
        ``closure_raw`` and ``closure``: block means of the map before and after the correction
        against the coarse field that it preserves. It is not skill. ``held_out``:
        predictions for held-out cells and months before any correction; ``field`` against GWSA,
        ``contrast`` against the difference between a cell and its surroundings, which is what
        reaches the map. ``seams``: steps across edges of cells relative to steps inside them,
        before and after the correction. ``correction_amplification``: see ``Closure``. ``n_eff``:
        number of independent GRACE values.
    """
    observed, predicted = contrasts(domain, validation)
    return {
        **_closure_scores(domain, options, closures, preserved),
        "held_out": {
            "field": field_agreement(validation.detail + validation.level, domain.samples.target),
            "contrast": field_agreement(predicted, observed),
            "shrinkage": models.shrinkage,
            "contrast_slope": models.contrast_slope,
            "trees": models.boosting.trees,
            "splits": len(validation.held_out),
        },
        "cells": int(domain.cells.sum()),
        "months": int(domain.months.size),
        "n_eff": float(domain.regions.areas.sum() / GRACE_FOOTPRINT_KM2),
    }


def contrasts(domain: Domain, validation: CrossValidation) -> tuple[np.ndarray, np.ndarray]:
    """Compute the local contrast: the difference between a cell and the mean of its surroundings.

    Parameters
    ----------
    domain : Domain
        The study domain.
    validation : CrossValidation
        Held-out predictions.

    Returns
    -------
    observed, predicted : numpy.ndarray, shape (samples,)
        cm; NaN where no model predicts. With the target ``anomaly`` both are without level and
        trend.
    """
    where = np.isfinite(validation.detail)
    around = neighbourhoods(domain.samples, where)
    observed, predicted = np.full((2, where.size), np.nan)
    anomaly = domain.samples.target - validation.level
    observed[where] = local_contrast(anomaly[where], around, fraction=1.0)
    predicted[where] = local_contrast(validation.detail[where], around, fraction=1.0)
    return observed, predicted


def write_scores(path: str | Path, scores: dict) -> None:
    """Write scores atomically as JSON, with null for NaN."""
    with atomic_file(path) as part:
        part.write_text(json.dumps(_json_safe(scores), indent=2) + "\n", encoding="utf-8")


def _model_name(served: int, number: int, parent: str) -> str:
    """The model that serves a region, in words."""
    if served == ALL:
        return "all"
    return "own" if served == number else f"parent {parent}"


def _closure_scores(
    domain: Domain,
    options: TrainingOptions,
    closures: Iterable[Closure],
    target: Sequence[np.ndarray],
) -> dict:
    """The scores of the maps, accumulated year by year."""
    everything = np.ones(domain.samples.target.size, dtype=bool)
    trends = removed_trends(domain, options, everything)
    raw = np.zeros(4)
    corrected = np.zeros(4)
    worst = 0.0
    amplification = 0.0
    seams = []
    for year in closures:
        truth = np.stack([target[month] for month in year.months])
        raw += agreement_sums(year.raw + trends.at_months(year.months[:, None, None]), truth)
        corrected += agreement_sums(year.corrected, truth)
        worst = max(worst, float(np.nanmax(np.abs(year.corrected - truth))))
        amplification = max(amplification, year.amplification)
        seams.append(year.seams)
    before, after = np.concatenate(seams).T
    return {
        "closure_raw": agreement_from_sums(raw),
        "closure": {**agreement_from_sums(corrected), "worst_cm": worst},
        "seams": _seam_scores(before, after),
        "correction_amplification": amplification,
    }


def _seam_scores(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Median edge ratio before and after the correction, and their ratio in the worst month."""
    known = np.isfinite(before) & np.isfinite(after) & (before > 0)
    if not known.any():
        return dict.fromkeys(("before", "after", "most_changed"), float("nan"))
    change = after[known] / before[known]
    return {
        "before": float(np.median(before[known])),
        "after": float(np.median(after[known])),
        "most_changed": float(change[np.abs(change - 1).argmax()]),
    }


def _json_safe(value):
    """Replace NaN by None in nested dictionaries and lists."""
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_safe(item) for item in value]
    return None if isinstance(value, float) and value != value else value
