"""Downscale a coarse GWSA stack to monthly 1 km maps with one XGBoost model per aquifer region.

Models are trained on coarse cells, predictors being aggregated to them, and predict 1 km pixels; a smooth correction
then gives each coarse cell its GRACE value back. Skill is measured on cells and months that a model has not seen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..files.atomic import atomic_folder
from ..files.checkpoint import resumable_folder
from ..files.stack import MonthlyStack
from ..predictors.predictor_set import PredictorSet
from ..spatial.aquifers import GRACE_FOOTPRINT_KM2, Aquifer
from .domain import Domain, make_domain
from .folds import Blocking, Split, forward_splits, make_blocks, make_splits, random_splits
from .maps.applicability import find_applicability, write_applicability
from .maps.cost import estimate_cost, report_cost
from .maps.predict_tile import MapJob, MapOptions, ModelUse
from .maps.sigma import estimate_model_error, write_sigma
from .maps.yearly import maps_in, write_maps
from .models.early_stopping import Tuning
from .models.region_models import (
    DIRECT,
    CrossValidation,
    Recipe,
    RegionModels,
    train_and_validate,
    write_models,
)
from .models.training import Boosting
from .skill.closure import Closure
from .skill.reduced_resolution import ReducedResolution, validate_at_reduced_resolution
from .skill.scores import region_table, score
from .skill.shap import explain, write_explanation

BLOCKED, FORWARD, RANDOM = "blocked", "forward", "random"
MAPS, HELD_OUT = "maps", "held_out"


@dataclass(frozen=True)
class DownscaleOptions:
    """``period``: (first, last) month, None for all that stack and predictors share. ``least_area``: land in km² from
    which an aquifer has a model of its own. ``feather_km`` and ``exact``: see Mapping. ``target``: what models explain,
    see region_models. ``compare``: also validate forward in time, and on random samples as most published figures.
    ``stopping``: settle the number of trees by grouped folds inside each training; ``search``: and try as many settings
    beside the given ones."""

    period: tuple = (None, None)
    least_area: float = GRACE_FOOTPRINT_KM2
    feather_km: float = 25.0
    exact: bool = False
    target: str = DIRECT
    compare: bool = True
    stopping: bool = True
    search: int = 0
    boosting: Boosting = Boosting()
    blocking: Blocking = Blocking()

    def as_parameters(self) -> dict:
        """Plain values for tags and records."""
        return {**asdict(self), "period": [str(month or "") for month in self.period]}


@dataclass(frozen=True)
class Outputs:
    """Folders for the maps, the models and the maps of held-out models, and files for the area of applicability (a
    raster) and for what the models make of their predictors (a table); None where one is not wanted."""

    maps: Path
    models: Path | None = None
    held_out: Path | None = None
    applicability: Path | None = None
    explanation: Path | None = None


@dataclass(frozen=True, eq=False)
class Downscaled:
    """``years`` and ``sigma``: the map files, the latter where a coarse sigma was given. ``regions``: a row per region,
    see ``region_table``. ``scores``: see ``score``. ``validations`` and ``backs``: the held-out predictions of each
    kind of validation, and what comes of them one scale up. ``explanation``: see ``explain``.
    """

    years: list[Path]
    sigma: list[Path]
    regions: list[dict]
    scores: dict
    domain: Domain
    models: RegionModels
    validations: dict[str, CrossValidation]
    backs: dict[str, ReducedResolution]
    explanation: list[dict]


def downscale(
    gwsa: MonthlyStack,
    predictors: PredictorSet,
    aquifers: Sequence[Aquifer],
    outputs: Outputs,
    options: DownscaleOptions = DownscaleOptions(),
    sigma: MonthlyStack | None = None,
    tags: dict[str, str] | None = None,
    progress: Progress = SILENT,
    run: Callable = run_all,
) -> Downscaled:
    """Write ``GWSA_YYYY.tif`` (cm) into ``outputs.maps``, the models as ``.ubj`` and the held-out maps beside.

    The area-weighted mean of the map over each coarse cell's land is the coarse value to 1e-3 cm before encoding. The
    held-out maps are those of models that saw neither the cell nor the month of a pixel, corrected with the cell's
    coarse value as bilinear interpolation uses it. ``run``: who works on the maps, ``threads.run_all`` or that of a
    Cluster; the bytes are the same. Raises InputError when the inputs do not meet; nothing is then left.
    """
    domain = make_domain(gwsa, predictors, aquifers, options.period, progress.part(0.0, 0.1))
    splits = make_validations(domain, options, progress)
    recipe = make_recipe(domain, options)
    progress.info(
        f"Training {1 + sum(map(len, splits.values()))} times, all but once to measure skill."
    )
    models, validations = train_and_validate(domain, splits, recipe, progress.part(0.1, 0.4))
    progress.info(
        f"Held-out cells confirm {models.shrinkage:.0%} of the predicted local contrast; at 1 km it is stretched by "
        f"{models.contrast_slope:.2f}."
    )
    backs = {
        kind: validate_at_reduced_resolution(domain, validation)
        for kind, validation in validations.items()
    }
    progress.info(
        f"The model of all cells has {models.boosting.trees} trees of depth {models.boosting.depth}."
    )
    for remark in sorted(models.remarks):
        progress.info(remark)
    settled = {
        f"GWSA_{name.upper()}": str(value) for name, value in asdict(models.boosting).items()
    }
    mapping = MapOptions(options.feather_km, options.exact, {**(tags or {}), **settled})
    regions = region_table(domain, models, validations[BLOCKED], backs[BLOCKED])
    products = {MAPS: outputs.maps, **({HELD_OUT: outputs.held_out} if outputs.held_out else {})}
    parts = {MAPS: [ModelUse(models, domain.cells, np.ones(domain.months.size, dtype=bool))]}
    if outputs.held_out:
        held_out = validations[BLOCKED].held_out
        parts[HELD_OUT] = [
            ModelUse(held.models, held.split.cells, held.split.months) for held in held_out
        ]
    job = MapJob.of(domain, parts, mapping)
    with (
        resumable_folder(outputs.maps, job.fingerprint(), progress) as unfinished,
        ExitStack() as folders,
    ):
        # The folders get their files together when the stack closes, and none of them when anything fails before.
        report_cost(estimate_cost(job, unfinished, progress), unfinished, progress)
        closures = write_maps(job, unfinished, progress.part(0.4, 0.93), run)
        wholes = [folders.enter_context(atomic_folder(folder)) for folder in products.values()]
        if sigma:
            model_error = estimate_model_error(domain, validations[BLOCKED], backs[BLOCKED], sigma)
            write_sigma(
                domain, sigma, model_error, wholes[0] / "sigma", mapping, progress.part(0.93, 0.97)
            )
        if outputs.models:
            write_models(folders.enter_context(atomic_folder(outputs.models)), domain, models)
        explanation = explain(domain, models)
        if outputs.explanation:
            write_explanation(outputs.explanation, explanation)
        if outputs.applicability:
            applicability = find_applicability(domain, models, validations[BLOCKED])
            write_applicability(
                domain, applicability, outputs.applicability, tags, progress.part(0.97, 1.0)
            )
        for name, whole in zip(products, wholes):
            for path in maps_in(unfinished, name):
                shutil.move(path, whole / path.name)
        sigmas = [
            outputs.maps / "sigma" / path.name
            for path in sorted((wholes[0] / "sigma").glob("*.tif"))
        ]
        years = [outputs.maps / path.name for path in sorted(wholes[0].glob("*.tif"))]
        scores = score(
            domain, recipe, models, validations[BLOCKED], map(Closure.read, closures[MAPS])
        )
    scores["reduced_resolution"] = {kind: back.scores() for kind, back in backs.items()}
    return Downscaled(
        years, sigmas, regions, scores, domain, models, validations, backs, explanation
    )


def make_validations(
    domain: Domain, options: DownscaleOptions, progress: Progress
) -> dict[str, list[Split]]:
    """The splits of each kind of validation; the blocked ones come first and decide how far models are believed."""
    months, blocking = domain.months.size, options.blocking
    validations = {BLOCKED: make_splits(domain.gwsa.grid, domain.cells, months, blocking, progress)}
    if options.compare:
        validations[FORWARD] = forward_splits(domain.cells, months)
        validations[RANDOM] = random_splits(domain.cells, months, blocking.seed)
    return validations


def make_recipe(domain: Domain, options: DownscaleOptions) -> Recipe:
    tuning = None
    if options.stopping or options.search:
        tuning = Tuning(
            *make_blocks(domain.gwsa.grid, domain.cells, options.blocking), options.search
        )
    return Recipe(
        options.boosting, domain.regions.pooled(options.least_area), options.target, tuning
    )
