"""Mapping of one month of the global land at 1 km from generated predictors.

It is run by `make bench-global`.

Usage: python3 -m gwsa.benchmarks.global_month FOLDER [SIZE]
SIZE is the fraction of the rows and columns of the globe.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from gwsa.gwsa_plugin.core.base.cores import usable_cores
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.downscaling.domain import Domain, make_domain
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.write_years import write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting, train
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator

from .generated import MONTHLY, SetOptions, make_set
from .result import GB, peak_memory

# Rows and columns of coarse cells from 90° N to 60° S.
CELLS = (600, 1440)
LAND_FRACTION = 0.28
MONTH = np.array(["2010-07"], dtype="datetime64[M]")
MODEL = Boosting(trees=300, depth=6)
# Months of the GRACE record.
RECORD = 225
# Memory that the plugin may use, GB.
MOST_GB = 4.0
SMALL = 0.1


def measure_peak(folder: Path, size: float = SMALL) -> dict:
    """Measure the peak memory of mapping one month with as many threads as processors.

    Parameters
    ----------
    folder : Path
        Scratch folder.
    size : float
        Fraction of the rows and columns of the globe.

    Returns
    -------
    dict
        ``ours`` is the peak memory of a process that maps the month, GB, and ``peer`` the allowed
        one. ``values`` also has an upper bound of the cost of all months of the record; the months
        of a year share the opening of files and the weights of tiles.
    """
    predictors = make_set(folder / "predictors", SetOptions(_grid(size), MONTH, LAND_FRACTION))
    command = [sys.executable, "-m", "gwsa.benchmarks.global_month", "--map", str(folder)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured = json.loads(run.stdout)
    static = _gigabytes(
        path for path in predictors.folder.rglob("*") if path.stem.rpartition("_")[0] not in MONTHLY
    )
    monthly = _gigabytes(predictors.folder.rglob("*")) - static
    mapped = _gigabytes((folder / "maps").rglob("*.tif"))
    shutil.rmtree(folder)
    return {
        "values": {
            **measured,
            "threads": usable_cores(),
            "predictors (GB)": static + monthly,
            "map (GB)": mapped,
            "the record: mapping month by month (h)": measured["mapping (s)"] * RECORD / 3600,
            "the record: predictors and maps (GB)": static + (monthly + mapped) * RECORD,
        },
        "ours": measured["peak (GB)"],
        "peer": MOST_GB,
        "ratio": MOST_GB / measured["peak (GB)"],
        "equal": None,
        "unit": "GB",
        "peer_name": "the allowed memory",
    }


def _grid(size: float) -> Grid:
    rows, columns = (round(size * cells) for cells in CELLS)
    return Grid(-180.0, 90.0, 0.25, 0.25, rows, columns)


def _gigabytes(paths) -> float:
    return sum(path.stat().st_size for path in paths if path.is_file()) / GB


class _Printer(Progress):
    """Prints log lines to the standard error."""

    def info(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def map_month(folder: Path) -> dict:
    """Map the month of a generated set in this process and return times and memory."""
    predictors = PredictorSet.open(folder / "predictors")
    progress = _Printer()
    clock = [perf_counter()]
    grid = predictors.coarse_grid
    field = 10 * fractal(generator(1, "gwsa"), grid.shape, 2, 40, 3)
    gwsa = MonthlyStack.on_calendar(grid, MONTH, field[None], "GWSA")
    domain = make_domain(gwsa, predictors, [], (None, None), progress).with_features(progress)
    clock.append(perf_counter())
    memory = [peak_memory()]
    use = ModelUse(_models(domain), domain.cells, np.ones(1, dtype=bool))
    job = MapJob.from_domain(domain, {"maps": [use]}, MapOptions())
    clock.append(perf_counter())
    memory.append(peak_memory())
    (folder / "maps").mkdir()
    before = process_time()
    write_maps(job, folder / "maps", progress)
    processor_seconds = process_time() - before
    clock.append(perf_counter())
    reading, training, mapping = np.diff(clock)
    pixels = sum(int(job.conservation.pixels(tile).sum()) for tile in job.tiles)
    return {
        "pixels": pixels,
        "reading samples (s)": reading,
        "training (s)": training,
        "mapping (s)": mapping,
        "mapping, processor time (s)": processor_seconds,
        "mapping (us a pixel)": mapping / pixels * 1e6,
        "peak before training (GB)": memory[0],
        "peak before mapping (GB)": memory[1],
        "peak (GB)": peak_memory(),
    }


def _models(domain: Domain) -> RegionModels:
    everything = np.ones(domain.samples.target.size, dtype=bool)
    booster = train(domain.samples, everything, MODEL)
    return RegionModels({ALL: booster}, np.zeros(1, dtype=int), MODEL)


if __name__ == "__main__":
    if sys.argv[1] == "--map":
        print(json.dumps(map_month(Path(sys.argv[2]))))
    else:
        result = measure_peak(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
        print(json.dumps(result, indent=2))
