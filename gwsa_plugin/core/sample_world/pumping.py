"""Groundwater depletion in the sample world, which no predictor and no GLDAS variable contains."""

from __future__ import annotations

import numpy as np

from ..base.months import decimal_years, in_baseline
from .land import Land
from .random_fields import fractal, generator

# Wavelengths of the depletion map in pixels. The patches are half as wide.
SHORTEST = 80
LONGEST = 120
# A steep spectrum gives patches with smooth edges.
SLOPE = 4
# Quantile of the land at which the depletion rate reaches its maximum.
FULL_RATE_QUANTILE = 0.99


class GroundwaterDepletion:
    """Storage that falls linearly from the middle of the period to the last month.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    months : ndarray of datetime64[M], shape (months,)
        All months of the simulated truth.
    period : ndarray of datetime64[M]
        Months of the 1 km truth. Depletion starts in the middle of them.
    cm_per_year : float
        Maximum depletion rate, cm/yr.
    seed : int
        Seed of the world.

    Attributes
    ----------
    rate : ndarray of float32, shape (rows, columns)
        Depletion rate at 1 km, cm/yr, in smooth patches of 30 to 80 km. It is zero on half of the
        land.
    years : ndarray of float64, shape (months,)
        Time since the start of depletion in each month, as an anomaly to the baseline.
    """

    def __init__(
        self, land: Land, months: np.ndarray, period: np.ndarray, cm_per_year: float, seed: int
    ):
        rng = generator(seed, "pumping")
        field = fractal(rng, land.grid.shape, SHORTEST, LONGEST, slope=SLOPE)
        edge, full = np.quantile(field[land.mask], [0.5, FULL_RATE_QUANTILE])
        self.rate = np.float32(cm_per_year) * _smooth_step((field - edge) / (full - edge))
        since = decimal_years(months) - decimal_years(period[period.size // 2])
        years = np.maximum(since, 0)
        self.years = years - years[in_baseline(months)].mean()

    def month(self, i: int) -> np.ndarray:
        """Return the storage change in one month.

        Parameters
        ----------
        i : int
            Index into ``months``.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            cm; negative for a loss relative to the baseline.
        """
        return self.rate * np.float32(-self.years[i])


def _smooth_step(values: np.ndarray) -> np.ndarray:
    """Cubic step from 0 to 1 with zero slope at both ends."""
    values = np.clip(values, 0, 1)
    return values * values * (3 - 2 * values)
