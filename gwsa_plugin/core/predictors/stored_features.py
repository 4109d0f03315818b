"""What predictions are made from: one array a feature, as numbers or as rasters store them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

BLOCK = (
    32768  # rows taken at a time: some megabytes, and XGBoost's own predictor is slow with fewer
)


class StoredFeature(NamedTuple):
    """A feature as rasters store it: ``stored``, int16, (rows,), of which float32 ``stored * scale + offset`` is the
    value, and ``nodata`` a missing one."""

    stored: np.ndarray
    scale: float
    offset: float
    nodata: int

    def values(self) -> np.ndarray:
        """float32, NaN missing."""
        values = self.stored.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        values[self.stored == self.nodata] = np.nan
        return values


def count_rows(features: Sequence, expected: int, onto: np.ndarray | None) -> int:
    """How many rows there are. ValueError unless there are as many features as ``expected``, all as long, ``onto``
    too."""
    shapes = {
        np.shape(feature.stored if isinstance(feature, StoredFeature) else feature)
        for feature in features
    }
    shapes |= set() if onto is None else {np.shape(onto)}
    if len(features) != expected or len(shapes) != 1:
        raise ValueError(
            f"The model takes {expected} features of one length and sums as long; these are {len(features)} features, "
            f"of the shapes {sorted(shapes)}."
        )
    return shapes.pop()[0]


def row_blocks(features: Sequence, rows: int) -> Iterator[tuple[slice, list]]:
    """Spans of rows one after the other, and the features there."""
    for first in range(0, rows, BLOCK):
        block = slice(first, min(first + BLOCK, rows))
        yield block, [take_rows(feature, block) for feature in features]


def feature_table(features: Sequence) -> np.ndarray:
    """float32, (rows, features)."""
    return np.stack([feature_values(feature) for feature in features], axis=1)


def take_rows(feature, rows):
    """A feature at some rows: whatever numpy takes as an index."""
    return (
        feature._replace(stored=feature.stored[rows])
        if isinstance(feature, StoredFeature)
        else feature[rows]
    )


def feature_values(feature) -> np.ndarray:
    """float32, NaN missing."""
    return (
        feature.values()
        if isinstance(feature, StoredFeature)
        else np.asarray(feature, dtype=np.float32)
    )
