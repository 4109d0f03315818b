"""Fit of the prior through the footprint of GRACE, in time and space together.

A level and a trend of each tile are fitted jointly and dropped, so that depletion is not explained
by drought. Given the amplitude, the responses are a non-negative least-squares problem; given the
responses, the change of the amplitude is a ridge regression. Both are solved in turn. Antecedent
means of several lengths are collinear, so that only their sum is well determined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from ...stats.exact_sums import sum_of_products
from .lines import line_basis, subtract_lines
from .prior import Prior
from .samples import ObservedTerms, PriorSamples

# Times that responses and amplitude are solved for in turn.
ROUNDS = 2
# Ridge of the responses, relative to the mean square of a term.
RESPONSE_RIDGE = 0.01
# Ridges of the amplitude that are tried, relative to the mean square of a product of the response
# with a static. The last one leaves the amplitude at 1.
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, np.inf)
# Ridge where the region is too small to choose one.
DEFAULT_RIDGE = 1.0


class Sums(NamedTuple):
    """Normal equations of all products of terms and statics, without levels and trends.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (terms, 1 + statics, terms, 1 + statics)
    vector : numpy.ndarray, shape (terms, 1 + statics)
    total : float
        Sum of squares of the target, cm².
    """

    matrix: np.ndarray
    vector: np.ndarray
    total: float

    def misfit(self, coefficients: np.ndarray) -> float:
        """Sum of squared differences for coefficients of shape (terms, 1 + statics), cm²."""
        explained = 2 * np.sum(coefficients * self.vector)
        power = np.sum(coefficients * np.tensordot(self.matrix, coefficients, 2))
        return float(self.total - explained + power)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients of the prior in the order of the terms and statics.

    Parameters
    ----------
    responses : numpy.ndarray, shape (terms,)
        cm per unit.
    modulation : numpy.ndarray, shape (statics,)
    """

    responses: np.ndarray
    modulation: np.ndarray

    @property
    def products(self) -> np.ndarray:
        """Coefficient of each product of a term and 1 or a static: (terms, 1 + statics)."""
        return np.outer(self.responses, np.append(1.0, self.modulation))


def sum_products(
    terms: ObservedTerms, months: np.ndarray, observed_months: np.ndarray, tiles: np.ndarray
) -> Sums:
    """Compute the normal equations of some months and tiles.

    Parameters
    ----------
    terms : ObservedTerms
        The terms through the footprint.
    months : numpy.ndarray of datetime64[M]
        All mapped months.
    observed_months : numpy.ndarray of bool, shape (months,)
        Months that are fitted.
    tiles : numpy.ndarray of bool, shape (tiles,)
        Tiles that are fitted.
    """
    basis = line_basis(months[observed_months])
    weights = np.sqrt(terms.areas[tiles])
    values = terms.values[observed_months][:, tiles] * weights[:, None, None].astype(np.float32)
    target = terms.target[observed_months][:, tiles] * weights
    shape = values.shape[2:]
    count = shape[0] * shape[1]
    rows = np.empty((target.size, count + 1), np.float32)
    rows[:, :count] = subtract_lines(values, basis, basis).reshape(-1, count)
    rows[:, count] = subtract_lines(target, basis, basis).ravel()
    sums = sum_of_products(rows)
    matrix = sums[:count, :count].reshape(*shape, *shape)
    return Sums(matrix, sums[:count, count].reshape(shape), float(sums[count, count]))


def solve(sums: Sums, ridge: float) -> Coefficients:
    """Solve for responses and amplitude in turn.

    Parameters
    ----------
    sums : Sums
        Normal equations.
    ridge : float
        Ridge of the amplitude, relative; infinite for an amplitude of 1 everywhere.
    """
    modulation = np.zeros(sums.vector.shape[1] - 1)
    responses = _solve_responses(sums, modulation)
    for _ in range(ROUNDS if np.isfinite(ridge) else 0):
        modulation = _solve_modulation(sums, responses, ridge)
        responses = _solve_responses(sums, modulation)
    return Coefficients(responses, modulation)


def _solve_responses(sums: Sums, modulation: np.ndarray) -> np.ndarray:
    """Non-negative responses for a given amplitude."""
    factors = np.append(1.0, modulation)
    matrix = np.einsum("ajbk,j,k->ab", sums.matrix, factors, factors)
    vector = sums.vector @ factors
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    used = scale > 1e-6 * scale.max(initial=0.0)
    responses = np.zeros(scale.size)
    if not used.any():
        return responses
    scaled = matrix[np.ix_(used, used)] / np.outer(scale[used], scale[used])
    root = np.linalg.cholesky(scaled + RESPONSE_RIDGE * np.eye(int(used.sum())))
    right = np.linalg.solve(root, vector[used] / scale[used])
    responses[used] = nnls(root.T, right)[0] / scale[used]
    return responses


def _solve_modulation(sums: Sums, responses: np.ndarray, ridge: float) -> np.ndarray:
    """Change of the amplitude with each static, for given responses."""
    matrix = np.einsum("ajbk,a,b->jk", sums.matrix, responses, responses)
    vector = responses @ sums.vector
    right = vector[1:] - matrix[1:, 0]
    inner = matrix[1:, 1:]
    scale = np.trace(inner) / max(len(inner), 1)
    if scale <= 0:
        return np.zeros(len(inner))
    return np.linalg.solve(inner + ridge * scale * np.eye(len(inner)), right)


def make_prior(samples: PriorSamples, coefficients: Coefficients) -> Prior:
    """Return the prior of some coefficients."""
    return Prior(
        samples.term_names,
        coefficients.responses,
        samples.static_names,
        samples.standard,
        coefficients.modulation,
    )
