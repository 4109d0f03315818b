"""Skill of the chain on sample worlds.

Held-out 1 km maps are compared with the truth, two interpolations and the oracle.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, read_aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise

from .result import score_result
from .shuffled import movable, shuffle, shuffled_order
from .worlds import SHARED, World, shared_world

REGION = (74.0, 26.0, 79.0, 31.0)
# Worlds that are observed cell by cell, as no satellite observes; see ``grace_like`` for others.
BY_CELLS = partial(WorldOptions, observation=CELL_BY_CELL)
DEFAULT_REGION = BY_CELLS()
# Eight blocks of 3 degrees fit into this region, so that blocks are not made smaller.
WIDE = BY_CELLS((72.0, 23.0, 81.0, 32.0))
SKILL_WORLDS = {
    "skill_sample": DEFAULT_REGION,
    "skill_sample_2": BY_CELLS(REGION, end="2016-12", seed=2),
    "skill_sample_3": BY_CELLS((-4.0, 38.0, 1.0, 43.0), end="2016-12", seed=3),
}
PUMPING = BY_CELLS(REGION, end="2016-12", seed=1, case="pumping")
PART_SCORES = ("rmse_cm", "rmse_mean_preserving_cm", "oracle_skill")
# Largest gain that is accepted with shuffled predictors, %.
MOST_GAIN = 2.0


def measure_skill(folder: Path, options: WorldOptions) -> dict:
    """Compare the RMSE of held-out maps with that of bilinear interpolation."""
    truth = shared_world(folder.parent / SHARED, options).run.truth
    peer = "bilinear interpolation of the coarse field"
    return score_result(flatten(truth), truth["rmse_cm"], truth["rmse_bilinear_cm"], "cm", peer)


def measure_pumping(folder: Path, options: WorldOptions = PUMPING) -> dict:
    """Measure skill with a pumping trend that no predictor shows and that begins midway."""
    truth = shared_world(folder.parent / SHARED, options).run.truth
    ratio = "RMSE / mean-preserving interpolation"
    parts = {f"{ratio}, {name}": part for name, part in truth["by_region"].items()}
    ratios = {
        name: part["rmse_cm"] / part["rmse_mean_preserving_cm"] for name, part in parts.items()
    }
    worst = max(ratios.values())
    values = {**ratios, f"{ratio}, worst region": worst, **flatten(truth)}
    return score_result(
        values,
        truth["rmse_cm"],
        truth["rmse_mean_preserving_cm"],
        "cm",
        "mean-preserving interpolation",
    )


def measure_shuffled(folder: Path, options: WorldOptions = SKILL_WORLDS["skill_sample_2"]) -> dict:
    """Measure the gain over mean-preserving interpolation with predictors of other cells, %.

    Cells that keep their own predictors are left out.
    """
    world = shared_world(folder.parent / SHARED, options)
    gwsa = world.gwsa.on(world.predictors.coarse_grid)
    order = _order(world)
    moved = order != np.arange(order.size).reshape(order.shape)
    shuffled = shuffle(world.predictors, order, world.folder / "shuffled")
    others = replace(gwsa, values=np.where(moved, gwsa.values, np.float32(np.nan)))
    truth = world.downscale(others, shuffled, world.folder / "shuffled_run").truth
    gain = 100 * (1 - truth["rmse_cm"] / truth["rmse_mean_preserving_cm"])
    values = {
        "gain (%)": gain,
        "cells that moved (%)": float(100 * moved[gwsa.valid].mean()),
        **flatten(truth),
    }
    return score_result(values, gain, MOST_GAIN, "%", "at most")


def _order(world: World) -> np.ndarray:
    """The number of the cell whose predictors each cell gets, coarse shape."""
    predictors = world.predictors
    land = predictors.land()
    regions = rasterise(read_aquifers(world.source), predictors.grid, predictors.factor, land)
    valid = world.gwsa.on(predictors.coarse_grid).valid
    return shuffled_order(movable(valid, land, regions.pixels()), regions.cells)


def flatten(truth: dict) -> dict[str, float]:
    """Return all scores; those of regions and seasons have names like ``rmse_cm, JJA``."""
    parts = {**truth["by_region"], **truth["by_season"]}
    part_scores = {
        f"{name}, {part}": figures[name] for part, figures in parts.items() for name in PART_SCORES
    }
    return {
        **{name: value for name, value in truth.items() if isinstance(value, float)},
        **part_scores,
    }
