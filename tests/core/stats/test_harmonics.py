"""Fits of trend and seasons, and linear interpolation, against known curves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gwsa.gwsa_plugin.core.stats.harmonics import straight_lines, trend_and_seasons

MONTHS = np.arange(120)
COEFFICIENTS = arrays(float, 6, elements=st.floats(-50, 50))


def curve(level, slope, *waves):
    angle = 2 * np.pi * MONTHS / 12
    terms = (np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle))
    return level + slope * MONTHS / 12 + sum(size * term for size, term in zip(waves, terms))


@given(coefficients=COEFFICIENTS, gaps=st.sets(st.integers(0, 119), max_size=60))
def test_a_line_with_two_waves_is_recovered_through_gaps(coefficients, gaps):
    missing = np.isin(MONTHS, list(gaps))
    truth = curve(*coefficients)[None]
    fitted = trend_and_seasons(np.where(missing, 1e6, truth), missing)
    np.testing.assert_allclose(fitted, truth, atol=1e-7)


def test_without_harmonics_the_fit_is_the_line_of_polyfit():
    series = np.random.default_rng(1).normal(size=(3, 120)).cumsum(axis=1)
    missing = MONTHS % 7 == 3
    fitted = trend_and_seasons(series, missing, harmonics=0)
    for one, line in zip(series, fitted):
        np.testing.assert_allclose(
            line, np.polyval(np.polyfit(MONTHS[~missing], one[~missing], 1), MONTHS), atol=1e-9
        )


@given(gaps=st.sets(st.integers(1, 118), max_size=110))
def test_straight_lines_are_those_of_interp(gaps):
    missing = np.isin(MONTHS, list(gaps))
    series = np.random.default_rng(2).normal(size=(2, 120))
    for one, values in zip(series, straight_lines(series, missing)):
        np.testing.assert_allclose(
            values, np.interp(MONTHS[missing], MONTHS[~missing], one[~missing]), atol=1e-12
        )
