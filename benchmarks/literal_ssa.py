"""Plain SSA gap filling of one series, with a full singular value decomposition per iteration."""

from __future__ import annotations

import numpy as np

from gwsa.gwsa_plugin.core.gapfill.ssa import MAX_ITERATIONS, Embedding


def literal_path(
    series: np.ndarray, missing: np.ndarray, embedding: Embedding, noise: float | None = None
) -> list[np.ndarray]:
    """Fill the gaps with each number of components, as ``ssa.fill_path`` does.

    Parameters
    ----------
    series : ndarray of float64, shape (months,)
    missing : ndarray of bool, shape (months,)
    embedding : Embedding
    noise : float, optional
        Noise variance.

    Returns
    -------
    list of ndarray of float64, shape (missing months,)
    """
    series = series.copy()
    path = []
    for count in embedding.components:
        for _ in range(MAX_ITERATIONS):
            new = _reconstruct(series, embedding.window, count, noise)[missing]
            change = np.sum((new - series[missing]) ** 2)
            series[missing] = new
            if change <= embedding.tolerance**2 * np.sum(new**2):
                break
        path.append(new)
    return path


def _reconstruct(series: np.ndarray, window: int, count: int, noise: float | None) -> np.ndarray:
    trajectory = np.lib.stride_tricks.sliding_window_view(series, window)
    left, sizes, right = np.linalg.svd(trajectory, full_matrices=False)
    weights = np.ones(count)
    if noise is not None:
        eigenvalues = sizes**2 / len(trajectory)
        floor = max(noise, eigenvalues[count:].sum() / max(window - count, 1))
        weights = np.clip(1 - floor / eigenvalues[:count], 0, 1)
    windows = (left[:, :count] * sizes[:count] * weights) @ right[:count]
    total = np.zeros(series.size)
    overlaps = np.zeros(series.size)
    for lag in range(window):
        total[lag : lag + len(windows)] += windows[:, lag]
        overlaps[lag : lag + len(windows)] += 1
    return total / overlaps
