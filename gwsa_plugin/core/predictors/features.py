"""What models are trained on and predict from: the features of a predictor set at the pixels of a tile, as the rasters
store them where that is as int16. What a file says about itself is remembered."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rasterio.windows import Window

from ..base.tiles import Tile
from ..files.rasters import open_raster
from .antecedent_means import antecedent_means
from .bands import Bands, one_hot
from .catalogue import Predictor
from .files import ALWAYS, COARSE, FINE
from .predictor_set import PredictorSet
from .stored_features import feature_values, take_rows

# Bytes of the features that one thread holds; with fewer months at once, past ones are read again.
FEATURE_BYTES = 256 << 20


class PixelSelection(NamedTuple):
    """``tile``: of the grid of ``scale``. ``pixels``: bool, shape of the tile, those that are wanted, or ``...``, which
    leaves rows and columns as they are."""

    tile: Tile
    pixels: np.ndarray
    scale: str = FINE


def read_features(
    predictors: PredictorSet, scale: str, months, tile: Tile | None = None
) -> np.ndarray:
    """Every feature in each of ``months``: float32, shape (months, features, rows, columns), NaN where missing.

    ``scale`` is "fine" or "coarse" and ``tile`` a part of that grid, None all of it. Static variables repeat over
    the months; a lag that reaches before the first month that has rasters is NaN, a mean is over the months of it
    that have a value. A month has the same bits whichever others are asked for. Each band is read once. InputError
    for a month that the set does not have, and for a file that is gone or of another shape.
    """
    months = np.asarray(months, dtype="datetime64[M]")
    tile = tile or Tile.whole(predictors.grid_of(scale).shape)
    values = np.empty((months.size, len(predictors.features), *tile.shape), dtype=np.float32)
    for of_month, features in zip(
        values, read_pixels(predictors, months, PixelSelection(tile, ..., scale))
    ):
        np.stack([feature_values(feature) for feature in features], out=of_month)
    return values


def read_pixels(predictors: PredictorSet, months: np.ndarray, place: PixelSelection) -> list[list]:
    """Of each of ``months`` the features, each (pixels,): ``StoredFeature`` or float32, NaN where missing. InputError as
    ``read_features``."""
    predictors.require(months)
    features = {}
    for family in _families(predictors.predictors):
        features.update(_read_family(predictors, family, months, place))
    for predictor in predictors.predictors:
        if not predictor.monthly:
            features[predictor] = [_read_static(predictors, predictor, place)] * months.size
    return [
        [one for predictor in predictors.predictors for one in features[predictor][i]]
        for i in range(months.size)
    ]


def _families(predictors: tuple[Predictor, ...]) -> list[list[Predictor]]:
    """The monthly predictors, those that a difference ties together in one family and each other one alone."""
    monthly = [predictor for predictor in predictors if predictor.monthly]
    names = {
        name
        for predictor in monthly
        if predictor.difference
        for name in (predictor.name, *predictor.difference)
    }
    tied = [predictor for predictor in monthly if predictor.name in names]
    return ([tied] if tied else []) + [
        [predictor] for predictor in monthly if predictor.name not in names
    ]


def _read_family(
    predictors, family: list[Predictor], months: np.ndarray, place: PixelSelection
) -> dict[Predictor, list[list]]:
    """Of each predictor its features in each of ``months``. Each band is read once."""
    reached = np.unique(
        np.concatenate([months - back for predictor in family for back in predictor.reach])
    )
    bands = {
        one.name: _read_monthly(predictors, one, reached, place) for one in family if one.files
    }
    for predictor in family:
        if predictor.difference:
            pairs = zip(*map(bands.get, predictor.difference))
            bands[predictor.name] = [
                feature_values(one) - feature_values(other) for one, other in pairs
            ]
    return {
        predictor: _lags_and_means(predictor, months, reached, bands[predictor.name])
        for predictor in family
    }


def _lags_and_means(
    predictor: Predictor, months: np.ndarray, reached: np.ndarray, bands: list
) -> list[list]:
    """``bands``: of the months ``reached``."""
    of_month = dict(zip(reached, bands))
    lagged = [[of_month[month - lag] for lag in predictor.lags] for month in months]
    if not predictor.means:
        return lagged
    means = antecedent_means(
        np.stack([feature_values(band) for band in bands]), reached, months, predictor.means
    )
    return [[*some, *others] for some, others in zip(lagged, means)]


def _read_monthly(
    predictors: PredictorSet, predictor: Predictor, months: np.ndarray, place: PixelSelection
) -> list:
    """The values in each of ``months``, NaN in one that no band holds."""
    values = dict.fromkeys(
        months, np.full(place.tile.shape, np.nan, dtype=np.float32)[place.pixels]
    )
    stored = months[np.isin(months, np.concatenate([predictors.before, predictors.months]))]
    for path, members in groupby(stored, partial(_path, predictors, predictor, place.scale)):
        bands = _bands(predictors, predictor, place.scale, path)
        there = [month for month in members if month in bands.of_month]
        read = bands.read([bands.of_month[month] for month in there], place.tile)
        values.update((month, take_rows(band, place.pixels)) for month, band in zip(there, read))
    return [values[month] for month in months]


def _read_static(predictors: PredictorSet, predictor: Predictor, place: PixelSelection) -> list:
    """The features."""
    bands = _bands(
        predictors, predictor, place.scale, _path(predictors, predictor, place.scale, ALWAYS)
    )
    if predictor.classes and place.scale == FINE:
        with open_raster(bands.path) as source:
            read = one_hot(
                source.read(1, window=Window.from_slices(*place.tile)), predictor.classes
            )
    else:
        read = bands.read(list(range(1, len(predictor.features) + 1)), place.tile)
    return [take_rows(band, place.pixels) for band in read]


@lru_cache(maxsize=1 << 16)
def _path(predictors: PredictorSet, predictor: Predictor, scale: str, month) -> Path:
    """Remembered, since paths are slow to put together."""
    return predictors.path_of(predictor, scale, month)


@lru_cache(maxsize=8192)
def _bands(predictors: PredictorSet, predictor: Predictor, scale: str, path: Path) -> Bands:
    """Remembered, since rasterio is slow to open a file. A set that is opened again is looked at again."""
    if scale == COARSE:  # scale and offset in predictors.json are those of the fine rasters
        predictor = replace(predictor, scale=None, offset=None)
    return Bands.look(path, predictor, predictors.grid_of(scale))


def months_at_once(predictors: PredictorSet, tile: Tile) -> int:
    """How many months of the features of a tile one thread may hold."""
    height, width = tile.fine(predictors.factor).shape
    return max(1, FEATURE_BYTES // (4 * len(predictors.features) * height * width))
