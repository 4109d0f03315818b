"""Skill of the maps, and of what their report claims, on worlds that are observed as by GRACE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.balance.modes import balance
from gwsa.gwsa_plugin.core.balance.options import FOOTPRINT, PUBLISHED, BalanceOptions
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.gldas.land_storage import COMPONENTS
from gwsa.gwsa_plugin.core.sample_world.cases import CASES
from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
from gwsa.gwsa_plugin.core.sample_world.score import score_detail, score_truth
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions
from gwsa.gwsa_plugin.core.spatial.aquifers import GRACE_FOOTPRINT_KM2
from gwsa.gwsa_plugin.core.stages import output_paths
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, REFUTED, UNTESTED

from .footprint_widths import coarse_error
from .map_checks import sigma_coverage, sigma_groups
from .result import score_result
from .worlds import QUICK, SHARED, World, shared_world

# Width of the footprint that is given / true width.
MISJUDGED = (1.0, 0.6, 1.5)
VERDICTS = {CONFIRMED: 1.0, UNTESTED: 0.0, REFUTED: -1.0}

DEFAULT = WorldOptions((74.0, 26.0, 79.0, 31.0), start="2010-01", end="2016-12")
# Smaller, so that all cases are made in an hour.
SMALL = WorldOptions((74.0, 27.0, 78.0, 31.0), start="2011-01", end="2016-12")
# Held-out blocks as wide as the footprint and their buffers fit into this region.
WIDE = WorldOptions((70.0, 20.0, 82.0, 32.0), start="2011-01", end="2016-12")
# The adversarial cases, a region of one footprint, and the default case observed cell by cell.
GRACE_LIKE_CASES = {
    "default": DEFAULT,
    **{f"default_seed_{seed}": replace(DEFAULT, seed=seed) for seed in range(2, 7)},
    "wide": WIDE,
    "wide_no_signal": replace(WIDE, case="no_signal"),
    "wide_pumping": replace(WIDE, case="pumping"),
    **{name: replace(SMALL, case=name) for name in CASES if name != "default"},
    "one_footprint": replace(SMALL, bounds=(75.0, 27.0, 77.25, 29.25)),
    "by_cells": replace(SMALL, observation=CELL_BY_CELL),
}


def measure_case(folder: Path, case: str) -> dict:
    """Compare the 1 km map of one case with bilinear interpolation, and with its own claims.

    Parameters
    ----------
    folder : Path
        Folder of the benchmark.
    case : str
        One of ``GRACE_LIKE_CASES``.
    """
    world = shared_world(folder.parent / SHARED, GRACE_LIKE_CASES[case])
    run = world.downscale(world.gwsa, world.predictors, world.folder / "quick", QUICK)
    published = world.folder / "published.tif"
    write_stack(published, _published_balance(world))
    scores = {
        name: score_truth(world.source, run.maps, coarse)
        for name, coarse in (
            ("published", published),
            ("footprint", world.folder / "quick" / "gwsa.tif"),
        )
    }
    corrected = read_stack(run.corrected, "GWSA")
    period = corrected.months[[0, -1]]
    fields = {
        "published balance": read_stack(published, "GWSA").select(*period),
        "footprint balance": world.gwsa.select(*period),
        "corrected": corrected,
    }
    detail = score_detail(world.source, run.maps, run.corrected)
    within_one, within_two = sigma_coverage(world, run)
    groups = sigma_groups(world, run)
    rmse = scores["footprint"]["rmse_cm"]
    trends = scores["footprint"]["trends"]
    peers = {
        f"{kind} interpolation of the {balance} balance": found[f"rmse_{key}_cm"]
        for balance, found in scores.items()
        for kind, key in (("bilinear", "bilinear"), ("mean-preserving", "mean_preserving"))
    }
    best = min(peers[name] for name in peers if "published" in name)
    values = {
        "RMSE of the map (cm)": rmse,
        "RMSE of held-out maps (cm)": run.truth["rmse_cm"],
        **{f"RMSE of {name} (cm)": value for name, value in peers.items()},
        "RMSE of the oracle, footprint balance (cm)": scores["footprint"]["rmse_oracle_cm"],
        **{
            f"RMSE of the coarse field, {name} (cm)": coarse_error(world.source, field)
            for name, field in fields.items()
        },
        "gain over the better interpolation of the published balance (%)": 100 * (1 - rmse / best),
        "gain over the better interpolation (%)": 100 * (1 - rmse / min(peers.values())),
        "largest loss to the better interpolation in a region (%)": _largest_loss(
            scores["footprint"]["by_region"]
        ),
        **{f"RMSE of the trend of {name} (cm/yr)": trends["all"][name] for name in trends["all"]},
        "largest excess of the trend error over interpolation in a region (%)": 100
        * max(
            part["product"] / min(part["bilinear"], part["mean_preserving"]) - 1
            for part in trends.values()
        ),
        "detail on the true coarse field, skill relative to the oracle (%)": (
            100 * detail["oracle_skill"]
        ),
        "within 1 sigma (%)": 100 * within_one,
        "within 2 sigma (%)": 100 * within_two,
        **{
            f"within 1 sigma by {name}, {end} (%)": 100 * float(limit(fractions))
            for name, fractions in groups.items()
            for end, limit in (("least", np.min), ("most", np.max))
        },
        "verdict: 1 confirmed, 0 untested, -1 refuted": VERDICTS[run.scores["evidence"]["verdict"]],
        **_claims(run.scores),
    }
    return score_result(values, rmse, best, "cm", "better interpolation of the published balance")


def measure_misjudged_footprint(folder: Path) -> dict:
    """Compare the maps of the default world with a width that is too small or too large.

    Parameters
    ----------
    folder : Path
        Folder of the benchmark.
    """
    world = shared_world(folder.parent / SHARED, DEFAULT)
    errors = {}
    for factor in MISJUDGED:
        width = factor * DEFAULT.observation.footprint_km
        gwsa = _balance(world, BalanceOptions(FOOTPRINT, width))
        run = world.downscale(gwsa, world.predictors, world.folder / f"width_{factor}", QUICK)
        errors[factor] = score_truth(world.source, run.maps, run.corrected)["rmse_cm"]
    values = {f"RMSE with {factor} of the width (cm)": rmse for factor, rmse in errors.items()}
    worst = max(errors.values())
    bar = "the width of the sample world; at most 5 % more"
    return score_result(values, worst, errors[1.0], "cm", bar)


def _published_balance(world: World) -> MonthlyStack:
    """Coarse GWSA of the sharp terms, as in the published dataset."""
    return _balance(world, BalanceOptions(PUBLISHED, float(world.gwsa.tags["GWSA_FOOTPRINT_KM"])))


def _balance(world: World, options: BalanceOptions) -> MonthlyStack:
    """Coarse GWSA of a world with other options of the balance, cm."""
    paths = output_paths(world.folder)
    twsa = read_stack(paths["fillgaps:OUTPUT"], "TWSA")
    stores = [read_stack(paths[f"gldasanomaly:{name}"], name) for name in COMPONENTS]
    return balance(twsa, stores, options)


def _largest_loss(regions: dict[str, dict]) -> float:
    """Largest loss to the better interpolation of the footprint balance in a region, %.

    Regions smaller than a footprint are left out.
    """
    large = [found for found in regions.values() if found["pixels"] >= GRACE_FOOTPRINT_KM2]
    losses = [
        found["rmse_cm"] / min(found["rmse_bilinear_cm"], found["rmse_mean_preserving_cm"]) - 1
        for found in large
    ]
    return 100 * max(losses, default=float("nan"))


def _claims(scores: dict) -> dict[str, float]:
    """The gains that the report states, %: at wells, and in unseen years."""
    detail = scores["detail"]
    years = scores["unseen_years"]
    return {
        **{
            f"claimed gain at wells, {name} (%)": 100 * float(detail[name] or "nan")
            for name in ("gain", "lower", "upper")
        },
        "gain in unseen years (%)": 100 * years["gain_over_climatology"],
        "gain in unseen years, lower (%)": 100 * years["gain_over_climatology_interval"][0],
    }
