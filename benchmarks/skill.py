"""Skill of the whole chain on sample worlds: held-out 1 km maps against the truth, two baselines and the oracle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gwsa_plugin.core.aquifers import Aquifer
from gwsa_plugin.core.balance import groundwater
from gwsa_plugin.core.downscale import Outputs, downscale
from gwsa_plugin.core.gapfill import fill_gaps
from gwsa_plugin.core.gldas import gldas_anomalies
from gwsa_plugin.core.predictor_build import Inputs, build_predictors
from gwsa_plugin.core.sample import PARTS, WorldOptions, make_world
from gwsa_plugin.core.sample_score import score_truth
from gwsa_plugin.core.stack import write_stack
from gwsa_plugin.core.twsa import TwsaOptions, import_twsa

REGION = (74.0, 26.0, 79.0, 31.0)
SKILL_WORLDS = {
    "skill_sample": WorldOptions(REGION, end="2016-12", seed=1),
    "skill_sample_2": WorldOptions(REGION, end="2016-12", seed=2),
    "skill_sample_3": WorldOptions((-4.0, 38.0, 1.0, 43.0), end="2016-12", seed=3),
    "skill_tiles": WorldOptions(REGION, end="2016-12", seed=1, tiles=True),
}


def measure_skill(folder: Path, options: WorldOptions) -> dict:
    """Make a world, run the chain on it, score it and leave only the figures; they are scores, so there is no ratio."""
    shutil.rmtree(folder, ignore_errors=True)
    world = folder / "world"
    make_world(world, options)
    gwsa = coarse_gwsa(world, options)
    write_stack(folder / "gwsa.tif", gwsa)
    predictors = build_predictors(Inputs(world / PARTS["CATALOGUE"], folder / "gwsa.tif"), folder / "predictors")
    downscale(gwsa, predictors, _aquifers(world), Outputs(folder / "maps", held_out=folder / "held_out"))
    scores = score_truth(world, folder / "held_out", folder / "gwsa.tif")
    shutil.rmtree(folder)
    return {
        "values": scores,
        "ours": scores["rmse_cm"],
        "peer": scores["rmse_bilinear_cm"],
        "ratio": None,
        "equal": None,
        "unit": "cm",
        "peer_name": "bilinear interpolation of the coarse field",
    }


def coarse_gwsa(world: Path, options: WorldOptions):
    """The coarse GWSA stack that a user gets from the world's files."""
    bounds = options.grid.bounds
    twsa = import_twsa(world / PARTS["TWSA"], TwsaOptions(world / PARTS["LAND_MASK"], bounds)).twsa
    land_water = gldas_anomalies(world / PARTS["GLDAS"], bounds)
    return groundwater(fill_gaps(twsa).filled, list(land_water.stacks.values()))


def _aquifers(world: Path) -> list[Aquifer]:
    features = json.loads((world / PARTS["AQUIFERS"]).read_text(encoding="utf-8"))["features"]
    return [Aquifer(feature["properties"]["name"], feature["geometry"]) for feature in features]
