"""Run of all benchmarks (`make bench`), printed as tables and written to ``results.json``.

Usage: python3 -m gwsa.benchmarks.run FOLDER [NAME ...]
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from functools import partial
from pathlib import Path

from .catalogue_year import measure_catalogue_year
from .cluster import measure_two_workers
from .cluster_scaling import measure_cluster_scaling
from .encoding import measure_bytes
from .footprint_operator import measure_footprint_operator
from .footprint_widths import measure_widths
from .gapfill_auto import measure_gapfill_auto
from .gapfill_skill import measure_gapfill_skill
from .gldas_global import measure_gldas
from .gldas_read import measure_gldas_read
from .global_month import measure_peak
from .grace_like import GRACE_LIKE_CASES, measure_case, measure_misjudged_footprint
from .grids import measure_bilinear, measure_block_mean
from .honesty import measure_honesty
from .leak import measure_leak
from .map_checks import measure_closure, measure_seams, measure_sigma
from .predict import measure_predict
from .scaling import measure_scaling
from .skill import SKILL_WORLDS, WIDE, measure_pumping, measure_shuffled, measure_skill
from .ssa_cv import measure_ssa_cv
from .stage import measure_stage
from .trend_map import measure_trend_map
from .whole_downscale import measure_downscale, measure_training_all
from .worlds import SHARED

BENCHMARKS = {
    "gapfill_nse": measure_gapfill_skill,
    "gapfill_auto": measure_gapfill_auto,
    "ssa_cv": measure_ssa_cv,
    "gldas_global": measure_gldas,
    "gldas_read": measure_gldas_read,
    "predict_300x6": partial(measure_predict, trees=300, depth=6),
    "predict_500x8": partial(measure_predict, trees=500, depth=8),
    "block_mean": measure_block_mean,
    "bilinear_join": measure_bilinear,
    "output_bytes": measure_bytes,
    "two_workers": measure_two_workers,
    "raster_to_raster": measure_stage,
    "whole_downscale": measure_downscale,
    "catalogue_year": measure_catalogue_year,
    "cluster_scaling": measure_cluster_scaling,
    "training_all": measure_training_all,
    "scaling": measure_scaling,
    "peak_memory_gb": measure_peak,
    "leak": measure_leak,
    # Benchmarks of the same world are adjacent, so that it is created only once.
    "skill_sample": partial(measure_skill, options=SKILL_WORLDS["skill_sample"]),
    "seams": measure_seams,
    "closure_raw": measure_closure,
    "sigma_calibration": measure_sigma,
    "skill_wide": partial(measure_skill, options=WIDE),
    "seams_wide": partial(measure_seams, options=WIDE),
    "closure_wide": partial(measure_closure, options=WIDE),
    "sigma_wide": partial(measure_sigma, options=WIDE),
    "skill_sample_2": partial(measure_skill, options=SKILL_WORLDS["skill_sample_2"]),
    "skill_shuffled": measure_shuffled,
    "skill_sample_3": partial(measure_skill, options=SKILL_WORLDS["skill_sample_3"]),
    "skill_pumping": measure_pumping,
    "trend_map": measure_trend_map,
    "footprint_operator": measure_footprint_operator,
    "footprint_widths": measure_widths,
    "honesty": measure_honesty,
    "misjudged_footprint": measure_misjudged_footprint,
    **{f"grace_{case}": partial(measure_case, case=case) for case in GRACE_LIKE_CASES},
}


def main(folder: Path, names: list[str]) -> None:
    """Run benchmarks and write their results.

    Parameters
    ----------
    folder : Path
        Folder of ``results.json``. Results of other benchmarks in this file are kept.
    names : list of str
        Benchmarks to run; all when empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results["machine"] = (
        f"{platform.machine()}, {platform.platform()}, Python {platform.python_version()}"
    )
    for name in names or BENCHMARKS:
        results[name] = BENCHMARKS[name](folder / name)
        print(_table(name, results[name]), flush=True)
        file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder / SHARED, ignore_errors=True)
    print(f"Written to {file}.")


def _table(name: str, result: dict) -> str:
    """Format a result: the comparison on one line, followed by the values."""
    ratio = f", ratio {result['ratio']:.2f}" if result["ratio"] is not None else ""
    equal = {True: ", equal", False: ", NOT EQUAL", None: ""}[result["equal"]]
    unit = result["unit"]
    ours = f"{result['ours']:.3f} {unit}"
    peer = f"{result['peer_name']} {result['peer']:.3f} {unit}"
    lines = [f"{name}: {ours}, {peer}{ratio}{equal}"]
    lines += [f"    {key:<60} {value:.3f}" for key, value in result["values"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
