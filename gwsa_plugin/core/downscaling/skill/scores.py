"""What is said of a downscaling in figures: held-out skill, closure and seams, each under its own name."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np

from ...files.atomic import atomic_file
from ...spatial.aquifers import GRACE_FOOTPRINT_KM2
from ...stats.metrics import agreement, agreement_from_sums, sums
from ..domain import Domain
from ..models.region_models import ALL, CrossValidation, Recipe, RegionModels, cell_trends
from ..models.training import local_contrast, neighbourhoods
from .closure import Closure
from .reduced_resolution import ReducedResolution


def region_table(
    domain: Domain, models: RegionModels, validation: CrossValidation, back: ReducedResolution
) -> list[dict]:
    """Per region: name, coarse cells, land in km², independent GRACE values (land / 90,000 km²), whose model serves it
    (own, that of its parent, or all), the held-out agreement of local contrast (r2, rmse_cm), and one scale up the RMSE
    of the held-out models and how much less that is than without a model and by bilinear interpolation."""
    observed, predicted = contrasts(domain, validation)
    served, regions = (
        models.numbers(np.arange(len(domain.regions.names))),
        domain.samples.at(domain.regions.cells),
    )
    rows = []
    for number, name in enumerate(domain.regions.names):
        cells = domain.cells & (domain.regions.cells == number)
        if not cells.any():
            continue
        inside = regions == number
        held_out, one_up = agreement(predicted[inside], observed[inside]), back.scores(inside)
        rows.append({
            "number": number,
            "name": name,
            "cells": int(cells.sum()),
            "area_km2": float(domain.regions.areas[number]),
            "n_eff": float(domain.regions.areas[number] / GRACE_FOOTPRINT_KM2),
            "model": _whose(served[number], number, domain.regions.parents[number]),
            "contrast_nse": held_out["nse"],
            "contrast_rmse_cm": held_out["rmse_cm"],
            "rmse_cm": one_up["rmse_model_cm"],
            "gain_over_mean_preserving": one_up["gain_over_mean_preserving"],
            "gain_over_bilinear": one_up["gain_over_bilinear"],
        })  # fmt: skip
    return rows


def _whose(served: int, number: int, parent: str) -> str:
    if served == ALL:
        return "all"
    return "own" if served == number else f"parent {parent}"


def score(
    domain: Domain,
    recipe: Recipe,
    models: RegionModels,
    validation: CrossValidation,
    closures: Iterable[Closure],
) -> dict:
    """Figures that must not be mixed. ``closures``: of all years.

    ``closure_raw`` and ``closure``: the block means of the map against the coarse field it was trained on, before and
    after the correction: how closely the map follows its input, no skill. ``held_out``: the prediction for cells and
    months never seen, before any correction: ``field`` against GWSA itself, ``contrast`` against the difference of a
    cell from its surroundings, which is what reaches the map. ``seams``: how much steeper the map is across
    edges of cells than inside them, before and after the correction. ``n_eff``: independent GRACE values.
    """
    observed, predicted = contrasts(domain, validation)
    return {
        **_closure(domain, recipe, closures),
        "held_out": {
            "field": agreement(validation.detail + validation.level, domain.samples.target),
            "contrast": agreement(predicted, observed),
            "shrinkage": models.shrinkage,
            "contrast_slope": models.contrast_slope,
            "trees": models.boosting.trees,
            "splits": len(validation.held_out),
        },
        "cells": int(domain.cells.sum()),
        "months": int(domain.months.size),
        "n_eff": float(domain.regions.areas.sum() / GRACE_FOOTPRINT_KM2),
    }


def _closure(domain: Domain, recipe: Recipe, closures: Iterable[Closure]) -> dict:
    """What ``score`` says of the maps, gathered year by year."""
    lines, target = (
        cell_trends(domain, recipe, np.ones(domain.samples.target.size, dtype=bool)),
        domain.target,
    )
    raw, corrected, worst, amplification, seams = np.zeros(4), np.zeros(4), 0.0, 0.0, []
    for year in closures:
        truth = np.stack([target[month] for month in year.months])
        raw += sums(year.raw + lines.at(year.months[:, None, None]), truth)
        corrected += sums(year.corrected, truth)
        worst = max(worst, float(np.nanmax(np.abs(year.corrected - truth))))
        amplification = max(amplification, year.amplification)
        seams.append(year.seams)
    return {
        "closure_raw": agreement_from_sums(raw),
        "closure": {**agreement_from_sums(corrected), "worst_cm": worst},
        "seams": _seams(*np.concatenate(seams).T),
        "correction_amplification": amplification,
    }


def _seams(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """The median month of both, and what the correction multiplied the ratio by in the month where it changed most."""
    known = np.isfinite(before) & np.isfinite(after) & (before > 0)
    if not known.any():
        return dict.fromkeys(("before", "after", "most_changed"), float("nan"))
    before, after = before[known], after[known]
    change = after / before
    changed_most = float(change[np.abs(change - 1).argmax()])
    return {
        "before": float(np.median(before)),
        "after": float(np.median(after)),
        "most_changed": changed_most,
    }


def contrasts(domain: Domain, validation: CrossValidation) -> tuple[np.ndarray, np.ndarray]:
    """Observed and held-out predicted difference of each cell from the mean of its surroundings: cm, NaN where no
    model predicts, (samples,). Of the target ``anomaly`` both are without level and trend."""
    where = np.isfinite(validation.detail)
    both, around = np.full((2, where.size), np.nan), neighbourhoods(domain.samples, where)
    both[0, where] = local_contrast(
        (domain.samples.target - validation.level)[where], around, fraction=1.0
    )
    both[1, where] = local_contrast(validation.detail[where], around, fraction=1.0)
    return tuple(both)


def write_scores(path, scores: dict) -> None:
    """As JSON, with NaN as null, whole or not at all."""
    with atomic_file(path) as part:
        part.write_text(json.dumps(_json_safe(scores), indent=2) + "\n", encoding="utf-8")


def _json_safe(value):
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    return None if isinstance(value, float) and value != value else value
