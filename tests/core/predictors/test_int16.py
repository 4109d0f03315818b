"""Values as int16: the rounding error, and when values stay float32."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.predictors.int16 import FLOAT32, RangeFinder, choose_encoding, encode


def find_range(values, integers=None):
    finder = RangeFinder()
    finder.add(values)
    return finder.value_range(integers)


def decode(numbers, encoding):
    """As every reader of a GeoTIFF converts numbers to values."""
    values = numbers.astype(np.float32) * np.float32(encoding.scale) + np.float32(encoding.offset)
    return np.where(numbers == encoding.nodata, np.nan, values)


@given(st.integers(0, 2**32), st.floats(-6, 6), st.floats(-1e3, 1e3))
def test_rounding_error_is_at_most_half_a_step(seed, magnitude, middle):
    rng = np.random.default_rng(seed)
    values = (10**magnitude * (middle + rng.uniform(-1, 1, (40, 40)))).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    encoding = choose_encoding([find_range(values)])
    spacing = np.spacing(np.nanmax(np.abs(values)))
    value_range = np.ptp(values[np.isfinite(values)].astype(float))
    if encoding.is_int16:
        error = np.abs(decode(encode(values, encoding), encoding) - values.astype(float))
        assert np.array_equal(np.isnan(error), np.isnan(values)), "only missing values are missing"
        # Differences to the offset are at most twice the largest value; float32 rounds them by at
        # most half of their spacing.
        assert np.nanmax(error) <= encoding.error + spacing
        assert encoding.error <= value_range / 60_000
    else:
        assert value_range / 30_000 < spacing


@given(
    st.integers(0, 2**32),
    st.sampled_from([(0.1, 3.7), (0.02, -273.15), (1e-4, 0.0), (3.0, -1e4), (-0.5, 10.0)]),
)
def test_scaled_integers_keep_their_numbers(seed, scaling):
    scale, offset = scaling
    numbers = np.random.default_rng(seed).integers(-32767, 32768, (40, 40)).astype(np.int16)
    values = numbers.astype(np.float32) * np.float32(scale) + np.float32(offset)
    encoding = choose_encoding([find_range(values, (scale, offset))])
    assert encoding[:4] == ("int16", scale, offset, 0.0)
    np.testing.assert_array_equal(encode(values, encoding), numbers)


def test_integers_finer_than_float32_are_not_copied():
    values = np.float32(1e6) + np.float32(1e-3) * np.arange(1600, dtype=np.float32).reshape(40, 40)
    assert choose_encoding([find_range(values, (1e-3, 1e6))]) == FLOAT32


def test_years_with_different_scales_share_one_encoding():
    values = np.arange(1600, dtype=np.float32).reshape(40, 40)
    ranges = [find_range(values, (1.0, 0.0)), find_range(values * 2, (2.0, 0.0))]
    encoding = choose_encoding(ranges)
    assert encoding.is_int16 and encoding.error > 0
    for year in (values, values * 2):
        assert (decode(encode(year, encoding), encoding) == year).all(), (
            "steps are powers of two, so that integers are exact"
        )


def test_long_tails_constants_and_empty_rasters_stay_float32():
    tail = np.exp(4 * np.random.default_rng(1).standard_normal((400, 400))).astype(np.float32)
    assert choose_encoding([find_range(tail)]) == FLOAT32
    assert choose_encoding([find_range(np.full((40, 40), 0.1, np.float32))]) == FLOAT32
    assert choose_encoding([find_range(np.full((40, 40), np.nan, np.float32))]) == FLOAT32


def test_values_outside_the_range_of_an_encoding_have_no_value():
    encoding = choose_encoding([find_range(np.array([[1, 2]], np.float32), (1.0, 0.0))])
    assert encode(np.array([7, 40_000, -32_768, np.nan], np.float32), encoding).tolist() == [
        7,
        -32768,
        -32768,
        -32768,
    ]
