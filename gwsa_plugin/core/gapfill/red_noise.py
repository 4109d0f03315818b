"""What a series with a memory is expected to be where it was not observed.

The residual of trend and seasons is taken as red noise (a first-order autoregressive process, the null hypothesis of
Allen & Smith 1996, J. Climate 9:3373) seen through white noise. The missing values are its conditional mean given all
observed ones: near an observation they follow it, far from any they return to zero, that is to trend and seasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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
    result = np.zeros((residual.shape[0], np.count_nonzero(missing)))
    for memory in np.unique(noise.memory):
        values, vectors, across = _decomposed(missing.tobytes(), memory)
        alike = (noise.memory == memory) & (noise.red > 0)
        red, white = noise.red[alike, None], noise.white[alike, None]
        # Not by matrix products: BLAS would call threads of its own, which then stand in the way of ours.
        loadings = np.einsum("so,ov->sv", residual[alike][:, ~missing], vectors)
        result[alike] = np.einsum("sv,gv->sg", loadings * (red / (red * values + white)), across)
    return result


@lru_cache(maxsize=256)
def _decomposed(missing: bytes, memory: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of the correlation of the observed months, which serve every ratio of red to white
    noise, and the correlation of the missing months with the eigenvectors."""
    missing = np.frombuffer(missing, dtype=bool)
    observed, gaps = np.flatnonzero(~missing), np.flatnonzero(missing)
    values, vectors = np.linalg.eigh(np.exp(-np.abs(observed[:, None] - observed) / memory))
    across = np.exp(-np.abs(gaps[:, None] - observed) / memory) @ vectors
    return np.maximum(values, 0), vectors, across


def _autocovariances(residual: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Means of the products of observed pairs, shape (series, lags); 0 where no pair is that far apart."""
    present = (~missing).astype(float)
    values = np.where(missing, 0.0, residual)
    months = missing.size
    lags = range(min(LAGS, months // 2))
    products = [(values[:, : months - lag] * values[:, lag:]).sum(axis=1) for lag in lags]
    pairs = [max((present[: months - lag] * present[lag:]).sum(), 1) for lag in lags]
    return np.stack(products, axis=1) / np.array(pairs)
