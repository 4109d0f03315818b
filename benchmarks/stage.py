"""Mapping from rasters of predictors to rasters of maps, compared with a loop over blocks of lines.

The plugin maps a year in two threads. The peer maps one month as raster tools usually do, block by
block, with XGBoost's own prediction in two threads. The times per pixel and month are compared.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import xgboost
from rasterio.windows import Window

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.domain import Domain
from gwsa.gwsa_plugin.core.downscaling.maps.encoded_tiles import join_tiles, save_tile
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import (
    make_folders,
    predict_tile,
    read_part,
    spread_pixels,
)
from gwsa.gwsa_plugin.core.downscaling.maps.sigma import DetailError, write_sigma
from gwsa.gwsa_plugin.core.downscaling.maps.write_years import write_maps
from gwsa.gwsa_plugin.core.downscaling.models.region_models import RegionModels
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.files.stack import OBSERVED, MonthlyStack
from gwsa.gwsa_plugin.core.predictors.predictor_set import FINE, PredictorSet
from gwsa.gwsa_plugin.core.sample_world.random_fields import generator
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

from .generated import FACTOR, SetOptions, make_set, train_model
from .rasters import geotiff_profile
from .result import race

COARSE = Grid(70.0, 35.0, 0.25, 0.25, 40, 50)
MONTHS = month_range("2010-01", "2010-12")
LAND_FRACTION = 0.8
MODEL = Boosting(trees=300, depth=6)
# Lines that the peer reads at a time, a row of blocks of the files.
LINES = 240
REPEATS = 3
MAPS = "maps"


def measure_stage(folder: Path) -> dict:
    """Measure the time per pixel and month.

    Returns
    -------
    dict
        ``ours`` and ``peer`` are microseconds of the prediction alone. ``values`` also has the time
        of the complete stage with correction and sigma. ``equal``: all bits of the month of the
        peer are equal, before the encoding.
    """
    predictors = make_set(folder / "predictors", SetOptions(COARSE, MONTHS, LAND_FRACTION))
    booster = train_model(predictors, MODEL)
    job = make_job(predictors, booster)
    pixels = int(job.conservation.pixels().sum())
    contestants = {
        "ours": (pixels * MONTHS.size, partial(_predict_year, job, folder / "year")),
        "complete stage": (pixels * MONTHS.size, partial(map_all, job, folder / "stage")),
        "peer": (pixels, partial(predict_lines, predictors, booster, folder / "peer.tif")),
    }
    seconds = race({name: work for name, (_, work) in contestants.items()}, REPEATS)
    times = {name: seconds[name] / count * 1e6 for name, (count, _) in contestants.items()}
    equal = is_equal_to_peer(job, folder / "year", folder / "peer.tif")
    shutil.rmtree(folder)
    return {
        "values": {
            "pixels": pixels,
            "complete stage (us)": times["complete stage"],
            "complete stage: ratio": times["peer"] / times["complete stage"],
            "prediction, M pixels a second": 1 / times["ours"],
        },
        "ours": times["ours"],
        "peer": times["peer"],
        "ratio": times["peer"] / times["ours"],
        "equal": equal,
        "unit": "us a pixel",
        "peer_name": "a loop over lines with Booster.inplace_predict",
    }


def make_job(predictors: PredictorSet, booster: xgboost.Booster) -> MapJob:
    """Return the job that maps all months of a set by one model, without scaling."""
    coarse = predictors.coarse_grid
    months = predictors.months
    everywhere = np.ones(coarse.shape, dtype=bool)
    conservation = MassConservation(predictors.land, coarse, FACTOR, everywhere)
    regions = rasterise([], predictors.grid, FACTOR, predictors.land)
    target = 10 * generator(1, "target").standard_normal((months.size, *coarse.shape)).astype(
        np.float32
    )
    target[:, ~conservation.cells] = np.nan
    models = RegionModels({0: booster}, np.zeros(1, dtype=int))
    use = ModelUse(models, conservation.cells, np.ones(months.size, dtype=bool))
    return MapJob(
        predictors,
        regions,
        conservation,
        months,
        sources=(OBSERVED,) * months.size,
        target=target,
        products={MAPS: [use]},
        options=MapOptions(),
    )


def _predict_year(job: MapJob, folder: Path) -> None:
    """Predict a year without correction, so that a tile is written as soon as it is predicted."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folders(folder, [MAPS])
    files = [folder / f"{number}.tif" for number in range(len(job.tiles))]
    tiles = list(zip(job.tiles, files))
    run_all([partial(_predict_and_encode, job, folder, tile, path) for tile, path in tiles])
    sources = dict(zip(job.months, job.sources))
    path = folder / "GWSA_2010.tif"
    join_tiles(path, 2010, job.conservation, job.options, sources, tiles, SILENT)


def _predict_and_encode(
    job: MapJob, folder: Path, tile: Tile, path: Path, progress: Progress
) -> None:
    predict_tile(job, [MAPS], folder, np.arange(job.months.size), tile, progress)
    pixels = job.conservation.pixels(tile)
    fields = [spread_pixels(month, pixels) for month in read_part(folder, MAPS, tile)]
    bands = map(int, calendar_month(job.months))
    save_tile(path, job.conservation, job.options, tile, zip(bands, fields))


def map_all(job: MapJob, folder: Path) -> None:
    """Write maps and sigma of all months, as a downscaling does after the training."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_maps(job, folder, SILENT)
    coarse = job.predictors.coarse_grid
    gwsa = MonthlyStack(coarse, job.months, job.target, job.sources)
    used = np.ones(job.months.size, dtype=bool)
    domain = Domain(gwsa, used, job.predictors, job.regions, job.conservation, None, None)
    sigma = MonthlyStack(
        coarse, job.months, np.full(job.target.shape, 2, dtype=np.float32), job.sources
    )
    detail_error = DetailError(np.ones(coarse.shape), np.zeros(coarse.shape))
    write_sigma(domain, sigma, detail_error, folder / "sigma", job.options, SILENT)


def predict_lines(predictors: PredictorSet, booster: xgboost.Booster, path: Path) -> None:
    """Map the first month as the peer does, some lines of all bands at a time."""
    booster.set_param({"nthread": 2})
    month = predictors.months[0]
    grid = predictors.grid
    files = [
        predictors.path_of(item, FINE, month if item.monthly else None)
        for item in predictors.predictors
    ]
    land_file = predictors.folder / predictors.land_file
    profile = geotiff_profile(grid, 1)
    with rasterio.open(path, "w", **profile) as target, rasterio.open(land_file) as land:
        bands = [rasterio.open(file) for file in files]
        for top in range(0, grid.rows, LINES):
            window = Window(0, top, grid.columns, min(LINES, grid.rows - top))
            cube = np.stack([_values(band, window) for band in bands])
            inside = land.read(1, window=window) == 1
            table = np.ascontiguousarray(cube[:, inside].T)
            field = np.full(inside.shape, np.nan, dtype=np.float32)
            field[inside] = booster.inplace_predict(table)
            target.write(field, 1, window=window)
        for band in bands:
            band.close()


def _values(source, window: Window) -> np.ndarray:
    """The values of a window of the first band, float32, NaN for nodata."""
    numbers = source.read(1, window=window)
    scale = np.float32(source.scales[0])
    values = numbers.astype(np.float32) * scale + np.float32(source.offsets[0])
    values[numbers == source.nodata] = np.nan
    return values


def is_equal_to_peer(job: MapJob, folder: Path, peer: Path) -> bool:
    """Return whether the checkpoints of the first month have the bits of the map of the peer."""
    with rasterio.open(peer) as source:
        for tile in job.tiles:
            pixels = job.conservation.pixels(tile)
            ours = spread_pixels(read_part(folder, MAPS, tile)[0], pixels)
            theirs = source.read(1, window=Window.from_slices(*tile.fine(FACTOR)))
            if not np.array_equal(ours.view(np.int32), theirs.view(np.int32)):
                return False
    return True
