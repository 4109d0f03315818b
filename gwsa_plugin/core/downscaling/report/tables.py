"""The tables of the downscaling report."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from ...base.months import SEASONS, calendar_season
from ...files.html_report import Table
from ..domain import Domain
from ..downscale import BLOCKED, FORWARD, RANDOM, Downscaled, DownscaleOptions
from ..models.training import Boosting
from ..skill.reduced_resolution import ReducedResolution
from ..skill.shap import by_predictor

KINDS = {
    BLOCKED: "blocked",
    FORWARD: "forward in time",
    RANDOM: "random samples (optimistic, comparable to published figures)",
}
STRONGEST = 5


def skill_table(backs: dict[str, ReducedResolution]) -> Table:
    header = [
        "Validation", "cell-months", "RMSE of model (cm)", "before the correction (cm)", "no model (cm)",
        "bilinear (cm)", "gain over no model", "gain over bilinear", "Pascal/Merlin gain", "NSE",
    ]  # fmt: skip
    rows = []
    for kind, name in KINDS.items():
        if kind in backs:
            scores = backs[kind].scores()
            rows.append([name, scores["samples"], scores["rmse_model_cm"], scores["rmse_unconserved_cm"],
                         *_rivals(scores), scores["pascal_merlin_gain"], scores["nse"]])  # fmt: skip
    return Table(
        "Held-out skill one scale up: cells averaged over 2 x 2 and predicted back", header, rows
    )


def seasons_table(back: ReducedResolution, months: np.ndarray) -> Table:
    """``months``: datetime64[M], of each sample of ``back``."""
    header = [
        "Season", "cell-months", "RMSE of model (cm)", "no model (cm)", "bilinear (cm)", "gain over no model",
        "gain over bilinear",
    ]  # fmt: skip
    rows, season = [], calendar_season(months)
    for number, name in enumerate(SEASONS):
        scores = back.scores(season == number)
        rows.append([name, scores["samples"], scores["rmse_model_cm"], *_rivals(scores)])
    return Table("Held-out skill by season, blocked, one scale up", header, rows)


def _rivals(scores: dict[str, float]) -> list:
    gains = (scores["gain_over_mean_preserving"], scores["gain_over_bilinear"])
    return [scores["rmse_mean_preserving_cm"], scores["rmse_bilinear_cm"], *map(percent, gains)]


def regions_table(regions: list[dict]) -> Table:
    header = [
        "Region", "cells", "land (km²)", "N_eff", "model", "NSE of contrast", "RMSE (cm)", "gain over no model",
        "gain over bilinear",
    ]  # fmt: skip
    rows = [
        [row["name"], row["cells"], f"{row['area_km2']:,.0f}", row["n_eff"], row["model"], row["contrast_nse"],
         row["rmse_cm"], percent(row["gain_over_mean_preserving"]), percent(row["gain_over_bilinear"])]
        for row in regions
    ]  # fmt: skip
    return Table("Held-out skill by region, blocked; RMSE and gains one scale up", header, rows)


def strongest_table(explanation: list[dict]) -> Table:
    """``explanation``: rows of ``explain``."""
    of_region = {}
    for row in by_predictor(explanation):
        of_region.setdefault(row["region"], []).append(row)
    rows = []
    for region, its in of_region.items():
        first = sorted(its, key=lambda row: (-row["shap_cm"], -row["gain"]))[:STRONGEST]
        rows.append(
            [
                region,
                *(f"{row['predictor']} {row['shap_cm']:.2f} ({row['gain']:.0%})" for row in first),
            ]
        )
    header = ["Region", *map(str, range(1, max(map(len, rows))))]
    return Table(
        "The strongest predictors of each region: SHAP in cm (share of the gain of its model)",
        header,
        rows,
    )


def contributions(result: Downscaled) -> dict[str, float]:
    """Mean |SHAP| of each predictor in cm over the regions, weighted by their coarse cells, the strongest first."""
    cells = {row["name"]: row["cells"] for row in result.regions}
    total = {}
    for row in by_predictor(result.explanation):
        share = cells[row["region"]] / sum(cells.values())
        total[row["predictor"]] = total.get(row["predictor"], 0.0) + share * row["shap_cm"]
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def missing_table(domain: Domain) -> Table | None:
    """Predictors that lack a value in some sample; None where there is none."""
    share = np.isnan(domain.samples.cells).mean(axis=0)
    of_feature, rows = dict(zip(domain.samples.names, share)), []
    for predictor in domain.predictors.predictors:
        shares = {feature: of_feature[feature] for feature in predictor.features}
        worst = max(shares, key=shares.get)
        if shares[worst] > 0:
            mean = float(np.mean(list(shares.values())))
            rows.append([predictor.name, f"{mean:.1%}", worst, f"{shares[worst]:.1%}"])
    header = ["Predictor", "values missing", "most in", "there missing"]
    return (
        Table("Missing values, of all cells and months that models are trained on", header, rows)
        if rows
        else None
    )


def settings_table(options: DownscaleOptions, settled: Boosting) -> Table:
    """``settled``: what the model of all cells was trained with."""
    rows = []
    for name, value in options.as_parameters().items():
        if isinstance(value, dict):
            used = asdict(settled) if name == "boosting" else {}
            rows += [
                [f"{name}: {key}", _plain(each), _plain(used.get(key))]
                for key, each in value.items()
            ]
        else:
            rows.append([name, _plain(value), None])
    return Table("Every setting of the run", ["Setting", "given", "model of all cells"], rows)


def _plain(value) -> str | None:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) or "open" for each in value)
    return f"{value:.10g}" if isinstance(value, float) else value if value is None else str(value)


def percent(share: float) -> str | None:
    return None if share != share else f"{100 * share:+.0f} %"
