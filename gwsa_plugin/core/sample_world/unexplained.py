"""Groundwater variability of the sample world that is independent of all predictors."""

from __future__ import annotations

import numpy as np

from ..base.months import decimal_years, in_baseline
from .random_fields import SplineGrid, generator

# Correlation length, pixels.
LENGTH_PIXELS = 7.0
# Correlation between consecutive months.
MEMORY = 0.85
TREND_PER_YEAR = 0.08


class UnexplainedStorage:
    """Random storage with short correlation length, persistence and a local linear trend.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns at 1 km.
    months : ndarray of datetime64[M], shape (months,)
        All months of the simulated truth.
    seed : int
        Seed of the world.
    """

    def __init__(self, shape: tuple[int, int], months: np.ndarray, seed: int):
        self._spline = SplineGrid(shape, 3)
        rng = generator(seed, "unexplained")
        self._nodes = self._spline.random_series(rng, months.size, LENGTH_PIXELS, memory=MEMORY)
        trend = self._spline.random_series(rng, 1, 1.5 * LENGTH_PIXELS)[0]
        years = decimal_years(months) - decimal_years(months[:1])
        self._nodes += (TREND_PER_YEAR * years)[:, None, None].astype(np.float32) * trend
        self._nodes -= self._nodes[in_baseline(months)].mean(axis=0)

    def month(self, i: int) -> np.ndarray:
        """Return the field of month number ``i``.

        Parameters
        ----------
        i : int
            Index into ``months``.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            In units of the monthly standard deviation; the mean over the baseline is zero.
        """
        return self._spline.interpolate(self._nodes[i])
