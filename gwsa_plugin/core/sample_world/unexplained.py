"""The part of the sample world's groundwater that no predictor tells anything about."""

from __future__ import annotations

import numpy as np

from ..base.months import decimal_years, in_baseline
from .random_fields import Lattice, generator

LENGTH_PIXELS = 7.0
MEMORY = 0.85
TREND_PER_YEAR = 0.08


class Unexplained:
    """Storage that comes and goes within a few kilometres, remembers itself, and drifts on its own.

    ``month(i)``: float32 at 1 km in units of its own monthly standard deviation, mean zero over the baseline.
    """

    def __init__(self, shape, months: np.ndarray, seed: int):
        self._lattice = Lattice(shape, 3)
        rng = generator(seed, "unexplained")
        self._nodes = self._lattice.evolving(rng, months.size, LENGTH_PIXELS, MEMORY)
        drift = self._lattice.evolving(rng, 1, 1.5 * LENGTH_PIXELS)[0]
        years = decimal_years(months) - decimal_years(months[:1])
        self._nodes += (TREND_PER_YEAR * years)[:, None, None].astype(np.float32) * drift
        self._nodes -= self._nodes[in_baseline(months)].mean(axis=0)

    def month(self, i: int) -> np.ndarray:
        return self._lattice.refine(self._nodes[i])
