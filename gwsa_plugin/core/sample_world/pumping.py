"""Groundwater of the sample world that is pumped away for good, which no predictor and no GLDAS variable tells."""

from __future__ import annotations

import numpy as np

from ..base.months import decimal_years, in_baseline
from .land import Land
from .random_fields import fractal, generator

SHORTEST, LONGEST, SLOPE = (
    80,
    120,
    4,
)  # pixels from one patch to the next, which are half as wide; no rough edges
FULL_RATE = 0.99  # quantile of the land from which on pumping is as strong as it gets


class Drawdown:
    """Storage that falls linearly, by up to ``cm_per_year``, from the middle of ``period`` to the end of ``months``.

    ``pace``: cm a year at 1 km, float32, smooth patches of 30 to 80 km; half of the land stays untouched. ``years``:
    how long there has been pumping in each of ``months``, as an anomaly to the baseline.
    """

    def __init__(
        self, land: Land, months: np.ndarray, period: np.ndarray, cm_per_year: float, seed: int
    ):
        field = fractal(generator(seed, "pumping"), land.grid.shape, SHORTEST, LONGEST, SLOPE)
        shore, full = np.quantile(field[land.mask], [0.5, FULL_RATE])
        self.pace = np.float32(cm_per_year) * _smooth_step((field - shore) / (full - shore))
        since = decimal_years(months) - decimal_years(period[period.size // 2])
        years = np.maximum(since, 0)
        self.years = years - years[in_baseline(months)].mean()

    def month(self, i: int) -> np.ndarray:
        """Storage in cm at 1 km, float32, of the month with this number: 0 before the pumping, then less."""
        return self.pace * np.float32(-self.years[i])


def _smooth_step(share: np.ndarray) -> np.ndarray:
    """From 0 to 1 without a kink at either end."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)
