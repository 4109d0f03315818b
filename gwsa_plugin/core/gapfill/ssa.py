"""Iterative singular spectrum analysis (SSA) of series with gaps, many series at once.

The method is that of Kondrashov & Ghil (2006), which Yi & Sneeuw (2021) applied to GRACE. The gaps
get a first guess. The series is reconstructed from the leading eigenvectors of its lagged
covariance, and the gaps alone take the reconstructed values. This is repeated until the gaps
converge. A gap keeps its true length: no months are cut out, so the phase of a wave is preserved.

There are two implementations. ``fill_path_numpy`` in this module decomposes the covariance in every
iteration. ``ssa_numba`` is many times faster and is used where numba is installed.

References
----------
Kondrashov & Ghil (2006), Nonlin. Processes Geophys. 13, 151-159.
Yi & Sneeuw (2021), J. Geophys. Res. Solid Earth 126, e2020JB021227.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..compute.numba_modules import load_numba_module

MAX_ITERATIONS = 300  # for each number of components
COMPONENT_STEPS = (1, 2, 4, 6, 8, 10, 12)  # numbers of components, each started from the one before
_numba_module = partial(load_numba_module, "gapfill.ssa_numba")


@dataclass(frozen=True)
class Embedding:
    """Settings of SSA.

    Parameters
    ----------
    window : int
        Length of the lagged windows, in months.
    components : tuple of int
        Increasing numbers of leading components; each one is iterated to convergence.
    tolerance : float
        The iteration stops when rms(change in the gaps) / rms(gaps) is at most this value.
    """

    window: int
    components: tuple[int, ...]
    tolerance: float

    @classmethod
    def up_to(cls, components: int, window: int, tolerance: float) -> Embedding:
        """Return the embedding that grows to ``components`` in the steps of COMPONENT_STEPS.

        Embeddings with more components pass through the same steps, so that one path serves a
        grid of numbers of components.
        """
        smaller = [step for step in COMPONENT_STEPS if step < components]
        return cls(window, (*smaller, components), tolerance)


def fill_path(
    start: np.ndarray, missing: np.ndarray, embedding: Embedding, noise: np.ndarray | None = None
) -> np.ndarray:
    """Fill the missing months with each number of components.

    Each number of components starts from the result of the one before.

    Parameters
    ----------
    start : ndarray of float64, shape (series, months)
        Series without their mean (and trend), with a first guess in the missing months.
    missing : ndarray of bool, shape (months,)
    embedding : Embedding
    noise : ndarray of float64, shape (series,), optional
        Noise variance of each series. With it, component k of eigenvalue l has the weight
        max(0, 1 - n / l), where n is the larger of the noise variance and the mean of the
        eigenvalues that are left out (regularised iterative PCA). Without it all components have
        the weight 1, and too many of them fit noise.

    Returns
    -------
    ndarray of float64, shape (numbers of components, series, missing months)

    References
    ----------
    Josse & Husson (2012), J. Soc. Fr. Stat. 153, 79-99 (the weights).
    """
    numba_module = _numba_module()
    if numba_module is None:
        return fill_path_numpy(start, missing, embedding, noise)
    return numba_module.fill_path(start, missing, embedding, noise, MAX_ITERATIONS)


def has_numba() -> bool:
    """Return True if the fast implementation can be used."""
    return _numba_module() is not None


def fill_path_numpy(
    start: np.ndarray, missing: np.ndarray, embedding: Embedding, noise: np.ndarray | None = None
) -> np.ndarray:
    """Fill the missing months as ``fill_path`` does, by full eigendecompositions in numpy.

    This is the reference implementation, against which ``ssa_numba`` is tested. Parameters and
    result are those of ``fill_path``.
    """
    filled = start.copy()
    path = []
    for count in embedding.components:
        filled = _iterate(filled, missing, embedding, count, noise)
        path.append(filled[:, missing])
    return np.stack(path)


def _iterate(filled, missing, embedding: Embedding, count: int, noise) -> np.ndarray:
    """Reconstruct the gaps of each series from ``count`` components until they converge."""
    filled = filled.copy()
    active = np.arange(filled.shape[0])
    for _ in range(MAX_ITERATIONS):
        if not active.size:
            break
        old = filled[active][:, missing]
        active_noise = None if noise is None else noise[active]
        new = _reconstruct(filled[active], embedding.window, count, active_noise)[:, missing]
        filled[np.ix_(active, missing)] = new
        # Series whose gaps have converged take no part in the next iteration.
        change = ((new - old) ** 2).sum(axis=1)
        size = (new**2).sum(axis=1)
        active = active[change > embedding.tolerance**2 * size]
    return filled


def _reconstruct(series: np.ndarray, window: int, count: int, noise) -> np.ndarray:
    """Reconstruct series (series, months) from their leading components by diagonal averaging."""
    months = series.shape[1]
    starts = months - window + 1
    # The copy is contiguous: numpy multiplies the view without BLAS, ten times as slowly.
    lagged = np.ascontiguousarray(sliding_window_view(series, starts, axis=1))
    values, vectors = np.linalg.eigh(lagged @ np.swapaxes(lagged, 1, 2) / starts)
    vectors = np.ascontiguousarray(vectors[:, :, -count:])
    if noise is None:
        weights = np.ones((series.shape[0], count))
    else:
        weights = _component_weights(values, count, noise)
    windows = (vectors * weights[:, None, :]) @ (np.swapaxes(vectors, 1, 2) @ lagged)
    total = np.zeros(series.shape)
    overlaps = np.zeros(months)
    for lag in range(window):
        # Row ``lag`` of the windows holds the months lag, lag + 1, ...
        total[:, lag : lag + starts] += windows[:, lag]
        overlaps[lag : lag + starts] += 1
    return total / overlaps


def _component_weights(eigenvalues: np.ndarray, count: int, noise: np.ndarray) -> np.ndarray:
    """Return the fraction of each leading eigenvalue above the noise, shape (series, count)."""
    rest, leading = np.split(eigenvalues, [-count], axis=1)
    floor = np.maximum(noise, rest.mean(axis=1) if rest.shape[1] else 0.0)[:, None]
    return np.clip(1 - floor / np.maximum(leading, np.finfo(float).tiny), 0, 1)
