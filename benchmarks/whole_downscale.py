"""A whole downscaling, from predictor set to report, beside a straightforward script.

The script has the same samples, folds, loss and number of trees, and also conserves mass. It bins
the samples of each fold anew, predicts month by month with XGBoost's own prediction in all threads,
and writes maps with rasterio. It makes neither sigma nor report.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import xgboost

from gwsa.gwsa_plugin.core.base.cores import usable_cores
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.domain import Domain, make_domain
from gwsa.gwsa_plugin.core.downscaling.downscale import DownscaleOptions, Outputs, downscale
from gwsa.gwsa_plugin.core.downscaling.models.cross_validation import train_and_validate
from gwsa.gwsa_plugin.core.downscaling.models.trainer import TrainingOptions
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, ContrastLoss
from gwsa.gwsa_plugin.core.downscaling.options import PUBLISHED
from gwsa.gwsa_plugin.core.downscaling.report.report import write_downscale_report
from gwsa.gwsa_plugin.core.downscaling.skill.validations import BLOCKED, make_validations
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.predictor_set import FINE
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions
from gwsa.gwsa_plugin.core.stats.metrics import nse

from .rasters import geotiff_profile
from .result import race
from .worlds import SHARED, World, shared_world

WORLD = WorldOptions((74.0, 27.0, 78.0, 31.0), start="2011-01", end="2014-12")
OPTIONS = DownscaleOptions(method=PUBLISHED, stopping=False, boosting=Boosting(trees=100))
PEER = "a script with XGBoost and rasterio, the same folds"


def measure_downscale(folder: Path) -> dict:
    """Measure the time of a downscaling and of the script, once each."""
    world = shared_world(folder.parent / SHARED, WORLD)
    seconds = race(
        {
            "ours": partial(_downscale, world, folder / "ours"),
            "peer": partial(_follow_script, world, folder / "peer"),
        },
        repeats=1,
    )
    return _result(seconds, {})


def measure_training_all(folder: Path) -> dict:
    """Measure the time of all trainings, and compare the NSE of held-out cells, once each."""
    world = shared_world(folder.parent / SHARED, WORLD)
    domain = _domain(world)
    splits = make_validations(domain, OPTIONS.blocking, OPTIONS.validation, SILENT)
    options = TrainingOptions(OPTIONS.boosting, domain.regions.pooled(OPTIONS.least_area))
    detail = {}

    def ours() -> None:
        _, validated = train_and_validate(domain, splits, options, SILENT)
        detail["ours"] = validated[BLOCKED].detail

    def peer() -> None:
        detail["peer"] = _validate(domain, splits[BLOCKED])
        _train(domain, np.ones(domain.samples.target.size, dtype=bool))

    seconds = race({"ours": ours, "peer": peer}, repeats=1)
    values = {
        f"NSE of held-out cells, {name}": float(nse(one, domain.samples.target))
        for name, one in detail.items()
    }
    return _result(seconds, {"trainings": 1.0 + len(splits[BLOCKED]), **values})


def _result(seconds: dict[str, float], values: dict[str, float]) -> dict:
    return {
        "values": values,
        "ours": seconds["ours"],
        "peer": seconds["peer"],
        "ratio": seconds["peer"] / seconds["ours"],
        "equal": None,
        "unit": "s",
        "peer_name": PEER,
    }


def _domain(world: World) -> Domain:
    domain = make_domain(world.gwsa, world.predictors, [], OPTIONS.period, SILENT)
    return domain.with_features(SILENT)


def _downscale(world: World, folder: Path) -> None:
    outputs = Outputs(folder / "maps")
    made = downscale(world.gwsa, world.predictors, [], outputs, OPTIONS, world.sigma)
    write_downscale_report(folder / "report.html", made, OPTIONS, sigma=world.sigma)


def _follow_script(world: World, folder: Path) -> None:
    """Validate, train and map as the script does."""
    domain = _domain(world)
    splits = make_validations(domain, OPTIONS.blocking, OPTIONS.validation, SILENT)
    _validate(domain, splits[BLOCKED])
    booster = _train(domain, np.ones(domain.samples.target.size, dtype=bool))
    folder.mkdir(parents=True)
    for month, target in zip(domain.months, domain.target):
        _map_month(domain, booster, month, target, folder / f"{month}.tif")


def _validate(domain: Domain, splits: list) -> np.ndarray:
    """Predictions of held-out samples, cm."""
    samples = domain.samples
    predicted = np.full(samples.target.size, np.nan)
    for split in splits:
        held = split.held(samples)
        booster = _train(domain, split.trained(samples))
        rows = booster.inplace_predict(samples.pixel_table(held))
        predicted[held] = rows.reshape(held.sum(), -1).mean(axis=1)
    return predicted


def _train(domain: Domain, where: np.ndarray) -> xgboost.Booster:
    loss = ContrastLoss(domain.samples, where)
    parameters = {**OPTIONS.boosting.xgboost(), "nthread": usable_cores()}
    return xgboost.train(
        parameters, loss.matrix(), OPTIONS.boosting.trees, obj=loss.objective(SILENT)
    )


def _map_month(
    domain: Domain,
    booster: xgboost.Booster,
    month: np.datetime64,
    target: np.ndarray,
    path: Path,
) -> None:
    """Predict all pixels of a month, restore the means of the cells and write the map."""
    land = domain.conservation.pixels()
    features = read_features(domain.predictors, FINE, [month])[0]
    field = np.full(land.shape, np.nan, dtype=np.float32)
    field[land] = booster.inplace_predict(np.ascontiguousarray(features[:, land].T))
    corrected = domain.conservation.correct(field, target).astype(np.float32)
    profile = geotiff_profile(domain.predictors.grid, 1)
    with rasterio.open(path, "w", **profile) as file:
        file.write(corrected, 1)
