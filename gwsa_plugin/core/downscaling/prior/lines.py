"""Level and trend in time, which the prior leaves out."""

from __future__ import annotations

import numpy as np


def line_basis(months: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of constant and linear series.

    Parameters
    ----------
    months : numpy.ndarray of datetime64[M], shape (months,)
        Ascending.

    Returns
    -------
    numpy.ndarray of float64, shape (months, 2)
        Of shape (1, 1) for a single month.
    """
    time = months.astype("datetime64[M]").astype(np.float64)
    powers = np.stack([np.ones(time.size), time - time.mean()], axis=1)
    return np.linalg.qr(powers[:, : time.size])[0]


def without_lines(series: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Remove level and trend.

    Parameters
    ----------
    series : numpy.ndarray, shape (months, ...)
        NaN for no value.
    months : numpy.ndarray of datetime64[M], shape (months,)
        Ascending.

    Returns
    -------
    numpy.ndarray
        Of shape and type of ``series``; 0 where a series has NaN in any month.
    """
    basis = line_basis(months).astype(series.dtype)
    flat = series.reshape(len(series), -1)
    rest = flat - basis @ (basis.T @ flat)
    return np.nan_to_num(rest).reshape(series.shape)
