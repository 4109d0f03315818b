"""The report of a downscaling: how good, where, against what, with which predictors, and where not to trust it."""

from __future__ import annotations

import numpy as np
import rasterio

from ...base.months import name_runs
from ...files.html_report import Section, Table, write_report
from ...files.stack import FILLED
from ..domain import Domain
from ..downscale import BLOCKED, FORWARD, RANDOM, Downscaled, DownscaleOptions
from ..models.region_models import ANOMALY
from .charts import draw_applicability, draw_contributions, draw_gain, draw_map
from .tables import (
    contributions,
    missing_table,
    regions_table,
    seasons_table,
    settings_table,
    skill_table,
    strongest_table,
)

LEAST_GAIN = 0.01  # over no model; less is no gain
OF_LAND_MODELS = ("gldas", "moist", "soilmoi", "evap")  # in a predictor's name or source
PUBLISHED = "The published 1 km dataset states a closure of R² 0.9728 and RMSE 2.10 cm."


def write_downscale_report(
    path, result: Downscaled, options: DownscaleOptions, applicability=None
) -> None:
    """Self-contained HTML, whole or not at all. ``applicability``: the raster of ``write_applicability``, if any."""
    sections = [
        Section("The map", figures=[draw_map(result)]),
        _skill(result, options),
        _where(result),
        _distrust(result, applicability),
        _predictors(result),
        Section("Settings", tables=[settings_table(options, result.models.boosting)]),
        _closure(result),
    ]
    write_report(path, "Groundwater storage at 1 km", verdict(result), sections)


def verdict(result: Downscaled) -> str:
    """How much less than no model and than bilinear the models miss where the answer is known."""
    scores = result.backs[BLOCKED].scores()
    gain, over_bilinear = scores["gain_over_mean_preserving"], scores["gain_over_bilinear"]
    if gain != gain:
        return (
            "Too few held-out cells can be averaged over 2 x 2 and predicted back to measure any skill: the 1 km "
            "detail of these maps is not supported, use the coarse field."
        )
    measured = (
        "Observations at 1 km do not exist, so the models are measured one scale up: cells averaged over 2 x 2 and "
        f"predicted back. In held-out cells and months they miss by {scores['rmse_model_cm']:.2f} cm (RMSE), "
        f"{_compared(gain)} no model ({scores['rmse_mean_preserving_cm']:.2f} cm) and {_compared(over_bilinear)} bilinear "
        f"interpolation ({scores['rmse_bilinear_cm']:.2f} cm)."
    )
    if gain <= LEAST_GAIN:
        return f"{measured} That is no gain: the 1 km detail of these maps is not supported, use the coarse field."
    if over_bilinear <= 0:
        return f"{measured} Bilinear interpolation of the coarse field is the better map here."
    return f"{measured} The gain over no model is what the predictors know."


def _compared(gain: float) -> str:
    if f"{abs(gain):.0%}" == "0%":
        return "as much as"
    return f"{abs(gain):.0%} {'less' if gain > 0 else 'more'} than"


def _skill(result: Downscaled, options: DownscaleOptions) -> Section:
    held, blocking = result.scores["held_out"], options.blocking
    paragraphs = [
        f"Held out, blocked: {held['splits']} pairs of some blocks of cells (up to {blocking.block:g}° wide) and half "
        "of the record. The models that predict them saw none of these cells, no cell within the buffer (up to "
        f"{blocking.buffer:g}°), and none of these months. Every cell and month is held out once.",
        *_other_validations(result),
        "One scale up: the averages of 2 x 2 cells take the place of the coarse field, the cells that of the pixels. "
        "The conserved map keeps these averages, to which held-out cells belong; bilinear interpolation and no model "
        "(the conserving correction alone, without predictors) start from the same averages, so the comparison is "
        "fair, and only the gain over no model is owed to predictors. A gain is the share of the rival's RMSE that is "
        "saved. The Pascal/Merlin gain, -1 to 1, is the mean gain in slope, correlation and bias over the averages "
        "drawn as blocks. R² counts all variance, most of which the averages give to any rival.",
        _unconserved(options),
        f"The region holds about {result.scores['n_eff']:.1f} independent GRACE values (N_eff, one per 90,000 km²): "
        "the figures are as uncertain as so few values make them, however many pixels and months there are.",
        "Of the difference between a cell and its surroundings, which is what reaches the map, held-out models "
        f"explain {held['contrast']['nse']:.0%} of the variance, and {held['shrinkage']:.0%} of what they predict "
        "is confirmed. Predictions are multiplied by this share before they reach the map, and by "
        f"{held['contrast_slope']:.2f}: by so much were models too flat that learned from means over 2 x 2 cells and were "
        "asked for the cells.",
    ]
    return Section("Held-out skill", paragraphs, tables=[skill_table(result.backs)])


def _other_validations(result: Downscaled) -> list[str]:
    texts = []
    if FORWARD in result.backs:
        texts.append(
            "Forward in time: each quarter of the record but the first, in all cells, by models that know only the "
            "months before it."
        )
    if RANDOM in result.backs:
        texts.append(
            "Random samples: random halves of cells and months, so that models saw the neighbours of what they "
            "predict. Most published figures are of this kind; do not judge the map by it."
        )
    return texts


def _unconserved(options: DownscaleOptions) -> str:
    if options.target == ANOMALY:
        return (
            "Before the correction: with the target anomaly the prediction is of what is left about level and trend, "
            "and this score adds the smoothed level and trend of the averages, which are of GRACE and no skill of the "
            "predictors."
        )
    return (
        "Before the correction: what the models say by themselves. They are trained for the differences between near "
        "cells, since the level of a region is given back by the correction, so this error is large by design."
    )


def _where(result: Downscaled) -> Section:
    back, domain = result.backs[BLOCKED], result.domain
    gain = back.gain_map(domain)
    return Section(
        "Where",
        [
            _without_gain(result.regions),
            "A region has a model of its own (own), shares one with the others of its parent system, or is served by "
            "the model of all cells (all). R² of contrast is of the difference between a cell and its surroundings. "
            "The background is the land that no aquifer covers. A region with N_eff below 1 is smaller than what GRACE "
            "resolves, so that its figures are those of its surroundings too.",
        ],
        [draw_gain(domain, gain)] if np.isfinite(gain).any() else [],
        [regions_table(result.regions), seasons_table(back, domain.months[domain.samples.month])],
    )


def _without_gain(regions: list[dict]) -> str:
    unmeasured = [row["name"] for row in regions if np.isnan(row["gain_over_mean_preserving"])]
    without = [row["name"] for row in regions if row["gain_over_mean_preserving"] <= LEAST_GAIN]
    text = "Every measured region gains over no model."
    if without:
        text = f"No gain over no model, so use the coarse field there: {', '.join(without)}."
    if len(unmeasured) == len(regions):
        text = ""
    if unmeasured:
        text += f" Too small to be measured one scale up: {', '.join(unmeasured)}."
    return text.strip()


def _distrust(result: Downscaled, applicability) -> Section:
    paragraphs, figures = [], []
    if applicability:
        with rasterio.open(applicability) as source:
            share, facts = source.read(2), source.tags()
        threshold = float(facts["GWSA_DI_THRESHOLD"])
        figures.append(draw_applicability(result.domain, share))
        paragraphs.append(
            f"{_outside(result.domain, share):.1%} of the land is outside the area of applicability, as a mean of "
            f"{facts['GWSA_MONTHS']}. There the dissimilarity index of a pixel exceeds {threshold:.3g}: "
            "its predictors, weighted by their importance, are farther from those of any training sample than those "
            "of held-out samples usually are (1 is the mean distance between samples; Meyer & Pebesma 2021). A tree "
            "repeats its last leaf there, and no score of this report holds."
        )
    else:
        paragraphs.append(
            "The area of applicability was not asked for, so pixels unlike all training are not marked."
        )
    return Section(
        "Where not to trust it", [*paragraphs, _sigma(result), *_months(result.domain)], figures
    )


def _outside(domain: Domain, share: np.ndarray) -> float:
    """Land outside over all land; ``share`` applicable, NaN off the land."""
    area = domain.predictors.grid.row_areas()
    inside = np.nansum(share, axis=1, dtype=np.float64) @ area
    return float(1 - inside / (np.isfinite(share).sum(axis=1) @ area))


def _sigma(result: Downscaled) -> str:
    if not result.sigma:
        return "There are no sigma maps, because no sigma of the coarse GWSA was given."
    return (
        "Sigma is a lower bound. In it are the sigma of the coarse field, how far models of different splits lie "
        "apart, and the detail inside cells that models miss: what held-out models miss one scale up, once for each "
        "halving of scale down to the pixel. What GRACE is too coarse to show at the scale of cells is not in it. "
        "Errors of near pixels and months go together, so the sigma of a mean is not that of independent values."
    )


def _months(domain: Domain) -> list[str]:
    texts = []
    filled = np.array([domain.source_of(month) == FILLED for month in domain.months])
    if filled.any():
        training_months = (filled & domain.training_months).any()
        texts.append(
            f"Months that GRACE did not observe and that were filled before ({filled.sum()} of {filled.size}): "
            f"{name_runs(domain.months[filled])}. Models {'are' if training_months else 'are not'} trained and scored on them; "
            "their maps share the error of the filling."
        )
    if not domain.used.all():
        texts.append(
            f"Months without GWSA, which have no map: {name_runs(domain.gwsa.months[~domain.used])}."
        )
    return texts


def _predictors(result: Downscaled) -> Section:
    missing = missing_table(result.domain)
    paragraphs = [
        "SHAP is by how much a predictor moves the prediction that reaches the map, before the correction, in cm. Its "
        "features (lags, means, classes) are added up by size; lags that work against each other are not set off. The "
        "gain is the share of the training loss that a predictor lowered. Both tell use by the models, not cause, and "
        "predictors that vary together share either at random.",
        *_circular(result.domain),
    ]
    if not result.models.shrinkage:
        paragraphs.insert(
            0,
            "Held-out cells confirm nothing, so that no predictor reaches the map: all SHAP are 0.",
        )
    if not missing:
        paragraphs.append("No predictor lacks a value in any cell and month.")
    return Section(
        "Predictors",
        paragraphs,
        [draw_contributions(contributions(result))],
        [strongest_table(result.explanation), *([missing] if missing else [])],
    )


def _circular(domain: Domain) -> list[str]:
    """A warning where a predictor may be what was subtracted from GRACE."""
    suspects = []
    for one in domain.predictors.predictors:
        words = " ".join([one.name, one.source, *one.difference]).lower()
        if any(word in words for word in OF_LAND_MODELS):
            suspects.append(f"{one.name} ({one.source or 'no source stated'})")
    if not suspects:
        return []
    return [
        f"Check the source of {'; '.join(suspects)}. Soil moisture or evapotranspiration of the GLDAS run that was "
        "subtracted from GRACE lets the target predict itself: skill that it brings is not of groundwater."
    ]


def _closure(result: Downscaled) -> Section:
    raw, after, seams = (result.scores[name] for name in ("closure_raw", "closure", "seams"))
    rows = [
        ["before the correction", raw["nse"], raw["rmse_cm"], seams["before"]],
        ["after the correction", after["nse"], after["rmse_cm"], seams["after"]],
    ]
    texts = [
        "The map averaged back to coarse cells, against the field it was made from. The correction makes this exact "
        f"whatever the model does, so it says nothing about the detail. {PUBLISHED}",
        "Seams: how much steeper the map is across the edges of coarse cells than inside them, in the median month; 1 "
        f"means that no edge shows. In the month where it matters most the correction multiplies this by "
        f"{seams['most_changed']:.3f}.",
    ]
    header = ["", "NSE", "RMSE (cm)", "seams"]
    return Section(
        "Closure: not skill", texts, tables=[Table("Agreement with the input", header, rows)]
    )
