"""What models predict from: the predictors at the pixels of a tile, as the rasters store them where that is as int16.

The same values as ``PredictorSet.read`` has, in a fraction of the time: a forest takes stored numbers as they are, the
bands of a file are read in one call, and what a file says about itself is remembered.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rasterio.windows import Window

from .catalogue import Predictor
from .forest import Scaled
from .predictor_files import ALWAYS, open_raster, read_numbers, scaling
from .predictors import FINE, PredictorSet, families, window_in
from .stack import band_months
from .tiles import Tile


class Place(NamedTuple):
    """``tile``: of the fine grid. ``pixels``: bool, shape of the tile, those that are wanted."""

    tile: Tile
    pixels: np.ndarray


def read_pixels(predictors: PredictorSet, months: np.ndarray, place: Place) -> list[list]:
    """Of each of ``months`` the features, each (pixels,): ``Scaled`` or float32, NaN where missing. InputError as
    ``PredictorSet.read``."""
    predictors.require(months)
    features = {}
    for family in [*families(predictors.predictors), *([one] for one in predictors.predictors if not one.monthly)]:
        as_stored = _as_stored(predictors, family[0], months, place) if _is_plain(family) else None
        features.update(as_stored or _as_values(predictors, family, months, place))
    return [[one for predictor in predictors.predictors for one in features[predictor][i]] for i in range(months.size)]


def _is_plain(family: list[Predictor]) -> bool:
    """Whether the features are bands of rasters, nothing made of them."""
    first, *others = family
    return not (others or first.difference or first.means or first.classes or first.nodata is not None)


def _as_values(predictors: PredictorSet, family: list[Predictor], months, place: Place) -> dict[Predictor, np.ndarray]:
    """float32, (months, features, pixels) of each predictor."""
    of_family = replace(predictors, predictors=tuple(family))
    values = of_family.read(FINE, months, place.tile)[:, :, place.pixels]
    ends = np.cumsum([len(predictor.features) for predictor in family])
    return dict(zip(family, np.split(values, ends[:-1], axis=1)))


def _as_stored(predictors: PredictorSet, predictor: Predictor, months, place: Place) -> dict[Predictor, list] | None:
    """Likewise as lists, of ``Scaled``; None when a raster does not hold int16."""
    wanted = [[month - lag for lag in predictor.lags] if predictor.monthly else [ALWAYS] for month in months]
    stored = {ALWAYS, *predictors.before, *predictors.months}
    bands = dict.fromkeys(sum(wanted, []), np.full(int(place.pixels.sum()), np.nan, dtype=np.float32))
    file_of = partial(_file, predictors, predictor)
    for path, members in groupby((month for month in sorted(bands) if month in stored), file_of):
        layout = _layout(predictors, predictor, path)
        if not layout:
            return None
        there = [month for month in members if month in layout.bands]
        numbers = read_numbers(path, [layout.bands[month] for month in there], Window.from_slices(*place.tile), "int16")
        bands.update(
            (month, Scaled(of_month[place.pixels], *layout.scaling)) for month, of_month in zip(there, numbers)
        )
    return {predictor: [[bands[month] for month in of_features] for of_features in wanted]}


@lru_cache(maxsize=1 << 16)
def _file(predictors: PredictorSet, predictor: Predictor, month) -> Path:
    """Remembered, since paths are slow to put together."""
    return predictors.path_of(predictor, FINE, month)


class _Layout(NamedTuple):
    """Of a raster of int16: the band of each month; scale, offset and nodata of all bands."""

    bands: dict
    scaling: tuple[float, float, int]


@lru_cache(maxsize=4096)
def _layout(predictors: PredictorSet, predictor: Predictor, path: Path) -> _Layout | None:
    """None for a raster of other numbers, or whose bands differ. A set that is opened again is looked at again."""
    with open_raster(path) as source:
        window_in(source, predictors.grid, Tile.whole(predictors.grid.shape), path)
        months = band_months(source, path) if predictor.monthly else [ALWAYS]
        kinds = {
            (source.dtypes[band - 1], *scaling(source, predictor, band), source.nodatavals[band - 1])
            for band in source.indexes
        }
    (dtype, scale, offset, nodata), *others = kinds
    if others or dtype != "int16" or nodata is None:
        return None
    return _Layout({month: band for band, month in enumerate(months, start=1)}, (scale, offset, int(nodata)))
