"""Read the features of a predictor set: static values, lags, antecedent means and class indicators.

Models are trained on them and predict from them. Features that rasters store as int16 are returned
as they are stored. The properties of each raster are cached, because opening a raster is slow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..base.thread_arrays import thread_array
from ..base.tiles import Tile
from ..rasters.reading import open_raster
from .antecedent_means import antecedent_means
from .bands import Bands, one_hot
from .catalogue import Predictor
from .files import ALWAYS, COARSE, FINE, read_stored
from .predictor_set import PredictorSet
from .stored_features import Feature, StoredFeature, feature_values, take_rows

if TYPE_CHECKING:
    from types import EllipsisType

# Bytes of features that one thread holds. With fewer months at a time, the earlier months that lags
# and means need are read more often.
FEATURE_BYTES = 256 << 20


class PixelSelection(NamedTuple):
    """Pixels of a tile.

    Parameters
    ----------
    tile : Tile
        Part of the grid of ``scale``.
    pixels : numpy.ndarray of bool, or ...
        The selected pixels, shape of the tile; ``...`` keeps all of them as rows and columns.
    scale : str
        FINE or COARSE.
    """

    tile: Tile
    pixels: np.ndarray | EllipsisType
    scale: str = FINE

    @property
    def size(self) -> int:
        """Number of the selected pixels."""
        height, width = self.tile.shape
        return height * width if self.pixels is ... else int(np.count_nonzero(self.pixels))


def read_features(
    predictors: PredictorSet, scale: str, months, tile: Tile | None = None
) -> np.ndarray:
    """Read all features on a tile.

    Each band is read once. The bits of a month do not depend on which other months are requested.

    Parameters
    ----------
    predictors : PredictorSet
        The set.
    scale : str
        FINE or COARSE.
    months : array-like
        Months, datetime64[M] or YYYY-MM.
    tile : Tile, optional
        Part of the grid of that scale; by default all of it.

    Returns
    -------
    numpy.ndarray of float32
        Shape (months, features, rows, columns), NaN for no value. Static features are repeated in
        each month. A lag before the first month that has rasters is NaN. An antecedent mean is over
        the months that have a value.

    Raises
    ------
    InputError
        When the set does not have one of the months, or a file does not exist or has another shape.
    """
    months = np.asarray(months, dtype="datetime64[M]")
    tile = tile or Tile.full(predictors.grid_of(scale).shape)
    values = np.empty((months.size, len(predictors.features), *tile.shape), dtype=np.float32)
    selection = PixelSelection(tile, ..., scale)
    for month_values, features in zip(values, read_pixels(predictors, months, selection)):
        np.stack([feature_values(feature) for feature in features], out=month_values)
    return values


def read_pixels(
    predictors: PredictorSet, months: np.ndarray, selection: PixelSelection
) -> list[list[Feature]]:
    """Read all features at selected pixels.

    Returns
    -------
    list of list
        The features in each of ``months``, each of shape (pixels,): ``StoredFeature``, or float32
        with NaN for no value.

    Raises
    ------
    InputError
        As ``read_features``.
    """
    predictors.require(months)
    features: dict[Predictor, list[list[Feature]]] = {}
    for group in _group_by_difference(predictors.predictors):
        features.update(_read_group(predictors, group, months, selection))
    for predictor in predictors.predictors:
        if not predictor.monthly:
            features[predictor] = [read_static(predictors, predictor, selection)] * months.size
    return [
        [feature for predictor in predictors.predictors for feature in features[predictor][i]]
        for i in range(months.size)
    ]


def _group_by_difference(predictors: tuple[Predictor, ...]) -> list[list[Predictor]]:
    """Group monthly predictors so that each band is read once.

    Differences and the predictors that they are computed from form one group. Each other predictor
    is a group of its own.
    """
    monthly = [predictor for predictor in predictors if predictor.monthly]
    names = {
        name
        for predictor in monthly
        if predictor.difference
        for name in (predictor.name, *predictor.difference)
    }
    linked = [predictor for predictor in monthly if predictor.name in names]
    return ([linked] if linked else []) + [
        [predictor] for predictor in monthly if predictor.name not in names
    ]


def _read_group(
    predictors: PredictorSet,
    group: list[Predictor],
    months: np.ndarray,
    selection: PixelSelection,
) -> dict[Predictor, list[list[Feature]]]:
    """For each predictor of a group, its features in each of ``months``."""
    needed = np.unique(
        np.concatenate([months - back for predictor in group for back in predictor.reach])
    )
    values: dict[str, list[Feature]] = {
        predictor.name: read_months(predictors, predictor, needed, selection)
        for predictor in group
        if predictor.files
    }
    for predictor in group:
        if predictor.difference:
            minuend, subtrahend = (values[name] for name in predictor.difference)
            values[predictor.name] = [
                feature_values(one) - feature_values(other)
                for one, other in zip(minuend, subtrahend)
            ]
    return {
        predictor: _lags_and_means(predictor, months, needed, values[predictor.name])
        for predictor in group
    }


def _lags_and_means(
    predictor: Predictor, months: np.ndarray, needed: np.ndarray, values: list[Feature]
) -> list[list[Feature]]:
    """The features of a predictor in each of ``months``, from its values in the months needed."""
    month_values = dict(zip(needed, values))
    lagged = [[month_values[month - lag] for lag in predictor.lags] for month in months]
    if not predictor.means:
        return lagged
    means = antecedent_means(
        np.stack([feature_values(value) for value in values]), needed, months, predictor.means
    )
    return [[*month_lags, *month_means] for month_lags, month_means in zip(lagged, means)]


def read_months(
    predictors: PredictorSet, predictor: Predictor, months: np.ndarray, selection: PixelSelection
) -> list[Feature]:
    """The values of a predictor in each of ``months``, NaN where no band holds the month."""
    empty = np.full(selection.tile.shape, np.nan, dtype=np.float32)[selection.pixels]
    values: list[Feature] = [empty] * months.size
    files = _files_of_months(predictors, predictor, tuple(months), selection.scale)
    for bands, places in files:
        read = bands.read([bands.numbers[months[place]] for place in places], selection.tile)
        for place, band in zip(places, read):
            values[place] = band if selection.pixels is ... else take_rows(band, selection.pixels)
    return values


def read_stored_months(
    predictors: PredictorSet, predictor: Predictor, months: np.ndarray, selection: PixelSelection
) -> StoredFeature | None:
    """The values of a predictor in each of ``months`` as they are stored, all pixels of the tile.

    The shape is (months, pixels). None where the rasters do not store all bands alike, as int16.
    The numbers lie in memory of the thread: those of the next tile overwrite them.
    """
    files = _files_of_months(predictors, predictor, tuple(months), selection.scale)
    layouts = {bands.stored_as for bands, _ in files}
    layout = layouts.pop() if len(layouts) == 1 else None
    if layout is None or layout.nodata is None:
        return None
    shape = (months.size, *selection.tile.shape)
    values = thread_array(f"numbers of {predictor.name}", shape, np.int16)
    held = [place for _, places in files for place in places]
    values[np.setdiff1d(np.arange(months.size), held)] = layout.nodata
    for bands, places in files:
        numbers = [bands.numbers[months[place]] for place in places]
        read_stored(bands.path, numbers, selection.tile, values[places[0] : places[-1] + 1])
    return StoredFeature(
        values.reshape(months.size, -1), layout.scale, layout.offset, layout.nodata
    )


@lru_cache(maxsize=1024)
def _files_of_months(
    predictors: PredictorSet, predictor: Predictor, months: tuple[np.datetime64, ...], scale: str
) -> list[tuple[Bands, list[int]]]:
    """Files with ascending ``months``, and the places of consecutive ones that each has.

    Months in the same file are read together. Cached, because all tiles need the same months.
    """
    known = np.isin(months, np.concatenate([predictors.before, predictors.months]))
    path_of: Callable = partial(_path, predictors, predictor, scale)
    files = []
    places_of_files = groupby(np.flatnonzero(known).tolist(), lambda at: path_of(months[at]))
    for path, places in places_of_files:
        bands = _open_bands(predictors, predictor, scale, path)
        held = [place for place in places if months[place] in bands.numbers]
        files += [(bands, run) for run in _runs(held)]
    return files


def _runs(numbers: list[int]) -> list[list[int]]:
    """Split ascending numbers into runs of consecutive ones."""
    runs = groupby(enumerate(numbers), lambda item: item[1] - item[0])
    return [[number for _, number in run] for _, run in runs]


def read_static(
    predictors: PredictorSet, predictor: Predictor, selection: PixelSelection
) -> list[Feature]:
    """The features of a static predictor."""
    path = _path(predictors, predictor, selection.scale, ALWAYS)
    bands = _open_bands(predictors, predictor, selection.scale, path)
    read: list[Feature]
    if predictor.classes and selection.scale == FINE:
        with open_raster(bands.path) as source:
            codes = source.read(1, selection.tile)
        read = list(one_hot(codes, predictor.classes))
    else:
        numbers = list(range(1, len(predictor.features) + 1))
        read = bands.read(numbers, selection.tile)
    return [take_rows(band, selection.pixels) for band in read]


@lru_cache(maxsize=1 << 16)
def _path(predictors: PredictorSet, predictor: Predictor, scale: str, month) -> Path:
    """The raster of a month; cached, because composing paths is slow."""
    return predictors.path_of(predictor, scale, month)


@lru_cache(maxsize=8192)
def _open_bands(predictors: PredictorSet, predictor: Predictor, scale: str, path: Path) -> Bands:
    """Properties of a raster; cached per ``PredictorSet``, because opening a file is slow.

    A set that is opened again has a cache of its own.
    """
    if scale == COARSE:
        # Scale and offset in predictors.json are those of the fine rasters.
        predictor = replace(predictor, scale=None, offset=None)
    return Bands.open(path, predictor, predictors.grid_of(scale))


def first_raster(predictors: PredictorSet, predictor: Predictor) -> Bands:
    """Return the properties of the fine raster of a predictor, of the first month if monthly."""
    month = predictors.months[0] if predictor.monthly else ALWAYS
    return _open_bands(predictors, predictor, FINE, _path(predictors, predictor, FINE, month))


def months_at_once(predictors: PredictorSet, tile: Tile) -> int:
    """Return for how many months one thread may hold the features of a tile of coarse cells."""
    height, width = tile.fine(predictors.factor).shape
    return max(1, FEATURE_BYTES // (4 * len(predictors.features) * height * width))
