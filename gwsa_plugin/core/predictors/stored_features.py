"""Features for predictions: one array each, float32 or int16 as rasters store it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Union

import numpy as np

# Rows that are processed at a time: some megabytes. XGBoost's predictor is slow with fewer.
BLOCK = 32768


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


def count_rows(features: Sequence[Feature], expected: int, onto: np.ndarray | None) -> int:
    """Count the rows of a table of features and check its shape.

    Parameters
    ----------
    features : sequence of Feature
        One array per feature, each of shape (rows,).
    expected : int
        Number of features that the model takes.
    onto : numpy.ndarray or None
        Array to which predictions are added, shape (rows,).

    Raises
    ------
    ValueError
        When the number of features is not ``expected`` or the lengths differ.
    """
    shapes = {
        np.shape(feature.stored if isinstance(feature, StoredFeature) else feature)
        for feature in features
    }
    shapes |= set() if onto is None else {np.shape(onto)}
    if len(features) != expected or len(shapes) != 1:
        raise ValueError(
            f"The model takes {expected} features of one length and sums of the same length; "
            f"these are {len(features)} features of the shapes {sorted(shapes)}."
        )
    return shapes.pop()[0]


def row_blocks(features: Sequence[Feature], rows: int) -> Iterator[tuple[slice, list[Feature]]]:
    """Yield blocks of rows in order: their slice and the features in them."""
    for first in range(0, rows, BLOCK):
        block = slice(first, min(first + BLOCK, rows))
        yield block, [take_rows(feature, block) for feature in features]


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
