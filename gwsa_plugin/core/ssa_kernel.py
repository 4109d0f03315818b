"""The iteration of ``ssa``, compiled: one series at a time, all its numbers of components on one path.

From pass to pass only the gaps change, and little. So the leading eigenvectors are not computed anew but follow: one
step of orthogonal iteration with a Rayleigh-Ritz rotation (Golub & Van Loan, Matrix Computations, 8.2.4 and 8.7) from
those of the pass before, with a few spare vectors. The covariance is built along its diagonals, one product an entry,
and only the gaps are rebuilt. The iteration corrects what the vectors lag behind, as it does every other error in the
gaps: the results are those of full decompositions well within the tolerance at which it stops.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import njit

from .ssa import MOST_ITERATIONS, Embedding

SPARE = 4  # vectors beyond the most components, which let those converge
MOST_SWEEPS = 4
NEGLIGIBLE = 1e-5  # coupling of two vectors, against the geometric mean of their eigenvalues

# numba's cache finds this module by its name, and QGIS imports it under another one than a script does.
sys.modules["gwsa_ssa_kernel"] = sys.modules[__name__]
__name__ = "gwsa_ssa_kernel"

compiled = njit(nogil=True, fastmath=True)


def fill_path(start: np.ndarray, missing: np.ndarray, embedding: Embedding, noise: np.ndarray | None = None):
    """See ``ssa.fill_path``."""
    gaps = np.flatnonzero(missing)
    path = np.empty((len(embedding.components), start.shape[0], gaps.size))
    _fill_all(
        np.ascontiguousarray(start), gaps, embedding.window, np.array(embedding.components), embedding.tolerance,
        np.full(start.shape[0], -1.0) if noise is None else noise, path,
    )  # fmt: skip
    return path


@njit(nogil=True, cache=True)
def _fill_all(start, gaps, window, components, tolerance, noise, path):
    for number in range(start.shape[0]):
        _fill(start[number].copy(), gaps, window, components, tolerance, noise[number], path[:, number])


@compiled
def _fill(series, gaps, window, components, tolerance, noise, path):
    """The gaps of one series after each number of components; ``noise`` below 0 leaves the components unweighted."""
    starts, most = series.size - window + 1, components[-1]
    spanned = min(window, most + SPARE)
    covariance, work = np.empty((window, window)), np.empty((spanned, window))
    projections, weighted, weights = np.empty(starts * most), np.empty(window * most), np.ones(most)
    new = np.empty(gaps.size)
    _covariance(series, covariance)
    values, vectors = _decomposed(covariance, spanned)
    first = True
    for step in range(components.size):
        count = components[step]
        for _ in range(MOST_ITERATIONS):
            if not first:
                _covariance(series, covariance)
                _follow(covariance, values, vectors, work)
            first = False
            if noise >= 0:
                _weigh(values, np.trace(covariance), noise * starts, weights[:count], window - count)
            _rebuild(series, vectors[:count], weights[:count], gaps, projections, weighted, new)
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
        above, leaves, enters = covariance[row, row : window - 1], series[row:], series[row + starts :]
        below = covariance[row + 1, row + 1 :]
        for lag in range(below.size):
            below[lag] = above[lag] + enters[0] * enters[lag] - leaves[0] * leaves[lag]
    for row in range(window):
        for column in range(row):
            covariance[row, column] = covariance[column, row]


@compiled
def _decomposed(covariance, count):
    """The leading eigenvalues and, as rows, eigenvectors, the largest first."""
    window = covariance.shape[0]
    values, vectors = np.linalg.eigh(covariance)
    leading = np.empty((count, window))
    for number in range(count):
        leading[number] = vectors[:, window - 1 - number]
    return values[::-1][:count].copy(), leading


@compiled
def _follow(covariance, values, vectors, work):
    """One step of orthogonal iteration; ``values`` and ``vectors`` are renewed in place."""
    count = vectors.shape[0]
    coupling, turns = np.empty((count, count)), np.zeros((count, count))
    for one in range(count):
        _combine(vectors[one], covariance, work[one])
        turns[one, one] = 1.0
        for other in range(one + 1):
            coupling[one, other] = coupling[other, one] = _dot(work[one], vectors[other])
    _diagonalise(coupling, turns)
    for one in range(count):
        values[one] = coupling[one, one]
    _sort(values, turns)
    for one in range(count):
        _combine(turns[one], work, vectors[one])
        for other in range(one):
            _add(vectors[one], -_dot(vectors[one], vectors[other]), vectors[other])
        vectors[one] /= np.sqrt(_dot(vectors[one], vectors[one])) + 1e-300


@compiled
def _diagonalise(matrix, turns):
    """Jacobi's rotations; the matrix is nearly diagonal already, so that few are needed."""
    count = matrix.shape[0]
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
                rows[place, column], rows[largest, column] = rows[largest, column], rows[place, column]


@compiled
def _weigh(values, total, noise, weights, others):
    """As ``ssa._above_noise``: the ``others`` are left out, and their sum is the trace less the leading values."""
    for number in range(weights.size):
        total -= values[number]
    floor = max(noise, total / others if others else 0.0)
    for number in range(weights.size):
        weights[number] = min(1.0, max(0.0, 1 - floor / max(values[number], 1e-300)))


@compiled
def _rebuild(series, vectors, weights, gaps, projections, weighted, new):
    """The gaps from the leading components: a mean, over the windows that a month lies in, of what each rebuilds.

    Projections and vectors lie month by month, all components together, so that a gap is one product of two spans.
    """
    count, window = weights.size, vectors.shape[1]
    starts = series.size - window + 1
    span = np.empty(starts)
    for number in range(count):
        vector = vectors[number]
        _slide(vector, series, span)
        for month in range(starts):
            projections[month * count + number] = span[month]
        for lag in range(window):
            weighted[lag * count + number] = vector[window - 1 - lag] * weights[number]
    for place in range(gaps.size):
        month = gaps[place]
        first, last = max(0, month - window + 1), min(starts - 1, month) + 1
        lag = window - 1 - month
        total = _dot(projections[first * count : last * count], weighted[(first + lag) * count : (last + lag) * count])
        new[place] = total / (last - first)


@compiled
def _slide(vector, series, span):
    """``span[t]`` = sum of vector[lag] * series[t + lag]; four lags in one pass over the memory."""
    size, rest = span.size, vector.size % 4
    span[:] = 0.0
    for lag in range(0, vector.size - rest, 4):
        _add_four(
            span, vector[lag : lag + 4], series[lag : lag + size], series[lag + 1 : lag + 1 + size],
            series[lag + 2 : lag + 2 + size], series[lag + 3 : lag + 3 + size],
        )  # fmt: skip
    for lag in range(vector.size - rest, vector.size):
        _add(span, vector[lag], series[lag : lag + size])


@compiled
def _combine(factors, rows, result):
    """``result`` = sum of factors[k] * rows[k]."""
    rest = factors.size % 4
    result[:] = 0.0
    for row in range(0, factors.size - rest, 4):
        _add_four(result, factors[row : row + 4], rows[row], rows[row + 1], rows[row + 2], rows[row + 3])
    for row in range(factors.size - rest, factors.size):
        _add(result, factors[row], rows[row])


@compiled
def _add_four(result, factors, first, second, third, fourth):
    a, b, c, d = factors[0], factors[1], factors[2], factors[3]
    for place in range(result.size):
        result[place] += a * first[place] + b * second[place] + c * third[place] + d * fourth[place]


@compiled
def _add(result, factor, row):
    for place in range(result.size):
        result[place] += factor * row[place]


@compiled
def _turn(one, other, cosine, sine):
    for place in range(one.size):
        a, b = one[place], other[place]
        one[place], other[place] = cosine * a - sine * b, sine * a + cosine * b


@compiled
def _dot(one, other):
    total = 0.0
    for place in range(one.size):
        total += one[place] * other[place]
    return total
