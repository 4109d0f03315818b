"""Level and trend in time, which the prior leaves out."""

from __future__ import annotations

import numpy as np

from ...base.months import in_baseline


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


def line_weights(months: np.ndarray) -> np.ndarray:
    """Return the weights of months in the coefficients of a line that is removed from a series.

    The line has the trend over all months and a level that leaves a mean of 0 over the baseline,
    as GWSA has. Without months in the baseline, the mean is that over all months.

    Parameters
    ----------
    months : numpy.ndarray of datetime64[M], shape (months,)
        Ascending.

    Returns
    -------
    numpy.ndarray of float64, shape of ``line_basis``
        The coefficients of a series for ``line_basis`` are its sums with these weights.
    """
    basis = line_basis(months)
    baseline = in_baseline(months)
    if not baseline.any():
        return basis
    weights = basis.copy()
    trend = basis[:, 1:]
    level = baseline / baseline.sum() - trend @ trend[baseline].mean(axis=0)
    weights[:, 0] = level / basis[0, 0]
    return weights


def without_lines(series: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Remove level and trend, see ``line_weights``.

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
    return np.nan_to_num(subtract_lines(series, line_basis(months), line_weights(months)))


def subtract_lines(series: np.ndarray, basis: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Subtract lines from series, with sums in the order of the months.

    A product of matrices would add in an order that depends on the number of threads.

    Parameters
    ----------
    series : numpy.ndarray, shape (months, ...)
    basis, weights : numpy.ndarray, shape (months, lines)
        The coefficients of a series for ``basis`` are its sums with the weights.

    Returns
    -------
    numpy.ndarray
        Of shape and type of ``series``.
    """
    basis, weights = basis.astype(series.dtype), weights.astype(series.dtype)
    flat = series.reshape(len(series), -1)
    lines = np.einsum("mk,ms->ks", weights, flat)
    return (flat - np.einsum("mk,ks->ms", basis, lines)).reshape(series.shape)
