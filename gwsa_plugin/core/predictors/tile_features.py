"""Read the rasters of a tile in some months at once, and compute features from them.

Each band is read once, for all lags, means and differences. Numbers stay as rasters store them.
Means and differences are computed for a part of the pixels at a time, so that they stay in the
caches of the processor until they are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from ..base.numba_modules import load_numba_module
from ..base.thread_arrays import thread_array
from ..base.tiles import Tile
from .antecedent_means import column_means, means_by_window, sums_are_exact
from .catalogue import Predictor
from .features import (
    FEATURE_BYTES,
    PixelSelection,
    first_raster,
    read_months,
    read_static,
    read_stored_months,
)
from .predictor_set import PredictorSet
from .stored_features import Feature, StoredFeature, TileFeature, feature_values, take_rows

_kernel = partial(load_numba_module, "predictors.antecedent_means_numba")


def months_in_memory(
    predictors: PredictorSet, needed: Sequence[Predictor], selection: PixelSelection
) -> int:
    """Return for how many months one thread may hold ``TileRasters``.

    Parameters
    ----------
    predictors : PredictorSet
        The set, which has the rasters.
    needed : sequence of Predictor
        The predictors of all groups.
    selection : PixelSelection
        The pixels.
    """
    earlier, month = raster_bytes(predictors, needed, selection)
    return max(1, (FEATURE_BYTES - earlier) // max(1, month))


def raster_bytes(
    predictors: PredictorSet, needed: Sequence[Predictor], selection: PixelSelection
) -> tuple[int, int]:
    """Return the bytes of monthly rasters that ``TileRasters`` holds.

    Parameters
    ----------
    predictors, needed, selection
        As in ``months_in_memory``.

    Returns
    -------
    earlier, month : int
        Of the months before the first one that lags and means need, and of each month. Rasters are
        counted as that of the first month is stored.
    """
    reach: dict[str, int] = {}
    for one in needed:
        for name in _source(one) if one.monthly else ():
            reach[name] = max([reach.get(name, 0), *one.reach])
    rasters = {one.name: one for one in needed if one.files}
    bands = {name: _stored_bytes(predictors, rasters[name]) for name in reach}
    pixels = selection.tile.shape[0] * selection.tile.shape[1]
    earlier = sum(bands[name] * back for name, back in reach.items())
    return pixels * earlier, pixels * sum(bands.values())


def _stored_bytes(predictors: PredictorSet, predictor: Predictor) -> int:
    """Bytes of a value of a raster as it is held, see ``_read_raster``."""
    layout = first_raster(predictors, predictor).stored_as
    return 4 if layout is None or layout.nodata is None else 2


def decoded_pixels(predictors: PredictorSet, needed: Sequence[Predictor], tile: Tile) -> float:
    """Return how many pixels are decoded to read a tile of one band: those of its blocks.

    Parameters
    ----------
    predictors, needed
        As in ``months_in_memory``.
    tile : Tile
        Part of the fine grid.

    Returns
    -------
    float
        Mean over the monthly rasters, or over all if none is monthly. At least the pixels of the
        tile.
    """
    rasters = {one.name: one for one in needed if one.files}.values()
    counted = [one for one in rasters if one.monthly] or list(rasters)
    counts = [_in_blocks(tile, first_raster(predictors, one).block) for one in counted]
    return float(np.mean(counts or [tile.shape[0] * tile.shape[1]]))


def _in_blocks(tile: Tile, block: tuple[int, int]) -> int:
    """Pixels of the blocks that a tile overlaps; those at the edges of a raster are complete."""
    rows, columns = (
        (-(-side.stop // step) - side.start // step) * step for side, step in zip(tile, block)
    )
    return rows * columns


class TileRasters:
    """The rasters of a tile in some months, from which features are computed.

    They lie in memory of the thread, which its next ``TileRasters`` uses again.

    Parameters
    ----------
    predictors : PredictorSet
        The set, which has the rasters.
    groups : sequence of sequence of Predictor
        Predictors of the set, or with other lags and means of its rasters. Each raster is read once
        for all groups, and each mean is computed once.
    months : numpy.ndarray of datetime64[M]
        The months.
    selection : PixelSelection
        The pixels. Its ``pixels`` are a mask.

    Raises
    ------
    InputError
        As ``read_features``.
    """

    def __init__(
        self,
        predictors: PredictorSet,
        groups: Sequence[Sequence[Predictor]],
        months: np.ndarray,
        selection: PixelSelection,
    ):
        predictors.require(months)
        self._months = months
        self._groups = groups
        self._columns = np.flatnonzero(np.asarray(selection.pixels)).astype(np.int32)
        needing = [predictor for group in groups for predictor in group]
        # Months back in which each raster is needed, and windows of the means of each source.
        reach: dict[str, set[int]] = {}
        self._windows: dict[tuple, set[int]] = {}
        for predictor in needing:
            if predictor.monthly:
                self._windows.setdefault(_source(predictor), set()).update(predictor.means)
                for name in _source(predictor):
                    reach.setdefault(name, set()).update(predictor.reach)
        everywhere = selection._replace(pixels=...)
        self._statics: dict[str, list[Feature]] = {}
        self._rasters: dict[str, _Raster] = {}
        for predictor in {one.name: one for one in needing if one.files}.values():
            if predictor.monthly:
                needed = np.unique([months - back for back in reach[predictor.name]])
                values = _read_raster(predictors, predictor, needed, everywhere)
                self._rasters[predictor.name] = _Raster(needed, values)
            else:
                bands = read_static(predictors, predictor, everywhere)
                self._statics[predictor.name] = [_flat(band) for band in bands]
        self._terms = {
            source: _in_shared_months(*(self._rasters[name] for name in source))
            for source in self._windows
            if len(source) > 1
        }

    @property
    def rows(self) -> int:
        """Number of selected pixels."""
        return self._columns.size

    def features(self, rows: slice) -> list[list[TileFeature]]:
        """Compute the features of some pixels.

        The features of the next pixels overwrite their means and differences.

        Parameters
        ----------
        rows : slice
            Their numbers among the selected pixels.

        Returns
        -------
        list of list of TileFeature
            The features of each group in the order of its predictors.
        """
        columns = self._columns[rows]
        variables = {source: self._variable(source, columns) for source in self._windows}
        return [
            [
                feature
                for predictor in group
                for feature in (
                    self._monthly(predictor, variables[_source(predictor)])
                    if predictor.monthly
                    else self._static(predictor, columns)
                )
            ]
            for group in self._groups
        ]

    def _static(self, predictor: Predictor, columns: np.ndarray) -> list[TileFeature]:
        """The features of a static predictor."""
        band = np.zeros(1, dtype=np.int64)
        return [TileFeature(values, band, columns) for values in self._statics[predictor.name]]

    def _monthly(self, predictor: Predictor, variable: _Variable) -> list[TileFeature]:
        """Lags and means of a predictor."""
        every = np.arange(self._months.size)
        bands = [np.searchsorted(variable.known, self._months - lag) for lag in predictor.lags]
        return [
            *(TileFeature(variable.values, band, variable.columns) for band in bands),
            *(TileFeature(variable.means[window], every) for window in predictor.means),
        ]

    def _variable(self, source: tuple, columns: np.ndarray) -> _Variable:
        """A raster or a difference of two, with its means at some pixels."""
        windows = tuple(sorted(self._windows[source]))
        shape = (len(windows), self._months.size, columns.size)
        means = thread_array(f"means of {source}", shape, np.float32)
        if len(source) == 1:
            known, values = self._rasters[source[0]]
            if windows:
                column_means(values, columns, known, self._months, windows, means)
            return _Variable(known, values, columns, dict(zip(windows, means)))
        known, one, other = self._terms[source]
        difference = thread_array(f"difference {source}", (known.size, columns.size), np.float32)
        _subtract(one, other, columns, difference)
        if windows:
            scalings = [each[1:3] for each in (one, other) if isinstance(each, StoredFeature)]
            exact = len(scalings) == 2 and sums_are_exact(known.size, scalings)
            means_by_window(difference, known, self._months, windows, means, exact)
        return _Variable(known, difference, None, dict(zip(windows, means)))


class _Raster(NamedTuple):
    """The months that are needed of a raster, and its values in them, all pixels of the tile."""

    months: np.ndarray
    values: Feature


class _Variable(NamedTuple):
    """A variable from which lags and means are taken.

    Parameters
    ----------
    known : numpy.ndarray of datetime64[M]
        Months of its values.
    values : Feature
        Shape (months, columns).
    columns : numpy.ndarray of int32, shape (pixels,), or None
        As in ``TileFeature``.
    means : dict of int to numpy.ndarray
        Antecedent means by the length of their window, shape (predicted months, pixels).
    """

    known: np.ndarray
    values: Feature
    columns: np.ndarray | None
    means: dict[int, np.ndarray]


def _read_raster(
    predictors: PredictorSet, predictor: Predictor, months: np.ndarray, selection: PixelSelection
) -> Feature:
    """The values of a raster, shape (months, pixels of the tile)."""
    stored = read_stored_months(predictors, predictor, months, selection)
    if stored is not None:
        return stored
    bands = read_months(predictors, predictor, months, selection)
    return np.stack([feature_values(band) for band in bands]).reshape(len(bands), -1)


def _in_shared_months(one: _Raster, other: _Raster) -> tuple[np.ndarray, Feature, Feature]:
    """The months that two rasters have, and their values in these."""
    shared = np.intersect1d(one.months, other.months)
    first, second = (
        each.values
        if each.months.size == shared.size
        else take_rows(each.values, np.searchsorted(each.months, shared))
        for each in (one, other)
    )
    return shared, first, second


def _source(predictor: Predictor) -> tuple:
    """What lags and means are computed from: a raster, or the difference of two."""
    return tuple(predictor.difference or [predictor.name])


def _flat(band: Feature) -> Feature:
    """A band as one row of a table of pixels."""
    if isinstance(band, StoredFeature):
        return band._replace(stored=np.ascontiguousarray(band.stored).reshape(1, -1))
    return np.ascontiguousarray(band, dtype=np.float32).reshape(1, -1)


def _subtract(one: Feature, other: Feature, columns: np.ndarray, values: np.ndarray) -> None:
    """Fill in the difference of two variables at some pixels, float32, shape (bands, pixels)."""
    kernel = _kernel()
    if kernel and isinstance(one, StoredFeature) and isinstance(other, StoredFeature):
        numbers = [
            (np.float32(each.scale), np.float32(each.offset), np.int16(each.nodata))
            for each in (one, other)
        ]
        kernel.differences(one.stored, numbers[0], other.stored, numbers[1], columns, values)
        return
    where = (slice(None), columns)
    first, second = (feature_values(take_rows(each, where)) for each in (one, other))
    np.subtract(first, second, out=values)
