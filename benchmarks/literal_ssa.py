"""SSA gap filling as one would write it down: a series, and the full singular value decomposition in every pass."""

from __future__ import annotations

import numpy as np

from gwsa.gwsa_plugin.core.gapfill.ssa import MOST_ITERATIONS, Embedding


def literal_path(
    series: np.ndarray, missing: np.ndarray, embedding: Embedding, noise=None
) -> list[np.ndarray]:
    """As ``ssa.fill_path`` of one series, (months,), and a variance."""
    series, path = series.copy(), []
    for count in embedding.components:
        for _ in range(MOST_ITERATIONS):
            new = _rebuilt(series, embedding.window, count, noise)[missing]
            moved, size = np.sum((new - series[missing]) ** 2), np.sum(new**2)
            series[missing] = new
            if moved <= embedding.tolerance**2 * size:
                break
        path.append(new)
    return path


def _rebuilt(series, window: int, count: int, noise) -> np.ndarray:
    trajectory = np.lib.stride_tricks.sliding_window_view(series, window)
    left, sizes, right = np.linalg.svd(trajectory, full_matrices=False)
    weights = np.ones(count)
    if noise is not None:
        eigenvalues = sizes**2 / len(trajectory)
        floor = max(noise, eigenvalues[count:].sum() / max(window - count, 1))
        weights = np.clip(1 - floor / eigenvalues[:count], 0, 1)
    windows = (left[:, :count] * sizes[:count] * weights) @ right[:count]
    total, seen = np.zeros(series.size), np.zeros(series.size)
    for lag in range(window):
        total[lag : lag + len(windows)] += windows[:, lag]
        seen[lag : lag + len(windows)] += 1
    return total / seen
