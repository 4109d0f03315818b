"""Tables of the downscaling report."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from ...base.months import SEASONS, calendar_season
from ...files.html_report import Table
from ...stats.metrics import field_agreement
from ..domain import Domain
from ..downscale import Downscaled, DownscaleOptions
from ..models.training import Boosting
from ..skill.reduced_resolution import ReducedResolution
from ..skill.scores import contrasts
from ..skill.shap import by_predictor
from ..skill.unseen_footprints import UnseenFootprints
from ..skill.validations import BLOCKED, FORWARD, RANDOM

VALIDATIONS = {
    BLOCKED: "blocked",
    FORWARD: "forward in time",
    RANDOM: "random samples (optimistic, comparable to published figures)",
}
# Predictors that are listed for each region.
STRONGEST = 5


def unseen_table(unseen: UnseenFootprints) -> Table:
    """Tabulate the skill for unseen footprints."""
    rows = [
        ["model", unseen.rmse_cm["model"], None],
        ["model beside interpolation", unseen.rmse_cm["with_interpolation"], None],
        ["climatology", unseen.rmse_cm["climatology"], unseen.gain_over_climatology.text],
        ["interpolation", unseen.rmse_cm["interpolation"], unseen.gain_over_interpolation.text],
        [
            "interpolation, against model beside interpolation",
            unseen.rmse_cm["interpolation"],
            unseen.gain_with_interpolation.text,
        ],
        ["no anomaly", unseen.rmse_cm["no_anomaly"], None],
    ]
    return Table(
        f"Skill for unseen footprints: {unseen.footprints} blocks, {unseen.months} months",
        ["Estimate", "RMSE (cm)", "gain over it"],
        rows,
    )


def held_out_table(result: Downscaled) -> Table:
    """Tabulate the held-out predictions of each kind of validation before the correction."""
    rows = []
    for kind, name in VALIDATIONS.items():
        if kind in result.fitted.validations:
            validation = result.fitted.validations[kind]
            predicted = validation.detail + validation.level
            agreement = field_agreement(predicted, result.domain.samples.target)
            contrast = field_agreement(*reversed(contrasts(result.domain, validation)))
            rows.append(
                [name, agreement["n"], agreement["rmse_cm"], agreement["nse"], contrast["nse"]]
            )
    header = ["Validation", "cell-months", "RMSE (cm)", "NSE", "NSE of contrast"]
    return Table("Held-out predictions before the correction, cells", header, rows)


def skill_table(validations: dict[str, ReducedResolution]) -> Table:
    """Tabulate the held-out skill of each kind of validation."""
    header = [
        "Validation",
        "cell-months",
        "RMSE of model (cm)",
        "before the correction (cm)",
        "mean-preserving interpolation (cm)",
        "bilinear interpolation (cm)",
        "gain over mean-preserving",
        "gain over bilinear",
        "Pascal/Merlin gain",
        "NSE",
    ]
    rows = []
    for kind, name in VALIDATIONS.items():
        if kind in validations:
            scores = validations[kind].scores()
            rows.append(
                [
                    name,
                    scores["samples"],
                    scores["rmse_model_cm"],
                    scores["rmse_unconserved_cm"],
                    *_competitors(scores),
                    scores["pascal_merlin_gain"],
                    scores["nse"],
                ]
            )
    return Table("Held-out skill at reduced resolution, 2 x 2 cells to cells", header, rows)


def seasons_table(reduced: ReducedResolution, months: np.ndarray) -> Table:
    """Tabulate the held-out skill in each season.

    Parameters
    ----------
    reduced : ReducedResolution
        Reduced-resolution validation, blocked.
    months : numpy.ndarray of datetime64[M], shape (samples,)
        Month of each sample.
    """
    header = [
        "Season",
        "cell-months",
        "RMSE of model (cm)",
        "mean-preserving interpolation (cm)",
        "bilinear interpolation (cm)",
        "gain over mean-preserving",
        "gain over bilinear",
    ]
    season = calendar_season(months)
    rows = []
    for number, name in enumerate(SEASONS):
        scores = reduced.scores(season == number)
        rows.append([name, scores["samples"], scores["rmse_model_cm"], *_competitors(scores)])
    return Table("Held-out skill by season, blocked, at reduced resolution", header, rows)


def _competitors(scores: dict[str, float]) -> list:
    """RMSE of the interpolations, and the gains over them."""
    return [
        scores["rmse_mean_preserving_cm"],
        scores["rmse_bilinear_cm"],
        percent(scores["gain_over_mean_preserving"]),
        percent(scores["gain_over_bilinear"]),
    ]


def regions_table(regions: list[dict], resolved: bool = True, trees: bool = True) -> Table:
    """Tabulate the rows of ``region_table``.

    Parameters
    ----------
    regions : list of dict
        The rows.
    resolved : bool
        Include the figures at reduced resolution.
    trees : bool
        Include the trees that serve each region.
    """
    header = [
        "Region",
        "cells",
        "land (km²)",
        "N_eff",
        *(["model"] if trees else []),
        "NSE of contrast",
    ]
    rows: list[list] = [
        [
            row["name"],
            row["cells"],
            f"{row['area_km2']:,.0f}",
            row["n_eff"],
            *([row["model"]] if trees else []),
            row["contrast_nse"],
        ]
        for row in regions
    ]
    if not resolved:
        return Table("Held-out skill by region, blocked", header, rows)
    header += ["RMSE (cm)", "gain over mean-preserving", "gain over bilinear"]
    for cells, row in zip(rows, regions):
        cells += [
            row["rmse_cm"],
            percent(row["gain_over_mean_preserving"]),
            percent(row["gain_over_bilinear"]),
        ]
    return Table(
        "Held-out skill by region, blocked; RMSE and gains at reduced resolution", header, rows
    )


def strongest_table(explanation: list[dict]) -> Table:
    """Tabulate the strongest predictors of each region from the rows of ``explain_maps``."""
    has_gain = not any(np.isnan(row["gain"]) for row in explanation)
    by_region: dict[str, list[dict]] = {}
    for row in by_predictor(explanation):
        by_region.setdefault(row["region"], []).append(row)
    rows = []
    for region, predictors in by_region.items():
        strongest = sorted(predictors, key=lambda row: (-row["shap_cm"], -row["gain"]))[:STRONGEST]
        rows.append(
            [region]
            + [
                f"{row['predictor']} {row['shap_cm']:.2f}"
                + (f" ({row['gain']:.0%})" if has_gain else "")
                for row in strongest
            ]
        )
    header = ["Region", *map(str, range(1, max(map(len, rows))))]
    shown = "SHAP in cm (fraction of the gain of its model)" if has_gain else "contribution in cm"
    return Table(f"Strongest predictors of each region: {shown}", header, rows)


def contributions(result: Downscaled) -> dict[str, float]:
    """Average the contributions of each predictor over the regions.

    Returns
    -------
    dict of str to float
        Mean absolute SHAP contribution of each predictor, cm, the strongest first. Regions are
        weighted by their numbers of coarse cells.
    """
    cells = {row["name"]: row["cells"] for row in result.regions}
    total: dict[str, float] = {}
    for row in by_predictor(result.explanation):
        fraction = cells[row["region"]] / sum(cells.values())
        predictor = row["predictor"]
        total[predictor] = total.get(predictor, 0.0) + fraction * row["shap_cm"]
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def missing_table(domain: Domain) -> Table | None:
    """Tabulate the predictors that lack a value in some sample; None if there is none."""
    missing = np.isnan(domain.samples.cells).mean(axis=0)
    by_feature = dict(zip(domain.samples.names, missing))
    rows = []
    for predictor in domain.predictors.predictors:
        fractions = {feature: by_feature[feature] for feature in predictor.features}
        worst = max(fractions, key=lambda feature: fractions[feature])
        if fractions[worst] > 0:
            mean = float(np.mean(list(fractions.values())))
            rows.append([predictor.name, f"{mean:.1%}", worst, f"{fractions[worst]:.1%}"])
    if not rows:
        return None
    header = ["Predictor", "values missing", "most in", "missing there"]
    return Table("Missing values in the cells and months of the training set", header, rows)


def settings_table(options: DownscaleOptions, chosen: Boosting) -> Table:
    """Tabulate all settings.

    Parameters
    ----------
    options : DownscaleOptions
        The settings that were given.
    chosen : Boosting
        Hyper-parameters of the model of all cells.
    """
    rows: list[list] = []
    for name, value in options.as_parameters().items():
        if isinstance(value, dict):
            used = asdict(chosen) if name == "boosting" else {}
            rows += [
                [f"{name}: {key}", _text(given), _text(used.get(key))]
                for key, given in value.items()
            ]
        else:
            rows.append([name, _text(value), None])
    return Table("All settings of the run", ["Setting", "given", "model of all cells"], rows)


def _text(value) -> str | None:
    """A setting as text; None stays None."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) or "open" for item in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def percent(fraction: float) -> str | None:
    """Format a fraction as signed per cent; None for NaN."""
    return None if fraction != fraction else f"{100 * fraction:+.0f} %"
