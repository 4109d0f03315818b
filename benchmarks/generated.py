"""Generated predictor sets of any extent, as ``build_predictors`` writes them, and their models.

A predictor is a smooth field between coarse cells plus a texture inside them. The texture is cut
from one map, at another position for each predictor and month. Sets are written tile by tile.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import xgboost
from rasterio.windows import Window

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import calendar_month, calendar_year, month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.models.training import Boosting
from gwsa.gwsa_plugin.core.files.stack import OBSERVED
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.int16 import NODATA
from gwsa.gwsa_plugin.core.predictors.predictor_set import COARSE, CONTENTS, FINE, PredictorSet
from gwsa.gwsa_plugin.core.predictors.raster_pairs import BLOCK, COARSE_BLOCK, FAST, windows
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator
from gwsa.gwsa_plugin.core.spatial.block_mean import BlockMean
from gwsa.gwsa_plugin.core.spatial.blocks import interpolate

from .rasters import describe_band, geotiff_profile

FACTOR = 30
STATIC = [f"static_{number}" for number in range(8)]
MONTHLY = [f"monthly_{number}" for number in range(11)]
SCALE = 2.0**-9
OFFSET = 8.0
# Amplitudes of the smooth field, the texture and the season, and the largest stored number.
SMOOTH = 5000
ROUGH = 2500
SEASON = 5000
LARGEST = 32767
TEXTURE_SIDE = 2048
# Texture from which some predictors have no value, as below clouds: one pixel in a hundred.
CLOUDY = 2.4
CLOUDED = MONTHLY[-2:]
TRAINING_ROWS = 60_000


class SetOptions(NamedTuple):
    """Extent of a generated predictor set.

    Parameters
    ----------
    coarse : Grid
        The coarse grid.
    months : numpy.ndarray of datetime64[M]
        Months of one year that have values.
    land_fraction : float
        Fraction of the pixels that are land.
    """

    coarse: Grid
    months: np.ndarray
    land_fraction: float


def make_set(folder: Path, options: SetOptions, progress: Progress = SILENT) -> PredictorSet:
    """Write a set of 19 predictors without lags.

    Parameters
    ----------
    folder : Path
        Folder of the set, which is replaced.
    options : SetOptions
        Extent of the set.
    progress : Progress
        Receives the fraction done.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for scale in (FINE, COARSE):
        (folder / scale).mkdir(parents=True)
    fine = options.coarse.refine(FACTOR)
    texture = _texture()
    _write_land(folder / "fine/land.tif", fine, _land(options, texture))
    year = int(calendar_year(options.months[:1])[0])
    files = {
        **{name: f"{name}.tif" for name in STATIC},
        **{name: f"{name}_{year}.tif" for name in MONTHLY},
    }
    tasks = [
        partial(_write_predictor, folder, options, texture, name, file)
        for name, file in files.items()
    ]
    run_all(tasks, progress)
    content = {
        "format": 1,
        "land": "fine/land.tif",
        "grid": {**asdict(fine), "factor": FACTOR},
        "predictors": [_entry(name) for name in files],
        "months": [str(month) for month in options.months[[0, -1]]],
    }
    (folder / CONTENTS).write_text(json.dumps(content), encoding="utf-8")
    return PredictorSet.open(folder)


def train_model(predictors: PredictorSet, boosting: Boosting) -> xgboost.Booster:
    """Train a model of the size of ``boosting`` on some pixels and an arbitrary response."""
    table = _some_pixels(predictors)
    random = generator(1, "response")
    response = (
        np.sin(table[:, 2]) * table[:, 12]
        + np.tanh(table[:, 6]) * table[:, 15]
        + random.normal(size=len(table))
    )
    return xgboost.train(
        boosting.xgboost(), xgboost.DMatrix(table, response.astype(np.float32)), boosting.trees
    )


def _entry(name: str) -> dict:
    """A predictor in the contents file."""
    monthly = {"kind": "monthly", "files": f"fine/{name}_{{YYYY}}.tif"}
    static = {"kind": "static", "files": f"fine/{name}.tif"}
    return {
        "name": name,
        "scale": SCALE,
        "offset": OFFSET,
        **(monthly if name in MONTHLY else static),
    }


def _texture() -> np.ndarray:
    return fractal(generator(1, "texture"), (TEXTURE_SIDE, TEXTURE_SIDE), 3, 60)


def _cut(texture: np.ndarray, corner: np.ndarray, tile: Tile) -> np.ndarray:
    """The texture in a tile of pixels, repeated periodically from ``corner`` (row, column) on."""
    rows, columns = (
        (np.arange(side.start, side.stop) + first) % TEXTURE_SIDE
        for side, first in zip(tile, corner.tolist())
    )
    return texture[np.ix_(rows, columns)]


def _land(options: SetOptions, texture: np.ndarray) -> Callable[[Tile], np.ndarray]:
    """A function that gives the land mask of a tile of pixels, with a ragged coast."""
    height = _between_cells(options.coarse, "land")
    limit = np.quantile(height, 1 - options.land_fraction)
    everywhere = np.ones(height.shape, dtype=bool)
    corner = generator(1, "coast").integers(TEXTURE_SIDE, size=2)

    def land(tile: Tile) -> np.ndarray:
        smooth = interpolate(height, everywhere, FACTOR, tile)
        return smooth + 0.1 * _cut(texture, corner, tile) > limit

    return land


def _between_cells(coarse: Grid, *name) -> np.ndarray:
    """A smooth field, coarse shape."""
    return fractal(generator(1, *name), coarse.shape, 2, max(coarse.shape) / 2, 3)


def _write_land(path: Path, fine: Grid, land: Callable) -> None:
    """Write the land mask strip by strip."""
    profile = geotiff_profile(fine, 1, dtype="uint8", nodata=None, predictor=2)
    height = profile["blockysize"]
    with rasterio.open(path, "w", **profile) as target:
        for top in range(0, fine.rows, height):
            strip = Tile(slice(top, min(top + height, fine.rows)), slice(0, fine.columns))
            target.write(land(strip).astype(np.uint8), 1, window=Window.from_slices(*strip))


def _write_predictor(
    folder: Path, options: SetOptions, texture: np.ndarray, name: str, file: str, progress: Progress
) -> None:
    """Write the fine and the coarse raster of a predictor.

    A monthly predictor has twelve bands, of which those of ``options.months`` have values.
    """
    fine = options.coarse.refine(FACTOR)
    months = _calendar(options) if name in MONTHLY else [None]
    bands = len(months)
    stored = {**_layout(BLOCK), "dtype": "int16", "nodata": NODATA}
    profile = geotiff_profile(fine, bands, **stored)
    coarse_profile = geotiff_profile(options.coarse, bands, **_layout(COARSE_BLOCK))
    with (
        _create(folder / FINE / file, name, months, profile) as target,
        _create(folder / COARSE / file, name, months, coarse_profile) as coarse,
        rasterio.open(folder / "fine/land.tif") as land,
    ):
        target.scales = (SCALE,) * bands
        target.offsets = (OFFSET,) * bands
        for band, month in enumerate(months, start=1):
            if month is None or month in options.months:
                mean = BlockMean(fine, FACTOR)
                for tile, numbers in _stored_tiles(options.coarse, texture, name, month, land):
                    progress.stop_if_cancelled()
                    target.write(numbers, band, window=Window.from_slices(*tile))
                    mean.add(np.where(numbers == NODATA, np.nan, numbers * SCALE + OFFSET), *tile)
                coarse.write(mean.mean(), band)


def _layout(side: int) -> dict:
    """Creation options of a raster of a predictor set."""
    return {**FAST, "blockxsize": side, "blockysize": side}


def _calendar(options: SetOptions) -> np.ndarray:
    """All months of the year."""
    year = int(calendar_year(options.months[:1])[0])
    return month_range(f"{year}-01", f"{year}-12")


def _create(path: Path, name: str, months, profile: dict):
    """Open a new raster whose bands are described."""
    target = rasterio.open(path, "w", **profile)
    for band, month in enumerate(months, start=1):
        describe_band(target, band, name if month is None else month, OBSERVED)
    return target


def _stored_tiles(
    coarse: Grid, texture: np.ndarray, name: str, month, land
) -> Iterator[tuple[Tile, np.ndarray]]:
    """The tiles of a band that have land, and their stored numbers, int16."""
    smooth = _between_cells(coarse, name)
    everywhere = np.ones(coarse.shape, dtype=bool)
    corner = generator(1, name, month).integers(TEXTURE_SIDE, size=2)
    season = (
        0 if month is None else SEASON * np.sin(2 * np.pi * calendar_month(month) / 12 + corner[0])
    )
    for tile in (Tile(*block) for block in windows(coarse.refine(FACTOR))):
        valid = land.read(1, window=Window.from_slices(*tile)) == 1
        if valid.any():
            rough = _cut(texture, corner, tile)
            if name in CLOUDED:
                valid &= rough < CLOUDY
            numbers = (
                SMOOTH * interpolate(smooth, everywhere, FACTOR, tile) + ROUGH * rough + season
            )
            yield tile, np.where(valid, numbers.clip(-LARGEST, LARGEST), NODATA).astype(np.int16)


def _some_pixels(predictors: PredictorSet) -> np.ndarray:
    """Features of at most TRAINING_ROWS random pixels, float32, shape (rows, features)."""
    tiles = [Tile(*block) for block in windows(predictors.grid)]
    first_month = predictors.months[:1]
    tables: list[np.ndarray] = []
    for number in generator(1, "taught").permutation(len(tiles)):
        land = predictors.land(tiles[number])
        if land.any():
            features = read_features(predictors, FINE, first_month, tiles[number])[0]
            tables.append(features[:, land].T)
        if sum(map(len, tables)) > 4 * TRAINING_ROWS:
            break
    table = np.concatenate(tables)
    return table[generator(1, "pixels").permutation(len(table))[:TRAINING_ROWS]]
