"""Groundwater that no predictor and no GLDAS variable contains: depletion and canals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..base.months import calendar_month, decimal_years, in_baseline
from .land import Land
from .random_fields import fractal, generator

# Wavelengths of the depletion map in pixels. The patches are half as wide.
SHORTEST = 80
LONGEST = 120
# A steep spectrum gives patches with smooth edges.
SLOPE = 4
# Quantile of the land at which the depletion rate reaches its maximum.
FULL_RATE_QUANTILE = 0.99
CANALS = 4
# Distance from a canal at which its storage falls to 1/e, pixels.
CANAL_REACH = 6.0
# Month in which the storage beside canals is largest.
CANAL_MONTH = 10


@dataclass(frozen=True)
class AddedStorage:
    """Storage with a fixed pattern.

    Parameters
    ----------
    pattern : ndarray of float32, shape (rows, columns)
        Storage at 1 km where ``series`` is 1, cm.
    series : ndarray of float64, shape (months,)
        Its factor in each month, as an anomaly to the baseline.
    """

    pattern: np.ndarray
    series: np.ndarray

    def month(self, i: int) -> np.ndarray:
        """Return the storage in month number ``i``: cm, float32, shape (rows, columns)."""
        return self.pattern * np.float32(self.series[i])


def depletion(
    land: Land, months: np.ndarray, start: np.datetime64, cm_per_year: float, seed: int
) -> AddedStorage:
    """Create storage that falls linearly from the month ``start`` to the last month.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    months : ndarray of datetime64[M], shape (months,)
        All months of the simulated truth.
    start : datetime64[M]
        Month in which depletion starts.
    cm_per_year : float
        Maximum depletion rate, cm/yr.
    seed : int
        Seed of the world.

    Returns
    -------
    AddedStorage
        Its pattern is the depletion rate in cm/yr, in smooth patches of 30 to 80 km. It is zero on
        half of the land. Its series is minus the years since the start.
    """
    field = fractal(generator(seed, "pumping"), land.grid.shape, SHORTEST, LONGEST, slope=SLOPE)
    edge, full = np.quantile(field[land.mask], [0.5, FULL_RATE_QUANTILE])
    rate = (cm_per_year * _smooth_step((field - edge) / (full - edge))).astype(np.float32)
    years = np.maximum(decimal_years(months) - decimal_years(np.array([start])), 0)
    return AddedStorage(rate, years[in_baseline(months)].mean() - years)


def canals(land: Land, months: np.ndarray, amplitude_cm: float, seed: int) -> AddedStorage:
    """Create seasonal storage beside canals, which cross the region.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    months : ndarray of datetime64[M], shape (months,)
        All months of the simulated truth.
    amplitude_cm : float
        Amplitude of the seasonal cycle at a canal, cm.
    seed : int
        Seed of the world.

    Returns
    -------
    AddedStorage
    """
    rng = generator(seed, "canals")
    rows, columns = land.grid.shape
    away = np.ones((rows, columns), dtype=bool)
    along = np.linspace(0, 1, 4 * max(rows, columns))
    for _ in range(CANALS):
        start, end = rng.uniform(0, 1, 2)
        bend = rng.uniform(-0.1, 0.1) * np.sin(2 * np.pi * along)
        position = np.clip(start + (end - start) * along + bend, 0, 1)
        path = (position * (rows - 1)).astype(int), (along * (columns - 1)).astype(int)
        away[path] = False
    distance = ndimage.distance_transform_edt(away)
    pattern = (amplitude_cm * np.exp(-distance / CANAL_REACH)).astype(np.float32)
    series = np.cos(2 * np.pi * (calendar_month(months) - CANAL_MONTH) / 12)
    return AddedStorage(pattern, series - series[in_baseline(months)].mean())


def _smooth_step(values: np.ndarray) -> np.ndarray:
    """Cubic step from 0 to 1 with zero slope at both ends."""
    values = np.clip(values, 0, 1)
    return values * values * (3 - 2 * values)
