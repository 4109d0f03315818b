"""The iteration of ``ssa``, compiled: one series at a time, all its numbers of components on one path.

From pass to pass only the gaps change, and little. So the leading eigenvectors are not computed anew but follow: one
step of orthogonal iteration with a Rayleigh-Ritz rotation (Golub & Van Loan, Matrix Computations, 8.2.4 and 8.7) from
those of the pass before, with a few spare vectors. The covariance is built along its diagonals, one product an entry,
and only the gaps are rebuilt. The iteration corrects what the vectors lag behind, as it does every other error in the
gaps: the results are those of full decompositions well within the tolerance at which it stops. Up to windows of some
hundred months all matrices stay below the size at which BLAS calls threads of its own, which would stand in the way of
those that work on other series.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FIRST_STEPS = 4  # from cosines to eigenvectors
SPARE = 4  # vectors beyond the most components, which let those converge
MOST_SWEEPS = 8  # of Jacobi's rotations; one or two do after the first steps
TINY = 1e-300
DEPENDENT = 1e-12  # square of what is left of a unit vector that others span; keeps it finite
RIDGE = (
    1e-10  # of the variance, on the diagonal: no direction vanishes where a series is a pure wave
)
NEGLIGIBLE = 1e-5  # coupling of two vectors, against the geometric mean of their eigenvalues

compiled = njit(nogil=True, fastmath=True)


def fill_path(start, missing, embedding, noise, most: int) -> np.ndarray:
    """See ``ssa.fill_path``; ``most`` passes for one number of components."""
    gaps = np.flatnonzero(missing)
    path = np.empty((len(embedding.components), start.shape[0], gaps.size))
    _fill_all(
        np.ascontiguousarray(start), gaps, embedding.window, np.array(embedding.components), embedding.tolerance,
        np.full(start.shape[0], -1.0) if noise is None else noise, most, path,
    )  # fmt: skip
    return path


@njit(nogil=True, cache=True)
def _fill_all(start, gaps, window, components, tolerance, noise, most, path):
    for number in range(start.shape[0]):
        _fill(
            start[number].copy(),
            gaps,
            window,
            components,
            tolerance,
            noise[number],
            most,
            path[:, number],
        )


@compiled
def _fill(series, gaps, window, components, tolerance, noise, most, path):
    """The gaps of one series after each number of components; ``noise`` below 0 leaves the components unweighted."""
    starts, spanned = series.size - window + 1, min(window, components[-1] + SPARE)
    windows, covariance = np.empty((starts, window)), np.empty((window, window))
    work, small = np.empty((spanned, window)), np.empty((2, spanned, spanned))
    new = np.empty(gaps.size)
    values, vectors = np.empty(spanned), np.empty((spanned, window))
    _begin(vectors)
    _covariance(series, covariance)
    for _ in range(FIRST_STEPS):
        _follow(covariance, values, vectors, work, small)
    for step in range(components.size):
        count = components[step]
        taken = max(count, 2)  # BLAS calls its threads for the product with a single vector
        weights, projections = np.zeros(taken), np.empty((starts, taken))
        weights[:count] = 1.0
        for _ in range(most):
            _covariance(series, covariance)
            _follow(covariance, values, vectors, work, small)
            if noise >= 0:
                _weigh(
                    values, np.trace(covariance), noise * starts, weights[:count], window - count
                )
            for place in range(starts):
                windows[place] = series[place : place + window]
            np.dot(windows, vectors[:taken].T, projections)
            _rebuild(projections, vectors, weights, gaps, new)
            if _replace(series, gaps, new, tolerance):
                break
        path[step] = new


@compiled
def _replace(series, gaps, new, tolerance):
    """Put the new values into the gaps; true when they hardly moved."""
    moved, size = 0.0, 0.0
    for place in range(gaps.size):
        moved += (new[place] - series[gaps[place]]) ** 2
        size += new[place] ** 2
        series[gaps[place]] = new[place]
    return moved <= tolerance * tolerance * size


@compiled
def _covariance(series, covariance):
    """Sums of products of the series with itself, lagged; down a diagonal the span only slides by a month."""
    window = covariance.shape[0]
    starts = series.size - window + 1
    for lag in range(window):
        covariance[0, lag] = _dot(series[:starts], series[lag : lag + starts])
    for row in range(window - 1):
        above, leaves, enters = (
            covariance[row, row : window - 1],
            series[row:],
            series[row + starts :],
        )
        below = covariance[row + 1, row + 1 :]
        for lag in range(below.size):
            below[lag] = above[lag] + enters[0] * enters[lag] - leaves[0] * leaves[lag]
    ridge = RIDGE * covariance[0, 0]
    for row in range(window):
        covariance[row, row] += ridge
        for column in range(row):
            covariance[row, column] = covariance[column, row]


@compiled
def _begin(vectors):
    """Orthonormal rows to start from: cosines of rising frequency."""
    count, window = vectors.shape
    for row in range(count):
        size = np.sqrt((1.0 if row == 0 else 2.0) / window)
        for lag in range(window):
            vectors[row, lag] = size * np.cos(np.pi * row * (lag + 0.5) / window)


@compiled
def _follow(covariance, values, vectors, work, small):
    """One step of orthogonal iteration; ``values`` and ``vectors`` are renewed in place."""
    coupling, turns = small[0], small[1]
    np.dot(vectors, covariance, work)
    np.dot(work, vectors.T, coupling)
    _diagonalise(coupling, turns)
    for one in range(values.size):
        values[one] = coupling[one, one]
    _sort(values, turns)
    np.dot(turns, work, vectors)
    _orthonormalise(vectors, coupling)


@compiled
def _diagonalise(matrix, turns):
    """Jacobi's rotations; the matrix is nearly diagonal already, so that few are needed."""
    count = matrix.shape[0]
    turns[:] = 0.0
    for one in range(count):
        turns[one, one] = 1.0
    for _ in range(MOST_SWEEPS):
        turned = False
        for one in range(count - 1):
            for other in range(one + 1, count):
                coupling = matrix[one, other]
                if coupling**2 <= NEGLIGIBLE**2 * abs(matrix[one, one] * matrix[other, other]):
                    continue
                turned = True
                ratio = (matrix[other, other] - matrix[one, one]) / (2 * coupling)
                tangent = (1.0 if ratio >= 0 else -1.0) / (abs(ratio) + np.sqrt(ratio * ratio + 1))
                cosine = 1 / np.sqrt(tangent * tangent + 1)
                _turn(matrix[one], matrix[other], cosine, tangent * cosine)
                _turn(matrix[:, one], matrix[:, other], cosine, tangent * cosine)
                _turn(turns[one], turns[other], cosine, tangent * cosine)
        if not turned:
            break


@compiled
def _turn(one, other, cosine, sine):
    for place in range(one.size):
        a, b = one[place], other[place]
        one[place], other[place] = cosine * a - sine * b, sine * a + cosine * b


@compiled
def _sort(values, rows):
    """The largest value first, rows alongside."""
    for place in range(values.size):
        largest = place
        for other in range(place + 1, values.size):
            if values[other] > values[largest]:
                largest = other
        if largest != place:
            values[place], values[largest] = values[largest], values[place]
            for column in range(rows.shape[1]):
                rows[place, column], rows[largest, column] = (
                    rows[largest, column],
                    rows[place, column],
                )


@compiled
def _orthonormalise(vectors, products):
    """By the Cholesky factor of the vectors' ``products`` with each other, which is built in its place."""
    for one in range(vectors.shape[0]):
        vectors[one] /= np.sqrt(_dot(vectors[one], vectors[one])) + TINY
    np.dot(vectors, vectors.T, products)
    for one in range(vectors.shape[0]):
        for other in range(one + 1):
            entry = products[one, other] - _dot(products[one, :other], products[other, :other])
            products[one, other] = (
                np.sqrt(max(entry, DEPENDENT)) if one == other else entry / products[other, other]
            )
        for other in range(one):
            for place in range(vectors.shape[1]):
                vectors[one, place] -= products[one, other] * vectors[other, place]
        vectors[one] /= products[one, one]


@compiled
def _weigh(values, total, noise, weights, others):
    """As ``ssa._above_noise``: the ``others`` are left out, and their sum is the trace less the leading values."""
    for number in range(weights.size):
        total -= values[number]
    floor = max(noise, total / others if others else 0.0)
    for number in range(weights.size):
        weights[number] = min(1.0, max(0.0, 1 - floor / max(values[number], TINY)))


@compiled
def _rebuild(projections, vectors, weights, gaps, new):
    """The gaps from the leading components: a mean, over the windows that a month lies in, of what each rebuilds.

    The vectors are laid out as the projections are, month by month and backwards, so that a gap is one product of two
    spans.
    """
    starts, count = projections.shape
    window = vectors.shape[1]
    weighted = np.empty((window, count))
    for number in range(count):
        for lag in range(window):
            weighted[window - 1 - lag, number] = vectors[number, lag] * weights[number]
    projections, weighted = projections.reshape(-1), weighted.reshape(-1)
    for place in range(gaps.size):
        month = gaps[place]
        first, last = max(0, month - window + 1), min(starts - 1, month) + 1
        shift = window - 1 - month
        total = _dot(
            projections[first * count : last * count],
            weighted[(first + shift) * count : (last + shift) * count],
        )
        new[place] = total / (last - first)


@compiled
def _dot(one, other):
    total = 0.0
    for place in range(one.size):
        total += one[place] * other[place]
    return total
