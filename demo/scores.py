"""The scores of the demonstration, from the outputs of the stages and the truth of the sample world."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.files.stack import MISSING, read_stack
from gwsa.gwsa_plugin.core.sample_world.score import score_truth

AGREEMENT = ("nse", "rmse_cm")
WELLS = ("n", "r2", "rmse_cm_per_yr")


def collect_scores(folder: Path, progress: Progress = SILENT) -> dict:
    """``closure_raw`` and ``closure`` say how closely the map follows its input; ``truth`` (of maps by models that saw
    neither the cell nor the month), ``wells`` and ``gapfill`` (in the months without a solution) are skill."""
    downscale, wells = (
        json.loads((folder / name).read_text()) for name in ("downscale.json", "wells.json")
    )
    return {
        **{name: _pick(downscale[name], AGREEMENT) for name in ("closure_raw", "closure")},
        "truth": score_truth(folder / "world", folder / "held_out", folder / "gwsa.tif", progress),
        "wells": {
            **_pick(wells, WELLS),
            **{name: _pick(wells[name], WELLS) for name in ("bilinear", "coarse")},
        },
        "gapfill": {
            "rmse_cm": _gap_rmse(folder, "filled.tif"),
            "rmse_baseline_cm": _gap_rmse(folder, "filled_baseline.tif"),
        },
    }


def _pick(scores: dict, names: tuple[str, ...]) -> dict:
    return {name: scores[name] for name in names}


def _gap_rmse(folder: Path, name: str) -> float:
    """Of the filled months against the truth without noise, cm, over all cells."""
    gaps = read_stack(folder / "twsa.tif").named(MISSING)
    filled = read_stack(folder / name)
    truth = read_stack(folder / "world" / "truth" / "TWSA.tif").on(filled.grid)
    values, actual = (stack.values[np.isin(stack.months, gaps)] for stack in (filled, truth))
    return float(np.sqrt(np.nanmean((values - actual) ** 2, dtype=np.float64)))
