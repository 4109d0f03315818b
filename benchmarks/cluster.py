"""Maps made by one and by two single-thread workers of a Dask cluster on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
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
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.write_years import maps_in, write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import ALL, RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.files.stack import OBSERVED
from gwsa.gwsa_plugin.core.predictors.predictor_set import CONTENTS, FINE, PredictorSet
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

from .rasters import geotiff_profile
from .result import peak_memory

FACTOR = 30
# 9 tiles.
COARSE = Grid(70.0, 35.0, 0.25, 0.25, 24, 24)
MONTHS = month_range("2009-01", "2012-12")
# Numbers of static and monthly predictors.
STATIC = 6
MONTHLY = 6
TRAINING_ROWS = 20_000
PRODUCT = "maps"


def measure_two_workers(folder: Path) -> dict:
    """Measure the time of the same maps with two workers and with one.

    Returns
    -------
    dict
        ``ours`` and ``peer`` are seconds with two workers and with one; ``equal``: the bytes of the
        maps are equal. ``values`` also has the largest memory of a worker.
    """
    shutil.rmtree(folder, ignore_errors=True)
    job = make_job(write_predictors(folder / "predictors"))
    peer, _ = _measure(job, folder / "1", workers=1)
    ours, peak = _measure(job, folder / "2", workers=2)
    equal = contents(folder / "1") == contents(folder / "2")
    tiles = len(job.tiles) * np.unique(MONTHS.astype("datetime64[Y]")).size
    shutil.rmtree(folder)
    return {
        "values": {
            "tiles and years": float(tiles),
            "tiles and years a second, two workers": tiles / ours,
            "peak of a worker (GB)": peak,
        },
        "ours": ours,
        "peer": peer,
        "ratio": peer / ours,
        "equal": equal,
        "unit": "s",
        "peer_name": "one worker",
    }


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    """Yield the scheduler address of a cluster of single-thread worker processes."""
    from dask.distributed import LocalCluster

    address = {"host": "127.0.0.1", "dashboard_address": ":0"}
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, **address
    ) as cluster:
        yield cluster.scheduler_address


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the maps that were written into ``folder``, by file name."""
    return {path.name: path.read_bytes() for path in maps_in(folder, PRODUCT)}


def _measure(job: MapJob, folder: Path, workers: int) -> tuple[float, float]:
    """Seconds of all maps, and the largest memory of a worker, GB."""
    with local_cluster(workers) as address, task_runner(address) as run:
        # The workers compile their loops while they make the first year.
        write_maps(_first_year(job), _new_folder(folder / "first"), SILENT, run)
        start = perf_counter()
        write_maps(job, folder, SILENT, run)
        return perf_counter() - start, _peak(address)


def _peak(address: str) -> float:
    from dask.distributed import Client

    with Client(address, set_as_default=False) as client:
        return max(client.run(peak_memory).values())


def _new_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _first_year(job: MapJob) -> MapJob:
    uses = [replace(use, months=use.months[:12]) for use in job.products[PRODUCT]]
    return replace(job, months=job.months[:12], sources=job.sources[:12], products={PRODUCT: uses})


def write_predictors(folder: Path) -> PredictorSet:
    """Write a set of random fields, everywhere land."""
    (folder / FINE).mkdir(parents=True)
    names = {f"static_{number}": "static" for number in range(STATIC)}
    names.update({f"monthly_{number}": "monthly" for number in range(MONTHLY)})
    for name, kind in names.items():
        if kind == "static":
            _write(folder / FINE / f"{name}.tif", [_field(name)], [name])
        for year in np.unique(MONTHS.astype("datetime64[Y]")) if kind == "monthly" else []:
            months = MONTHS[MONTHS.astype("datetime64[Y]") == year]
            field = _field(f"{name} {year}")
            season = np.cos(2 * np.pi * np.arange(months.size) / 12)
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
    """Return the job that maps a smooth coarse field with a model of all cells."""
    cells = np.ones(COARSE.shape, dtype=bool)
    target = np.stack(
        [10 * fractal(generator(1, f"{month}"), COARSE.shape, 4, 12, 3) for month in MONTHS]
    )
    booster = _train_model(len(predictors.features))
    models = RegionModels({ALL: booster}, np.zeros(1, dtype=int))
    use = ModelUse(models, cells, np.ones(MONTHS.size, dtype=bool))
    return MapJob(
        predictors,
        regions=rasterise([], predictors.grid, FACTOR, predictors.land),
        conservation=MassConservation(predictors.land, COARSE, FACTOR, cells),
        months=MONTHS,
        sources=(OBSERVED,) * MONTHS.size,
        target=target,
        products={PRODUCT: [use]},
        options=MapOptions(),
    )


def _train_model(features: int) -> xgboost.Booster:
    random = generator(1, "lesson")
    table = random.normal(size=(TRAINING_ROWS, features)).astype(np.float32)
    response = 5 * np.tanh(table[:, 0]) * table[:, -1] + random.normal(size=TRAINING_ROWS)
    boosting = Boosting()
    return xgboost.train(boosting.xgboost(), xgboost.DMatrix(table, response), boosting.trees)


def _fine() -> Grid:
    return COARSE.refine(FACTOR)


def _field(name: str) -> np.ndarray:
    return fractal(generator(1, name), _fine().shape, 3, 240, 2.2)


def _write(path: Path, fields, names, **options) -> None:
    with rasterio.open(path, "w", **geotiff_profile(_fine(), len(fields), **options)) as target:
        target.write(np.asarray(fields, dtype=target.dtypes[0]))
        target.descriptions = [str(name) for name in names]
