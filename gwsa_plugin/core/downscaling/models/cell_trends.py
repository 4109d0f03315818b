"""The level and trend of each coarse cell, which GRACE tells and a model need not.

No predictor encodes pumping, and trees do not extrapolate. With the target ``anomaly`` the models explain what is left
of GWSA about each cell's level and trend. The 1 km map gets both back without a further step: the correction is linear,
and adds the smooth field whose block means are whatever of the coarse value the model leaves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..samples import Samples


class CellTrends(NamedTuple):
    """The line of each cell over the numbers of months: ``mean`` (cm) at ``middle``, ``slope`` in cm a month; coarse
    shape, all 0 where there is none."""

    mean: np.ndarray
    slope: np.ndarray
    middle: np.ndarray

    def at(self, month) -> np.ndarray:
        """cm, in the months of the numbers ``month``, as it and the fields broadcast."""
        return self.mean + self.slope * (month - self.middle)

    def of(self, samples: Samples) -> np.ndarray:
        """cm, (samples,): each one's in its month."""
        return CellTrends(*map(samples.at, self)).at(samples.month)


def fit_cell_trends(samples: Samples, known: np.ndarray, shape: tuple[int, int]) -> CellTrends:
    """The least-squares lines of the cells of a coarse grid of ``shape`` over their ``known`` samples, bool,
    (samples,); the others are not looked at. A cell with fewer than two has none."""

    def mean_of(values: np.ndarray) -> np.ndarray:
        return samples.mean_by_cell(np.where(known, values, np.nan), shape)

    middle, mean = mean_of(samples.month), mean_of(samples.target)
    time = samples.month - samples.at(middle)
    spread, together = mean_of(time**2), mean_of(time * samples.target)
    enough = spread > 0
    slope = np.divide(together, spread, out=np.zeros(shape), where=enough)
    return CellTrends(*(np.where(enough, field, 0.0) for field in (mean, slope, middle)))
