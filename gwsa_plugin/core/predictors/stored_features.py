"""Features for predictions: one array each, float32 or int16 as rasters store it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Union

import numpy as np


class StoredFeature(NamedTuple):
    """A feature as rasters store it.

    Parameters
    ----------
    stored : numpy.ndarray of int16
        Stored numbers, shape (rows,). The value is ``stored * scale + offset`` in float32.
    scale, offset : float
        Scale and offset of the numbers.
    nodata : int
        Stored number that means no value.
    """

    stored: np.ndarray
    scale: float
    offset: float
    nodata: int

    def values(self) -> np.ndarray:
        """Return the values, float32, NaN for no value."""
        values = self.stored.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        values[self.stored == self.nodata] = np.nan
        return values


# A feature: float32 with NaN for no value, or as it is stored.
Feature = Union[np.ndarray, StoredFeature]


class TileFeature(NamedTuple):
    """A feature in some months.

    Parameters
    ----------
    values : Feature
        Its values, C-contiguous, shape (bands, columns).
    bands : numpy.ndarray of int, shape (months,) or (1,)
        Band of each month; a single one for a feature that is the same in all months.
    columns : numpy.ndarray of int32, shape (rows,), or None
        Column of each row that is predicted, ascending; None for all columns in their order.
    """

    values: Feature
    bands: np.ndarray
    columns: np.ndarray | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        if self.columns is not None:
            return self.columns.size
        values = self.values
        return (values.stored if isinstance(values, StoredFeature) else values).shape[1]

    @classmethod
    def from_rows(cls, feature: Feature) -> TileFeature:
        """Return a feature of shape (rows,) as a feature of one month."""
        band = np.zeros(1, dtype=np.int64)
        if isinstance(feature, StoredFeature):
            return cls(feature._replace(stored=np.ascontiguousarray(feature.stored)[None]), band)
        return cls(np.ascontiguousarray(feature, dtype=np.float32)[None], band)

    def month(self, number: int, rows: slice) -> np.ndarray:
        """Return the values of some rows in a month, float32, NaN for no value."""
        band = self.bands[number if self.bands.size > 1 else 0]
        columns = rows if self.columns is None else self.columns[rows]
        return feature_values(take_rows(self.values, (band, columns)))

    def select(self, months, rows: np.ndarray) -> TileFeature:
        """Return the feature in some months, any index of numpy, and rows, numbers in int32."""
        bands = self.bands[months] if self.bands.size > 1 else self.bands
        return self._replace(
            bands=bands, columns=rows if self.columns is None else self.columns[rows]
        )


def count_rows(
    features: Sequence[TileFeature], expected: int, months: int, onto: np.ndarray | None
) -> int:
    """Count the rows of features and check their shapes.

    Parameters
    ----------
    features : sequence of TileFeature
        The features.
    expected : int
        Number of features that the model takes.
    months : int
        Number of months.
    onto : numpy.ndarray or None
        Array to which predictions are added, shape (months, rows).

    Raises
    ------
    ValueError
        When the number of features is not ``expected`` or the lengths differ.
    """
    shapes: set[tuple[int, ...]] = {(months, feature.rows) for feature in features}
    shapes |= {(feature.bands.size, 0) for feature in features} - {(months, 0), (1, 0)}
    shapes |= set() if onto is None else {np.shape(onto)}
    if len(features) != expected or len(shapes) != 1:
        raise ValueError(
            f"The model takes {expected} features of one length and sums of the same length; "
            f"these are {len(features)} features of the shapes {sorted(shapes)}."
        )
    return shapes.pop()[1]


def row_blocks(rows: int, most: int) -> Iterator[slice]:
    """Yield blocks of at most ``most`` rows in order."""
    for first in range(0, rows, most):
        yield slice(first, min(first + most, rows))


def feature_table(features: Sequence[Feature]) -> np.ndarray:
    """Stack features as a table, float32, shape (rows, features), NaN for no value."""
    return np.stack([feature_values(feature) for feature in features], axis=1)


def take_rows(feature: Feature, rows) -> Feature:
    """Select rows of a feature by any index of numpy."""
    if isinstance(feature, StoredFeature):
        return feature._replace(stored=feature.stored[rows])
    return feature[rows]


def feature_values(feature: Feature) -> np.ndarray:
    """Return a feature as float32, NaN for no value."""
    if isinstance(feature, StoredFeature):
        return feature.values()
    return np.asarray(feature, dtype=np.float32)
