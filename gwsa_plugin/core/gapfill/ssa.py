"""Iterative singular spectrum analysis of gappy series, many at once.

Kondrashov & Ghil 2006 (Nonlin. Processes Geophys. 13:151) and, for GRACE, Yi & Sneeuw 2021 (J. Geophys. Res. Solid
Earth 126, e2020JB021227): gaps get a first guess; the series is rebuilt from the leading eigenvectors of its lagged
covariance; the gaps, and nothing else, take the rebuilt values; and so on until they stand still. A gap keeps its true
length: nothing is cut out and spliced, so no phase jumps.

Two programs do this: ``fill_path_numpy`` here, which decomposes the covariance anew in every pass, and
``ssa_kernel``, many times faster, where numba is to be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..compute.numba_modules import load_numba_module

MOST_ITERATIONS = 300  # for one number of components
STEPS = (1, 2, 4, 6, 8, 10, 12)  # numbers of components on the way to more
_kernel = partial(load_numba_module, "gapfill.ssa_numba")


@dataclass(frozen=True)
class Embedding:
    """``window`` in months; ``components``: increasing numbers of them; a number is done with when
    rms(change in the gaps) / rms(gaps) falls to ``tolerance``."""

    window: int
    components: tuple[int, ...]
    tolerance: float

    @classmethod
    def up_to(cls, components: int, window: int, tolerance: float) -> Embedding:
        """On the way of every Embedding with more components, so that a grid of them is one path."""
        return cls(window, (*(step for step in STEPS if step < components), components), tolerance)


def fill_path(
    start: np.ndarray, missing: np.ndarray, embedding: Embedding, noise: np.ndarray | None = None
):
    """The missing months after each number of components: float64, shape (numbers, series, missing months).

    ``start``: float64, shape (series, months), with mean (and trend) removed and a first guess in the missing months;
    ``missing``: bool, shape (months,). Every number of components starts from what the one before it left, so that one
    run yields them all. With ``noise``, a variance per series, component k of eigenvalue l counts max(0, 1 - n/l),
    where n is the larger of the noise and the mean of the eigenvalues left out (regularised iterative PCA, Josse &
    Husson 2012, J. Soc. Fr. Stat. 153:79): without it the gaps fit noise as soon as the components are too many.
    """
    kernel = _kernel()
    if kernel is None:
        return fill_path_numpy(start, missing, embedding, noise)
    return kernel.fill_path(start, missing, embedding, noise, MOST_ITERATIONS)


def has_numba() -> bool:
    """Whether numba is here, and with it the fast program."""
    return _kernel() is not None


def fill_path_numpy(start, missing, embedding: Embedding, noise=None) -> np.ndarray:
    """As ``fill_path``, by full eigendecompositions in numpy: the definition, against which the other is tested."""
    filled, path = start.copy(), []
    for count in embedding.components:
        filled = _settle(filled, missing, embedding, count, noise)
        path.append(filled[:, missing])
    return np.stack(path)


def _settle(filled, missing, embedding: Embedding, count: int, noise) -> np.ndarray:
    """Rebuild the gaps of each series from ``count`` components until they stand still; each stops by itself."""
    filled, active = filled.copy(), np.arange(filled.shape[0])
    for _ in range(MOST_ITERATIONS):
        if not active.size:
            break
        old = filled[active][:, missing]
        new = _rebuilt(
            filled[active], embedding.window, count, None if noise is None else noise[active]
        )[:, missing]
        filled[np.ix_(active, missing)] = new
        moved, size = ((new - old) ** 2).sum(axis=1), (new**2).sum(axis=1)
        active = active[moved > embedding.tolerance**2 * size]
    return filled


def _rebuilt(series: np.ndarray, window: int, count: int, noise) -> np.ndarray:
    """The series from its leading components, by projection and averaging along anti-diagonals."""
    months = series.shape[1]
    starts = months - window + 1
    # A contiguous copy: the product of the bare view would not go through BLAS and take ten times as long.
    lagged = np.ascontiguousarray(sliding_window_view(series, starts, axis=1))
    values, vectors = np.linalg.eigh(lagged @ np.swapaxes(lagged, 1, 2) / starts)
    vectors = np.ascontiguousarray(vectors[:, :, -count:])
    weights = (
        np.ones((series.shape[0], count)) if noise is None else _above_noise(values, count, noise)
    )
    windows = (vectors * weights[:, None, :]) @ (np.swapaxes(vectors, 1, 2) @ lagged)
    total, seen = np.zeros(series.shape), np.zeros(months)
    for lag in range(window):
        total[:, lag : lag + starts] += windows[:, lag]
        seen[lag : lag + starts] += 1
    return total / seen


def _above_noise(eigenvalues: np.ndarray, count: int, noise: np.ndarray) -> np.ndarray:
    """The share of each leading component that is not noise."""
    rest, leading = np.split(eigenvalues, [-count], axis=1)
    floor = np.maximum(noise, rest.mean(axis=1) if rest.shape[1] else 0.0)[:, None]
    return np.clip(1 - floor / np.maximum(leading, np.finfo(float).tiny), 0, 1)
