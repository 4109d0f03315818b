"""Mean of the finite values."""

from __future__ import annotations

import numpy as np


def nan_mean(values: np.ndarray) -> np.ndarray:
    """Average the finite values along the first axis.

    Unlike ``numpy.nanmean`` it skips infinite values too and does not warn about empty slices.

    Parameters
    ----------
    values : ndarray of float, shape (n, ...)

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where no value is finite.
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
