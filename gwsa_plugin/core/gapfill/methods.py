"""Methods that fill the gaps of monthly series: functions of (series, missing, options).

``series`` is a float64 array of shape (series, months); its values in missing months are ignored.
``missing`` is a bool array of shape (months,), False at both ends. The result has the values of the
missing months, shape (series, missing months), in the unit of ``series``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..stats.harmonics import straight_lines, trend_and_seasons
from .red_noise import conditional_mean, fit_red_noise
from .ssa import Embedding, fill_path

# Months: a trend and two waves have six coefficients, and each calendar month should occur twice.
MIN_OBSERVED = 24
# Series between two checks for cancellation.
BATCH = 16


@dataclass(frozen=True)
class FillOptions:
    """Options of gap filling.

    Parameters
    ----------
    method : str
        AUTO or a key of METHODS. AUTO tries windows and components of its own.
    window : int
        SSA window in months; it should exceed the longest gap.
    components : int
        Number of SSA components.
    tolerance : float
        SSA stops when rms(change) / rms(value) in the gaps is at most this value.
    """

    method: str = "auto"
    window: int = 24
    components: int = 4
    tolerance: float = 0.01

    def for_record(self, months: int) -> FillOptions:
        """Limit the window to half of a record of ``months``, and the components to the window."""
        window = min(self.window, months // 2)
        return replace(self, window=window, components=min(self.components, window))


def fill_series(
    series: np.ndarray, missing: np.ndarray, options: FillOptions, progress: Progress = SILENT
) -> np.ndarray:
    """Fill the missing months by one method of METHODS.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)
        False at both ends.
    options : FillOptions
    progress : Progress, optional

    Returns
    -------
    ndarray of float64, shape (series, missing months)
    """
    options = options.for_record(missing.size)

    def fill(batch, progress):
        return METHODS[options.method](batch, missing, options)

    return map_batches(fill, series, progress)


def map_batches(
    function: Callable[[np.ndarray, Progress], np.ndarray],
    series: np.ndarray,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Apply a function to batches of series, on all cores.

    Parameters
    ----------
    function : callable (batch, progress) -> ndarray of shape (series of the batch, ...)
        The result for a series must not depend on the other series of its batch. A function that
        takes long calls ``progress`` about once a second.
    series : ndarray, shape (series, ...)
    progress : Progress, optional

    Returns
    -------
    ndarray, shape (series, ...)
    """

    def task(start):
        return lambda progress: function(series[start : start + BATCH], progress)

    starts = range(0, len(series), BATCH)
    return np.concatenate(run_all([task(start) for start in starts], progress))


def harmonic(series: np.ndarray, missing: np.ndarray, options: FillOptions) -> np.ndarray:
    """Fill with trend, annual and semi-annual waves: the reference for the other methods."""
    return trend_and_seasons(series, missing)[:, missing]


def harmonic_linear(series: np.ndarray, missing: np.ndarray, options: FillOptions) -> np.ndarray:
    """Fill with trend and seasons plus a linear interpolation of their residual."""
    model, residual = _split(series, missing)
    return model + straight_lines(residual, missing)


def harmonic_red(series: np.ndarray, missing: np.ndarray, options: FillOptions) -> np.ndarray:
    """Fill with trend and seasons plus the conditional mean of their residual as red noise."""
    model, residual = _split(series, missing)
    return model + conditional_mean(residual, missing, fit_red_noise(residual, missing))


@dataclass(frozen=True)
class SsaStart:
    """Start of SSA.

    Parameters
    ----------
    model : ndarray of float64, shape (series, missing months)
        Added to the result of SSA.
    series : ndarray of float64, shape (series, months)
        Series less the model, with a first guess in the missing months.
    noise : ndarray of float64, shape (series,), optional
        Noise variances; None leaves the components unweighted.
    """

    model: np.ndarray
    series: np.ndarray
    noise: np.ndarray | None = None

    def fill(self, missing: np.ndarray, embedding: Embedding) -> np.ndarray:
        """Return the missing months, shape (numbers of components, series, missing months)."""
        return self.model + fill_path(self.series, missing, embedding, self.noise)


def ssa(series: np.ndarray, missing: np.ndarray) -> SsaStart:
    """Start SSA of the detrended series, with zero in the gaps, as published."""
    trend = trend_and_seasons(series, missing, harmonics=0)
    return SsaStart(trend[:, missing], np.where(missing, 0.0, series - trend))


def ssa_residual(series: np.ndarray, missing: np.ndarray) -> SsaStart:
    """Start SSA of the residual of trend and seasons, with its conditional mean in the gaps."""
    model, residual = _split(series, missing)
    noise = fit_red_noise(residual, missing)
    residual[:, missing] = conditional_mean(residual, missing, noise)
    return SsaStart(model, residual, noise.white)


def _ssa_method(start: Callable[[np.ndarray, np.ndarray], SsaStart]):
    """Make a method of METHODS from a start of SSA."""

    def fill(series, missing, options):
        embedding = Embedding.up_to(options.components, options.window, options.tolerance)
        return start(series, missing).fill(missing, embedding)[-1]

    return fill


def _split(series, missing) -> tuple[np.ndarray, np.ndarray]:
    """Return trend and seasons in the missing months, and the residual in all months."""
    model = trend_and_seasons(series, missing)
    return model[:, missing], series - model


AUTO = "auto"
BASELINE_METHOD = "harmonic"
SSA = {"ssa_residual": ssa_residual, "ssa": ssa}
METHODS = {
    "harmonic_red": harmonic_red,
    **{name: _ssa_method(start) for name, start in SSA.items()},
    "harmonic_linear": harmonic_linear,
    BASELINE_METHOD: harmonic,
}
METHOD_NAMES = {
    AUTO: "Best method for each series, by cross-validation",
    "harmonic_red": "Trend and seasons, residual as red noise",
    "ssa_residual": "Trend and seasons, SSA of the residual",
    "ssa": "SSA",
    "harmonic_linear": "Trend and seasons, linear interpolation of the residual",
    BASELINE_METHOD: "Trend and seasons (reference)",
}
