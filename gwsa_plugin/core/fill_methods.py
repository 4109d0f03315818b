"""Ways to fill the gaps of monthly series: plain functions of (series, missing, options), many series at once.

``series``: float64, shape (series, months), what stands in missing months is not read; ``missing``: bool, shape
(months,), False at both ends. Result: the missing months, shape (series, missing months), in the unit of ``series``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .harmonics import straight_lines, trend_and_seasons
from .progress import SILENT, Progress
from .red_noise import expected, fit_red_noise
from .ssa import fill_above_noise, fill_path

LEAST_OBSERVED = 24  # months: a trend and four waves have six coefficients, and seasons need two of each month
BATCH = 128  # series between two looks at the cancel button


@dataclass(frozen=True)
class FillOptions:
    """``method``: a key of METHODS; the rest is for SSA: window in months, number of components, where to stop.

    The window should exceed the longest gap; ``tolerance`` is rms(change)/rms(value) in the gaps.
    """

    method: str = "harmonic_red"
    window: int = 24
    components: int = 4
    tolerance: float = 0.01

    def for_record(self, months: int) -> FillOptions:
        """Window of at most half the record, components of at most the window."""
        window = min(self.window, months // 2)
        return replace(self, window=window, components=min(self.components, window))


def fill_series(series, missing, options: FillOptions, progress: Progress = SILENT) -> np.ndarray:
    """The missing months by the method of ``options``, batch by batch."""
    options = options.for_record(missing.size)
    filled = np.empty((series.shape[0], missing.sum()))
    for start in range(0, series.shape[0], BATCH):
        progress.advance(start / series.shape[0])
        batch = slice(start, start + BATCH)
        filled[batch] = METHODS[options.method](series[batch], missing, options)
    return filled


def harmonic(series, missing, options) -> np.ndarray:
    """Trend, annual and semi-annual waves: the baseline that a better method has to beat."""
    return trend_and_seasons(series, missing)[:, missing]


def harmonic_linear(series, missing, options) -> np.ndarray:
    """The baseline, and straight lines across the gaps of what is left."""
    model, residual = _split(series, missing)
    return model + straight_lines(residual, missing)


def harmonic_red(series, missing, options) -> np.ndarray:
    """The baseline, and the conditional mean of what is left as red noise."""
    model, residual = _split(series, missing)
    return model + expected(residual, missing, fit_red_noise(residual, missing))


def ssa(series, missing, options) -> np.ndarray:
    """Singular spectrum analysis of the series less its trend, as published: see ``ssa.fill_path``."""
    trend = trend_and_seasons(series, missing, harmonics=0)
    path = fill_path(series - trend, missing, options.window, options.components, options.tolerance)
    return trend[:, missing] + path[-1]


def ssa_residual(series, missing, options) -> np.ndarray:
    """The baseline, and singular spectrum analysis of what is left, from the red noise's mean as the first guess."""
    model, residual = _split(series, missing)
    noise = fit_red_noise(residual, missing)
    residual[:, missing] = expected(residual, missing, noise)
    settings = options.window, options.components, options.tolerance
    return model + fill_above_noise(residual, missing, noise.white, *settings)


def _split(series, missing) -> tuple[np.ndarray, np.ndarray]:
    """Trend and seasons in the missing months, and what they leave in all months."""
    model = trend_and_seasons(series, missing)
    return model[:, missing], series - model


METHODS = {
    "harmonic_red": harmonic_red,
    "ssa_residual": ssa_residual,
    "ssa": ssa,
    "harmonic_linear": harmonic_linear,
    "harmonic": harmonic,
}
METHOD_NAMES = {
    "harmonic_red": "Trend and seasons, rest as red noise",
    "ssa_residual": "Trend and seasons, SSA of the rest",
    "ssa": "SSA",
    "harmonic_linear": "Trend and seasons, straight lines across the rest",
    "harmonic": "Trend and seasons (baseline)",
}
BASELINE_METHOD = "harmonic"
