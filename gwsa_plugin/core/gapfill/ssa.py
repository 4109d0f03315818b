"""Iterative singular spectrum analysis (SSA) of series with gaps, many series at once.

The method is that of Kondrashov & Ghil (2006), which Yi & Sneeuw (2021) applied to GRACE. The gaps
get a first guess. The series is reconstructed from the leading eigenvectors of its lagged
covariance, and the gaps alone take the reconstructed values. This is repeated until the gaps
converge. A gap keeps its true length: no months are cut out, so the phase of a wave is preserved.

There are two implementations of one algorithm. ``ssa_numba`` is compiled and is used where numba is
installed; ``ssa_numpy`` takes about three times as long.

References
----------
Kondrashov & Ghil (2006), Nonlin. Processes Geophys. 13, 151-159.
Yi & Sneeuw (2021), J. Geophys. Res. Solid Earth 126, e2020JB021227.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..base.numba_modules import load_numba_module
from . import ssa_numpy

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
    module = _numba_module() or ssa_numpy
    return module.fill_path(start, missing, embedding, noise, MAX_ITERATIONS)


def has_numba() -> bool:
    """Return True if the fast implementation can be used."""
    return _numba_module() is not None
