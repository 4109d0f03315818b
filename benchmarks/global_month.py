"""`make bench-global`: one month of the whole land at 1 km, from a predictor set that is made here to the map.

Usage: python3 -m gwsa.benchmarks.global_month FOLDER [SIZE], SIZE being the share of the rows and columns of the globe.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.downscaling.domain import Domain, make_domain
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.yearly import write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, train
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator

from .generated import MONTHLY, Wanted, make_set
from .result import GB, peak_memory

CELLS = 600, 1440  # rows and columns from 90 N to 60 S
LAND_SHARE = 0.28
MONTH = np.array(["2010-07"], dtype="datetime64[M]")
MODEL = Boosting(trees=300, depth=6)
RECORD, LEAST_GB = 225, 4.0
SMALL = 0.1


def measure_peak(folder: Path, size: float = SMALL) -> dict:
    """``ours``: the peak of the memory in GB of a process that is given the set and maps the month in as many threads
    as there are processors; ``peer``: what it may be. ``values``: also what the record of months would take, at most:
    the twelve months of a year share the opening of files and what is found out about a tile."""
    predictors = make_set(folder / "predictors", Wanted(_grid(size), MONTH, LAND_SHARE))
    command = [sys.executable, "-m", "gwsa.benchmarks.global_month", "--map", str(folder)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    stored = _gigabytes(
        path for path in predictors.folder.rglob("*") if path.stem.rpartition("_")[0] not in MONTHLY
    )
    monthly = _gigabytes(predictors.folder.rglob("*")) - stored
    mapped = _gigabytes((folder / "maps").rglob("*.tif"))
    shutil.rmtree(folder)
    return {
        "values": {
            **told,
            "threads": os.cpu_count(),
            "predictors (GB)": stored + monthly,
            "map (GB)": mapped,
            "the record: mapping month by month (h)": told["mapping (s)"] * RECORD / 3600,
            "the record: predictors and maps (GB)": stored + (monthly + mapped) * RECORD,
        },
        "ours": told["peak (GB)"], "peer": LEAST_GB, "ratio": LEAST_GB / told["peak (GB)"], "equal": None,
        "unit": "GB", "peer_name": "the promise",
    }  # fmt: skip


def _grid(size: float) -> Grid:
    rows, columns = (round(size * cells) for cells in CELLS)
    return Grid(-180.0, 90.0, 0.25, 0.25, rows, columns)


def _gigabytes(paths) -> float:
    return sum(path.stat().st_size for path in paths if path.is_file()) / GB


class _Aloud(Progress):
    def info(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def map_month(folder: Path) -> dict:
    """Seconds of each part and of the processors, and the memory: to be run in a process of its own."""
    predictors, progress, clock = (
        PredictorSet.open(folder / "predictors"),
        _Aloud(),
        [perf_counter()],
    )
    grid = predictors.coarse_grid
    field = 10 * fractal(generator(1, "gwsa"), grid.shape, 2, 40, 3)
    domain = make_domain(
        MonthlyStack.on_calendar(grid, MONTH, field[None], "GWSA"),
        predictors,
        [],
        (None, None),
        progress,
    )
    clock.append(perf_counter())
    memory = [peak_memory()]
    job = MapJob.of(
        domain,
        {"maps": [ModelUse(_models(domain), domain.cells, np.ones(1, dtype=bool))]},
        MapOptions(),
    )
    clock.append(perf_counter())
    memory.append(peak_memory())
    (folder / "maps").mkdir()
    before = process_time()
    write_maps(job, folder / "maps", progress)
    clock.append(perf_counter())
    reading, training, mapping = np.diff(clock)
    pixels = sum(int(job.conservation.pixels(tile).sum()) for tile in job.tiles)
    return {
        "pixels": pixels, "reading samples (s)": reading, "training (s)": training, "mapping (s)": mapping,
        "mapping, of the processors (s)": process_time() - before, "mapping (us a pixel)": mapping / pixels * 1e6,
        "peak before training (GB)": memory[0], "peak before mapping (GB)": memory[1], "peak (GB)": peak_memory(),
    }  # fmt: skip


def _models(domain: Domain) -> RegionModels:
    everything = np.ones(domain.samples.target.size, dtype=bool)
    return RegionModels(
        {ALL: train(domain.samples, everything, MODEL)}, np.zeros(1, dtype=int), MODEL
    )


if __name__ == "__main__":
    if sys.argv[1] == "--map":
        print(json.dumps(map_month(Path(sys.argv[2]))))
    else:
        result = measure_peak(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
        print(json.dumps(result, indent=2))
