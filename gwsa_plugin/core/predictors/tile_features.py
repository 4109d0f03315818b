"""Read the features of a tile in some months at once.

Each band is read once, for all lags, means and differences. Numbers stay as rasters store them, and
pixels are selected when features are coded or added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..base.numba_modules import load_numba_module
from .antecedent_means import means_by_window, stored_means, sums_are_exact
from .catalogue import Predictor
from .features import FEATURE_BYTES, PixelSelection, read_months, read_static
from .predictor_set import PredictorSet
from .stored_features import Feature, StoredFeature, TileFeature, feature_values, take_rows

# Bytes of a value as it is stored, and of an antecedent mean.
STORED_BYTES = 2
MEAN_BYTES = 4

_kernel = partial(load_numba_module, "predictors.antecedent_means_numba")


def read_tile(
    predictors: PredictorSet,
    groups: Sequence[Sequence[Predictor]],
    months: np.ndarray,
    selection: PixelSelection,
) -> list[list[TileFeature]]:
    """Read features at selected pixels in some months.

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

    Returns
    -------
    list of list of TileFeature
        The features of each group in the order of its predictors.

    Raises
    ------
    InputError
        As ``read_features``.
    """
    predictors.require(months)
    reader = _Reader(predictors, months, selection, [one for group in groups for one in group])
    return [
        [feature for predictor in group for feature in reader.features(predictor)]
        for group in groups
    ]


def months_in_memory(predictors: Sequence[Predictor], selection: PixelSelection) -> int:
    """Return for how many months one thread may hold the features of ``read_tile``.

    Parameters
    ----------
    predictors : sequence of Predictor
        The predictors of all groups.
    selection : PixelSelection
        The pixels.
    """
    reach: dict[tuple, int] = {}
    means: set[tuple] = set()
    for one in predictors:
        if one.monthly:
            # A raster in int16, a difference in float32.
            for source in {_source(one), *((name,) for name in one.difference)}:
                reach[source] = max([reach.get(source, 0), *one.reach])
            means.update((_source(one), window) for window in one.means)
    held = {source: 2 * STORED_BYTES if len(source) > 1 else STORED_BYTES for source in reach}
    before = sum(held[source] * months for source, months in reach.items())
    each = sum(held.values()) + MEAN_BYTES * len(means)
    pixels = selection.tile.shape[0] * selection.tile.shape[1]
    return max(1, (FEATURE_BYTES // max(1, pixels) - before) // max(1, each))


class _Reader:
    """Reads the rasters of a tile once for all predictors that need them."""

    def __init__(
        self,
        predictors: PredictorSet,
        months: np.ndarray,
        selection: PixelSelection,
        needing: list[Predictor],
    ):
        self._set = predictors
        self._months = months
        self._selection = selection
        pixels = np.asarray(selection.pixels)
        self._columns = None if pixels.all() else np.flatnonzero(pixels).astype(np.int32)
        self._by_name = {one.name: one for one in needing if one.files}
        # Differences by the names of their terms.
        self._differences: dict[tuple, tuple[np.ndarray, np.ndarray, bool]] = {}
        self._rasters: dict[str, tuple[np.ndarray, Feature]] = {}
        self._reach: dict[str, set[int]] = {}
        for predictor in needing:
            for name in predictor.difference or [predictor.name]:
                self._reach.setdefault(name, set()).update(predictor.reach)
        # Means by their source, with the places of their windows.
        self._means: dict[tuple, tuple[tuple[int, ...], np.ndarray]] = {}
        self._windows: dict[tuple, set[int]] = {}
        for predictor in needing:
            self._windows.setdefault(_source(predictor), set()).update(predictor.means)

    def features(self, predictor: Predictor) -> list[TileFeature]:
        """The features of a predictor."""
        if not predictor.monthly:
            return self._static(predictor)
        values: Feature
        columns = None
        if predictor.difference:
            known, values, _ = self._difference(predictor)
        else:
            known, values = self._raster(predictor.name)
            columns = self._columns
        lagged = [
            TileFeature(values, np.searchsorted(known, self._months - lag), columns)
            for lag in predictor.lags
        ]
        return [*lagged, *(self._mean(predictor, window) for window in predictor.means)]

    def _static(self, predictor: Predictor) -> list[TileFeature]:
        """The features of a static predictor."""
        return [
            TileFeature(_flat(band), np.zeros(1, dtype=np.int64), self._columns)
            for band in read_static(self._set, predictor, self._selection._replace(pixels=...))
        ]

    def _raster(self, name: str) -> tuple[np.ndarray, Feature]:
        """The months that are needed of a raster, and its values in them, all pixels."""
        if name not in self._rasters:
            needed = np.unique([self._months - back for back in self._reach[name]])
            everywhere = self._selection._replace(pixels=...)
            bands = read_months(self._set, self._by_name[name], needed, everywhere)
            self._rasters[name] = needed, _stack(bands)
        return self._rasters[name]

    def _difference(self, predictor: Predictor) -> tuple[np.ndarray, np.ndarray, bool]:
        """The months that are needed, the difference at the pixels, and if its sums are exact."""
        key = _source(predictor)
        if key not in self._differences:
            known, one = self._raster(predictor.difference[0])
            other_known, other = self._raster(predictor.difference[1])
            shared = known[np.isin(known, other_known)]
            one = take_rows(one, np.searchsorted(known, shared))
            other = take_rows(other, np.searchsorted(other_known, shared))
            scalings = [each[1:3] for each in (one, other) if isinstance(each, StoredFeature)]
            exact = len(scalings) == 2 and sums_are_exact(shared.size, scalings)
            self._differences[key] = shared, _subtract(one, other, self._columns), exact
        return self._differences[key]

    def _mean(self, predictor: Predictor, window: int) -> TileFeature:
        """An antecedent mean. Those of all windows that are needed are computed at once."""
        key = _source(predictor)
        if key not in self._means:
            windows = tuple(sorted(self._windows[key]))
            self._means[key] = windows, self._all_means(predictor, windows)
        windows, means = self._means[key]
        return TileFeature(means[windows.index(window)], np.arange(self._months.size))

    def _all_means(self, predictor: Predictor, windows: tuple[int, ...]) -> np.ndarray:
        """Antecedent means, shape (windows, months, pixels)."""
        if predictor.difference:
            known, values, exact = self._difference(predictor)
            return means_by_window(values, known, self._months, windows, exact)
        known, raster = self._raster(predictor.name)
        if isinstance(raster, StoredFeature):
            return stored_means(raster, self._columns, known, self._months, windows)
        return means_by_window(
            raster[:, slice(None) if self._columns is None else self._columns],
            known,
            self._months,
            windows,
        )


def _source(predictor: Predictor) -> tuple:
    """What lags and means are computed from: a raster, or the difference of two."""
    return tuple(predictor.difference or [predictor.name])


def _flat(band: Feature) -> Feature:
    """A band as one row of a table of pixels."""
    if isinstance(band, StoredFeature):
        return band._replace(stored=np.ascontiguousarray(band.stored).reshape(1, -1))
    return np.ascontiguousarray(band, dtype=np.float32).reshape(1, -1)


def _stack(bands: list[Feature]) -> Feature:
    """Bands as rows of a table of pixels, as they are stored if all are stored alike."""
    stored = [band for band in bands if isinstance(band, StoredFeature)]
    if stored and len({band[1:] for band in stored}) == 1:
        empty = np.full(stored[0].stored.shape, stored[0].nodata, dtype=np.int16)
        if all(isinstance(band, StoredFeature) or np.isnan(band).all() for band in bands):
            arrays = [band.stored if isinstance(band, StoredFeature) else empty for band in bands]
            return stored[0]._replace(stored=np.stack(arrays).reshape(len(bands), -1))
    return np.stack([feature_values(band) for band in bands]).reshape(len(bands), -1)


def _subtract(one: Feature, other: Feature, columns: np.ndarray | None) -> np.ndarray:
    """The difference of two variables at some pixels, float32, shape (bands, pixels)."""
    kernel = _kernel()
    if kernel and isinstance(one, StoredFeature) and isinstance(other, StoredFeature):
        pixels = one.stored.shape[1] if columns is None else columns.size
        values = np.empty((len(one.stored), pixels), dtype=np.float32)
        numbers = [
            (np.float32(each.scale), np.float32(each.offset), np.int16(each.nodata))
            for each in (one, other)
        ]
        kernel.differences(one.stored, numbers[0], other.stored, numbers[1], columns, values)
        return values
    where = (slice(None), slice(None) if columns is None else columns)
    return np.subtract(*(feature_values(take_rows(each, where)) for each in (one, other)))
