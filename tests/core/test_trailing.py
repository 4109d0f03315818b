"""Trailing means against their definition, and to the bit whatever else is asked for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gwsa.gwsa_plugin.core.months import month_range
from gwsa.gwsa_plugin.core.trailing import TrailingMeans

MONTHS = month_range("2003-11", "2005-02")
VALUES = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6, width=32))
SERIES = arrays(np.float32, (MONTHS.size, 1, 2), elements=VALUES)
WINDOWS = st.lists(st.integers(2, 20), min_size=1, max_size=4, unique=True).map(tuple)
ASKED = st.lists(st.integers(0, MONTHS.size - 1), min_size=1, max_size=20)


def means(series, asked, windows):
    found = np.full((len(asked), len(windows), *series.shape[1:]), np.nan, dtype=np.float32)
    trailing = TrailingMeans(found, MONTHS[asked], windows, MONTHS[0])
    for month, band in zip(MONTHS[::-1], series[::-1]):
        trailing.take(month, band)
    return found


@settings(max_examples=50, deadline=None)
@given(SERIES, ASKED, WINDOWS)
def test_the_mean_of_the_months_that_have_a_value(series, asked, windows):
    found = means(series, asked, windows)
    for i, month in enumerate(asked):
        for j, window in enumerate(windows):
            for pixel in range(2):
                last = series[max(0, month - window + 1) : month + 1, 0, pixel].astype(float)
                known = last[np.isfinite(last)]
                expected = known.mean() if known.size else np.nan
                np.testing.assert_allclose(found[i, j, 0, pixel], expected, rtol=1e-6, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(SERIES, ASKED, WINDOWS)
def test_no_other_month_or_window_changes_a_bit(series, asked, windows):
    found = means(series, asked, windows)
    for i, month in enumerate(asked):
        for j, window in enumerate(windows):
            assert means(series, [month], (window,)).tobytes() == found[i, j].tobytes()
