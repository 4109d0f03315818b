"""Memory of one QGIS after 20 refused and 20 completed runs of Downscale, beside that after one."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.sample_world.world import WorldOptions, make_world

RUNS = 20
BOUND_MB = 100.0
OPTIONS = WorldOptions((76.0, 28.0, 80.0, 32.0), "2008-01", "2010-12")
FAST = {"TREES": 5, "STOPPING": False, "COMPARE": False}
PAGE = 4096


def measure_leak(folder: Path) -> dict:
    """Measure how much memory a QGIS keeps, MB, in a process of its own.

    Parameters
    ----------
    folder : Path
        Folder for the inputs and the outputs.
    """
    if not (folder / "set").exists():
        make_world(folder / "world", OPTIONS)
        catalogue = folder / "world/predictors/catalogue.json"
        build_predictors(Inputs(catalogue, folder / "world/truth/GWSA.tif"), folder / "set")
    command = [sys.executable, "-m", "gwsa.benchmarks.leak", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    values = json.loads(done.stdout.splitlines()[-1])
    kept = max(values["after refusals"], values["after runs"]) - values["after one run"]
    return {
        "values": values,
        "ours": kept,
        "peer": BOUND_MB,
        "ratio": None,
        "equal": None,
        "unit": "MB",
        "peer_name": "bound",
    }


def run_in_qgis(folder: Path, runs: int) -> dict[str, float]:
    """Run Downscale again and again in this process, and return its memory in MB."""
    from gwsa.setup.start_qgis import start_qgis

    start_qgis()
    import processing
    from qgis.core import QgsProcessingException, QgsProcessingFeedback

    given = {
        "GWSA": str(folder / "world/truth/GWSA.tif"),
        "PREDICTORS": str(folder / "set"),
        "OUTPUT": str(folder / "maps"),
        "REPLACE": True,
        **FAST,
    }

    def run(**change) -> None:
        try:
            feedback = QgsProcessingFeedback(False)
            processing.run("gwsa:downscale", {**given, **change}, feedback=feedback)
        except QgsProcessingException:
            assert change
        gc.collect()

    run()
    memory = {"after one run": _memory_mb()}
    for _ in range(runs):
        run(START="2019-01")
    memory["after refusals"] = _memory_mb()
    for _ in range(runs - 1):
        run()
    memory["after runs"] = _memory_mb()
    return memory


def _memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


if __name__ == "__main__":
    print(json.dumps(run_in_qgis(Path(sys.argv[1]), int(os.environ.get("RUNS", RUNS)))))
