"""Predictor sets of any extent, as buildpredictors writes them, made tile by tile; and what maps them.

A predictor is structure between cells, and texture within them that is cut out of one map at another place for each
predictor and month.
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
from gwsa.gwsa_plugin.core.files.geotiff import creation, describe_band
from gwsa.gwsa_plugin.core.files.stack import OBSERVED
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.int16 import NODATA
from gwsa.gwsa_plugin.core.predictors.predictor_set import COARSE, CONTENTS, FINE, PredictorSet
from gwsa.gwsa_plugin.core.predictors.rasters import FAST, FAST_COARSE, blocks
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator
from gwsa.gwsa_plugin.core.spatial.block_mean import BlockMean
from gwsa.gwsa_plugin.core.spatial.blocks import interpolate

FACTOR = 30
STATIC = [f"static_{number}" for number in range(8)]
MONTHLY = [f"monthly_{number}" for number in range(11)]
SCALE, OFFSET = 2.0**-9, 8.0
SMOOTH, ROUGH, SEASON, LARGEST = 5000, 2500, 5000, 32767  # of the stored numbers
TEXTURE_SIDE = 2048
CLOUDY = 2.4  # texture from which on some predictors have no value, as below clouds: a pixel in a hundred
CLOUDED = MONTHLY[-2:]
TAUGHT = 60_000


class Wanted(NamedTuple):
    """``share``: of the pixels that are land."""

    coarse: Grid
    months: np.ndarray
    share: float


def make_set(folder: Path, wanted: Wanted, progress: Progress = SILENT) -> PredictorSet:
    """Write a set of 19 predictors for one year, or months of it, without lags."""
    shutil.rmtree(folder, ignore_errors=True)
    for scale in (FINE, COARSE):
        (folder / scale).mkdir(parents=True)
    fine, texture = wanted.coarse.refine(FACTOR), _texture()
    _write_land(folder / "fine/land.tif", fine, _land(wanted, texture))
    year = int(calendar_year(wanted.months[:1])[0])
    files = {
        **{name: f"{name}.tif" for name in STATIC},
        **{name: f"{name}_{year}.tif" for name in MONTHLY},
    }
    tasks = [
        partial(_write_predictor, folder, wanted, texture, name, file)
        for name, file in files.items()
    ]
    run_all(tasks, progress)
    content = {
        "format": 1, "land": "fine/land.tif", "grid": {**asdict(fine), "factor": FACTOR},
        "predictors": [_entry(name) for name in files], "months": [str(month) for month in wanted.months[[0, -1]]],
    }  # fmt: skip
    (folder / CONTENTS).write_text(json.dumps(content), encoding="utf-8")
    return PredictorSet.open(folder)


def _entry(name: str) -> dict:
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


def _cut(texture: np.ndarray, place: np.ndarray, tile: Tile) -> np.ndarray:
    rows, columns = (
        (np.arange(side.start, side.stop) + first) % TEXTURE_SIDE
        for side, first in zip(tile, place.tolist())
    )
    return texture[np.ix_(rows, columns)]


def _land(wanted: Wanted, texture: np.ndarray) -> Callable[[Tile], np.ndarray]:
    """A coast as ragged as on maps: what gives a tile of pixels of it, bool."""
    height = _between_cells(wanted.coarse, "land")
    limit = np.quantile(height, 1 - wanted.share)
    everywhere, place = (
        np.ones(height.shape, dtype=bool),
        generator(1, "coast").integers(TEXTURE_SIDE, size=2),
    )

    def land(tile: Tile) -> np.ndarray:
        return (
            interpolate(height, everywhere, FACTOR, tile) + 0.1 * _cut(texture, place, tile) > limit
        )

    return land


def _between_cells(coarse: Grid, *name) -> np.ndarray:
    return fractal(generator(1, *name), coarse.shape, 2, max(coarse.shape) / 2, 3)


def _write_land(path: Path, fine: Grid, land: Callable) -> None:
    profile = creation(fine, 1, dtype="uint8", nodata=None, predictor=2)
    height = profile["blockysize"]
    with rasterio.open(path, "w", **profile) as target:
        for top in range(0, fine.rows, height):
            strip = Tile(slice(top, min(top + height, fine.rows)), slice(0, fine.columns))
            target.write(land(strip).astype(np.uint8), 1, window=Window.from_slices(*strip))


def _write_predictor(
    folder: Path, wanted: Wanted, texture: np.ndarray, name: str, file: str, progress: Progress
) -> None:
    """Both rasters of a predictor; ``wanted.months`` are written of the twelve of a monthly one."""
    fine, months = wanted.coarse.refine(FACTOR), _calendar(wanted) if name in MONTHLY else [None]
    stored = {**FAST, "dtype": "int16", "nodata": NODATA}
    with (
        _create(
            folder / FINE / file, name, months, creation(fine, len(months), **stored)
        ) as target,
        _create(
            folder / COARSE / file,
            name,
            months,
            creation(wanted.coarse, len(months), **FAST_COARSE),
        ) as coarse,
        rasterio.open(folder / "fine/land.tif") as land,
    ):
        target.scales, target.offsets = (SCALE,) * target.count, (OFFSET,) * target.count
        for band, month in enumerate(months, start=1):
            if month is None or month in wanted.months:
                mean = BlockMean(fine, FACTOR)
                for tile, numbers in _numbers(wanted.coarse, texture, name, month, land):
                    progress.stop_if_cancelled()
                    target.write(numbers, band, window=Window.from_slices(*tile))
                    mean.add(np.where(numbers == NODATA, np.nan, numbers * SCALE + OFFSET), *tile)
                coarse.write(mean.mean(), band)


def _calendar(wanted: Wanted) -> np.ndarray:
    year = int(calendar_year(wanted.months[:1])[0])
    return month_range(f"{year}-01", f"{year}-12")


def _create(path: Path, name: str, months, profile: dict):
    target = rasterio.open(path, "w", **profile)
    for band, month in enumerate(months, start=1):
        describe_band(target, band, name if month is None else month, OBSERVED)
    return target


def _numbers(
    coarse: Grid, texture: np.ndarray, name: str, month, land
) -> Iterator[tuple[Tile, np.ndarray]]:
    """Of each tile with land of a band: int16."""
    smooth, everywhere = _between_cells(coarse, name), np.ones(coarse.shape, dtype=bool)
    place = generator(1, name, month).integers(TEXTURE_SIDE, size=2)
    season = (
        0 if month is None else SEASON * np.sin(2 * np.pi * calendar_month(month) / 12 + place[0])
    )
    for tile in (Tile(*block) for block in blocks(coarse.refine(FACTOR))):
        there = land.read(1, window=Window.from_slices(*tile)) == 1
        if there.any():
            rough = _cut(texture, place, tile)
            if name in CLOUDED:
                there &= rough < CLOUDY
            numbers = (
                SMOOTH * interpolate(smooth, everywhere, FACTOR, tile) + ROUGH * rough + season
            )
            yield tile, np.where(there, numbers.clip(-LARGEST, LARGEST), NODATA).astype(np.int16)


def teach(predictors: PredictorSet, boosting: Boosting) -> xgboost.Booster:
    """A model of some of the pixels, as large as ``boosting`` says, of a response that is not worth knowing."""
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


def _some_pixels(predictors: PredictorSet) -> np.ndarray:
    """float32, (TAUGHT, features), or fewer."""
    grid, tables = predictors.grid, []
    for number in generator(1, "taught").permutation(len(list(blocks(grid)))):
        tile = Tile(*list(blocks(grid))[number])
        land = predictors.land(tile)
        if land.any():
            tables.append(
                read_features(predictors, FINE, predictors.months[:1], tile)[0][:, land].T
            )
        if sum(map(len, tables)) > 4 * TAUGHT:
            break
    table = np.concatenate(tables)
    return table[generator(1, "pixels").permutation(len(table))[:TAUGHT]]
