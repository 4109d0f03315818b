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

from .aquifers import Aquifer
from .boosting import Boosting, local_contrast, save
from .folds import Blocking, make_splits
from .maps import Closure, Maker, Mapping, Part, write_maps
from .predictors import PredictorSet
from .progress import SILENT, Progress
from .region_models import ALL, CrossValidation, RegionModels, train_and_validate
from .scene import Scene, set_scene
from .scores import agreement
from .sigma_maps import write_sigma
from .stack import MonthlyStack
from .whole import whole_file, whole_folder, whole_folder_beside

GRACE_FOOTPRINT_KM2 = 90_000.0  # 300 km squared: about one independent GRACE value


@dataclass(frozen=True)
class DownscaleOptions:
    """``period``: (first, last) month, None for all that stack and predictors share. ``least_area``: land in km² from
    which an aquifer has a model of its own. ``feather_km`` and ``exact``: see Mapping."""

    period: tuple = (None, None)
    least_area: float = GRACE_FOOTPRINT_KM2
    feather_km: float = 25.0
    exact: bool = False
    boosting: Boosting = Boosting()
    blocking: Blocking = Blocking()

    def as_parameters(self) -> dict:
        """Plain values for tags and records."""
        return {**asdict(self), "period": [str(month or "") for month in self.period]}


@dataclass(frozen=True)
class Outputs:
    """Folders that the maps, the models and, if wanted, the maps of held-out models go to."""

    maps: Path
    models: Path | None = None
    held_out: Path | None = None


@dataclass(frozen=True, eq=False)
class Downscaled:
    """``years`` and ``sigma``: the map files, the latter where a coarse sigma was given. ``regions``: a row per region,
    see ``region_table``. ``scores``: see ``score``."""

    years: list[Path]
    sigma: list[Path]
    regions: list[dict]
    scores: dict
    scene: Scene
    models: RegionModels
    validation: CrossValidation


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
    own = scene.regions.with_own_model(options.least_area)
    splits = make_splits(scene.gwsa.grid, scene.cells, scene.months.size, options.blocking, progress)
    progress.say(f"Training on {len(splits)} splits of cells and months to measure skill.")
    models, validation = train_and_validate(scene, splits, options.boosting, own, progress.part(0.1, 0.4))
    progress.say(f"Held-out cells confirm {models.share:.0%} of the predicted local contrast.")
    mapping = Mapping(options.feather_km, options.exact, tags or {})
    regions = region_table(scene, models, validation)
    with ExitStack() as folders:
        # The folders get their files together when the stack closes, and none of them when anything fails before.
        maps = folders.enter_context(whole_folder(outputs.maps))
        scratch = folders.enter_context(whole_folder_beside(outputs.maps))
        makers = [Maker(maps, [Part(models, scene.cells, np.ones(scene.months.size, dtype=bool))])]
        if outputs.held_out:
            parts = [Part(held.models, held.split.cells, held.split.months) for held in validation.held_out]
            makers.append(Maker(folders.enter_context(whole_folder(outputs.held_out)), parts))
        closures = write_maps(scene, makers, mapping, scratch, progress.part(0.4, 0.95))
        if sigma:
            missed = {row["number"]: row["contrast_rmse_cm"] for row in regions}
            write_sigma(scene, sigma, missed, maps / "sigma", mapping, progress.part(0.95, 1.0))
        if outputs.models:
            write_models(folders.enter_context(whole_folder(outputs.models)), scene, models)
    years = [outputs.maps / path.name for path in closures[0].paths]
    sigmas = [outputs.maps / "sigma" / path.name.replace("GWSA", "GWSA_SIGMA") for path in closures[0].paths if sigma]
    return Downscaled(years, sigmas, regions, score(scene, models, validation, closures[0]), scene, models, validation)


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


def region_table(scene: Scene, models: RegionModels, validation: CrossValidation) -> list[dict]:
    """Per region: name, coarse cells, land in km², independent GRACE values (land / 90,000 km²), whether it has a model
    of its own, and the held-out agreement of local contrast (r2, rmse_cm)."""
    observed, predicted = contrasts(scene, validation)
    rows = []
    for number, name in enumerate(scene.regions.names):
        cells = scene.cells & (scene.regions.cells == number)
        if not cells.any():
            continue
        held_out = agreement(predicted[:, cells], observed[:, cells])
        rows.append({
            "number": number,
            "name": name,
            "cells": int(cells.sum()),
            "area_km2": float(scene.regions.areas[number]),
            "n_eff": float(scene.regions.areas[number] / GRACE_FOOTPRINT_KM2),
            "own_model": number in models.boosters and number != ALL,
            "contrast_r2": held_out["r2"],
            "contrast_rmse_cm": held_out["rmse_cm"],
        })  # fmt: skip
    return rows


def score(scene: Scene, models: RegionModels, validation: CrossValidation, closure: Closure) -> dict:
    """Three kinds of figures, never mixed.

    ``closure_raw`` and ``closure``: the block means of the map against the coarse field it was trained on, before and
    after the correction: how closely the map follows its input, no skill. ``held_out``: the prediction for cells and
    months never seen, before any correction: ``field`` against GWSA itself, ``contrast`` against the difference of a
    cell from its surroundings, which is what reaches the map. ``n_eff``: independent GRACE values in the region.
    """
    target = scene.samples.target
    observed, predicted = contrasts(scene, validation)
    return {
        "closure_raw": agreement(closure.raw, target),
        "closure": {**agreement(closure.corrected, target), "worst_cm": _largest(closure.corrected - target)},
        "held_out": {
            "field": agreement(validation.coarse, target),
            "contrast": agreement(predicted, observed),
            "share_confirmed": models.share,
            "splits": len(validation.held_out),
        },
        "correction_stretch": closure.stretch,
        "cells": int(scene.cells.sum()),
        "months": int(scene.months.size),
        "n_eff": float(scene.regions.areas.sum() / GRACE_FOOTPRINT_KM2),
    }


def _largest(difference: np.ndarray) -> float:
    return float(np.nanmax(np.abs(difference)))


def contrasts(scene: Scene, validation: CrossValidation) -> tuple[np.ndarray, np.ndarray]:
    """Observed and held-out predicted difference of each cell from the mean of its surroundings: cm, NaN off the cells,
    (months, rows, columns)."""
    where = np.broadcast_to(scene.cells, scene.samples.target.shape)
    fields = (scene.samples.target, validation.coarse)
    return tuple(
        np.where(where, local_contrast(np.where(where, field, 0.0), where, share=1.0), np.nan) for field in fields
    )
