"""Ways to fill the gaps of monthly series: plain functions of (series, missing, options), many series at once.

``series``: float64, shape (series, months), what stands in missing months is not read; ``missing``: bool, shape
(months,), False at both ends. Result: the missing months, shape (series, missing months), in the unit of ``series``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..stats.harmonics import straight_lines, trend_and_seasons
from .red_noise import expected, fit_red_noise
from .ssa import Embedding, fill_path, has_numba

LEAST_OBSERVED = (
    24  # months: a trend and four waves have six coefficients, and seasons need two of each month
)
BATCH, SLOW_BATCH = 16, 2  # series between two looks at the cancel button, with and without numba


@dataclass(frozen=True)
class FillOptions:
    """``method``: AUTO or a key of METHODS; the rest is for SSA: window in months, number of components, where to stop.

    The window should exceed the longest gap; ``tolerance`` is rms(change)/rms(value) in the gaps. AUTO has its own
    windows and components.
    """

    method: str = "auto"
    window: int = 24
    components: int = 4
    tolerance: float = 0.01

    def for_record(self, months: int) -> FillOptions:
        """Window of at most half the record, components of at most the window."""
        window = min(self.window, months // 2)
        return replace(self, window=window, components=min(self.components, window))


def fill_series(series, missing, options: FillOptions, progress: Progress = SILENT) -> np.ndarray:
    """The missing months by one method of METHODS."""
    options = options.for_record(missing.size)
    return in_batches(
        lambda batch, progress: METHODS[options.method](batch, missing, options), series, progress
    )


def in_batches(fill, series: np.ndarray, progress: Progress = SILENT) -> np.ndarray:
    """``fill(batch, progress)`` of some series at a time, on all cores; no series may depend on its company.

    The first axis of the result are the series; ``progress`` is to be called every second or so.
    """
    size = BATCH if has_numba() else SLOW_BATCH

    def task(start):
        return lambda progress: fill(series[start : start + size], progress)

    return np.concatenate(run_all([task(start) for start in range(0, len(series), size)], progress))


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


@dataclass(frozen=True)
class Start:
    """What SSA starts from: ``model`` is added to its result, shape (series, missing months); ``series`` has a first
    guess in the missing months; ``noise`` is a variance per series, None for components that all count in full."""

    model: np.ndarray
    series: np.ndarray
    noise: np.ndarray | None = None

    def fill(self, missing, embedding: Embedding) -> np.ndarray:
        """Shape (numbers of components, series, missing months)."""
        return self.model + fill_path(self.series, missing, embedding, self.noise)


def ssa(series, missing) -> Start:
    """Singular spectrum analysis of the series less its trend, as published, the gaps starting at zero."""
    trend = trend_and_seasons(series, missing, harmonics=0)
    return Start(trend[:, missing], np.where(missing, 0.0, series - trend))


def ssa_residual(series, missing) -> Start:
    """The baseline, and singular spectrum analysis of what is left, from the red noise's mean as the first guess."""
    model, residual = _split(series, missing)
    noise = fit_red_noise(residual, missing)
    residual[:, missing] = expected(residual, missing, noise)
    return Start(model, residual, noise.white)


def _by_ssa(start):
    def fill(series, missing, options):
        embedding = Embedding.up_to(options.components, options.window, options.tolerance)
        return start(series, missing).fill(missing, embedding)[-1]

    return fill


def _split(series, missing) -> tuple[np.ndarray, np.ndarray]:
    """Trend and seasons in the missing months, and what they leave in all months."""
    model = trend_and_seasons(series, missing)
    return model[:, missing], series - model


AUTO = "auto"
BASELINE_METHOD = "harmonic"
SSA = {"ssa_residual": ssa_residual, "ssa": ssa}
METHODS = {
    "harmonic_red": harmonic_red,
    **{name: _by_ssa(start) for name, start in SSA.items()},
    "harmonic_linear": harmonic_linear,
    BASELINE_METHOD: harmonic,
}
METHOD_NAMES = {
    AUTO: "The best for each series, by cross-validation",
    "harmonic_red": "Trend and seasons, rest as red noise",
    "ssa_residual": "Trend and seasons, SSA of the rest",
    "ssa": "SSA",
    "harmonic_linear": "Trend and seasons, straight lines across the rest",
    BASELINE_METHOD: "Trend and seasons (baseline)",
}
