"""Packed numbers miss their values by no more than is stated, and where that would be much they are not packed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.predictors.int16 import PLAIN, RangeFinder, choose_encoding, encode


def survey(values, integers=None):
    found = RangeFinder()
    found.add(values)
    return found.extent(integers)


def unpacked(numbers, encoding):
    """As every reader of a GeoTIFF does."""
    values = numbers.astype(np.float32) * np.float32(encoding.scale) + np.float32(encoding.offset)
    return np.where(numbers == encoding.nodata, np.nan, values)


@given(st.integers(0, 2**32), st.floats(-6, 6), st.floats(-1e3, 1e3))
def test_half_a_step_bounds_the_error(seed, magnitude, middle):
    rng = np.random.default_rng(seed)
    values = (10**magnitude * (middle + rng.uniform(-1, 1, (40, 40)))).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    encoding = choose_encoding([survey(values)])
    if encoding.packed:
        error = np.abs(unpacked(encode(values, encoding), encoding) - values.astype(float))
        assert np.array_equal(np.isnan(error), np.isnan(values)), "only what is missing is missing"
        assert (
            np.nanmax(error)
            <= encoding.error
            <= np.ptp(values[np.isfinite(values)].astype(float)) / 60_000
        )
    else:
        assert np.ptp(values[np.isfinite(values)]) / 30_000 < np.spacing(np.nanmax(np.abs(values)))


@given(
    st.integers(0, 2**32),
    st.sampled_from([(0.1, 3.7), (0.02, -273.15), (1e-4, 0.0), (3.0, -1e4), (-0.5, 10.0)]),
)
def test_integers_are_read_back_to_the_bit(seed, scaling):
    scale, offset = scaling
    numbers = np.random.default_rng(seed).integers(-32767, 32768, (40, 40)).astype(np.int16)
    values = numbers.astype(np.float32) * np.float32(scale) + np.float32(offset)
    encoding = choose_encoding([survey(values, (scale, offset))])
    assert encoding[:4] == ("int16", scale, offset, 0.0)
    np.testing.assert_array_equal(encode(values, encoding), numbers)


def test_integers_that_float32_could_not_tell_apart_are_none():
    values = np.float32(1e6) + np.float32(1e-3) * np.arange(1600, dtype=np.float32).reshape(40, 40)
    assert choose_encoding([survey(values, (1e-3, 1e6))]) == PLAIN


def test_years_that_are_scaled_differently_share_one_rounding():
    values = np.arange(1600, dtype=np.float32).reshape(40, 40)
    encoding = choose_encoding([survey(values, (1.0, 0.0)), survey(values * 2, (2.0, 0.0))])
    assert encoding.packed and encoding.error > 0
    for year in (values, values * 2):
        assert (unpacked(encode(year, encoding), encoding) == year).all(), "steps are powers of two"


def test_a_long_tail_a_constant_and_nothing_stay_float32():
    tail = np.exp(4 * np.random.default_rng(1).standard_normal((400, 400))).astype(np.float32)
    assert choose_encoding([survey(tail)]) == PLAIN
    assert choose_encoding([survey(np.full((40, 40), 0.1, np.float32))]) == PLAIN
    assert choose_encoding([survey(np.full((40, 40), np.nan, np.float32))]) == PLAIN


def test_what_an_encoding_cannot_hold_is_missing():
    encoding = choose_encoding([survey(np.array([[1, 2]], np.float32), (1.0, 0.0))])
    assert encode(np.array([7, 40_000, -32_768, np.nan], np.float32), encoding).tolist() == [
        7,
        -32768,
        -32768,
        -32768,
    ]
