"""Trends of series with a known slope, and an independent implementation of the test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.stats.trends import (
    benjamini_hochberg,
    deseasonalise,
    mann_kendall,
    theil_sen,
    trend,
)

MONTHS = month_range("2003-01", "2014-12")


def seasonal_line(slope: float, months=MONTHS) -> np.ndarray:
    """A slope per year with annual and semi-annual waves."""
    years = decimal_years(months)
    return (
        3 + slope * (years - 2003) + 5 * np.sin(2 * np.pi * years) + 2 * np.cos(4 * np.pi * years)
    )


@given(st.floats(-20, 20), st.sampled_from([1, 3, 4, 6]))
@settings(max_examples=20)
def test_slope_is_found_through_the_season(slope, every):
    months = MONTHS[::every]
    assert trend(months, seasonal_line(slope, months)) == pytest.approx(slope, abs=1e-6)


def test_a_change_of_the_sampled_months_does_not_change_the_trend():
    early = MONTHS[:72:3]
    late = MONTHS[73::3]
    months = np.concatenate([early, late])
    assert trend(months, seasonal_line(1.5, months)) == pytest.approx(1.5, abs=1e-6)


def test_many_series_are_as_one_by_one():
    values = np.stack([seasonal_line(2.0), seasonal_line(-1.0)], axis=1)
    together = trend(MONTHS, values)
    assert together == pytest.approx([trend(MONTHS, column) for column in values.T])


def test_theil_sen_is_robust_to_outliers():
    times = np.arange(90.0)
    values = 0.3 * times
    values[::4] += 1000 * np.random.default_rng(1).standard_normal(values[::4].size)
    assert theil_sen(times, values) == pytest.approx(0.3, rel=0.05)


def test_theil_sen_of_one_value_is_nan():
    assert np.isnan(theil_sen(np.array([1.0]), np.array([2.0])))


def test_deseasonalised_series_keeps_its_mean():
    values = seasonal_line(0.7)
    assert deseasonalise(MONTHS, values).mean() == pytest.approx(values.mean())


@pytest.mark.parametrize("seed", range(12))
def test_hamed_rao_agrees_with_pymannkendall(seed):
    reference = pytest.importorskip("pymannkendall", reason="pymannkendall is not installed")
    generator = np.random.default_rng(seed)
    values = np.cumsum(generator.standard_normal(120)) * (
        0.2 * (seed % 3)
    ) + generator.standard_normal(120)
    # Rounding makes ties, which both implementations then rank by rounding error.
    values = np.round(values + 0.01 * seed * np.arange(120), 1)
    assert mann_kendall(np.arange(120.0), values) == pytest.approx(
        reference.hamed_rao_modification_test(values).p, rel=0.02, abs=1e-9
    )


def test_constant_series_has_no_trend():
    assert mann_kendall(np.arange(20.0), np.full(20, 3.0)) == 1.0


def test_the_test_accounts_for_autocorrelation():
    """The uncorrected test finds a trend in about 0.3 of these red-noise series without one."""
    generator = np.random.default_rng(3)
    significant = 0
    for _ in range(200):
        noise = generator.standard_normal(120)
        for i in range(1, 120):
            noise[i] += 0.6 * noise[i - 1]
        significant += mann_kendall(np.arange(120.0), noise) < 0.05
    assert significant / 200 < 0.2


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_benjamini_hochberg_is_its_definition(p):
    p = np.array(p)
    ordered = np.sort(p)
    expected = [
        min(1.0, min(len(p) * q / (i + 1) for i, q in enumerate(ordered) if q >= value))
        for value in p
    ]
    assert benjamini_hochberg(p) == pytest.approx(expected)


def test_benjamini_hochberg_ignores_nan():
    assert benjamini_hochberg(np.array([0.01, np.nan, 0.04]))[[0, 2]] == pytest.approx([0.02, 0.04])
