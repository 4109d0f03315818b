"""Downscale a coarse GWSA stack to monthly 1 km maps with one XGBoost model per aquifer region.

Models are trained on coarse cells, predictors being aggregated to them, and predict 1 km pixels; a smooth correction
then gives each coarse cell its GRACE value back. Skill is measured on cells and months that a model has not seen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .applicability import Applicability, write_applicability
from .aquifers import Aquifer
from .boosting import Boosting, gains, local_contrast, save
from .explanation import explain, write_explanation
from .folds import Blocking, Split, forward_splits, make_blocks, make_splits, random_splits
from .maps import Closure, Maker, Mapping, Part, write_maps
from .predicted_back import PredictedBack, predict_back
from .predictors import PredictorSet
from .progress import SILENT, Progress
from .region_models import ALL, DIRECT, CrossValidation, Recipe, RegionModels, level_of, train_and_validate
from .scene import Scene, set_scene
from .scores import agreement
from .sigma_maps import find_doubt, write_sigma
from .stack import MonthlyStack
from .tuning import Tuning
from .whole import whole_file, whole_folder, whole_folder_beside

GRACE_FOOTPRINT_KM2 = 90_000.0  # 300 km squared: about one independent GRACE value
BLOCKED, FORWARD, RANDOM = "blocked", "forward", "random"


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
    scene: Scene
    models: RegionModels
    validations: dict[str, CrossValidation]
    backs: dict[str, PredictedBack]
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
) -> Downscaled:
    """Write ``GWSA_YYYY.tif`` (cm) into ``outputs.maps``, the models as ``.ubj`` and the held-out maps beside.

    The area-weighted mean of the map over each coarse cell's land is the coarse value to 1e-3 cm before encoding. The
    held-out maps are those of models that saw neither the cell nor the month of a pixel, corrected with the cell's
    coarse value as bilinear interpolation uses it. Raises InputError when the inputs do not meet; nothing is then left.
    """
    scene = set_scene(gwsa, predictors, aquifers, options.period, progress.part(0.0, 0.1))
    splits = make_validations(scene, options, progress)
    recipe = make_recipe(scene, options)
    progress.say(f"Training {1 + sum(map(len, splits.values()))} times, all but once to measure skill.")
    models, validations = train_and_validate(scene, splits, recipe, progress.part(0.1, 0.4))
    progress.say(f"Held-out cells confirm {models.share:.0%} of the predicted local contrast.")
    backs = {kind: predict_back(scene, validation) for kind, validation in validations.items()}
    progress.say(f"The model of all cells has {models.boosting.trees} trees of depth {models.boosting.depth}.")
    settled = {f"GWSA_{name.upper()}": str(value) for name, value in asdict(models.boosting).items()}
    mapping = Mapping(options.feather_km, options.exact, {**(tags or {}), **settled})
    regions = region_table(scene, models, validations[BLOCKED], backs[BLOCKED])
    with ExitStack() as folders:
        # The folders get their files together when the stack closes, and none of them when anything fails before.
        maps = folders.enter_context(whole_folder(outputs.maps))
        scratch = folders.enter_context(whole_folder_beside(outputs.maps))
        makers = [Maker(maps, [Part(models, scene.cells, np.ones(scene.months.size, dtype=bool))])]
        if outputs.held_out:
            parts = [Part(held.models, held.split.cells, held.split.months) for held in validations[BLOCKED].held_out]
            makers.append(Maker(folders.enter_context(whole_folder(outputs.held_out)), parts))
        closures = write_maps(scene, makers, mapping, scratch, progress.part(0.4, 0.93))
        if sigma:
            doubt = find_doubt(scene, models, validations[BLOCKED], sigma)
            write_sigma(scene, sigma, doubt, maps / "sigma", mapping, progress.part(0.93, 0.97))
        if outputs.models:
            write_models(folders.enter_context(whole_folder(outputs.models)), scene, models)
    explanation = explain(scene, models)
    if outputs.explanation:
        write_explanation(outputs.explanation, explanation)
    if outputs.applicability:
        applicability = find_applicability(scene, models, validations[BLOCKED])
        write_applicability(scene, applicability, outputs.applicability, tags, progress.part(0.97, 1.0))
    years = [outputs.maps / path.name for path in closures[0].paths]
    sigmas = [outputs.maps / "sigma" / path.name.replace("GWSA", "GWSA_SIGMA") for path in closures[0].paths if sigma]
    scores = score(scene, recipe, models, validations[BLOCKED], closures[0])
    scores["predicted_back"] = {kind: back.scores() for kind, back in backs.items()}
    return Downscaled(years, sigmas, regions, scores, scene, models, validations, backs, explanation)


def make_validations(scene: Scene, options: DownscaleOptions, progress: Progress) -> dict[str, list[Split]]:
    """The splits of each kind of validation; the blocked ones come first and decide how far models are believed."""
    months, blocking = scene.months.size, options.blocking
    validations = {BLOCKED: make_splits(scene.gwsa.grid, scene.cells, months, blocking, progress)}
    if options.compare:
        validations[FORWARD] = forward_splits(scene.cells, months)
        validations[RANDOM] = random_splits(scene.cells, months, blocking.seed)
    return validations


def make_recipe(scene: Scene, options: DownscaleOptions) -> Recipe:
    tuning = None
    if options.stopping or options.search:
        tuning = Tuning(*make_blocks(scene.gwsa.grid, scene.cells, options.blocking), options.search)
    return Recipe(options.boosting, scene.regions.pooled(options.least_area), options.target, tuning)


def find_applicability(scene: Scene, models: RegionModels, validation: CrossValidation) -> Applicability:
    """From one pixel of each training sample, weighted by the gain of the model of all cells; its fold is that of its
    cell in the blocked validation."""
    samples, folds = scene.samples, np.full(scene.cells.shape, -1)
    for number, held in enumerate(validation.held_out):
        folds[held.split.cells] = number
    where, gain = samples.usable, gains(models.boosters[ALL])
    table = samples.pixel_table(where)[:: samples.pixels.shape[3]]
    weights = np.array([gain.get(name, 0.0) for name in samples.names])
    return Applicability.of(table, weights, np.broadcast_to(folds, where.shape)[where])


def write_models(folder: Path, scene: Scene, models: RegionModels) -> None:
    """``model_<number>.ubj`` in XGBoost's own format, and ``models.json``: features, share, and whom each serves."""
    present = np.unique(scene.regions.cells[scene.cells])
    served = models.numbers(present)
    files = {}
    for number, booster in models.boosters.items():
        save(booster, folder / f"model_{number}.ubj")
        files[f"model_{number}.ubj"] = [scene.regions.names[region] for region in present[served == number]]
    contents = {"features": list(scene.samples.names), "share": models.share, "models": files}
    (folder / "models.json").write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def write_scores(path, result: Downscaled) -> None:
    """The scores, with NaN as null, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(json.dumps(_json_safe(result.scores), indent=2) + "\n", encoding="utf-8")


def _json_safe(value):
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    return None if isinstance(value, float) and value != value else value


def region_table(scene: Scene, models: RegionModels, validation: CrossValidation, back: PredictedBack) -> list[dict]:
    """Per region: name, coarse cells, land in km², independent GRACE values (land / 90,000 km²), whose model serves it
    (own, that of its parent, or all), the held-out agreement of local contrast (r2, rmse_cm), and one scale up the RMSE
    of the held-out models and how much less that is than without a model and by bilinear interpolation."""
    observed, predicted = contrasts(scene, validation)
    served = models.numbers(np.arange(len(scene.regions.names)))
    rows = []
    for number, name in enumerate(scene.regions.names):
        cells = scene.cells & (scene.regions.cells == number)
        if not cells.any():
            continue
        held_out = agreement(predicted[:, cells], observed[:, cells])
        one_up = back.scores(np.broadcast_to(cells, back.observed.shape))
        rows.append({
            "number": number,
            "name": name,
            "cells": int(cells.sum()),
            "area_km2": float(scene.regions.areas[number]),
            "n_eff": float(scene.regions.areas[number] / GRACE_FOOTPRINT_KM2),
            "model": _whose(served[number], number, scene.regions.parents[number]),
            "contrast_r2": held_out["r2"],
            "contrast_rmse_cm": held_out["rmse_cm"],
            "rmse_cm": one_up["rmse_model_cm"],
            "gain_over_no_model": one_up["gain_over_no_model"],
            "gain_over_bilinear": one_up["gain_over_bilinear"],
        })  # fmt: skip
    return rows


def _whose(served: int, number: int, parent: str) -> str:
    if served == ALL:
        return "all"
    return "own" if served == number else f"parent {parent}"


def score(scene: Scene, recipe: Recipe, models: RegionModels, validation: CrossValidation, closure: Closure) -> dict:
    """Figures that must not be mixed.

    ``closure_raw`` and ``closure``: the block means of the map against the coarse field it was trained on, before and
    after the correction: how closely the map follows its input, no skill. ``held_out``: the prediction for cells and
    months never seen, before any correction: ``field`` against GWSA itself, ``contrast`` against the difference of a
    cell from its surroundings, which is what reaches the map. ``seams``: how much steeper the map is across
    edges of cells than inside them, before and after the correction. ``n_eff``: independent GRACE values.
    """
    target = scene.samples.target
    observed, predicted = contrasts(scene, validation)
    raw = closure.raw + level_of(scene, recipe, np.ones(target.shape, dtype=bool))
    return {
        "closure_raw": agreement(raw, target),
        "closure": {**agreement(closure.corrected, target), "worst_cm": _largest(closure.corrected - target)},
        "held_out": {
            "field": agreement(validation.detail + validation.level, target),
            "contrast": agreement(predicted, observed),
            "share_confirmed": models.share,
            "trees": models.boosting.trees,
            "splits": len(validation.held_out),
        },
        "seams": _seams(*closure.seams.T),
        "correction_stretch": closure.stretch,
        "cells": int(scene.cells.sum()),
        "months": int(scene.months.size),
        "n_eff": float(scene.regions.areas.sum() / GRACE_FOOTPRINT_KM2),
    }


def _seams(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """The median month of both, and what the correction multiplied the ratio by in the month where it changed most."""
    known = np.isfinite(before) & np.isfinite(after) & (before > 0)
    if not known.any():
        return dict.fromkeys(("before", "after", "most_changed"), float("nan"))
    before, after = before[known], after[known]
    change = after / before
    changed_most = float(change[np.abs(change - 1).argmax()])
    return {"before": float(np.median(before)), "after": float(np.median(after)), "most_changed": changed_most}


def _largest(difference: np.ndarray) -> float:
    return float(np.nanmax(np.abs(difference)))


def contrasts(scene: Scene, validation: CrossValidation) -> tuple[np.ndarray, np.ndarray]:
    """Observed and held-out predicted difference of each cell from the mean of its surroundings: cm, NaN where no
    model predicts, (months, rows, columns). Of the target ``anomaly`` both are without level and trend."""
    where = np.isfinite(validation.detail)
    fields = (scene.samples.target - validation.level, validation.detail)
    return tuple(
        np.where(where, local_contrast(np.where(where, field, 0.0), where, share=1.0), np.nan) for field in fields
    )
