"""Antecedent means: their definition, and equal bits for any selection and implementation."""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.predictors import antecedent_means as module
from gwsa.gwsa_plugin.core.predictors.antecedent_means import antecedent_means

MONTHS = month_range("2003-11", "2005-02")
VALUES = st.one_of(st.sampled_from([np.nan, np.inf, -0.0]), st.floats(-1e6, 1e6, width=32))
SERIES = arrays(np.float32, (MONTHS.size, 1, 2), elements=VALUES)
WINDOWS = st.lists(st.integers(2, 20), min_size=1, max_size=4, unique=True).map(tuple)
ASKED = st.lists(st.integers(0, MONTHS.size - 1), min_size=1, max_size=20)
KNOWN = st.sets(st.integers(0, MONTHS.size - 1), min_size=1).map(sorted)

IMPLEMENTATIONS = {"numpy": lambda: patch.object(module, "_kernel", lambda: None)}
if module._kernel():
    IMPLEMENTATIONS["numba"] = nullcontext
both_implementations = pytest.mark.parametrize(
    "implementation", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS
)


@both_implementations
@settings(max_examples=60, deadline=None)
@given(SERIES, KNOWN, ASKED, WINDOWS)
def test_mean_is_over_the_months_that_have_a_value(implementation, series, known, asked, windows):
    with implementation():
        found = antecedent_means(series[known], MONTHS[known], MONTHS[asked], windows)
    assert found.dtype == np.float32 and found.shape == (len(asked), len(windows), 1, 2)
    for i, month in enumerate(asked):
        for j, window in enumerate(windows):
            for pixel in range(2):
                last = [float(series[k, 0, pixel]) for k in known if month - window < k <= month]
                last = [value for value in last if np.isfinite(value)]
                expected = np.mean(last) if last else np.nan
                np.testing.assert_allclose(found[i, j, 0, pixel], expected, rtol=1e-6, atol=1e-9)


@both_implementations
@settings(max_examples=60, deadline=None)
@given(SERIES, ASKED, WINDOWS)
def test_bits_do_not_depend_on_other_months_and_windows(implementation, series, asked, windows):
    with implementation():
        found = antecedent_means(series, MONTHS, MONTHS[asked], windows)
        for i, month in enumerate(asked):
            for j, window in enumerate(windows):
                in_window = slice(max(0, month - window + 1), month + 1)
                single = antecedent_means(
                    series[in_window], MONTHS[in_window], MONTHS[[month]], (window,)
                )
                assert single.tobytes() == found[i, j].tobytes()


@pytest.mark.skipif("numba" not in IMPLEMENTATIONS, reason="numba is not installed")
@pytest.mark.parametrize("pixels", [2, 2047, 2048, 2049, 5000])
def test_numpy_and_numba_give_the_same_bits(pixels):
    random = np.random.default_rng(pixels)
    series = (10 ** random.uniform(-6, 6, (MONTHS.size, pixels))).astype(np.float32)
    series[random.random(series.shape) < 0.3] = np.nan
    series[:, 1] = np.nan
    means = []
    for implementation in IMPLEMENTATIONS.values():
        with implementation():
            means.append(antecedent_means(series, MONTHS, MONTHS[3:], (12, 3, 20)))
    assert means[0].tobytes() == means[1].tobytes()
