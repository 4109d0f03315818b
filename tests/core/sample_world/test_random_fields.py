"""Random fields of the sample world."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.sample_world.random_fields import SplineGrid, fractal, generator

SIZES = st.integers(20, 90)


@given(SIZES, SIZES, st.floats(2, 15), st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_interpolation_reproduces_a_plane(rows, columns, spacing, slope):
    spline = SplineGrid((rows, columns), spacing)
    steps = np.arange(spline.shape[0])[:, None] * spacing * np.ones(spline.shape[1])
    pixels = spline.interpolate(slope * steps)
    # The first node is one spacing before the first edge.
    expected = slope * (np.arange(rows) + 0.5 + spacing)
    assert np.abs(pixels - expected[:, None]).max() < 1e-3 * max(abs(slope) * rows, 1)


def test_weights_are_zero_or_in_the_range_of_fast_arithmetic():
    weights = SplineGrid((600, 20), 3)._row_weights
    assert np.abs(weights[weights != 0]).min() > np.finfo(np.float32).tiny
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


@given(SIZES, SIZES, st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_fractal_map_is_standardised(rows, columns, seed):
    values = fractal(generator(seed, "map"), (rows, columns), 3, 40)
    assert values.shape == (rows, columns) and values.dtype == np.float32
    assert (values.mean(), values.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))


def test_random_series_has_unit_variance_length_and_memory():
    spline = SplineGrid((240, 240), 3)
    fields = spline.random_series(generator(1, "test"), 60, 9.0, 0.8)
    assert fields.std() == pytest.approx(1, abs=0.05)
    assert np.mean(fields[1:] * fields[:-1]) == pytest.approx(0.8, abs=0.05)
    # Three nodes are 9 pixels, which is the correlation length.
    neighbours = np.mean(fields[:, :, 3:] * fields[:, :, :-3])
    assert neighbours == pytest.approx(np.exp(-1), abs=0.05)


def test_random_streams_are_independent_and_repeatable():
    draws = [
        generator(*key).random() for key in ((1, "a"), (1, "b"), (2, "a"), (1, "a", "2004-01"))
    ]
    assert len(set(draws)) == 4
    assert generator(1, "a").random() == draws[0]
