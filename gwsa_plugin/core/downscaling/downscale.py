"""Downscale coarse GWSA to monthly 1 km maps.

A prior, fitted through the footprint of GRACE, carries variation in time to 1 km and corrects the
coarse field for leakage. One XGBoost model per aquifer region predicts what the prior leaves. A
smooth, mass-conserving correction then restores the value of each coarse cell. What the evidence of
held-out years, footprints and wells is against is not mapped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.blas import one_blas_thread
from ..base.errors import InputError
from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..files.atomic import atomic_folder
from ..files.checkpoint import resumable_folder
from ..files.stack import MonthlyStack, write_stack
from ..files.yearly_maps import FILES
from ..predictors.predictor_set import PredictorSet
from ..spatial.aquifers import Aquifer
from ..wells.comparison import WellComparison
from ..wells.detail import REFUTED, DetailTest
from ..wells.map_detail import WellRecords
from .domain import Domain, make_domain
from .fitted_models import FittedModels, fit_models
from .maps.applicability import write_applicability
from .maps.cost import estimate_cost, report_cost
from .maps.encoding import ENCODINGS
from .maps.leakage import correct_leakage, require_uncorrected, with_lines, without_detail
from .maps.map_job import MapJob, MapOptions, ModelUse
from .maps.map_predictors import predictors_of_maps
from .maps.sigma import corrected_sigma, estimate_detail_error, write_sigma
from .maps.write_years import maps_in, write_maps
from .models.region_models import MODEL_FILES, RegionModels, write_models
from .options import FOOTPRINT, HELD_OUT, MAPS, DownscaleOptions, Outputs
from .prior.fields import PriorJob
from .prior.prior import Prior
from .skill.closure import Closure
from .skill.evidence import Evidence, weigh_evidence
from .skill.reduced_resolution import unresolved_reason
from .skill.scores import region_table, score
from .skill.shap import explain_maps, write_explanation
from .skill.validations import BLOCKED, NONE, NOTHING_HELD_OUT
from .skill.verdict import Verdict, validate_maps

# Subfolder of the maps.
SIGMA_FOLDER = "sigma"


@dataclass(frozen=True, eq=False)
class Downscaled:
    """Results of a downscaling.

    Parameters
    ----------
    years : list of Path
        The maps, a file per year.
    sigma : list of Path
        The maps of sigma; empty when no coarse sigma was given.
    regions : list of dict
        A row per region, see ``region_table``.
    scores : dict
        See ``score``.
    domain : Domain
        The study domain.
    fitted : FittedModels
        The prior, the trees and their validation.
    explanation : list of dict
        SHAP contributions and gain, see ``explain``.
    verdict : Verdict
        What is mapped and the claims about the maps.
    """

    years: list[Path]
    sigma: list[Path]
    regions: list[dict]
    scores: dict
    domain: Domain
    fitted: FittedModels
    explanation: list[dict]
    verdict: Verdict


@one_blas_thread()
def downscale(
    gwsa: MonthlyStack,
    predictors: PredictorSet,
    aquifers: Sequence[Aquifer],
    outputs: Outputs,
    options: DownscaleOptions = DownscaleOptions(),
    sigma: MonthlyStack | None = None,
    tags: dict[str, str] | None = None,
    wells: WellRecords | None = None,
    progress: Progress = SILENT,
    run: Callable = run_all,
) -> Downscaled:
    """Downscale coarse GWSA to 1 km.

    Writes ``GWSA_YYYY.tif`` (cm) into the folder of the maps, and the other results that are
    wanted. Before encoding, the area-weighted mean of the map over the land of each coarse cell
    equals the coarse value within 1e-3 cm. Held-out maps are predicted by models that were trained
    on neither the cell nor the month of a pixel. Their correction uses the coarse value of the
    cell, as bilinear interpolation does.

    Parameters
    ----------
    gwsa : MonthlyStack
        Coarse GWSA, cm.
    predictors : PredictorSet
        Predictors at 1 km that were built for the cells of ``gwsa``.
    aquifers : sequence of Aquifer
        Aquifer polygons.
    outputs : Outputs
        Where results are written.
    options : DownscaleOptions
        Settings.
    sigma : MonthlyStack, optional
        Sigma of ``gwsa``, cm. With it, sigma of the maps is written.
    tags : dict of str to str, optional
        Tags of all rasters.
    wells : WellRecords, optional
        Wells that test the 1 km detail of the maps. Nothing is trained on them.
    progress : Progress
        Receives log lines, warnings and the fraction done.
    run : callable
        Runs trainings and the tasks of the maps: ``run_all``, or that of a cluster. The files do
        not depend on it.

    Raises
    ------
    InputError
        When grids, cells, regions or months of the inputs do not match, a folder has maps of
        another run, an output needs a validation that is not made, or GDAL cannot write the
        encoding. No file is then left.
    Cancelled
        When the user has cancelled. Checkpoints are then kept.
    """
    ENCODINGS[options.encoding].require()
    outputs.require_own_folders(tags or {})
    _require_validation(options, outputs, sigma)
    if options.method == FOOTPRINT:
        require_uncorrected(gwsa)
    predictors.require_undamaged(progress.part(0.0, 0.05).timed("The check of the predictors"))
    domain = make_domain(gwsa, predictors, aquifers, options.period, progress.part(0.05, 0.1))
    fitted = fit_models(domain, options, progress.part(0.1, 0.4), run)
    domain = fitted.domain
    blocked = fitted.validations[BLOCKED]
    reduced = fitted.reduced_resolution.get(BLOCKED)
    mapping = _map_options(options, fitted.models, tags)
    regions = region_table(domain, fitted.models, blocked, reduced)
    job = _map_job(domain, fitted, outputs, mapping)
    with (
        resumable_folder(outputs.maps, job.fingerprint(), progress) as unfinished,
        ExitStack() as folders,
    ):
        drawn = _draw_maps(job, domain, fitted, wells, unfinished, progress.part(0.4, 0.93), run)
        # New files appear in the output folders together, when the stack closes, and not at all
        # when anything fails before.
        new_folders = {
            name: folders.enter_context(atomic_folder(folder, earlier=FILES))
            for name, folder in outputs.folders.items()
        }
        interpolated = _is_interpolation(fitted, drawn)
        trees = replace(fitted.models, shrinkage=0.0) if interpolated else fitted.models
        prior = None if interpolated else fitted.prior
        sigma_folder = new_folders[MAPS] / SIGMA_FOLDER
        if sigma:
            progress.stop_if_cancelled()
            error = estimate_detail_error(domain, blocked, reduced, sigma, drawn.comparison)
            writing = progress.part(0.93, 0.97).timed("Sigma of the maps")
            progress.info(f"Sigma of the maps: {error.statement}.")
            write_sigma(domain, sigma, error, sigma_folder, mapping, writing)
            if outputs.corrected_sigma:
                deviation = corrected_sigma(sigma, error, drawn.corrected)
                write_stack(outputs.corrected_sigma, deviation, tags)
        if outputs.models:
            model_folder = folders.enter_context(atomic_folder(outputs.models, MODEL_FILES))
            write_models(model_folder, domain, trees, drawn.prior)
        if outputs.corrected:
            write_stack(outputs.corrected, drawn.corrected, tags)
        explanation = explain_maps(domain, trees, prior, progress.part(0.97, 0.97))
        if outputs.explanation:
            write_explanation(outputs.explanation, explanation)
        if outputs.applicability:
            progress.stop_if_cancelled()
            used = predictors_of_maps(domain, trees, prior, blocked.held_out)
            writing = progress.part(0.97, 1.0).timed("Area of applicability")
            write_applicability(domain, used, outputs.applicability, tags, writing)
        progress.stop_if_cancelled()
        verdict = Verdict(
            drawn.detail,
            fitted.unseen_footprints,
            drawn.evidence,
            interpolated,
        )
        verdict.write_tags(maps_in(drawn.folder, MAPS))
        _move_maps(drawn.folder, new_folders)
        sigma_files = _names_of_rasters(sigma_folder)
        map_files = _names_of_rasters(new_folders[MAPS])
        scores = _score(domain, fitted, drawn)
    return Downscaled(
        years=[outputs.maps / name for name in map_files],
        sigma=[outputs.maps / SIGMA_FOLDER / name for name in sigma_files],
        regions=regions,
        scores=scores,
        domain=domain,
        fitted=fitted,
        explanation=explanation,
        verdict=verdict,
    )


def _require_validation(
    options: DownscaleOptions, outputs: Outputs, sigma: MonthlyStack | None
) -> None:
    """Raise InputError if an output needs held-out models that are not trained."""
    wanted = {
        "GWSA_SIGMA": sigma,
        "HELD_OUT": outputs.held_out,
        "APPLICABILITY": outputs.applicability,
    }
    needing = [name for name, value in wanted.items() if value is not None]
    if options.validation == NONE and needing:
        raise InputError(
            f"{' and '.join(needing)} need held-out models, and VALIDATION is none; leave "
            f"{'it' if len(needing) == 1 else 'them'} empty or choose another validation."
        )


class _Drawn(NamedTuple):
    """Maps in the folder of checkpoints, and what decided about them.

    ``corrected`` is the coarse field whose means they have, ``prior`` the mapped prior.
    """

    folder: Path
    closures: dict[str, list[Path]]
    corrected: MonthlyStack
    prior: Prior | None
    detail: DetailTest
    comparison: WellComparison | None
    evidence: Evidence | None


def _draw_maps(
    job: MapJob,
    domain: Domain,
    fitted: FittedModels,
    wells: WellRecords | None,
    folder: Path,
    progress: Progress,
    run: Callable,
) -> _Drawn:
    """Make the maps and test them on wells; where wells refute the prior, interpolate instead."""
    gwsa = domain.gwsa
    prior = job.prior.priors[0] if job.prior else None
    if job.prior:
        lines = folder / "lines"
        gwsa = correct_leakage(
            domain, job.prior, lines, progress.part(0.0, 0.15).timed("Leakage correction"), run
        )
        job = with_lines(job, lines, gwsa)
    report_cost(estimate_cost(job, folder, progress, run), folder, progress)
    closures = write_maps(job, folder, progress.part(0.15, 0.97).timed("Maps"), run)
    testing = progress.part(0.97, 1.0)
    detail, comparison = validate_maps(maps_in(folder, MAPS), gwsa, wells, testing)
    evidence = _weigh(fitted, detail)
    if job.prior and wells:
        # The corrected field has the prior already, so that its interpolation cannot refute it.
        against_given, _ = validate_maps(maps_in(folder, MAPS), domain.gwsa, wells, testing)
        if against_given.verdict == REFUTED:
            detail = against_given
            evidence = _weigh(fitted, detail)
    if prior and evidence and not evidence.maps_detail:
        progress.info(evidence.text)
        interpolation = folder / "interpolation"
        interpolation.mkdir(exist_ok=True)
        again = _draw_maps(
            without_detail(job, domain), domain, fitted, wells, interpolation, progress, run
        )
        return again._replace(evidence=evidence)
    return _Drawn(folder, closures, gwsa, prior, detail, comparison, evidence)


def _weigh(fitted: FittedModels, detail: DetailTest) -> Evidence | None:
    """The evidence for the prior; None without a prior."""
    if fitted.prior is None:
        return None
    trees = bool(fitted.models.shrinkage)
    return weigh_evidence(fitted.unseen_years, fitted.unseen_footprints, detail, trees)


def _map_job(domain: Domain, fitted: FittedModels, outputs: Outputs, mapping: MapOptions) -> MapJob:
    """The job of the maps: interpolation where the evidence is against the prior already."""
    job = MapJob.from_domain(domain, _model_uses(domain, fitted, outputs), mapping)
    evidence = _weigh(fitted, DetailTest.without_wells())
    if fitted.prior is None or evidence is None:
        return job
    if not evidence.maps_detail:
        return without_detail(job, domain)
    priors = [(fitted.prior.prior, domain.cells)]
    if outputs.held_out:
        blocked = fitted.validations[BLOCKED].held_out
        priors += [(held.prior, held.split.cells) for held in blocked if held.prior]
    each, cells = zip(*priors)
    prior = PriorJob(each, cells, domain.predictors, domain.conservation, domain.months)
    return replace(job, prior=prior)


def _map_options(
    options: DownscaleOptions, models: RegionModels, tags: dict[str, str] | None
) -> MapOptions:
    """How maps are written, with the chosen hyper-parameters among their tags."""
    chosen = {f"GWSA_{name.upper()}": str(value) for name, value in asdict(models.boosting).items()}
    return MapOptions(options.feather_km, options.encoding, {**(tags or {}), **chosen})


def _model_uses(
    domain: Domain, fitted: FittedModels, outputs: Outputs
) -> dict[str, list[ModelUse]]:
    """The models of each product with the cells and months that they predict.

    The prior of all data has number 0, those of held-out data follow.
    """
    all_months = np.ones(domain.months.size, dtype=bool)
    uses = {MAPS: [ModelUse(fitted.models, domain.cells, all_months, prior=0)]}
    if outputs.held_out:
        uses[HELD_OUT] = [
            ModelUse(held.models, held.split.cells, held.split.months, prior=number)
            for number, held in enumerate(fitted.validations[BLOCKED].held_out, start=1)
        ]
    return uses


def _is_interpolation(fitted: FittedModels, drawn: _Drawn) -> bool:
    """True if neither the prior nor trees are in the maps."""
    if drawn.evidence:
        return not drawn.evidence.maps_detail
    return not fitted.models.shrinkage


def _move_maps(unfinished: Path, folders: dict[str, Path]) -> None:
    """Move the maps of each product from the checkpoints to its new folder."""
    for name, folder in folders.items():
        for path in maps_in(unfinished, name):
            shutil.move(path, folder / path.name)


def _names_of_rasters(folder: Path) -> list[str]:
    """Sorted names of the GeoTIFFs in a folder; none if it does not exist."""
    return [path.name for path in sorted(folder.glob("*.tif"))]


def _score(domain: Domain, fitted: FittedModels, drawn: _Drawn) -> dict:
    """All scores; the files of the closures exist as long as the checkpoints do."""
    scores = score(
        domain,
        fitted.options,
        fitted.models,
        fitted.validations[BLOCKED],
        map(Closure.read, drawn.closures[MAPS]),
        [drawn.corrected.values[number] for number in np.flatnonzero(domain.used)],
    )
    scores["unseen_years"] = fitted.unseen_years.scores()
    scores["unseen_footprints"] = fitted.unseen_footprints.scores()
    scores["reduced_resolution"] = {
        kind: result.scores() for kind, result in fitted.reduced_resolution.items()
    }
    if not fitted.reduced_resolution:
        made = bool(fitted.validations[BLOCKED].held_out)
        reason = unresolved_reason(domain) if made else NOTHING_HELD_OUT
        scores["reduced_resolution"] = {"not_made": reason}
    scores["detail"] = drawn.detail.as_record()
    if drawn.evidence:
        scores["evidence"] = {
            "verdict": drawn.evidence.verdict,
            "reason": drawn.evidence.reason,
            "maps_detail": drawn.evidence.maps_detail,
        }
    return scores
