"""Lake and glacier storage of the sample world, which GLDAS does not have."""

from __future__ import annotations

import numpy as np

from ..base.months import calendar_month, decimal_years, in_baseline
from .land import Land
from .random_fields import generator

# Standard deviation of the lake level between years and amplitude of its season, cm.
LAKE_INTERANNUAL_CM = 40.0
LAKE_SEASON_CM = 30.0
# Correlation of the lake level between consecutive months, and the month of its highest level.
LAKE_MEMORY = 0.95
LAKE_MONTH = 10
GLACIER_LOSS_CM_PER_YR = 6.0


def lake_and_glaciers(land: Land, months: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Simulate the storage of the lake and of the cells with permanent ice.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    months : ndarray of datetime64[M], shape (months,)
    seed : int
        Seed of the world.

    Returns
    -------
    dict of str to ndarray, shape (months, cell rows, cell columns)
        SWS and GLACIER, cm of water over each cell, anomalies to the baseline.
    """
    white = generator(seed, "lake").standard_normal(months.size)
    level = np.empty(months.size)
    level[0] = white[0]
    for i in range(1, months.size):
        level[i] = LAKE_MEMORY * level[i - 1] + np.sqrt(1 - LAKE_MEMORY**2) * white[i]
    level *= LAKE_INTERANNUAL_CM
    level += LAKE_SEASON_CM * np.cos(2 * np.pi * (calendar_month(months) - LAKE_MONTH) / 12)
    loss = -GLACIER_LOSS_CM_PER_YR * decimal_years(months)
    baseline = in_baseline(months)
    return {
        name: (series - series[baseline].mean())[:, None, None] * fraction
        for name, series, fraction in (
            ("SWS", level, land.lake_fraction),
            ("GLACIER", loss, land.ice_cells.astype(float)),
        )
    }
