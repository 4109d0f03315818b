"""Iterative SSA in numpy: the algorithm of ``ssa`` for many series at once.

From one iteration to the next only the gaps change, and only a little. The leading eigenvectors are
therefore not computed anew but updated: one step of orthogonal iteration with a Rayleigh-Ritz
rotation, with a few spare vectors. Their lag behind the exact eigenvectors is an error that the
outer iteration corrects like any other error in the gaps. The results agree with those of full
decompositions well within the tolerance.

References
----------
Golub & Van Loan, Matrix Computations, sections 8.2.4 and 8.7.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FIRST_STEPS = 4  # steps of orthogonal iteration from cosines to eigenvectors
SPARE = 4  # vectors beyond the largest number of components, for faster convergence
# Fraction of the variance that is added to the diagonal. It keeps every direction alive where a
# series is a pure wave.
RIDGE = 1e-10
TINY = 1e-300
DEPENDENT = 1e-12  # keeps linearly dependent vectors finite


def fill_path(start, missing, embedding, noise, max_iterations: int) -> np.ndarray:
    """Fill the missing months with each number of components, as ``ssa.fill_path`` does.

    Parameters
    ----------
    start, missing, embedding, noise
        As in ``ssa.fill_path``.
    max_iterations : int
        Limit for each number of components.

    Returns
    -------
    ndarray of float64, shape (numbers of components, series, missing months)
    """
    series = start.copy()
    gaps = np.flatnonzero(missing)
    vectors = _first_vectors(series, embedding)
    path = []
    for count in embedding.components:
        active = np.arange(len(series))
        for _ in range(max_iterations):
            if not active.size:
                break
            lagged = _lagged(series[active], embedding.window)
            values, vectors[active] = _update_eigenvectors(lagged, vectors[active])
            leading = vectors[active, :count]
            if noise is None:
                weighted = leading
            else:
                weights = _component_weights(lagged, values, count, noise[active])
                weighted = leading * weights[:, :, None]
            new = _reconstruct(gaps, lagged, leading, weighted)
            change = ((new - series[np.ix_(active, gaps)]) ** 2).sum(axis=1)
            series[np.ix_(active, gaps)] = new
            # Series whose gaps have converged take no part in the next iteration.
            active = active[change > embedding.tolerance**2 * (new**2).sum(axis=1)]
        path.append(series[:, gaps])
    return np.stack(path)


def _first_vectors(series: np.ndarray, embedding) -> np.ndarray:
    """Approximate the leading eigenvectors, as rows: shape (series, vectors, window)."""
    window = embedding.window
    count = min(window, embedding.components[-1] + SPARE)
    # Cosines of rising frequency are the first guess.
    frequency = np.pi * np.arange(count)[:, None] / window
    cosines = np.cos(frequency * (np.arange(window) + 0.5)) * np.sqrt(2 / window)
    cosines[0] *= np.sqrt(0.5)
    lagged = _lagged(series, window)
    vectors = np.repeat(cosines[None], len(series), axis=0)
    for _ in range(FIRST_STEPS):
        _, vectors = _update_eigenvectors(lagged, vectors)
    return vectors


def _lagged(series: np.ndarray, window: int) -> np.ndarray:
    """Return the lagged series, shape (series, window, starts)."""
    starts = series.shape[1] - window + 1
    # The copy is contiguous: numpy multiplies the view without BLAS, ten times as slowly.
    return np.ascontiguousarray(sliding_window_view(series, starts, axis=1))


def _update_eigenvectors(lagged: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest eigenvalues, in descending order, and the vectors after one step.

    The covariance is a sum over the windows. Multiplying by the lagged series twice is faster than
    computing it.
    """
    work = (vectors @ lagged) @ _transposed(lagged)
    work += RIDGE * (lagged[:, :1] ** 2).sum(axis=2, keepdims=True) * vectors
    # Rayleigh-Ritz: diagonalise the covariance within the span of the vectors. It is symmetric and
    # not negative, so that its singular values are its eigenvalues. OpenBLAS wakes threads for
    # eigh even of such small matrices, and they wait for those that work on other series.
    _, values, rotation = np.linalg.svd(work @ _transposed(vectors))
    # ``work`` is vectors times covariance: rotating it applies the power step as well.
    return values, _orthonormalised(rotation @ work)


def _orthonormalised(vectors: np.ndarray) -> np.ndarray:
    """Orthonormalise rows by the Cholesky factor of their products, the first rows first."""
    vectors = vectors / (np.sqrt((vectors**2).sum(axis=2, keepdims=True)) + TINY)
    products = vectors @ _transposed(vectors)
    factor = np.linalg.cholesky(products + DEPENDENT * np.eye(vectors.shape[1]))
    # Forward substitution: each vector is reduced by the finished vectors before it.
    for i in range(vectors.shape[1]):
        vectors[:, i] -= (factor[:, i : i + 1, :i] @ vectors[:, :i])[:, 0]
        vectors[:, i] /= factor[:, i, i, None]
    return vectors


def _component_weights(
    lagged: np.ndarray, values: np.ndarray, count: int, noise: np.ndarray
) -> np.ndarray:
    """Return the fraction of each leading eigenvalue above the noise, shape (series, count)."""
    _, window, starts = lagged.shape
    leading = values[:, :count]
    rest = np.einsum("nij,nij->n", lagged, lagged) - leading.sum(axis=1)
    # The covariance is a sum over the windows, not a mean; the noise is scaled alike.
    floor = np.maximum(noise * starts, rest / (window - count) if count < window else 0.0)
    return np.clip(1 - floor[:, None] / np.maximum(leading, TINY), 0, 1)


def _reconstruct(
    gaps: np.ndarray, lagged: np.ndarray, leading: np.ndarray, weighted: np.ndarray
) -> np.ndarray:
    """Reconstruct the gaps from the leading components, shape (series, gaps).

    The value of a month is the mean over the windows that contain it.
    """
    _, window, starts = lagged.shape
    windows = _transposed(weighted) @ (leading @ lagged)
    # In the window of each start the month has the lag month - start.
    lag = np.arange(window)
    inside = (gaps[:, None] >= lag) & (gaps[:, None] - lag < starts)
    gap, lag = np.nonzero(inside)
    covering = windows[:, lag, gaps[gap] - lag]
    lengths = inside.sum(axis=1)
    return np.add.reduceat(covering, np.cumsum(lengths) - lengths, axis=1) / lengths


def _transposed(matrices: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrices, 1, 2)
