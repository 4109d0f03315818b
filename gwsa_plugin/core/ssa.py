"""Iterative singular spectrum analysis of gappy series, many at once.

Kondrashov & Ghil 2006 (Nonlin. Processes Geophys. 13:151) and, for GRACE, Yi & Sneeuw 2021 (J. Geophys. Res. Solid
Earth 126, e2020JB021227): gaps get a first guess; the series is rebuilt from the leading eigenvectors of its lagged
covariance; the gaps, and nothing else, take the rebuilt values; and so on until they stand still. A gap keeps its true
length: nothing is cut out and spliced, so no phase jumps.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MOST_ITERATIONS = 300  # for one number of components


def fill_path(series: np.ndarray, missing: np.ndarray, window: int, components: int, tolerance: float) -> np.ndarray:
    """The missing months as 1, 2, ... ``components`` components make them: shape (components, series, missing months).

    ``series``: float64, shape (series, months), with mean (and trend) removed; ``missing``: bool, shape (months,). The
    gaps start at zero; a component is added whenever rms(change in the gaps) / rms(gaps) falls under ``tolerance``, so
    that one run yields the result of every smaller number of components.
    """
    filled = np.where(missing, 0.0, series)
    path = []
    for count in range(1, components + 1):
        filled = _settle(filled, missing, window, tolerance, _leading(count))
        path.append(filled[:, missing])
    return np.stack(path)


def fill_above_noise(
    series: np.ndarray, missing: np.ndarray, noise: np.ndarray, window: int, components: int, tolerance: float
) -> np.ndarray:
    """The missing months from components weighted by the share of them that is not noise: (series, missing months).

    As ``fill_path``, but the gaps start at what stands in ``series``, and component k of eigenvalue l counts
    max(0, 1 - n/l), where n is the larger of the variance ``noise``, shape (series,), and the mean of the eigenvalues
    left out (regularised iterative PCA, Josse & Husson 2012, J. Soc. Fr. Stat. 153:79). Without this shrinkage the
    gaps fit noise as soon as ``components`` is a little too large.
    """
    return _settle(series, missing, window, tolerance, _shrunk(components, noise))[:, missing]


def _leading(components: int):
    """Weight 1 for each of them."""
    return lambda eigenvalues, which: np.ones((which.size, components))


def _shrunk(components: int, noise: np.ndarray):
    """Less weight the nearer a leading component is to the noise."""

    def weigh(eigenvalues, which):
        rest, leading = np.split(eigenvalues, [-components], axis=1)
        floor = np.maximum(noise[which], rest.mean(axis=1) if rest.size else 0.0)[:, None]
        return np.clip(1 - floor / np.maximum(leading, np.finfo(float).tiny), 0, 1)

    return weigh


def _settle(filled, missing, window, tolerance, weigh) -> np.ndarray:
    """Rebuild the gaps of each series until they stand still; each series stops by itself.

    ``weigh(eigenvalues, which)`` gives the weights of the leading components of the series numbered ``which``.
    """
    filled, active = filled.copy(), np.arange(filled.shape[0])
    for _ in range(MOST_ITERATIONS):
        if not (active.size and missing.any()):
            break
        old = filled[active][:, missing]
        new = _rebuilt(filled[active], window, weigh, active)[:, missing]
        filled[np.ix_(active, missing)] = new
        moved, size = ((new - old) ** 2).sum(axis=1), (new**2).sum(axis=1)
        active = active[moved > tolerance**2 * size]
    return filled


def _rebuilt(series: np.ndarray, window: int, weigh, which: np.ndarray) -> np.ndarray:
    """The series from its weighted leading components, by projection and averaging along anti-diagonals."""
    months = series.shape[1]
    starts = months - window + 1
    # A contiguous copy: the product of the bare view would not go through BLAS and take ten times as long.
    lagged = np.ascontiguousarray(sliding_window_view(series, starts, axis=1))
    values, vectors = np.linalg.eigh(lagged @ np.swapaxes(lagged, 1, 2) / starts)
    weights = weigh(values, which)
    vectors = np.ascontiguousarray(vectors[:, :, -weights.shape[1] :])
    windows = (vectors * weights[:, None, :]) @ (np.swapaxes(vectors, 1, 2) @ lagged)
    total, count = np.zeros(series.shape), np.zeros(months)
    for lag in range(window):
        total[:, lag : lag + starts] += windows[:, lag]
        count[lag : lag + starts] += 1
    return total / count
