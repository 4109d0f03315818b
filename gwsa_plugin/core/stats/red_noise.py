"""Errors of trend and seasons of monthly series whose noise has a memory.

The noise around trend and seasons is modelled as a first-order autoregressive process of calendar
months, so that gaps and quarterly readings count as what they are. Its autocorrelation is not
known: the restricted likelihood weighs all values of it (Harville 1974), and the variances are
averaged with these weights. A single best value makes them too small, because the fit of trend and
seasons takes slow noise away.

References
----------
Harville, D. A. (1974): Bayesian inference for variance components using only error contrasts.
    Biometrika 61, 383-385.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from ..base.months import decimal_years
from .harmonics import HARMONICS, harmonic_design

# Autocorrelations from month to month among which the likelihood decides.
AUTOCORRELATIONS = np.array([0.0, 0.15, 0.3, 0.45, 0.6, 0.7, 0.78, 0.85, 0.9, 0.94, 0.965, 0.98])
# Smallest singular value of a design matrix whose waves are determined.
RANK_TOLERANCE = 1e-3
# Series that are computed at a time: their numbers stay in the cache of a processor.
SERIES = 256
# Column of the trend in the design.
TREND = 1
# Singular values of a matrix below this share of the largest are rounding.
NEGLIGIBLE = 1e-13
# Quantiles of Student's t at which its tail is tabulated, and steps towards a half width, after
# which it is known to 1e-4.
TABLE_STEP = 0.005
TABLE_END = 40.0
ITERATIONS = 5


class Noise(NamedTuple):
    """Noise of series around a least-squares fit, for each of ``AUTOCORRELATIONS``.

    Parameters
    ----------
    weights : ndarray of float64, shape (autocorrelations, series)
        Probabilities of the autocorrelations.
    powers : ndarray of float64, shape (autocorrelations, series)
        Variance of the noise.
    spreads : ndarray of float64, shape (coefficients, autocorrelations)
        Variance of each coefficient for noise of variance 1.
    freedom : int
        Degrees of freedom.
    """

    weights: np.ndarray
    powers: np.ndarray
    spreads: np.ndarray
    freedom: int

    def variances(self) -> np.ndarray:
        """Mean variances of the coefficients, shape (coefficients, series)."""
        return self.spreads @ (self.weights * self.powers)

    def half_widths(
        self, coefficient: int, level: float, compiled: ModuleType | None = None
    ) -> np.ndarray:
        """Half the width of the interval of a coefficient, shape (series,).

        The distribution is the mixture of Student's t with the standard errors of the
        autocorrelations.

        Parameters
        ----------
        coefficient : int
            Column of the design.
        level : float
            Probability of the interval, 0 to 1.
        compiled : module, optional
            ``red_noise_numba``, which is faster for many series.
        """
        errors = np.sqrt(self.spreads[coefficient][:, None] * self.powers)
        table = _tails(self.freedom)
        tail = (1 - level) / 2
        quantile = float(student.isf(tail, self.freedom))
        if compiled is not None:
            return compiled.half_widths(self.weights, errors, table, quantile, tail)
        low, high = errors.min(axis=0) * quantile, errors.max(axis=0) * quantile
        half = np.sqrt(np.einsum("ij,ij->j", self.weights, errors**2)) * quantile
        for _ in range(ITERATIONS):
            places = np.minimum(half / errors, TABLE_END) * (1 / TABLE_STEP)
            index = places.astype(np.int32)
            above = table[index]
            falls = above - table[index + 1]
            # Newton's method on the logarithms, which are nearly linear.
            tails = np.einsum("ij,ij->j", self.weights, above - (places - index) * falls)
            rate = np.einsum("ij,ij->j", self.weights, falls * places)
            half = np.clip(half * (tails / tail) ** (tails / rate), low, high)
        return half


@lru_cache(maxsize=8)
def _tails(freedom: int) -> np.ndarray:
    """Probability that Student's t exceeds 0, TABLE_STEP, 2 TABLE_STEP .. TABLE_END and beyond."""
    return student.sf(np.arange(round(TABLE_END / TABLE_STEP) + 2) * TABLE_STEP, freedom)


def determined_design(months: np.ndarray) -> tuple[np.ndarray, int]:
    """Build a design matrix with as many waves as the months determine.

    Quarterly readings have an annual wave but no semi-annual one.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (n,)

    Returns
    -------
    ndarray of float64, shape (n, 2 + 2 * harmonics)
        The columns of ``harmonic_design``, with times from their mean.
    int
        Number of harmonics.
    """
    years = decimal_years(months)
    years = years - years.mean()
    for harmonics in range(HARMONICS, 0, -1):
        design = harmonic_design(years, harmonics)
        if np.linalg.matrix_rank(design, RANK_TOLERANCE) == design.shape[1]:
            return design, harmonics
    return harmonic_design(years, 0), 0


def noise_around_seasons(
    months: np.ndarray, values: np.ndarray, compiled: ModuleType | None = None
) -> Noise:
    """Weigh the autocorrelations of the noise around trend and waves by their likelihood.

    The variances are those of coefficients of ordinary least squares. The Theil-Sen slope shares
    that of the trend within a few per cent.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (n,)
        Distinct, in order, not necessarily consecutive; more than there are coefficients.
    values : ndarray of float, shape (n, series)
        Finite.
    compiled : module, optional
        ``red_noise_numba``, which is faster for many series.

    Returns
    -------
    Noise
        Of the columns of ``determined_design``.
    """
    model = _model(tuple(months.astype("datetime64[M]").astype(int).tolist()))
    count, coefficients = model.design.shape
    freedom = count - coefficients
    weights, powers = np.empty((2, model.logs.size, values.shape[1]))
    sums = _sums(model, values) if compiled is None else _compiled_sums(compiled, model, values)
    for first in range(0, values.shape[1], SERIES):
        part = slice(first, first + SERIES)
        total, squares, products, residuals = (matrix[..., part] for matrix in sums)
        # Of a straight line no more than the rounding remains, and its logarithm is finite.
        least = np.maximum(np.finfo(float).eps ** 2 * total, np.finfo(float).tiny)
        misfits = model.squares.left @ squares + model.products.left @ products
        fitted = (model.projections.left @ residuals).reshape(coefficients, *misfits.shape)
        misfits -= np.einsum("kij,kij->ij", fitted, fitted)
        misfits = np.maximum(misfits, least)
        logs = model.logs[:, None] - freedom / 2 * np.log(misfits)
        likelihoods = np.exp(logs - logs.max(axis=0))
        weights[:, part] = likelihoods / likelihoods.sum(axis=0)
        powers[:, part] = misfits / freedom
    return Noise(weights, powers, model.spreads, freedom)


class _Sums(NamedTuple):
    """Sums over the months of each series, for ``_Model``.

    Parameters
    ----------
    total : ndarray, shape (series,)
        Of the squares of the values.
    squares, products, residuals : ndarray, shape (rank, series)
        Of the squared residuals, of the products of neighbours, and of the residuals, each with the
        factors ``right`` of its matrix.
    """

    total: np.ndarray
    squares: np.ndarray
    products: np.ndarray
    residuals: np.ndarray


def _sums(model: _Model, values: np.ndarray) -> _Sums:
    rest = values - model.design @ (model.inverse @ values)
    return _Sums(
        np.einsum("ij,ij->j", values, values, dtype=float),
        model.squares.right.T @ rest**2,
        model.products.right[1:].T @ (rest[1:] * rest[:-1]),
        model.projections.right.T @ rest,
    )


def _compiled_sums(compiled: ModuleType, model: _Model, values: np.ndarray) -> _Sums:
    matrices = [model.squares.right, model.products.right, model.projections.right]
    ends = np.cumsum([1, *(matrix.shape[1] for matrix in matrices)])
    sums = np.empty((ends[-1], values.shape[1]))
    missing = 2 + 2 * HARMONICS - model.design.shape[1]
    sides = (np.pad(side, ((0, 0), (0, missing))) for side in (model.design, model.inverse.T))
    compiled.residual_sums(np.ascontiguousarray(values), *sides, *matrices, sums)
    return _Sums(sums[0], *np.split(sums[1:], ends[1:-1] - 1))


class _Factors(NamedTuple):
    """A matrix of low rank as a product, which takes fewer operations for many series.

    Without gaps the matrices of all autocorrelations are of rank 12 and less.

    Parameters
    ----------
    left : ndarray, shape (rows, rank)
    right : ndarray, shape (n, rank)
        Transposed. The rank is even; the last column may be zeros.
    """

    left: np.ndarray
    right: np.ndarray

    @classmethod
    def factorise(cls, matrix: np.ndarray) -> _Factors:
        left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
        rank = np.count_nonzero(sizes > NEGLIGIBLE * sizes[0])
        odd = ((0, 0), (0, rank % 2))
        left, right = left[:, :rank] * sizes[:rank], right[:rank].T
        return cls(np.pad(left, odd), np.ascontiguousarray(np.pad(right, odd)))


class _Model(NamedTuple):
    """All of the likelihood that depends on the months alone, for each autocorrelation.

    The misfit of generalised least squares is a quadratic form of the series r: the sums of
    ``squares`` with r² and of ``products`` with the products of neighbours are the square of the
    whitened series, and that of ``projections`` is the part of it that the fit explains.

    Parameters
    ----------
    design, inverse : ndarray, shapes (n, coefficients) and (coefficients, n)
    squares, products : matrices, shape (autocorrelations, n)
        The products of the first month are zero.
    projections : matrix, shape (coefficients * autocorrelations, n)
    logs : ndarray, shape (autocorrelations,)
        Logarithms of the likelihood without the misfit, with the steps of the autocorrelations.
    spreads : ndarray, shape (coefficients, autocorrelations)
        Variances of the coefficients for noise of variance 1.
    """

    design: np.ndarray
    inverse: np.ndarray
    squares: _Factors
    products: _Factors
    projections: _Factors
    logs: np.ndarray
    spreads: np.ndarray


@lru_cache(maxsize=8)
def _model(numbers: tuple[int, ...]) -> _Model:
    """Build the model of months, given by their numbers so that the next series find it again."""
    months = np.array(numbers).astype("datetime64[M]")
    design, _ = determined_design(months)
    inverse = np.linalg.pinv(design)
    steps = np.array(numbers) - numbers[0]
    gaps = np.diff(steps)
    lags = np.abs(steps[:, None] - steps)
    squares, products, projections, logs, spreads = [], [], [], [], []
    for correlation, width in zip(AUTOCORRELATIONS, np.gradient(AUTOCORRELATIONS)):
        memory = correlation ** gaps.astype(float)
        # Whitened values are r[0] and (r[t] - memory r[t - 1]) / scale.
        scale = np.sqrt(1 - memory**2)
        white = design.copy()
        white[1:] = (design[1:] - memory[:, None] * design[:-1]) / scale[:, None]
        basis, corner = np.linalg.qr(white)
        square = np.concatenate([[1.0], scale**-2])
        square[:-1] += (memory / scale) ** 2
        squares.append(square)
        products.append(np.concatenate([[0.0], -2 * memory / scale**2]))
        basis[1:] /= scale[:, None]
        basis[:-1] -= memory[:, None] * basis[1:]
        projections.append(basis.T)
        logs.append(np.log(width) - np.log(scale).sum() - np.log(np.abs(np.diag(corner))).sum())
        covariance = (correlation ** np.arange(steps[-1] + 1.0))[lags]
        spreads.append(np.einsum("ij,ij->i", inverse @ covariance, inverse))
    return _Model(
        design,
        inverse,
        _Factors.factorise(np.array(squares)),
        _Factors.factorise(np.array(products)),
        _Factors.factorise(np.concatenate(np.transpose(projections, (1, 0, 2)))),
        np.array(logs),
        np.array(spreads).T.copy(),
    )
