"""Block sums and interpolation, compiled and in numpy, against their definitions."""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.spatial import blocks
from gwsa.gwsa_plugin.core.spatial.blocks import block_sums, has_numba, interpolate

PROGRAMS = {"numpy": lambda: patch.object(blocks, "_kernels", lambda: None)}
if has_numba():
    PROGRAMS["numba"] = nullcontext
both_programs = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


@st.composite
def windows(draw):
    """A window of a fine grid, not aligned with the cells, with some missing values."""
    factor = draw(st.integers(1, 9))
    corner = draw(st.integers(0, factor - 1)), draw(st.integers(0, factor - 1))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.normal(0, 30, (draw(st.integers(1, 25)), draw(st.integers(1, 40))))
    fraction = draw(st.sampled_from([0.0, 0.2, 0.9]))
    values[random.random(values.shape) < fraction] = draw(
        st.sampled_from([np.nan, np.inf, -np.inf])
    )
    return factor, corner, values.astype(draw(st.sampled_from([np.float32, np.float64]))), random


def sums_cell_by_cell(values, counted, row_weights, factor, corner):
    """Sum of weight times value, and of weights, pixel by pixel."""
    shape = [-(-(size + skipped) // factor) for size, skipped in zip(values.shape, corner)]
    totals, weights = np.zeros((2, *shape))
    for row, column in np.argwhere(counted):
        cell = (row + corner[0]) // factor, (column + corner[1]) // factor
        totals[cell] += row_weights[row] * float(values[row, column])
        weights[cell] += row_weights[row]
    return totals, weights


@both_programs
@settings(max_examples=60, deadline=None)
@given(windows())
def test_pixels_with_a_finite_value_are_summed(program, window):
    factor, corner, values, random = window
    row_weights = random.uniform(0.2, 1.0, values.shape[0])
    with program():
        sums = block_sums(values, row_weights, factor, corner)
    expected = sums_cell_by_cell(values, np.isfinite(values), row_weights, factor, corner)
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-10)


@both_programs
@settings(max_examples=60, deadline=None)
@given(windows(), st.booleans())
def test_only_the_pixels_of_the_mask_are_summed(program, window, as_a_view):
    factor, corner, values, random = window
    values[~np.isfinite(values)] = 7.0
    counted = random.random(values.shape) < 0.7
    values[~counted] = np.nan
    row_weights = random.uniform(0.2, 1.0, values.shape[0])
    given_, where = (np.asfortranarray(one) if as_a_view else one for one in (values, counted))
    with program():
        sums = block_sums(given_, row_weights, factor, corner, where)
    np.testing.assert_allclose(
        sums,
        sums_cell_by_cell(values, counted, row_weights, factor, corner),
        rtol=1e-12,
        atol=1e-10,
    )


@both_programs
def test_a_nan_pixel_in_the_mask_makes_its_cell_nan(program):
    values = np.ones((4, 6))
    values[1, 3] = np.nan
    with program():
        totals, weights = block_sums(values, np.ones(4), 2, where=np.ones(values.shape, bool))
    assert np.array_equal(np.isnan(totals), [[False, True, False], [False, False, False]])
    assert (weights == 4).all()


@st.composite
def fields(draw):
    """Nodes, their validity, the factor, a window of the fine grid, and whether it is global."""
    rows = draw(st.integers(1, 6))
    columns = draw(st.integers(1, 7))
    factor = draw(st.integers(1, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    valid = random.random((rows, columns)) < draw(st.sampled_from([0.3, 0.8, 1.0]))
    nodes = np.where(valid, random.normal(0, 30, valid.shape), np.nan)
    window = tuple(slice(*draw(ends(size * factor))) for size in (rows, columns))
    return nodes, valid, factor, window, draw(st.booleans())


def ends(size):
    return (
        st.tuples(st.integers(0, size), st.integers(0, size))
        .filter(lambda pair: pair[0] != pair[1])
        .map(sorted)
    )


def hats(span, factor, size, wraps):
    """The weight of each node at each pixel of a span: 1 at the node, 0 at the next one."""
    pixels = 2 * np.arange(span.start, span.stop)[:, None] + 1
    nodes = factor * (2 * np.arange(size) + 1)
    turns = (-1, 0, 1) if wraps else (0,)
    # In halves of a pixel.
    distances = [np.abs(pixels - nodes - 2 * factor * size * turn) for turn in turns]
    return sum(np.maximum(0, 2 * factor - distance) for distance in distances) / (2 * factor)


@pytest.mark.slow
@both_programs
@settings(max_examples=150, deadline=None)
@given(fields())
def test_a_field_is_the_mean_of_the_valid_nodes_weighted_by_hats(program, field):
    nodes, valid, factor, window, wraps = field
    down = hats(window[0], factor, nodes.shape[0], False)
    across = hats(window[1], factor, nodes.shape[1], wraps)
    weights = down @ valid @ across.T
    expected = np.full(weights.shape, np.nan)
    np.divide(
        down @ np.where(valid, nodes, 0.0) @ across.T, weights, out=expected, where=weights > 0
    )
    with program():
        between = interpolate(nodes, valid, factor, window, wraps)
    np.testing.assert_allclose(between, expected, rtol=1e-10, atol=1e-10)


@both_programs
def test_a_valid_node_with_nan_makes_the_pixels_around_it_nan(program):
    factor = 4
    nodes = np.ones((5, 6))
    nodes[2, 3] = np.nan
    with program():
        field = interpolate(nodes, np.ones(nodes.shape, bool), factor, (slice(0, 20), slice(0, 24)))
    hole = np.zeros(field.shape, bool)
    hole[6:14, 10:18] = True
    assert np.array_equal(np.isnan(field), hole)
    assert np.allclose(field[~hole], 1.0, atol=1e-15)


@both_programs
def test_only_the_pixels_asked_for_are_interpolated(program):
    nodes = np.arange(30.0).reshape(5, 6)
    window = (slice(3, 20), slice(0, 24))
    where = np.random.default_rng(1).random((17, 24)) < 0.5
    with program():
        every = interpolate(nodes, nodes > 2, 4, window)
        some = interpolate(nodes, nodes > 2, 4, window, where=where)
    np.testing.assert_array_equal(some, np.where(where, every, np.nan))
