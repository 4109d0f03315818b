"""Weighted least squares of TWSA on land water that is blurred by footprints of several widths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Correlation length of the misfits at first, km; weight of the misfits found afterwards.
ERROR_LENGTH_KM = 300.0
FOUND_WEIGHT = 0.5
NUGGET = 0.02
# Smaller deviations from mean, trend and season are rounding.
NEGLIGIBLE_CM = 1e-4


class WidthFit(NamedTuple):
    """Normal equations of a part of the region for each width, summed by year.

    They are those of the remainder, which is TWSA minus land water.

    Parameters
    ----------
    matrix : ndarray of float, shape (widths, years, terms, terms)
    vector : ndarray of float, shape (widths, years, terms)
    total : ndarray of float, shape (widths, years)
        Sum of squares of the remainder.
    variance : float
        Sum of squares of TWSA.
    tiles : int
    """

    matrix: np.ndarray
    vector: np.ndarray
    total: np.ndarray
    variance: float
    tiles: int

    @property
    def years(self) -> int:
        """Number of years, counted from the first month."""
        return self.total.shape[1]

    def misfits(self, weights: np.ndarray) -> np.ndarray:
        """Compute the smallest sum of squares for each width.

        Parameters
        ----------
        weights : ndarray of float, shape (years,)
            How often each year counts.

        Returns
        -------
        ndarray of float, shape (widths,)
        """
        matrix = np.einsum("y,wyij->wij", weights, self.matrix)
        vector = np.einsum("y,wyi->wi", weights, self.vector)
        coefficients = _solve(matrix, vector)
        return self.total @ weights - np.einsum("wi,wi->w", coefficients, vector)


def fit_widths(
    land_water: np.ndarray,
    terms: np.ndarray,
    series: np.ndarray,
    places: np.ndarray,
    months: np.ndarray,
) -> WidthFit | None:
    """Build the normal equations of the fit for each width.

    They are weighted by the inverse of the covariance of the misfits between tiles. At first this
    is an exponential function of distance. The misfits of the best width then give a better one,
    which is shrunk towards the first.

    Parameters
    ----------
    land_water : ndarray of float, shape (widths, months, tiles)
        Blurred land water, cm. Its coefficient is 1.
    terms : ndarray of float, shape (widths, terms, months, tiles)
        Other terms, cm, whose coefficients are fitted.
    series : ndarray of float, shape (months, tiles)
        TWSA, cm.
    places : ndarray of float, shape (2, tiles)
        East and north coordinates of the tiles, km.
    months : ndarray of datetime64[M], shape (months,)

    Returns
    -------
    WidthFit or None
        None when all land water or all series are zero.
    """
    if min(np.abs(series).max(), np.abs(land_water).max()) < NEGLIGIBLE_CM:
        return None
    east, north = places
    distances = np.hypot(np.subtract.outer(east, east), np.subtract.outer(north, north))
    assumed = np.exp(-distances / ERROR_LENGTH_KM) + NUGGET * np.eye(len(distances))
    every_month = np.zeros(len(months), dtype=int)
    first = _sums(land_water, terms, series, assumed, every_month)
    best = first.misfits(np.ones(1)).argmin()
    coefficients = _solve(first.matrix[best, 0][None], first.vector[best, 0][None])[0]
    misfit = series - land_water[best] - np.tensordot(coefficients, terms[best], 1)
    found = misfit.T @ misfit / len(misfit)
    assumed *= np.trace(found) / np.trace(assumed)
    covariance = FOUND_WEIGHT * found + (1.0 - FOUND_WEIGHT) * assumed
    return _sums(land_water, terms, series, covariance, (months - months[0]).astype(int) // 12)


def _sums(
    land_water: np.ndarray,
    terms: np.ndarray,
    series: np.ndarray,
    covariance: np.ndarray,
    years: np.ndarray,
) -> WidthFit:
    """Normal equations by year, weighted by the inverse of the covariance between tiles."""
    values, vectors = np.linalg.eigh(covariance)
    whiten = vectors / np.sqrt(values)
    count = years.max() + 1
    matrix = np.zeros((len(terms), count, terms.shape[1], terms.shape[1]))
    vector = np.zeros(matrix.shape[:-1])
    total = np.zeros(matrix.shape[:-2])
    for i, (water, one) in enumerate(zip(land_water, terms)):
        remainder = (series - water) @ whiten
        one = one @ whiten
        for year in range(count):
            now = one[:, years == year].reshape(len(one), -1)
            rest = remainder[years == year].ravel()
            matrix[i, year] = now @ now.T
            vector[i, year] = now @ rest
            total[i, year] = rest @ rest
    variance = float(np.sum((series @ whiten) ** 2))
    return WidthFit(matrix, vector, total, variance, series.shape[1])


def _solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Solve stacked normal equations; a small ridge keeps equal terms solvable."""
    count = matrix.shape[-1]
    ridge = 1e-6 * np.trace(matrix, axis1=-2, axis2=-1)[..., None, None] * np.eye(count) / count
    return np.linalg.solve(matrix + ridge, vector[..., None])[..., 0]
