"""What a series with a memory is expected to be where it was not observed.

The residual of trend and seasons is taken as red noise (a first-order autoregressive process, the null hypothesis of
Allen & Smith 1996, J. Climate 9:3373) seen through white noise. The missing values are its conditional mean given all
observed ones: near an observation they follow it, far from any they return to zero, that is to trend and seasons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MEMORIES = np.array([1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 36, 60.0])
LAGS = 24
LEAST_NOISE = 1e-3  # of the variance; keeps the equations solvable


@dataclass(frozen=True)
class RedNoise:
    """Each of shape (series,): variances of the red and the white part, and the months in which memory falls to 1/e."""

    red: np.ndarray
    white: np.ndarray
    memory: np.ndarray


def fit_red_noise(residual: np.ndarray, missing: np.ndarray) -> RedNoise:
    """Red and white noise by least squares on the autocovariances at lags of 1 to 23 months.

    ``residual``: float64, shape (series, months), of mean zero; ``missing``: bool, shape (months,).
    """
    covariance = _autocovariances(residual, missing)
    lags = np.arange(1, covariance.shape[1])
    shapes = np.exp(-lags / MEMORIES[:, None])
    red = np.maximum(covariance[:, 1:] @ shapes.T / (shapes**2).sum(axis=1), 0)
    misfit = ((covariance[:, None, 1:] - red[:, :, None] * shapes) ** 2).sum(axis=2)
    best = misfit.argmin(axis=1)
    total = covariance[:, 0]
    red = np.minimum(red[np.arange(best.size), best], total)
    return RedNoise(red, np.maximum(total - red, LEAST_NOISE * total), MEMORIES[best])


def expected(residual: np.ndarray, missing: np.ndarray, noise: RedNoise) -> np.ndarray:
    """The conditional mean of the missing months: shape (series, missing months), in the unit of ``residual``."""
    observed, gaps = np.flatnonzero(~missing), np.flatnonzero(missing)
    apart, across = np.abs(observed[:, None] - observed), np.abs(gaps[:, None] - observed)
    result = np.zeros((residual.shape[0], gaps.size))
    for memory in np.unique(noise.memory):
        # One eigendecomposition serves every ratio of red to white noise.
        values, vectors = np.linalg.eigh(np.exp(-apart / memory))
        alike = (noise.memory == memory) & (noise.red > 0)
        red, white = noise.red[alike, None], noise.white[alike, None]
        loadings = residual[alike][:, observed] @ vectors * (red / (red * np.maximum(values, 0) + white))
        result[alike] = loadings @ (np.exp(-across / memory) @ vectors).T
    return result


def _autocovariances(residual: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Means of the products of observed pairs, shape (series, lags); 0 where no pair is that far apart."""
    present = (~missing).astype(float)
    values = np.where(missing, 0.0, residual)
    months = missing.size
    lags = range(min(LAGS, months // 2))
    products = [(values[:, : months - lag] * values[:, lag:]).sum(axis=1) for lag in lags]
    pairs = [max((present[: months - lag] * present[lag:]).sum(), 1) for lag in lags]
    return np.stack(products, axis=1) / np.array(pairs)
