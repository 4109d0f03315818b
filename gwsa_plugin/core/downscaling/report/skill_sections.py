"""Sections of the downscaling report on held-out skill and where it is found."""

from __future__ import annotations

import numpy as np

from ...files.html_report import Section
from ..downscale import Downscaled, DownscaleOptions
from ..models.trainer import ANOMALY
from ..skill.reduced_resolution import unresolved_reason
from ..skill.unseen_footprints import UnseenFootprints
from ..skill.validations import BLOCKED, FOLDS, FORWARD, FULL, RANDOM
from .charts import draw_gain
from .tables import held_out_table, regions_table, seasons_table, skill_table, unseen_table

# Smallest relative gain over mean-preserving interpolation that counts as one.
LEAST_GAIN = 0.01
PRIOR_UNCORRECTED = (
    "Before the correction: the predictions alone. The prior has no level and no trend, which the "
    "correction restores. A large error before the correction is therefore expected."
)


def are_trees_mapped(result: Downscaled) -> bool:
    """Return True if trees contribute to the map."""
    return result.fitted.models.shrinkage > 0 and not result.verdict.interpolated


def skill_section(result: Downscaled, options: DownscaleOptions) -> Section:
    """Describe and tabulate the skill of held-out models.

    Parameters
    ----------
    result : Downscaled
        The result.
    options : DownscaleOptions
        Settings of the run.
    """
    held_out = result.scores["held_out"]
    blocking = options.blocking
    unseen = result.fitted.unseen_footprints
    paragraphs = [
        unseen.summary,
        *_unseen(unseen),
        *_models(result),
        f"Blocked validation: {held_out['splits']} splits, each of which holds out some blocks of "
        f"cells (of {blocking.block:g}°) in one of {FOLDS[options.validation].time} consecutive "
        "parts of the record. "
        "The models of a split are trained neither on these cells and the cells within a buffer "
        f"around them (of {blocking.buffer:g}°) nor on these months. Blocks and buffer are wider "
        "where the footprint of GRACE is wider, and smaller in a region that is too small for "
        f"them. {_extent(options)}",
        *_other_validations(result),
        *_reduced_resolution(result, options),
        f"The region has about {result.scores['n_eff']:.1f} independent GRACE values (N_eff, one "
        "per 90,000 km²). The figures are as uncertain as this number implies, whatever the number "
        "of pixels and months.",
        _scaling(result),
    ]
    if result.verdict.interpolated:
        paragraphs.insert(0, "The evidence is against the models of this section: see the prior.")
    tables = [] if unseen.untestable else [unseen_table(unseen)]
    if result.fitted.reduced_resolution:
        tables.append(skill_table(result.fitted.reduced_resolution))
    else:
        tables.append(held_out_table(result))
    return Section("Held-out skill", paragraphs, tables=tables)


def _extent(options: DownscaleOptions) -> str:
    """How much is trained for the validation, and what that proves."""
    if options.validation == FULL:
        return "Every cell and month is held out once, in the full validation."
    return (
        "Every cell and month is held out once, in the quick validation. The full one trains twice "
        "as many models, on more of the samples; its scores agree with these within their "
        "standard error."
    )


def _models(result: Downscaled) -> list[str]:
    """What the models of the section are, where there is a prior."""
    if not result.fitted.prior:
        return []
    if result.fitted.models.shrinkage:
        return [
            "Models are the prior and the trees on what it leaves, fitted without held-out data."
        ]
    return ["Models are the prior alone, fitted without held-out data. Trees are not mapped."]


def _scaling(result: Downscaled) -> str:
    """How the models predict local contrast, and how trees are scaled."""
    held_out = result.scores["held_out"]
    text = (
        "Only the local contrast, the difference between a cell and its surroundings, reaches the "
        f"map. For it, the NSE of held-out models is {held_out['contrast']['nse']:.2f}"
    )
    if not held_out["shrinkage"]:
        return f"{text}. The shrinkage factor of the trees is 0, so that they do not reach the map."
    return (
        f"{text} and {'the' if result.fitted.prior else 'their'} shrinkage factor "
        f"{'of the trees ' if result.fitted.prior else ''}is {held_out['shrinkage']:.2f}, the "
        "slope of observed on predicted contrast in held-out cells. At 1 km the contrast that "
        "trees predict is too small: the contrast slope, estimated one scale up, is "
        f"{held_out['contrast_slope']:.2f}. Their predictions are multiplied by both before they "
        "reach the map."
    )


def _unseen(unseen: UnseenFootprints) -> list[str]:
    """How skill for unseen footprints is tested."""
    if unseen.untestable:
        return []
    return [
        "The predictions are observed as GRACE observes, by the blur of its footprint and the "
        "means over its tiles, and compared with the GWSA that was observed. Climatology is trend, "
        "seasons and red noise of each cell in its other months. Interpolation uses the GWSA of "
        "the same months outside the block and its buffer. Where no anomaly at all has a smaller "
        "error than one of them, it takes its place. Beside interpolation: the interpolated "
        "difference between GWSA and prediction is added to the prediction, and the gain over "
        "interpolation alone is what the predictors add. All series are compared less their mean "
        "over the held-out months, because the models do not predict a level. A gain is supported "
        "if its interval lies above 0. It is skill at the scale of the footprint, not of 1 km.",
    ]


def _other_validations(result: Downscaled) -> list[str]:
    texts = []
    if FORWARD in result.fitted.validations:
        texts.append(
            "Forward in time: each quarter of the record except the first is predicted in all "
            "cells by models that are trained on the months before it."
        )
    if RANDOM in result.fitted.validations:
        texts.append(
            "Random samples: random halves of cells and months are held out, so that models are "
            "trained on neighbours of the held-out cells. Most published figures are of this kind. "
            "They are too optimistic to judge the map by."
        )
    return texts


def _reduced_resolution(result: Downscaled, options: DownscaleOptions) -> list[str]:
    """How skill is measured at reduced resolution, or why not."""
    if not result.fitted.reduced_resolution:
        return [
            f"{unresolved_reason(result.domain)} The table has the held-out predictions before the "
            "correction against the coarse GWSA. Cells of one footprint are not independent there.",
            *([PRIOR_UNCORRECTED] if result.fitted.prior else []),
        ]
    return [
        "Reduced resolution: averages over 2 x 2 cells take the place of the coarse field, and "
        "cells that of the pixels. Model, mean-preserving interpolation (the mass-conserving "
        "correction without a model) and bilinear interpolation start from the same averages, "
        "which include the held-out cells, so that the comparison is fair. Only the gain over "
        "mean-preserving interpolation is due to the predictors. A gain is the relative reduction "
        "of the RMSE. The Pascal/Merlin gain, -1 to 1, is the mean gain in slope, correlation and "
        "bias over the averages drawn as blocks. NSE is 1 - SSE/SST, with the variance of all "
        "cells and months in SST. Most of this variance is in the averages, which every "
        "interpolation has too.",
        _uncorrected(result, options),
    ]


def _uncorrected(result: Downscaled, options: DownscaleOptions) -> str:
    if result.fitted.prior:
        return PRIOR_UNCORRECTED
    if options.target == ANOMALY:
        return (
            "Before the correction: with the target anomaly, models predict GWSA without level and "
            "trend. This score adds the smoothed level and trend of the averages, which come from "
            "GRACE and are no skill of the predictors."
        )
    return (
        "Before the correction: the predictions of the models alone. Models are trained on "
        "differences between neighbouring cells, because the correction restores the level of a "
        "region. A large error before the correction is therefore expected."
    )


def where_section(result: Downscaled) -> Section:
    """Map and tabulate where the models have a gain, as far as GRACE resolves it."""
    reduced = result.fitted.reduced_resolution.get(BLOCKED)
    trees = result.fitted.models.shrinkage > 0
    served = (
        "A region has a model of its own (own), shares one with other regions of its parent system "
        "(parent), or is served by the model of all cells (all). "
    )
    regions = (
        f"{served if trees else ''}NSE of contrast is that of the "
        "difference between a cell and its surroundings. The background is the land outside all "
        "aquifers. A region with N_eff below 1 is smaller than the footprint of GRACE, so that its "
        "figures also depend on its surroundings."
    )
    if not reduced:
        text = "Gains are not mapped, because GRACE does not resolve the cells."
        return Section(
            "Where", [text, regions], tables=[regions_table(result.regions, False, trees)]
        )
    domain = result.domain
    gain = reduced.gain_map(domain)
    return Section(
        "Where",
        [_regions_without_gain(result.regions), regions],
        [draw_gain(domain, gain)] if np.isfinite(gain).any() else [],
        [
            regions_table(result.regions, trees=trees),
            seasons_table(reduced, domain.months[domain.samples.month]),
        ],
    )


def _regions_without_gain(regions: list[dict]) -> str:
    gains = {row["name"]: row["gain_over_mean_preserving"] for row in regions}
    unmeasured = [name for name, gain in gains.items() if np.isnan(gain)]
    without = [name for name, gain in gains.items() if gain <= LEAST_GAIN]
    sentences = []
    if without:
        sentences.append(
            "No gain over mean-preserving interpolation, so use the coarse field there: "
            f"{', '.join(without)}."
        )
    elif len(unmeasured) < len(regions):
        sentences.append(
            "All regions that can be measured have a gain over mean-preserving interpolation."
        )
    if unmeasured:
        sentences.append(f"Too small to be measured one scale up: {', '.join(unmeasured)}.")
    return " ".join(sentences)
