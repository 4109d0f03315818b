"""The maps of generated predictors on one and on two workers of a Dask cluster on this machine, each of one thread."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import rasterio
import xgboost

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute.dask_cluster import task_runner
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.yearly import maps_in, write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.files.geotiff import creation
from gwsa.gwsa_plugin.core.files.stack import OBSERVED
from gwsa.gwsa_plugin.core.predictors.predictor_set import CONTENTS, FINE, PredictorSet
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

from .result import peak_memory

FACTOR = 30
COARSE = Grid(70.0, 35.0, 0.25, 0.25, 24, 24)  # 9 tiles
MONTHS = month_range("2009-01", "2012-12")
STATIC, MONTHLY = 6, 6
TAUGHT = 20_000
PRODUCT = "maps"


def measure_two_workers(folder: Path) -> dict:
    """``ours`` and ``peer``: seconds of the same maps with two workers and with one. ``equal``: their bytes are.
    ``values``: also the most memory that one of the workers has held."""
    shutil.rmtree(folder, ignore_errors=True)
    job = make_job(write_predictors(folder / "predictors"))
    (peer, _), (ours, peak) = (_timed(job, folder / f"{workers}", workers) for workers in (1, 2))
    equal = contents(folder / "1") == contents(folder / "2")
    tiles = len(job.tiles) * np.unique(MONTHS.astype("datetime64[Y]")).size
    shutil.rmtree(folder)
    return {
        "values": {
            "tiles and years": float(tiles),
            "tiles and years a second, two workers": tiles / ours,
            "peak of a worker (GB)": peak,
        },
        "ours": ours, "peer": peer, "ratio": peer / ours, "equal": equal, "unit": "s", "peer_name": "one worker",
    }  # fmt: skip


@contextmanager
def workers_here(count: int):
    """Yield the address of the scheduler of so many workers, processes of one thread each."""
    from dask.distributed import LocalCluster

    address = {"host": "127.0.0.1", "dashboard_address": ":0"}
    with LocalCluster(n_workers=count, threads_per_worker=1, processes=True, **address) as cluster:
        yield cluster.scheduler_address


def contents(folder: Path) -> dict[str, bytes]:
    """Of the maps that were written into ``folder``."""
    return {path.name: path.read_bytes() for path in maps_in(folder, PRODUCT)}


def _timed(job: MapJob, folder: Path, workers: int) -> tuple[float, float]:
    """Seconds of all maps, after those of a year, for which workers compile their loops; and the most memory that one
    of them has held, GB."""
    with workers_here(workers) as address, task_runner(address) as run:
        write_maps(_first_year(job), _empty(folder / "first"), SILENT, run)
        start = perf_counter()
        write_maps(job, folder, SILENT, run)
        return perf_counter() - start, _peak(address)


def _peak(address: str) -> float:
    from dask.distributed import Client

    with Client(address, set_as_default=False) as client:
        return max(client.run(peak_memory).values())


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _first_year(job: MapJob) -> MapJob:
    parts = [replace(part, months=part.months[:12]) for part in job.products[PRODUCT]]
    return replace(job, months=job.months[:12], sources=job.sources[:12], products={PRODUCT: parts})


def write_predictors(folder: Path) -> PredictorSet:
    """Fields like those of the sample world, everywhere land."""
    (folder / FINE).mkdir(parents=True)
    names = {f"static_{number}": "static" for number in range(STATIC)}
    names.update({f"monthly_{number}": "monthly" for number in range(MONTHLY)})
    for name, kind in names.items():
        if kind == "static":
            _write(folder / FINE / f"{name}.tif", [_field(name)], [name])
        for year in np.unique(MONTHS.astype("datetime64[Y]")) if kind == "monthly" else []:
            months = MONTHS[MONTHS.astype("datetime64[Y]") == year]
            field, season = (
                _field(f"{name} {year}"),
                np.cos(2 * np.pi * np.arange(months.size) / 12),
            )
            _write(folder / FINE / f"{name}_{year}.tif", field + season[:, None, None], months)
    _write(
        folder / FINE / "land.tif",
        np.ones((1, *_fine().shape)),
        ["land"],
        dtype="uint8",
        nodata=None,
        predictor=2,
    )
    files = {"static": "{}.tif", "monthly": "{}_{{YYYY}}.tif"}
    predictors = [
        {"name": name, "kind": kind, "files": f"{FINE}/{files[kind].format(name)}"}
        for name, kind in names.items()
    ]
    grid = {name: value for name, value in asdict(_fine()).items() if name != "crs"}
    content = {
        "format": 1,
        "land": f"{FINE}/land.tif",
        "grid": {**grid, "factor": FACTOR},
        "predictors": predictors,
    }
    (folder / CONTENTS).write_text(json.dumps(content), encoding="utf-8")
    return PredictorSet.open(folder)


def make_job(predictors: PredictorSet) -> MapJob:
    """A model of all cells, which predicts a smooth coarse field."""
    cells = np.ones(COARSE.shape, dtype=bool)
    regions = rasterise([], predictors.grid, FACTOR, predictors.land)
    target = np.stack(
        [10 * fractal(generator(1, f"{month}"), COARSE.shape, 4, 12, 3) for month in MONTHS]
    )
    part = ModelUse(
        RegionModels({ALL: _taught(len(predictors.features))}, np.zeros(1, dtype=int)),
        cells,
        MONTHS == MONTHS,
    )
    conservation = MassConservation(predictors.land, COARSE, FACTOR, cells)
    sources = (OBSERVED,) * MONTHS.size
    return MapJob(
        predictors, regions, conservation, MONTHS, sources, target, {PRODUCT: [part]}, MapOptions()
    )


def _taught(features: int):
    random = generator(1, "lesson")
    table = random.normal(size=(TAUGHT, features)).astype(np.float32)
    response = 5 * np.tanh(table[:, 0]) * table[:, -1] + random.normal(size=TAUGHT)
    boosting = Boosting()
    return xgboost.train(boosting.xgboost(), xgboost.DMatrix(table, response), boosting.trees)


def _fine() -> Grid:
    return COARSE.refine(FACTOR)


def _field(name: str) -> np.ndarray:
    return fractal(generator(1, name), _fine().shape, 3, 240, 2.2)


def _write(path: Path, fields, names, **options) -> None:
    with rasterio.open(path, "w", **creation(_fine(), len(fields), **options)) as target:
        target.write(np.asarray(fields, dtype=target.dtypes[0]))
        target.descriptions = [str(name) for name in names]
