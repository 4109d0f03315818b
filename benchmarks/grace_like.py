"""Skill of the maps, and of what their report claims, on worlds that are observed as by GRACE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gwsa.gwsa_plugin.core.sample_world.cases import CASES
from gwsa.gwsa_plugin.core.sample_world.grace_observation import CELL_BY_CELL
from gwsa.gwsa_plugin.core.sample_world.score import score_detail, score_truth
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions

from .footprint_widths import coarse_error
from .map_checks import sigma_coverage
from .result import score_result
from .worlds import QUICK, SHARED, shared_world

DEFAULT = WorldOptions((74.0, 26.0, 79.0, 31.0), start="2010-01", end="2016-12")
# Smaller, so that all cases are made in an hour.
SMALL = WorldOptions((74.0, 27.0, 78.0, 31.0), start="2011-01", end="2016-12")
# The adversarial cases, a region of one footprint, and the default case observed cell by cell.
GRACE_LIKE_CASES = {
    "default": DEFAULT,
    "default_seed_2": replace(DEFAULT, seed=2),
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
    coarse = world.folder / "quick" / "gwsa.tif"
    maps = score_truth(world.source, run.maps, coarse)
    detail = score_detail(world.source, run.maps, coarse)
    within_one, within_two = sigma_coverage(world, run)
    values = {
        "RMSE of the map (cm)": maps["rmse_cm"],
        "RMSE of held-out maps (cm)": run.truth["rmse_cm"],
        "RMSE of bilinear interpolation (cm)": maps["rmse_bilinear_cm"],
        "RMSE of mean-preserving interpolation (cm)": maps["rmse_mean_preserving_cm"],
        "RMSE of the oracle (cm)": maps["rmse_oracle_cm"],
        "RMSE of the coarse field (cm)": coarse_error(world.source, world.gwsa),
        "gain over bilinear interpolation (%)": _gain(maps, "bilinear"),
        "gain over mean-preserving interpolation (%)": _gain(maps, "mean_preserving"),
        "detail on the true coarse field, skill relative to the oracle (%)": (
            100 * detail["oracle_skill"]
        ),
        "within 1 sigma (%)": 100 * within_one,
        "within 2 sigma (%)": 100 * within_two,
        **_claims(run.scores),
    }
    return score_result(
        values, maps["rmse_cm"], maps["rmse_bilinear_cm"], "cm", "bilinear interpolation"
    )


def _gain(scores: dict, peer: str) -> float:
    """Reduction of the RMSE relative to a peer, %."""
    return 100 * (1 - scores["rmse_cm"] / scores[f"rmse_{peer}_cm"])


def _claims(scores: dict) -> dict[str, float]:
    """The gains that the report states, %: at wells, and for unseen footprints."""
    detail = scores["detail"]
    return {
        f"claimed gain at wells, {name} (%)": 100 * float(detail[name] or "nan")
        for name in ("gain", "lower", "upper")
    }
