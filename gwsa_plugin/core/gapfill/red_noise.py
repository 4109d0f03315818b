"""Conditional mean of red noise in the missing months of a series.

The residual of trend and seasons is modelled as red noise (a first-order autoregressive process,
the null hypothesis of Allen & Smith 1996) plus white noise. The missing values are its conditional
mean given all observed values. Near an observation they follow it; far from any observation they
return to zero, that is to trend and seasons.

References
----------
Allen & Smith (1996), J. Climate 9, 3373-3404.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MEMORIES = np.array([1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 36, 60.0])  # months, the grid of the fit
LAGS = 24
MIN_WHITE_FRACTION = 1e-3  # of the variance; keeps the equations solvable


@dataclass(frozen=True)
class RedNoise:
    """Red plus white noise of several series.

    Parameters
    ----------
    red, white : ndarray of float64, shape (series,)
        Variances of the two parts, in the squared unit of the series.
    memory : ndarray of float64, shape (series,)
        Months in which the autocorrelation of the red part falls to 1/e.
    """

    red: np.ndarray
    white: np.ndarray
    memory: np.ndarray


def fit_red_noise(residual: np.ndarray, missing: np.ndarray) -> RedNoise:
    """Fit red and white noise to the autocovariances at lags of 1 to 23 months by least squares.

    Parameters
    ----------
    residual : ndarray of float64, shape (series, months)
        Series of mean zero. Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)

    Returns
    -------
    RedNoise
        The memory is one of MEMORIES. The red variance is at most the total variance.
    """
    covariance = _autocovariances(residual, missing)
    lags = np.arange(1, covariance.shape[1])
    shapes = np.exp(-lags / MEMORIES[:, None])
    # For each memory the best variance is a projection; the memory of least misfit is taken.
    red = np.maximum(covariance[:, 1:] @ shapes.T / (shapes**2).sum(axis=1), 0)
    misfit = ((covariance[:, None, 1:] - red[:, :, None] * shapes) ** 2).sum(axis=2)
    best = misfit.argmin(axis=1)
    total = covariance[:, 0]
    red = np.minimum(red[np.arange(best.size), best], total)
    return RedNoise(red, np.maximum(total - red, MIN_WHITE_FRACTION * total), MEMORIES[best])


def conditional_mean(residual: np.ndarray, missing: np.ndarray, noise: RedNoise) -> np.ndarray:
    """Return the expected values of the missing months given the observed ones.

    Parameters
    ----------
    residual : ndarray of float64, shape (series, months)
        Series of mean zero. Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)
    noise : RedNoise

    Returns
    -------
    ndarray of float64, shape (series, missing months)
        In the unit of ``residual``.
    """
    result = np.zeros((residual.shape[0], np.count_nonzero(missing)))
    for memory in np.unique(noise.memory):
        values, vectors, across = _decompose_correlation(missing.tobytes(), memory)
        same = (noise.memory == memory) & (noise.red > 0)
        red = noise.red[same, None]
        white = noise.white[same, None]
        # einsum, because for matrix products BLAS starts threads that compete with ours.
        loadings = np.einsum("so,ov->sv", residual[same][:, ~missing], vectors)
        result[same] = np.einsum("sv,gv->sg", loadings * (red / (red * values + white)), across)
    return result


@lru_cache(maxsize=256)
def _decompose_correlation(mask: bytes, memory: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decompose the correlation of the observed months, which serves every ratio of red to white.

    Returns its eigenvalues (observed,), its eigenvectors (observed, observed), and the correlation
    of the missing months with the eigenvectors (missing, observed).
    """
    missing = np.frombuffer(mask, dtype=bool)
    observed = np.flatnonzero(~missing)
    gaps = np.flatnonzero(missing)
    values, vectors = np.linalg.eigh(np.exp(-np.abs(observed[:, None] - observed) / memory))
    across = np.exp(-np.abs(gaps[:, None] - observed) / memory) @ vectors
    return np.maximum(values, 0), vectors, across


def _autocovariances(residual: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return the mean product of observed pairs, shape (series, lags); 0 without pairs."""
    present = (~missing).astype(float)
    values = np.where(missing, 0.0, residual)
    months = missing.size
    lags = range(min(LAGS, months // 2))
    products = [(values[:, : months - lag] * values[:, lag:]).sum(axis=1) for lag in lags]
    pairs = [max((present[: months - lag] * present[lag:]).sum(), 1) for lag in lags]
    return np.stack(products, axis=1) / np.array(pairs)
