"""Iterative SSA compiled by numba: the algorithm of ``ssa`` for one series at a time.

The steps are those of ``ssa_numpy``. The covariance is built along its diagonals with one update
per entry, and only the gaps are reconstructed. For windows of up to some hundred months all
matrices stay below the size at which BLAS starts threads of its own, which would compete with the
threads that work on other series.

References
----------
Golub & Van Loan, Matrix Computations, sections 8.2.4 and 8.7.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .ssa_numpy import DEPENDENT, FIRST_STEPS, RIDGE, SPARE, TINY

MAX_SWEEPS = 8  # Jacobi sweeps; one or two suffice after the first steps
NEGLIGIBLE = 1e-5  # coupling of two vectors relative to the geometric mean of their eigenvalues

compiled = njit(nogil=True, fastmath=True)


def fill_path(start, missing, embedding, noise, max_iterations: int) -> np.ndarray:
    """Fill the missing months with each number of components, as ``ssa.fill_path`` does.

    Parameters
    ----------
    start, missing, embedding, noise
        As in ``ssa.fill_path``.
    max_iterations : int
        Limit for each number of components.

    Returns
    -------
    ndarray of float64, shape (numbers of components, series, missing months)
    """
    gaps = np.flatnonzero(missing)
    path = np.empty((len(embedding.components), start.shape[0], gaps.size))
    _fill_all(
        np.ascontiguousarray(start),
        gaps,
        embedding.window,
        np.array(embedding.components),
        embedding.tolerance,
        np.full(start.shape[0], -1.0) if noise is None else noise,
        max_iterations,
        path,
    )
    return path


@njit(nogil=True, cache=True)
def _fill_all(start, gaps, window, components, tolerance, noise, max_iterations, path):
    for number in range(start.shape[0]):
        _fill(
            start[number].copy(),
            gaps,
            window,
            components,
            tolerance,
            noise[number],
            max_iterations,
            path[:, number],
        )


@compiled
def _fill(series, gaps, window, components, tolerance, noise, max_iterations, path):
    """Fill the gaps of one series with each number of components.

    A negative ``noise`` leaves the components unweighted. ``path`` receives the result.
    """
    starts = series.size - window + 1
    count_vectors = min(window, components[-1] + SPARE)
    windows = np.empty((starts, window))
    covariance = np.empty((window, window))
    work = np.empty((count_vectors, window))
    small = np.empty((2, count_vectors, count_vectors))
    new = np.empty(gaps.size)
    values = np.empty(count_vectors)
    vectors = np.empty((count_vectors, window))
    _set_cosines(vectors)
    _lagged_covariance(series, covariance)
    for _ in range(FIRST_STEPS):
        _update_eigenvectors(covariance, values, vectors, work, small)
    for step in range(components.size):
        count = components[step]
        # At least two vectors: BLAS starts threads for the product with a single vector.
        taken = max(count, 2)
        weights = np.zeros(taken)
        projections = np.empty((starts, taken))
        weights[:count] = 1.0
        for _ in range(max_iterations):
            _lagged_covariance(series, covariance)
            _update_eigenvectors(covariance, values, vectors, work, small)
            if noise >= 0:
                # The covariance is a sum over the windows, not a mean; the noise is scaled alike.
                _set_weights(
                    values, np.trace(covariance), noise * starts, weights[:count], window - count
                )
            for first in range(starts):
                windows[first] = series[first : first + window]
            np.dot(windows, vectors[:taken].T, projections)
            _reconstruct_gaps(projections, vectors, weights, gaps, new)
            if _replace_gaps(series, gaps, new, tolerance):
                break
        path[step] = new


@compiled
def _replace_gaps(series, gaps, new, tolerance):
    """Put the new values into the gaps; return True if they have converged."""
    change, size = 0.0, 0.0
    for i in range(gaps.size):
        change += (new[i] - series[gaps[i]]) ** 2
        size += new[i] ** 2
        series[gaps[i]] = new[i]
    return change <= tolerance * tolerance * size


@compiled
def _lagged_covariance(series, covariance):
    """Set ``covariance`` to the sums of products of the lagged series, shape (window, window)."""
    window = covariance.shape[0]
    starts = series.size - window + 1
    for lag in range(window):
        covariance[0, lag] = _dot(series[:starts], series[lag : lag + starts])
    # One step down a diagonal moves both factors by a month: one product leaves, one enters.
    for row in range(window - 1):
        above = covariance[row, row : window - 1]
        leaves = series[row:]
        enters = series[row + starts :]
        below = covariance[row + 1, row + 1 :]
        for lag in range(below.size):
            below[lag] = above[lag] + enters[0] * enters[lag] - leaves[0] * leaves[lag]
    ridge = RIDGE * covariance[0, 0]
    for row in range(window):
        covariance[row, row] += ridge
        for column in range(row):
            covariance[row, column] = covariance[column, row]


@compiled
def _set_cosines(vectors):
    """Set the rows to orthonormal cosines of rising frequency, the first guess."""
    count, window = vectors.shape
    for row in range(count):
        size = np.sqrt((1.0 if row == 0 else 2.0) / window)
        for lag in range(window):
            vectors[row, lag] = size * np.cos(np.pi * row * (lag + 0.5) / window)


@compiled
def _update_eigenvectors(covariance, values, vectors, work, small):
    """Update ``values`` and ``vectors`` in place by one step of orthogonal iteration."""
    coupling, rotation = small[0], small[1]
    np.dot(vectors, covariance, work)
    np.dot(work, vectors.T, coupling)
    # Rayleigh-Ritz: diagonalise the covariance within the span of the vectors.
    _diagonalise(coupling, rotation)
    for i in range(values.size):
        values[i] = coupling[i, i]
    _sort_descending(values, rotation)
    # ``work`` is vectors times covariance: rotating it applies the power step as well.
    np.dot(rotation, work, vectors)
    _orthonormalise(vectors, coupling)


@compiled
def _diagonalise(matrix, rotation):
    """Diagonalise a symmetric matrix in place by cyclic Jacobi rotations.

    ``rotation`` receives the eigenvectors as rows. The matrix is nearly diagonal from the previous
    iteration, so that few rotations are needed.
    """
    count = matrix.shape[0]
    rotation[:] = 0.0
    for i in range(count):
        rotation[i, i] = 1.0
    for _ in range(MAX_SWEEPS):
        rotated = False
        for i in range(count - 1):
            for j in range(i + 1, count):
                coupling = matrix[i, j]
                if coupling**2 <= NEGLIGIBLE**2 * abs(matrix[i, i] * matrix[j, j]):
                    continue
                rotated = True
                # The smaller root of t² + 2 ratio t - 1 = 0 is the tangent of the angle.
                ratio = (matrix[j, j] - matrix[i, i]) / (2 * coupling)
                tangent = (1.0 if ratio >= 0 else -1.0) / (abs(ratio) + np.sqrt(ratio * ratio + 1))
                cosine = 1 / np.sqrt(tangent * tangent + 1)
                _rotate(matrix[i], matrix[j], cosine, tangent * cosine)
                _rotate(matrix[:, i], matrix[:, j], cosine, tangent * cosine)
                _rotate(rotation[i], rotation[j], cosine, tangent * cosine)
        if not rotated:
            break


@compiled
def _rotate(first, second, cosine, sine):
    """Rotate two vectors in place in the plane that they span."""
    for i in range(first.size):
        a, b = first[i], second[i]
        first[i], second[i] = cosine * a - sine * b, sine * a + cosine * b


@compiled
def _sort_descending(values, rows):
    """Sort the values in place, largest first, and the rows with them (selection sort)."""
    for i in range(values.size):
        largest = i
        for j in range(i + 1, values.size):
            if values[j] > values[largest]:
                largest = j
        if largest != i:
            values[i], values[largest] = values[largest], values[i]
            for column in range(rows.shape[1]):
                rows[i, column], rows[largest, column] = rows[largest, column], rows[i, column]


@compiled
def _orthonormalise(vectors, products):
    """Orthonormalise the rows in place by the Cholesky factor of their products.

    ``products`` is scratch space, shape (vectors, vectors). Row i of the factor replaces row i of
    the products, and vector i is then reduced by the finished vectors before it.
    """
    for i in range(vectors.shape[0]):
        vectors[i] /= np.sqrt(_dot(vectors[i], vectors[i])) + TINY
    np.dot(vectors, vectors.T, products)
    for i in range(vectors.shape[0]):
        for j in range(i + 1):
            entry = products[i, j] - _dot(products[i, :j], products[j, :j])
            products[i, j] = np.sqrt(max(entry, DEPENDENT)) if i == j else entry / products[j, j]
        for j in range(i):
            for lag in range(vectors.shape[1]):
                vectors[i, lag] -= products[i, j] * vectors[j, lag]
        vectors[i] /= products[i, i]


@compiled
def _set_weights(values, total, noise, weights, count_rest):
    """Set the weights of the leading components, as ``ssa_numpy._component_weights`` does.

    The sum of the ``count_rest`` eigenvalues that are left out is the trace ``total`` less the
    leading ones.
    """
    for i in range(weights.size):
        total -= values[i]
    floor = max(noise, total / count_rest if count_rest else 0.0)
    for i in range(weights.size):
        weights[i] = min(1.0, max(0.0, 1 - floor / max(values[i], TINY)))


@compiled
def _reconstruct_gaps(projections, vectors, weights, gaps, new):
    """Set ``new`` to the gaps as reconstructed from the leading components.

    The value of a month is the mean over the windows that contain it. The vectors are laid out like
    the projections, month by month and in reverse, so that a gap is one product of two spans.
    """
    starts, count = projections.shape
    window = vectors.shape[1]
    weighted = np.empty((window, count))
    for component in range(count):
        for lag in range(window):
            weighted[window - 1 - lag, component] = vectors[component, lag] * weights[component]
    projections, weighted = projections.reshape(-1), weighted.reshape(-1)
    for i in range(gaps.size):
        month = gaps[i]
        # The windows first .. last - 1 contain the month; in window s it has the lag month - s.
        first, last = max(0, month - window + 1), min(starts - 1, month) + 1
        shift = window - 1 - month
        total = _dot(
            projections[first * count : last * count],
            weighted[(first + shift) * count : (last + shift) * count],
        )
        new[i] = total / (last - first)


@compiled
def _dot(first, second):
    total = 0.0
    for i in range(first.size):
        total += first[i] * second[i]
    return total
