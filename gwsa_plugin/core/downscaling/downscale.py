"""Downscale coarse GWSA to monthly 1 km maps with one XGBoost model per aquifer region.

Models are trained on coarse cells, whose predictors are averages of the 1 km values, and predict
1 km pixels. A smooth, mass-conserving correction then restores the GRACE value of each coarse cell.
Skill is measured on cells and months that the models were not trained on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..files.atomic import atomic_folder
from ..files.checkpoint import resumable_folder
from ..files.stack import MonthlyStack
from ..predictors.predictor_set import PredictorSet
from ..spatial.aquifers import Aquifer
from ..wells.detail import DetailTest
from ..wells.map_detail import WellRecords
from .domain import Domain, make_domain
from .folds import make_blocks
from .maps.applicability import find_applicability, write_applicability
from .maps.cost import estimate_cost, report_cost
from .maps.predict_tile import MapJob, MapOptions, ModelUse
from .maps.sigma import estimate_detail_error, write_sigma
from .maps.write_years import maps_in, write_maps
from .models.cross_validation import (
    CrossValidation,
    TrainingOptions,
    train_and_validate,
)
from .models.early_stopping import Tuning
from .models.region_models import RegionModels, write_models
from .options import DownscaleOptions
from .skill.closure import Closure
from .skill.reduced_resolution import (
    ReducedResolution,
    is_resolved,
    unresolved_reason,
    validate_at_reduced_resolution,
)
from .skill.scores import region_table, score
from .skill.shap import explain, write_explanation
from .skill.unseen_footprints import UnseenFootprints, validate_on_unseen_footprints
from .skill.validations import BLOCKED, make_validations
from .skill.verdict import Verdict, judge_maps

# Products: maps of the models of all samples, and maps of held-out models.
MAPS = "maps"
HELD_OUT = "held_out"
# Subfolder of the maps.
SIGMA_FOLDER = "sigma"


@dataclass(frozen=True)
class Outputs:
    """Where results are written; None for a result that is not wanted.

    Parameters
    ----------
    maps : Path
        Folder of the maps.
    models : Path, optional
        Folder of the models.
    held_out : Path, optional
        Folder of the maps of held-out models.
    applicability : Path, optional
        GeoTIFF of the area of applicability.
    explanation : Path, optional
        CSV table of SHAP contributions and gain.
    """

    maps: Path
    models: Path | None = None
    held_out: Path | None = None
    applicability: Path | None = None
    explanation: Path | None = None


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
    models : RegionModels
        The models of all samples.
    validations : dict of str to CrossValidation
        Held-out predictions of each kind of validation.
    unseen_footprints : UnseenFootprints
        Skill for unseen footprints.
    reduced_resolution : dict of str to ReducedResolution
        Reduced-resolution validation of each kind; empty if GRACE does not resolve the cells.
    explanation : list of dict
        SHAP contributions and gain, see ``explain``.
    detail : DetailTest
        Test of the 1 km detail on wells.
    """

    years: list[Path]
    sigma: list[Path]
    regions: list[dict]
    scores: dict
    domain: Domain
    models: RegionModels
    validations: dict[str, CrossValidation]
    unseen_footprints: UnseenFootprints
    reduced_resolution: dict[str, ReducedResolution]
    explanation: list[dict]
    detail: DetailTest

    @property
    def verdict(self) -> Verdict:
        """Both claims about the maps."""
        return Verdict(self.detail, self.unseen_footprints)


class _Trained(NamedTuple):
    """The models and their validation."""

    options: TrainingOptions
    models: RegionModels
    validations: dict[str, CrossValidation]
    unseen_footprints: UnseenFootprints
    reduced_resolution: dict[str, ReducedResolution]


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
        Runs the tasks of the maps: ``run_all``, or that of a cluster. The files do not depend on
        it.

    Raises
    ------
    InputError
        When grids, cells, regions or months of the inputs do not match. No file is then left.
    Cancelled
        When the user has cancelled. Checkpoints are then kept.
    """
    domain = make_domain(gwsa, predictors, aquifers, options.period, progress.part(0.0, 0.1))
    trained = _train(domain, options, progress)
    mapping = _map_options(options, trained.models, tags)
    regions = region_table(
        domain,
        trained.models,
        trained.validations[BLOCKED],
        trained.reduced_resolution.get(BLOCKED),
    )
    job = MapJob.from_domain(domain, _model_uses(domain, trained, outputs), mapping)
    with (
        resumable_folder(outputs.maps, job.fingerprint(), progress) as unfinished,
        ExitStack() as folders,
    ):
        report_cost(estimate_cost(job, unfinished, progress), unfinished, progress)
        closures = write_maps(job, unfinished, progress.part(0.4, 0.92), run)
        maps = maps_in(unfinished, MAPS)
        unseen = trained.unseen_footprints
        judging = progress.part(0.92, 0.93)
        verdict, comparison = judge_maps(maps, gwsa, wells, unseen, judging)
        # New files appear in the output folders together, when the stack closes, and not at all
        # when anything fails before.
        new_folders = {
            name: folders.enter_context(atomic_folder(folder))
            for name, folder in _product_folders(outputs).items()
        }
        sigma_folder = new_folders[MAPS] / SIGMA_FOLDER
        if sigma:
            blocked = trained.validations[BLOCKED]
            reduced = trained.reduced_resolution.get(BLOCKED)
            error = estimate_detail_error(domain, blocked, reduced, sigma, comparison)
            writing = progress.part(0.93, 0.97)
            progress.info(f"Sigma of the maps: {error.statement}.")
            write_sigma(domain, sigma, error, sigma_folder, mapping, writing)
        if outputs.models:
            model_folder = folders.enter_context(atomic_folder(outputs.models))
            write_models(model_folder, domain, trained.models)
        explanation = explain(domain, trained.models)
        if outputs.explanation:
            write_explanation(outputs.explanation, explanation)
        if outputs.applicability:
            area = find_applicability(domain, trained.models, trained.validations[BLOCKED])
            write_applicability(domain, area, outputs.applicability, tags, progress.part(0.97, 1.0))
        _move_maps(unfinished, new_folders)
        sigma_files = _names_of_rasters(sigma_folder)
        map_files = _names_of_rasters(new_folders[MAPS])
        scores = _score(domain, trained, closures[MAPS])
        scores["detail"] = verdict.detail.as_record()
    return Downscaled(
        years=[outputs.maps / name for name in map_files],
        sigma=[outputs.maps / SIGMA_FOLDER / name for name in sigma_files],
        regions=regions,
        scores=scores,
        domain=domain,
        models=trained.models,
        validations=trained.validations,
        unseen_footprints=verdict.unseen_footprints,
        reduced_resolution=trained.reduced_resolution,
        explanation=explanation,
        detail=verdict.detail,
    )


def _train(domain: Domain, options: DownscaleOptions, progress: Progress) -> _Trained:
    """Train the models, validate them and log the result."""
    splits = make_validations(domain, options.blocking, options.compare, progress)
    training = _training_options(domain, options)
    count = 1 + sum(map(len, splits.values()))
    progress.info(f"{count} trainings, all but one of them for validation.")
    models, validations = train_and_validate(domain, splits, training, progress.part(0.1, 0.38))
    progress.info(
        f"The shrinkage factor of the predicted local contrast is {models.shrinkage:.2f}, "
        f"estimated on held-out cells. Its contrast slope, estimated one scale up, is "
        f"{models.contrast_slope:.2f}."
    )
    unseen_footprints = validate_on_unseen_footprints(
        domain, validations[BLOCKED], options.blocking, progress.part(0.38, 0.4)
    )
    progress.info(unseen_footprints.summary)
    reduced_resolution = {}
    if is_resolved(domain):
        reduced_resolution = {
            kind: validate_at_reduced_resolution(domain, validation)
            for kind, validation in validations.items()
        }
    progress.info(
        f"The model of all cells has {models.boosting.trees} trees of depth "
        f"{models.boosting.depth}."
    )
    for remark in sorted(models.remarks):
        progress.info(remark)
    return _Trained(training, models, validations, unseen_footprints, reduced_resolution)


def _training_options(domain: Domain, options: DownscaleOptions) -> TrainingOptions:
    """How the models are trained."""
    tuning = None
    if options.stopping or options.search:
        # Within the training cells of a split there is no room for blocks as wide as the footprint.
        blocks = make_blocks(domain.gwsa.grid, domain.cells, options.blocking)
        tuning = Tuning(blocks.numbers, blocks.buffer_rows, options.search)
    return TrainingOptions(
        boosting=options.boosting,
        pooled=domain.regions.pooled(options.least_area),
        target=options.target,
        tuning=tuning,
    )


def _map_options(
    options: DownscaleOptions, models: RegionModels, tags: dict[str, str] | None
) -> MapOptions:
    """How maps are written, with the chosen hyper-parameters among their tags."""
    chosen = {f"GWSA_{name.upper()}": str(value) for name, value in asdict(models.boosting).items()}
    return MapOptions(options.feather_km, options.exact, {**(tags or {}), **chosen})


def _product_folders(outputs: Outputs) -> dict[str, Path]:
    """The output folder of each product that is wanted."""
    folders = {MAPS: outputs.maps}
    if outputs.held_out:
        folders[HELD_OUT] = outputs.held_out
    return folders


def _model_uses(domain: Domain, trained: _Trained, outputs: Outputs) -> dict[str, list[ModelUse]]:
    """The models of each product with the cells and months that they predict."""
    all_months = np.ones(domain.months.size, dtype=bool)
    uses = {MAPS: [ModelUse(trained.models, domain.cells, all_months)]}
    if outputs.held_out:
        uses[HELD_OUT] = [
            ModelUse(held.models, held.split.cells, held.split.months)
            for held in trained.validations[BLOCKED].held_out
        ]
    return uses


def _move_maps(unfinished: Path, folders: dict[str, Path]) -> None:
    """Move the maps of each product from the checkpoints to its new folder."""
    for name, folder in folders.items():
        for path in maps_in(unfinished, name):
            shutil.move(path, folder / path.name)


def _names_of_rasters(folder: Path) -> list[str]:
    """Sorted names of the GeoTIFFs in a folder; none if it does not exist."""
    return [path.name for path in sorted(folder.glob("*.tif"))]


def _score(domain: Domain, trained: _Trained, closures: list[Path]) -> dict:
    """All scores; the files ``closures`` exist as long as the checkpoints do."""
    scores = score(
        domain,
        trained.options,
        trained.models,
        trained.validations[BLOCKED],
        map(Closure.read, closures),
    )
    scores["unseen_footprints"] = trained.unseen_footprints.scores()
    scores["reduced_resolution"] = {
        kind: result.scores() for kind, result in trained.reduced_resolution.items()
    }
    if not trained.reduced_resolution:
        scores["reduced_resolution"] = {"not_made": unresolved_reason(domain)}
    return scores
