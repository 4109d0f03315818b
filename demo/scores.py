"""Scores of the demonstration, from the outputs of the stages and the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.files.stack import MISSING, read_stack
from gwsa.gwsa_plugin.core.sample_world.score import score_truth

AGREEMENT = ("nse", "rmse_cm")
WELLS = ("n", "r2", "rmse_cm_per_yr")


def score_maps(folder: Path, progress: Progress = SILENT) -> dict:
    """Return the skill of the maps of held-out cells and months against the truth."""
    return score_truth(folder / "world", folder / "held_out", folder / "gwsa.tif", progress)


def collect_scores(folder: Path, truth: dict) -> dict:
    """Collect the scores of all stages.

    Parameters
    ----------
    folder : Path
        Folder of the demonstration.
    truth : dict
        As returned by ``score_maps``.

    Returns
    -------
    dict
        ``verdict``: what the downscaling claims about the maps. ``closure_raw`` and ``closure``:
        agreement of the map with its coarse input, which is not skill. ``truth``: skill of maps of
        held-out cells and months. ``wells``: skill of trends at wells. ``gapfill``: errors of the
        months without a solution.
    """
    downscale = json.loads((folder / "downscale.json").read_text())
    wells = json.loads((folder / "wells.json").read_text())
    run = json.loads((folder / "gwsa_1km" / "run.json").read_text())
    return {
        "verdict": run["results"]["verdict"],
        **{name: _select(downscale[name], AGREEMENT) for name in ("closure_raw", "closure")},
        "truth": truth,
        "wells": {
            **_select(wells, WELLS),
            **{name: _select(wells[name], WELLS) for name in ("bilinear", "coarse")},
        },
        "gapfill": {
            "rmse_cm": _gap_rmse(folder, "filled.tif"),
            "rmse_baseline_cm": _gap_rmse(folder, "filled_baseline.tif"),
        },
    }


def _select(scores: dict, names: tuple[str, ...]) -> dict:
    return {name: scores[name] for name in names}


def _gap_rmse(folder: Path, name: str) -> float:
    """RMSE of filled months against TWSA as observed without noise, over all cells, cm."""
    gaps = read_stack(folder / "twsa.tif").months_with_source(MISSING)
    filled = read_stack(folder / name)
    truth = read_stack(folder / "world" / "truth" / "TWSA_observed.tif").on(filled.grid)
    values = filled.values[np.isin(filled.months, gaps)]
    actual = truth.values[np.isin(truth.months, gaps)]
    return float(np.sqrt(np.nanmean((values - actual) ** 2, dtype=np.float64)))
