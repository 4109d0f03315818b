"""Skill of the whole chain on sample worlds: held-out 1 km maps against the truth, two baselines and the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.sample_world.world import NORTH_WEST_INDIA, WorldOptions, read_aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise

from .result import score_result
from .shuffled import movable, shuffle, shuffled_order
from .worlds import SHARED, World, the_world

REGION = (74.0, 26.0, 79.0, 31.0)
WIDE = WorldOptions(
    (72.0, 23.0, 81.0, 32.0)
)  # where eight blocks of 3 degrees fit, so that none has to shrink
SKILL_WORLDS = {
    "skill_sample": NORTH_WEST_INDIA,
    "skill_sample_2": WorldOptions(REGION, end="2016-12", seed=2),
    "skill_sample_3": WorldOptions((-4.0, 38.0, 1.0, 43.0), end="2016-12", seed=3),
    "skill_tiles": WorldOptions(REGION, end="2016-12", seed=1, tiles=True),
}
PUMPING = WorldOptions(REGION, end="2016-12", seed=1, pumping_cm_per_yr=6.0)
OF_PARTS = ("rmse_cm", "rmse_mean_preserving_cm", "oracle_skill")
MOST_GAIN = 2.0  # %, that shuffled predictors may bring


def measure_skill(folder: Path, options: WorldOptions) -> dict:
    truth = the_world(folder.parent / SHARED, options).run.truth
    peer = "bilinear interpolation of the coarse field"
    return score_result(flat(truth), truth["rmse_cm"], truth["rmse_bilinear_cm"], "cm", peer)


def measure_pumping(folder: Path, options: WorldOptions = PUMPING) -> dict:
    """Where a trend sets in that no predictor tells, and that models of the first half of the period have not seen."""
    truth = the_world(folder.parent / SHARED, options).run.truth
    parts = {f"RMSE / no model, {name}": part for name, part in truth["by_region"].items()}
    ratios = {
        name: part["rmse_cm"] / part["rmse_mean_preserving_cm"] for name, part in parts.items()
    }
    values = {**ratios, "RMSE / no model, worst region": max(ratios.values()), **flat(truth)}
    return score_result(
        values, truth["rmse_cm"], truth["rmse_mean_preserving_cm"], "cm", "no model"
    )


def measure_shuffled(folder: Path, options: WorldOptions = SKILL_WORLDS["skill_sample_2"]) -> dict:
    """What is gained from predictors of other places, in per cent of the error of no model.

    Cells that keep their own predictors are left out: what they teach is true.
    """
    world = the_world(folder.parent / SHARED, options)
    gwsa, order = world.gwsa.on(world.predictors.coarse_grid), _order(world)
    moved = order != np.arange(order.size).reshape(order.shape)
    shuffled = shuffle(world.predictors, order, world.folder / "shuffled")
    others = replace(gwsa, values=np.where(moved, gwsa.values, np.float32(np.nan)))
    truth = world.downscale(others, shuffled, world.folder / "shuffled_run").truth
    gain = 100 * (1 - truth["rmse_cm"] / truth["rmse_mean_preserving_cm"])
    values = {
        "gain (%)": gain,
        "cells that moved (%)": float(100 * moved[gwsa.valid].mean()),
        **flat(truth),
    }
    return score_result(values, gain, MOST_GAIN, "%", "at most")


def _order(world: World) -> np.ndarray:
    """Which cell's predictors each cell gets."""
    predictors, land = world.predictors, world.predictors.land()
    regions = rasterise(read_aquifers(world.source), predictors.grid, predictors.factor, land)
    valid = world.gwsa.on(predictors.coarse_grid).valid
    return shuffled_order(movable(valid, land, regions.pixels()), regions.cells)


def flat(truth: dict) -> dict[str, float]:
    """The scores of all, and those of each region and season under ``rmse_cm, JJA``."""
    parts = {**truth["by_region"], **truth["by_season"]}
    of_parts = {
        f"{name}, {part}": figures[name] for part, figures in parts.items() for name in OF_PARTS
    }
    return {
        **{name: value for name, value in truth.items() if isinstance(value, float)},
        **of_parts,
    }
