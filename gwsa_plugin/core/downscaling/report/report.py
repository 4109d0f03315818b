"""Report of a downscaling: the map, its skill, where it is not reliable, and the predictors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...base.months import name_runs
from ...base.progress import SILENT, Progress
from ...files.html_report import Section, Table, write_report
from ...files.stack import FILLED, MonthlyStack
from ...files.yearly_maps import YearlyMaps
from ...rasters.reading import open_raster
from ..domain import Domain
from ..downscale import Downscaled, DownscaleOptions
from ..skill.validations import BLOCKED, NOTHING_HELD_OUT
from .charts import draw_applicability, draw_contributions, draw_map
from .prior_section import prior_section
from .skill_sections import LEAST_GAIN, are_trees_mapped, skill_section, where_section
from .tables import contributions, missing_table, settings_table, strongest_table

# Words in the name or source of predictors that may come from a land surface model.
LAND_MODEL_WORDS = ("gldas", "moist", "soilmoi", "evap")
PUBLISHED_DATASET = {
    "Published 1 km dataset, described in the preprint essd-2026-409": (
        "https://doi.org/10.12072/ncdc.hydrology.db7323.2026"
    )
}


def write_downscale_report(
    path: str | Path,
    result: Downscaled,
    options: DownscaleOptions,
    applicability: str | Path | None = None,
    sigma: MonthlyStack | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write the report atomically as one HTML file.

    Parameters
    ----------
    path : str or Path
        The HTML file.
    result : Downscaled
        The result, whose rasters are read.
    options : DownscaleOptions
        Settings of the run.
    applicability : str or Path, optional
        The raster of ``write_applicability``.
    sigma : MonthlyStack, optional
        Sigma of the coarse GWSA, cm.
    progress : Progress, optional
        Checked for cancellation after each section.
    """
    sections = _sections(result, options, applicability, sigma)
    write_report(path, "Groundwater storage at 1 km", verdict(result), sections, progress)


def _sections(
    result: Downscaled,
    options: DownscaleOptions,
    applicability: str | Path | None,
    sigma: MonthlyStack | None,
) -> Iterator[Section]:
    yield Section("The map", figures=[draw_map(result)])
    yield prior_section(result, options, sigma)
    if _is_predicted(result):
        if result.fitted.validations[BLOCKED].held_out:
            yield skill_section(result, options)
            yield where_section(result)
        else:
            yield Section("Held-out skill", [NOTHING_HELD_OUT])
    yield _reliability(result, applicability)
    yield _predictors(result)
    yield Section("Settings", tables=[settings_table(options, result.fitted.models.boosting)])
    yield _closure(result)


def verdict(result: Downscaled) -> str:
    """State what is mapped and both claims, and then the test one scale up if made.

    The claims do not imply each other.
    """
    sentences = [result.verdict.detail.sentences()]
    if result.verdict.evidence:
        sentences.insert(0, result.verdict.evidence.text)
    elif result.verdict.interpolated:
        sentences.insert(0, "Mapped is the mean-preserving interpolation.")
    if _is_predicted(result):
        sentences.append(result.fitted.unseen_footprints.summary)
    if not result.verdict.interpolated:
        sentences.append(_reduced_resolution(result))
    return " ".join(sentences).strip()


def _is_predicted(result: Downscaled) -> bool:
    """False if the method is interpolation, so that there is nothing to validate."""
    return result.fitted.prior is not None or not result.verdict.interpolated


def _reduced_resolution(result: Downscaled) -> str:
    """Compare the error of the models one scale up with that of both interpolations."""
    if not result.fitted.reduced_resolution:
        return ""
    scores = result.fitted.reduced_resolution[BLOCKED].scores()
    gain = scores["gain_over_mean_preserving"]
    gain_over_bilinear = scores["gain_over_bilinear"]
    if np.isnan(gain):
        return (
            "Too few held-out cells are in complete blocks of 2 x 2 to measure any skill: the 1 km "
            "detail of these maps is not supported, use the coarse field."
        )
    measured = (
        "Validation at reduced resolution, which is no test of the detail inside a footprint: "
        "averages over 2 x 2 cells are downscaled to the cells. In held-out cells and months the "
        f"RMSE is {scores['rmse_model_cm']:.2f} cm. This is {_compared(gain)} that of "
        f"mean-preserving interpolation ({scores['rmse_mean_preserving_cm']:.2f} cm) and "
        f"{_compared(gain_over_bilinear)} that of bilinear interpolation "
        f"({scores['rmse_bilinear_cm']:.2f} cm)."
    )
    if gain <= LEAST_GAIN:
        return (
            f"{measured} There is no gain: the 1 km detail of these maps is not supported, use the "
            "coarse field."
        )
    if gain_over_bilinear <= 0:
        return f"{measured} Bilinear interpolation of the coarse field is the better map here."
    return (
        f"{measured} The gain over mean-preserving interpolation is the contribution of the "
        "predictors."
    )


def _compared(gain: float) -> str:
    if f"{abs(gain):.0%}" == "0%":
        return "about equal to"
    return f"{abs(gain):.0%} {'smaller' if gain > 0 else 'larger'} than"


def _reliability(result: Downscaled, applicability: str | Path | None) -> Section:
    paragraphs = []
    figures = []
    if applicability:
        with open_raster(Path(applicability)) as source:
            tags = source.tags()
        outside = fraction_outside(result.domain, applicability)
        figures.append(draw_applicability(result.domain, applicability))
        paragraphs.append(
            f"{outside:.1%} of the land is outside the area of applicability, as a mean of "
            f"{tags['GWSA_MONTHS']}. There the dissimilarity index of a pixel exceeds "
            f"{float(tags['GWSA_DI_THRESHOLD']):.3g}: its predictors, weighted by their "
            "importance, are farther from those of any training sample than those of held-out "
            "samples usually are. An index of 1 is the mean distance between samples (Meyer & "
            f"Pebesma 2021). {_outside(result)}"
        )
    else:
        paragraphs.append(
            "The area of applicability was not computed, so pixels unlike all training samples are "
            "not marked."
        )
    paragraphs += [_sigma(result), *_months(result)]
    return Section("Where it is not reliable", paragraphs, figures)


def _outside(result: Downscaled) -> str:
    """What the area of applicability means for the map."""
    if are_trees_mapped(result):
        return (
            "Outside the range of its training samples a tree model repeats its last leaf, and the "
            "scores of this report do not apply there."
        )
    return (
        "The importance is that in trees, which are not mapped. The scores of this report do not "
        "apply outside."
    )


def fraction_outside(domain: Domain, path: str | Path) -> float:
    """Compute the fraction of the land area that is outside the area of applicability.

    Parameters
    ----------
    domain : Domain
        The study domain.
    path : str or Path
        The raster of ``write_applicability``, which is read tile by tile.

    Returns
    -------
    float
        0 to 1, the mean over the months of the raster.
    """
    grid = domain.predictors.grid
    # Sums over the pixels of each row, which have the same area.
    inside = np.zeros(grid.rows)
    land = np.zeros(grid.rows)
    for tile in domain.tiles:
        fine = tile.fine(domain.predictors.factor)
        # GDAL keeps the blocks of a raster in memory until it is closed.
        with open_raster(Path(path)) as source:
            applicable = source.read(2, fine)
        inside[fine.rows] += np.nansum(applicable, axis=1, dtype=np.float64)
        land[fine.rows] += np.isfinite(applicable).sum(axis=1)
    area = grid.row_areas()
    return float(1 - inside @ area / (land @ area))


def _sigma(result: Downscaled) -> str:
    if not result.sigma:
        return "There are no maps of sigma, because no sigma of the coarse GWSA was given."
    statement = YearlyMaps.from_files(result.sigma[:1]).tags()["GWSA_SIGMA"]
    return (
        f"Sigma of the maps: {statement}. It includes the sigma of the coarse field, the spread of "
        "the models of different splits, and what GRACE does not show at a point. Where GRACE "
        "resolves the cells, the latter is what held-out models miss one scale up, once for each "
        "halving of scale down to the pixel. Under a wider footprint it follows from the spatial "
        "covariance of the coarse field, which is extrapolated to scales that GRACE does not "
        "resolve. Wells give the factor with which 68 % of their errors are within sigma. Errors "
        "of neighbouring pixels and months are correlated, so the sigma of a mean must not be "
        "computed as for independent values."
    )


def _months(result: Downscaled) -> list[str]:
    domain = result.domain
    texts = []
    filled = np.array([domain.source_of(month) == FILLED for month in domain.months])
    if filled.any():
        texts.append(
            f"Months without GRACE observation whose gaps were filled ({filled.sum()} of "
            f"{filled.size}): {name_runs(domain.months[filled])}. {_training_on(filled, result)}"
            "Their maps also have the error of the gap filling."
        )
    if not domain.used.all():
        missing = name_runs(domain.gwsa.months[~domain.used])
        texts.append(f"Months without GWSA, which have no map: {missing}.")
    return texts


def _training_on(filled: np.ndarray, result: Downscaled) -> str:
    """How filled months, bool, are used; empty if nothing is trained."""
    if not _is_predicted(result):
        return ""
    trained = (filled & result.domain.training_months).any()
    prior = "The prior is fitted to observed months only. " if result.fitted.prior else ""
    return f"Models {'are' if trained else 'are not'} trained and scored on them. {prior}"


def _predictors(result: Downscaled) -> Section:
    if not result.explanation:
        return Section("Predictors", ["The map is interpolation and uses no predictors."])
    if not are_trees_mapped(result):
        paragraphs = [
            "Trees are not mapped: predictors reach the map through the prior alone. Its drivers "
            "are the surplus (precipitation minus actual evapotranspiration) and, where it is "
            "given, runoff; the others are statics that change its amplitude. The table has the "
            "mean absolute contribution over pixels and months. Between correlated statics the "
            "split is arbitrary.",
            *_circular(result.domain),
        ]
        return Section("Predictors", paragraphs, tables=[strongest_table(result.explanation)])
    missing = missing_table(result.domain)
    complete = [] if missing else ["All predictors have values in all cells and months."]
    tables = [strongest_table(result.explanation), *([missing] if missing else [])]
    left = " Trees are trained on what the prior leaves." if result.fitted.prior else ""
    paragraphs = [
        "SHAP is the mean absolute contribution of a predictor to the prediction that reaches the "
        "map, before the correction, in cm. The absolute contributions of its features (lags, "
        "means, classes) are added, so that opposite effects do not cancel. Gain is the fraction "
        "of the reduction of the training loss that is due to a predictor. Both describe how the "
        "models use the predictors, not causes. Between correlated predictors the split is "
        f"arbitrary.{left}",
        *_circular(result.domain),
        *complete,
    ]
    return Section("Predictors", paragraphs, [draw_contributions(contributions(result))], tables)


def _circular(domain: Domain) -> list[str]:
    """A warning if a predictor may be part of what was subtracted from TWSA."""
    suspects = []
    for predictor in domain.predictors.predictors:
        words = " ".join([predictor.name, predictor.source, *predictor.difference]).lower()
        if any(word in words for word in LAND_MODEL_WORDS):
            suspects.append(f"{predictor.name} ({predictor.source or 'no source stated'})")
    if not suspects:
        return []
    return [
        f"Check the source of {'; '.join(suspects)}. If soil moisture or evapotranspiration is "
        "from the GLDAS run that was subtracted from TWSA, the target is predicted from itself, "
        "and the resulting skill is not that of groundwater."
    ]


def _closure(result: Downscaled) -> Section:
    raw, corrected, seams = (result.scores[name] for name in ("closure_raw", "closure", "seams"))
    rows = [
        ["before the correction", raw["nse"], raw["rmse_cm"], seams["before"]],
        ["after the correction", corrected["nse"], corrected["rmse_cm"], seams["after"]],
    ]
    paragraphs = [
        "Closure compares the map, averaged over the coarse cells, with the coarse field that it "
        "was made from. The correction makes this agreement exact for any model, so that closure "
        "is no measure of the detail.",
        "The published 1 km dataset states a closure of R² 0.9728 and RMSE 2.10 cm. The table "
        "gives NSE, which is never above R²; for closure both are close, because the errors are "
        "small.",
        "Seams are the mean step of the map across the edges of coarse cells relative to the mean "
        "step inside them, in the median month; 1 means that no edge is visible. In the month of "
        "its largest effect the correction multiplies this ratio by "
        f"{seams['most_changed']:.3f}.",
    ]
    table = Table("Agreement with the input", ["", "NSE", "RMSE (cm)", "seams"], rows)
    return Section("Closure: not skill", paragraphs, tables=[table], links=PUBLISHED_DATASET)
