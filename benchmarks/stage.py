"""From GeoTIFFs of predictors to GeoTIFFs of maps: the mapping of a year in two threads beside a loop over blocks of
lines, as others predict rasters, with XGBoost's own prediction in two threads.

The time a pixel is compared: the peer maps one month, ours a year.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import rasterio
from rasterio.windows import Window

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.domain import Domain
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import (
    MapJob,
    MapOptions,
    ModelUse,
    make_folders,
    predict_tile,
    read_part,
)
from gwsa.gwsa_plugin.core.downscaling.maps.sigma import ModelError, write_sigma
from gwsa.gwsa_plugin.core.downscaling.maps.yearly import create_year, write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.files.geotiff import creation
from gwsa.gwsa_plugin.core.files.stack import OBSERVED, MonthlyStack
from gwsa.gwsa_plugin.core.predictors.predictor_set import FINE, PredictorSet
from gwsa.gwsa_plugin.core.sample_world.random_fields import generator
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

from .generated import FACTOR, Wanted, make_set, teach
from .result import race

COARSE = Grid(70.0, 35.0, 0.25, 0.25, 40, 50)
MONTHS = month_range("2010-01", "2010-12")
LAND_SHARE = 0.8
MODEL = Boosting(trees=300, depth=6)
LINES = 240  # that the peer takes at a time: what the files have in a row of blocks
REPEATS = 3
MAPS = "maps"


def measure_stage(folder: Path) -> dict:
    """``ours`` and ``peer``: microseconds a pixel and month, prediction alone. ``values``: also of the whole stage, the
    conserving correction and sigma included. ``equal``: every bit of the peer's month, before ours is encoded."""
    predictors = make_set(folder / "predictors", Wanted(COARSE, MONTHS, LAND_SHARE))
    booster = teach(predictors, MODEL)
    job = job_of(predictors, booster)
    pixels = int(job.conservation.pixels().sum())
    contestants = {
        "ours": (pixels * MONTHS.size, partial(_predict_year, job, folder / "year")),
        "whole stage": (pixels * MONTHS.size, partial(map_all, job, folder / "stage")),
        "peer": (pixels, partial(predict_lines, predictors, booster, folder / "peer.tif")),
    }
    seconds = race({name: work for name, (_, work) in contestants.items()}, REPEATS)
    times = {name: seconds[name] / count * 1e6 for name, (count, _) in contestants.items()}
    equal = _same_month(job, folder / "year", folder / "peer.tif")
    shutil.rmtree(folder)
    return {
        "values": {
            "pixels": pixels,
            "whole stage (us)": times["whole stage"],
            "whole stage: ratio": times["peer"] / times["whole stage"],
            "prediction, M pixels a second": 1 / times["ours"],
        },
        "ours": times["ours"], "peer": times["peer"], "ratio": times["peer"] / times["ours"], "equal": equal,
        "unit": "us a pixel", "peer_name": "a loop over lines with Booster.inplace_predict",
    }  # fmt: skip


def job_of(predictors: PredictorSet, booster) -> MapJob:
    """The mapping of all months of the set by one model, so that it has to say what ``booster`` does."""
    coarse, months = predictors.coarse_grid, predictors.months
    conservation = MassConservation(
        predictors.land, coarse, FACTOR, np.ones(coarse.shape, dtype=bool)
    )
    regions = rasterise([], predictors.grid, FACTOR, predictors.land)
    target = 10 * generator(1, "target").standard_normal((months.size, *coarse.shape)).astype(
        np.float32
    )
    target[:, ~conservation.cells] = np.nan
    models = RegionModels({0: booster}, np.zeros(1, dtype=int))
    parts = {MAPS: [ModelUse(models, conservation.cells, np.ones(months.size, dtype=bool))]}
    sources = (OBSERVED,) * months.size
    return MapJob(predictors, regions, conservation, months, sources, target, parts, MapOptions())


def _predict_year(job: MapJob, folder: Path) -> None:
    """Without a correction no tile has to wait for the others: each is written as soon as it is predicted."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folders(folder, [MAPS])
    path, sources, one_writes = folder / "GWSA_2010.tif", dict(zip(job.months, job.sources)), Lock()
    with create_year(path, job.conservation, job.mapping, {}, sources, SILENT) as target:
        run_all(
            [
                partial(_predict_and_write, job, folder, target, one_writes, tile)
                for tile in job.tiles
            ]
        )


def _predict_and_write(
    job: MapJob, folder: Path, target, one_writes: Lock, tile: Tile, progress: Progress
) -> None:
    predict_tile(job, [MAPS], folder, np.arange(job.months.size), tile, progress)
    pixels, corner = job.conservation.pixels(tile), tile.fine(FACTOR).corner
    with one_writes:
        for month, field in zip(job.months, read_part(folder, MAPS, tile, pixels)):
            target.write(int(calendar_month(month)), field, corner)


def map_all(job: MapJob, folder: Path) -> None:
    """All that a downscaling does when the models are there: maps and sigma of all months."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_maps(job, folder, SILENT)
    coarse = job.predictors.coarse_grid
    gwsa = MonthlyStack(coarse, job.months, job.target, job.sources)
    used = np.ones(job.months.size, dtype=bool)
    domain = Domain(gwsa, used, job.predictors, job.regions, job.conservation, None)
    sigma = MonthlyStack(
        coarse, job.months, np.full(job.target.shape, 2, dtype=np.float32), job.sources
    )
    model_error = ModelError(np.ones(coarse.shape), np.ones(len(job.regions.names)))
    write_sigma(domain, sigma, model_error, folder / "sigma", job.mapping, SILENT)


def predict_lines(predictors: PredictorSet, booster, path: Path) -> None:
    """The peer: the first month, some lines of all bands at a time."""
    booster.set_param({"nthread": 2})
    month, grid = predictors.months[0], predictors.grid
    files = [
        predictors.path_of(item, FINE, month if item.monthly else None)
        for item in predictors.predictors
    ]
    land_file = predictors.folder / predictors.land_file
    with rasterio.open(path, "w", **creation(grid, 1)) as target, rasterio.open(land_file) as land:
        bands = [rasterio.open(file) for file in files]
        for top in range(0, grid.rows, LINES):
            window = Window(0, top, grid.columns, min(LINES, grid.rows - top))
            cube = np.stack([_values(band, window) for band in bands])
            there = land.read(1, window=window) == 1
            table = np.ascontiguousarray(cube[:, there].T)
            field = np.full(there.shape, np.nan, dtype=np.float32)
            field[there] = booster.inplace_predict(table)
            target.write(field, 1, window=window)
        for band in bands:
            band.close()


def _values(source, window: Window) -> np.ndarray:
    numbers = source.read(1, window=window)
    values = numbers.astype(np.float32) * np.float32(source.scales[0]) + np.float32(
        source.offsets[0]
    )
    values[numbers == source.nodata] = np.nan
    return values


def _same_month(job: MapJob, folder: Path, peer: Path) -> bool:
    """Of the first month, what ``predict_tile`` kept and what the peer wrote."""
    with rasterio.open(peer) as source:
        for tile in job.tiles:
            pixels = job.conservation.pixels(tile)
            ours = next(read_part(folder, MAPS, tile, pixels))
            theirs = source.read(1, window=Window.from_slices(*tile.fine(FACTOR)))
            if not np.array_equal(ours.view(np.int32), theirs.view(np.int32)):
                return False
    return True
