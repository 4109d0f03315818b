"""Section of the downscaling report on the prior: the evidence, what it responds to and its fit."""

from __future__ import annotations

import numpy as np

from ...files.html_report import Section, Table
from ...files.stack import MonthlyStack
from ..downscale import Downscaled
from ..options import INTERPOLATION, PUBLISHED, DownscaleOptions
from ..prior.fitted_prior import FittedPrior
from ..skill.gain import CONFIDENCE
from ..skill.responses import (
    BLOCK_YEARS,
    DRAWS,
    TREND,
    check_consistency,
    estimate_responses,
    explained_components,
    leakage,
)
from .charts import draw_responses

# Statics that are listed.
STRONGEST_STATICS = 5
# Amplitudes of the pixels between these quantiles are stated.
RANGE = (0.05, 0.95)


def prior_section(
    result: Downscaled, options: DownscaleOptions, sigma: MonthlyStack | None = None
) -> Section:
    """Describe the prior, or state why there is none.

    Parameters
    ----------
    result : Downscaled
        The result.
    options : DownscaleOptions
        Settings of the run.
    sigma : MonthlyStack, optional
        Sigma of coarse GWSA, cm.
    """
    prior = result.fitted.prior
    evidence = result.verdict.evidence
    if prior is None or evidence is None:
        return Section("Prior", [_why_no_prior(options)])
    mapped = evidence.maps_detail
    responses = estimate_responses(prior)
    paragraphs = [
        evidence.text,
        "The prior is a linear response of storage to antecedent water surplus (precipitation "
        "minus actual evapotranspiration) and, where it is given, runoff, over means of 2 to 40 "
        "months. Statics modulate its amplitude from place to place. It is fitted through the "
        "footprint of GRACE to observed months only. Level and trend of each tile "
        "are fitted jointly and dropped, so that depletion is not explained by drought: the prior "
        "contributes no detail of the trend.",
        _trees(result),
        _responses_text(responses[0].by_lag.lower),
        "Explained variance is that of the data to which the prior was fitted and is no skill. "
        "Season: annual and semi-annual waves. Interannual: what is left without season and trend, "
        "with the noise of GRACE. The prior has no trend by construction, so that none is "
        "explained.",
        _amplitude_text(prior),
        _leakage_text(prior, mapped),
        "Consistency: the map is averaged over cells, blurred by the footprint, averaged over the "
        "tiles of GRACE and compared with the coarse GWSA of each tile. A difference below the "
        "noise is consistent with GRACE. It is not reduced to zero, because the coarse GWSA has "
        "noise. Consistency is not skill: many maps with wrong detail are consistent.",
    ]
    return Section(
        "Prior",
        paragraphs,
        [draw_responses(responses)],
        [
            _evidence_table(result),
            _explained_table(prior),
            _statics_table(prior),
            _consistency_table(prior, mapped, sigma),
        ],
    )


def _why_no_prior(options: DownscaleOptions) -> str:
    if options.method == INTERPOLATION:
        return (
            "The map is mean-preserving interpolation of the coarse GWSA, because the method "
            f'"{INTERPOLATION}" was chosen. There is no prior, and no predictor reaches the map.'
        )
    if options.method == PUBLISHED:
        return (
            "There is no prior: trees are trained on the coarse GWSA of cells, as in the published "
            f'dataset (method "{PUBLISHED}"). Where GRACE does not resolve the cells, they are '
            "trained on differences that GRACE did not observe."
        )
    return (
        "There is no prior, because the width of the footprint or the drivers are unknown, see the "
        "log. Trees are trained on the coarse GWSA of cells, as in the published dataset."
    )


def _trees(result: Downscaled) -> str:
    if not result.fitted.models.shrinkage:
        return (
            "Trees are not mapped: held-out footprints cannot test them in this region, or do not "
            "support them."
        )
    reach = (
        "They are added to the prior"
        if not result.verdict.interpolated
        else "They are not mapped either"
    )
    return (
        "Trees are trained on what the prior leaves of the coarse GWSA and multiplied by a "
        f"shrinkage factor from held-out footprints. {reach}."
    )


def _responses_text(lower: np.ndarray) -> str:
    text = (
        "Antecedent means of several lengths are collinear, so that their coefficients are not "
        "determined one by one and are not shown. Their sum is: the response of storage to a unit "
        "of the driver, as a function of the months since."
    )
    if np.isnan(lower).any():
        return f"{text} The record is too short for an interval."
    return (
        f"{text} The {100 * CONFIDENCE:.0f} % intervals are from {DRAWS} refits to blocks of "
        f"{BLOCK_YEARS} years, drawn with replacement."
    )


def _amplitude_text(prior: FittedPrior) -> str:
    amplitude = prior.prior.amplitude(prior.samples.statics)
    low, high = np.quantile(amplitude, RANGE)
    return (
        f"The amplitude is 1 where all statics have their mean. It is {low:.2f} to {high:.2f} in "
        f"{100 * (RANGE[1] - RANGE[0]):.0f} % of the sampled pixels, and {amplitude.min():.2f} to "
        f"{amplitude.max():.2f} in all of them. Correlated statics share their effect in an "
        "arbitrary way."
    )


def _leakage_text(prior: FittedPrior, mapped: bool) -> str:
    domain = prior.domain
    areas = domain.gwsa.grid.cell_areas()[domain.cells]
    rms = float(np.sqrt(np.average(leakage(prior) ** 2, axis=1, weights=areas).mean()))
    if not mapped:
        return (
            "The coarse field is not corrected for leakage. The prior would have changed it by "
            f"{rms:.2f} cm (root mean square over cells and months)."
        )
    return (
        "Leakage correction: the cell means of the prior are added to the coarse GWSA, less the "
        f"same as GRACE would observe them. It changes the coarse GWSA by {rms:.2f} cm (root mean "
        "square over cells and months), and the maps preserve the corrected field. Storage that "
        "the prior does not know, such as pumping, is not corrected."
    )


def _evidence_table(result: Downscaled) -> Table:
    """What each test shows, and what follows from it."""
    years = result.fitted.unseen_years
    unseen = result.fitted.unseen_footprints
    untestable = "untestable in this region and record, see below"
    rows = [
        [
            "held-out years, through the footprint",
            "climatology, trend and red noise of the tile",
            years.gain.text if years.tested else "untestable: the record or region is too small",
            "without a gain, interpolation is mapped",
        ],
        [
            "held-out footprints with a buffer",
            "interpolation",
            untestable if unseen.untestable else unseen.gain_with_interpolation.text,
            "a loss refutes, a gain confirms",
        ],
        [
            "wells, by blocks as wide as the footprint",
            "bilinear interpolation of the coarse field",
            _wells_text(result),
            "a loss refutes, a gain confirms",
        ],
    ]
    return Table(
        "Evidence, as gains (reduction of the RMSE) with 90 % intervals",
        ["Test", "competitor", "gain", "what it decides"],
        rows,
    )


def _wells_text(result: Downscaled) -> str:
    """Result of the test on wells; it is made on the maps that are written."""
    wells = result.verdict.detail
    if not wells.gain_text:
        return "untested: no wells, or too few of them"
    written = " for the interpolation that is mapped" if result.verdict.interpolated else ""
    return f"{wells.gain_text}{written} ({wells.verdict})"


def _explained_table(prior: FittedPrior) -> Table:
    rows = [
        [
            part.name,
            part.variance,
            "none, by construction" if part.name == TREND else f"{part.explained:.0%}",
        ]
        for part in explained_components(prior)
    ]
    return Table(
        "Variance of coarse GWSA in the tiles of GRACE that the prior explains through the "
        "footprint, weighted by area",
        ["Component", "variance (cm²)", "explained"],
        rows,
    )


def _statics_table(prior: FittedPrior) -> Table:
    modulation = prior.prior.modulation
    strongest = np.argsort(-np.abs(modulation), kind="stable")[:STRONGEST_STATICS]
    rows = [[prior.prior.statics[number], f"{modulation[number]:+.2f}"] for number in strongest]
    return Table(
        "Statics that modulate the amplitude most: its change with a standard deviation of each",
        ["Static", "change of the amplitude"],
        rows,
    )


def _consistency_table(prior: FittedPrior, mapped: bool, sigma: MonthlyStack | None) -> Table:
    misfit, noise = check_consistency(prior, mapped, sigma)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = misfit / noise
    rows: list[list] = [["map as GRACE would observe it, less coarse GWSA (cm)", *_range(misfit)]]
    if sigma:
        rows += [
            ["noise of coarse GWSA (cm)", *_range(noise)],
            ["ratio", *_range(ratio)],
        ]
    return Table(
        f"Consistency with GRACE in {misfit.size} tiles: root mean squares over observed months",
        ["", "smallest", "median", "largest"],
        rows,
    )


def _range(values: np.ndarray) -> list[float]:
    return [float(np.quantile(values, level)) for level in (0.0, 0.5, 1.0)]
