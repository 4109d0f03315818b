"""The level and trend of each coarse cell, which GRACE tells and a model need not.

No predictor encodes pumping, and trees do not extrapolate. With the target ``anomaly`` the models explain what is left
of GWSA about each cell's level and trend. The 1 km map gets both back without a further step: the correction is linear,
and adds the smooth field whose block means are whatever of the coarse value the model leaves.
"""

from __future__ import annotations

import numpy as np


def level_and_trend(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The least-squares line of each cell over its ``known`` months, at every month.

    ``values``: cm, (months, rows, columns). ``known``: bool, of that shape; values elsewhere are not looked at. Returns
    cm of that shape, 0 for a cell with fewer than two known months.
    """
    time = np.arange(len(values), dtype=np.float64)[:, None, None]
    weight = known.astype(np.float64)
    count = weight.sum(axis=0)
    enough = count >= 2
    safe = np.where(enough, count, 1.0)
    values = np.where(known, values, 0.0).astype(np.float64)
    middle, mean = (weight * time).sum(axis=0) / safe, values.sum(axis=0) / safe
    spread = (weight * (time - middle) ** 2).sum(axis=0)
    slope = (values * (time - middle)).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.where(enough, mean + slope * (time - middle), 0.0)
