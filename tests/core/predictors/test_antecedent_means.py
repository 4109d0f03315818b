"""Trailing means against their definition, and to the bit whatever else is asked for and whoever computes."""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.predictors import antecedent_means as trailing
from gwsa.gwsa_plugin.core.predictors.antecedent_means import antecedent_means

MONTHS = month_range("2003-11", "2005-02")
VALUES = st.one_of(st.sampled_from([np.nan, np.inf, -0.0]), st.floats(-1e6, 1e6, width=32))
SERIES = arrays(np.float32, (MONTHS.size, 1, 2), elements=VALUES)
WINDOWS = st.lists(st.integers(2, 20), min_size=1, max_size=4, unique=True).map(tuple)
ASKED = st.lists(st.integers(0, MONTHS.size - 1), min_size=1, max_size=20)
KNOWN = st.sets(st.integers(0, MONTHS.size - 1), min_size=1).map(sorted)

PROGRAMS = {"numpy": lambda: patch.object(trailing, "_kernel", lambda: None)}
if trailing._kernel():
    PROGRAMS["numba"] = nullcontext
both_programs = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


@both_programs
@settings(max_examples=60, deadline=None)
@given(SERIES, KNOWN, ASKED, WINDOWS)
def test_the_mean_of_the_months_that_have_a_value(program, series, known, asked, windows):
    with program():
        found = antecedent_means(series[known], MONTHS[known], MONTHS[asked], windows)
    assert found.dtype == np.float32 and found.shape == (len(asked), len(windows), 1, 2)
    for i, month in enumerate(asked):
        for j, window in enumerate(windows):
            for pixel in range(2):
                last = [float(series[k, 0, pixel]) for k in known if month - window < k <= month]
                last = [value for value in last if np.isfinite(value)]
                expected = np.mean(last) if last else np.nan
                np.testing.assert_allclose(found[i, j, 0, pixel], expected, rtol=1e-6, atol=1e-9)


@both_programs
@settings(max_examples=60, deadline=None)
@given(SERIES, ASKED, WINDOWS)
def test_no_other_month_or_window_changes_a_bit(program, series, asked, windows):
    with program():
        found = antecedent_means(series, MONTHS, MONTHS[asked], windows)
        for i, month in enumerate(asked):
            for j, window in enumerate(windows):
                reached = slice(max(0, month - window + 1), month + 1)
                alone = antecedent_means(
                    series[reached], MONTHS[reached], MONTHS[[month]], (window,)
                )
                assert alone.tobytes() == found[i, j].tobytes()


@pytest.mark.skipif("numba" not in PROGRAMS, reason="numba is not here")
@pytest.mark.parametrize("pixels", [2, 2047, 2048, 2049, 5000])
def test_both_programs_say_the_same_to_the_bit(pixels):
    random = np.random.default_rng(pixels)
    series = (10 ** random.uniform(-6, 6, (MONTHS.size, pixels))).astype(np.float32)
    series[random.random(series.shape) < 0.3] = np.nan
    series[:, 1] = np.nan
    said = []
    for program in PROGRAMS.values():
        with program():
            said.append(antecedent_means(series, MONTHS, MONTHS[3:], (12, 3, 20)))
    assert said[0].tobytes() == said[1].tobytes()
