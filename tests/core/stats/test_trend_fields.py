"""Trends of many series against their definitions, pymannkendall and scipy."""

import numpy as np
import pytest
from scipy.stats import theilslopes

from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.base.numba_modules import load_numba_module
from gwsa.gwsa_plugin.core.stats import trend_fields as module
from gwsa.gwsa_plugin.core.stats.intervals import trend_and_amplitude
from gwsa.gwsa_plugin.core.stats.trend_fields import same_months, slopes_and_tests, trend_fields
from gwsa.gwsa_plugin.core.stats.trends import deseasonalise, theil_sen_test

MONTHS = month_range("2002-04", "2020-12")
compiled = load_numba_module("stats.trend_series_numba")
needs_numba = pytest.mark.skipif(compiled is None, reason="numba is not installed")


def red_noise(months, series, memory, seed=0):
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((months + 60, series))
    for month in range(1, len(noise)):
        noise[month] += memory * noise[month - 1]
    slopes = generator.standard_normal(series) * 0.02
    return noise[60:] + np.arange(months)[:, None] * slopes


def without_numba(monkeypatch):
    monkeypatch.setattr(module, "load_numba_module", lambda name: None)


def test_a_line_with_waves_is_found_exactly():
    years = decimal_years(MONTHS)
    wave = 4 * np.cos(2 * np.pi * (years - years[0] - 3 / 12)) + np.cos(4 * np.pi * years)
    values = (2.5 * (years - 2010) + wave)[:, None]
    fields = trend_fields(MONTHS, values)
    assert fields.slope == pytest.approx(2.5, abs=1e-9)
    assert fields.lower == pytest.approx(2.5, abs=1e-9)
    assert fields.upper == pytest.approx(2.5, abs=1e-9)
    assert fields.p < 1e-12
    assert fields.amplitude == pytest.approx(4.0, abs=1e-9)
    # Three months after the middle of April is the middle of July.
    assert fields.peak_month == pytest.approx(7.0, abs=1e-6)


@pytest.mark.parametrize("count", [24, 31, 60, 106, 107, 204, 225])
@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_compiled_and_plain_paths_agree(count, memory, monkeypatch):
    generator = np.random.default_rng(count)
    months = np.sort(generator.choice(MONTHS, count, replace=False))
    values = red_noise(count, 12, memory, seed=count)
    fast = trend_fields(months, values)
    without_numba(monkeypatch)
    np.testing.assert_allclose(fast, trend_fields(months, values), rtol=0, atol=1e-9)


def test_series_with_gaps_are_those_of_their_own_months():
    values = red_noise(MONTHS.size, 9, 0.7)
    values[np.random.default_rng(3).random(values.shape) < 0.2] = np.nan
    values[100:, 4] = np.nan
    fields = trend_fields(MONTHS, values)
    for series, column in enumerate(values.T):
        known = np.isfinite(column)
        flat = deseasonalise(MONTHS[known], column[known])
        slope, p = theil_sen_test(decimal_years(MONTHS[known]), flat)
        _, low, high = trend_and_amplitude(MONTHS, column, 0.9).trend
        found = np.array(fields[:4])[:, series]
        np.testing.assert_allclose(found, [slope, low, high, p], rtol=0, atol=1e-9)


@needs_numba
@pytest.mark.parametrize("decimals", [None, 2, 1, 0])
@pytest.mark.parametrize("count", [40, 41, 42, 43, 225])
def test_raw_series_agree_with_pymannkendall_and_scipy(count, decimals):
    reference = pytest.importorskip("pymannkendall", reason="pymannkendall is not installed")
    values = red_noise(count, 20, 0.5, seed=count)
    if decimals is not None:
        values = np.round(values, decimals)
    flat = np.ascontiguousarray(values.T)
    times = np.arange(1.0, count + 1)
    lines = np.polyfit(times, values, 1)[0]
    slope, p = slopes_and_tests(compiled, times, flat, lines)
    for series, y in enumerate(flat):
        expected = reference.hamed_rao_modification_test(y)
        assert slope[series] == pytest.approx(expected.slope, abs=1e-12)
        # pymannkendall gives p = nan where the corrected variance is not positive.
        if expected.var_s > 0:
            assert p[series] == pytest.approx(expected.p, abs=1e-6)


@needs_numba
@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_slopes_are_those_of_scipy(decimals):
    values = red_noise(120, 30, 0.3)
    if decimals is not None:
        values = np.round(values, decimals)
    flat = np.ascontiguousarray(values.T)
    months = np.delete(np.arange(130.0), np.arange(40, 50))
    lines = np.polyfit(months, values, 1)[0]
    found = slopes_and_tests(compiled, months, flat, lines)[0]
    expected = [theilslopes(y, months)[0] for y in flat]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@needs_numba
def test_extreme_series_agree_with_the_definition():
    times = np.arange(90.0)
    generator = np.random.default_rng(5)
    series = np.stack(
        [
            times**3,
            np.zeros(90),
            (times > 50) * 1.0,
            generator.standard_cauchy(90),
            np.where(times == 17, 1e9, 0.0) + generator.standard_normal(90),
            np.round(np.sin(times / 9)),
            1e-9 * generator.standard_normal(90) + 5,
            -times,
        ]
    )
    lines = np.polyfit(times, series.T, 1)[0]
    found = slopes_and_tests(compiled, times, series, lines)
    expected = np.array([theil_sen_test(times, y) for y in series]).T
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@needs_numba
def test_long_records_agree_with_the_definition():
    months = month_range("1960-01", "1999-12")
    values = red_noise(months.size, 3, 0.8)
    flat = deseasonalise(months, values).T
    slope, p = np.array([theil_sen_test(decimal_years(months), y) for y in flat]).T
    fields = trend_fields(months, values)
    np.testing.assert_allclose(fields.slope, slope, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fields.p, p, rtol=0, atol=1e-9)


def test_constant_and_short_series_have_no_trend():
    values = red_noise(MONTHS.size, 3, 0.5)
    values[:, 1] = 0.7
    values[23:, 2] = np.nan
    fields = np.array(trend_fields(MONTHS, values))
    assert np.isfinite(fields[:, 0]).all()
    assert np.isnan(fields[:, 1:]).all()


@pytest.mark.parametrize("memory", [0.0, 0.6, 0.8, 0.95])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_interval_covers_the_slope_of_red_noise_as_often_as_stated(memory, confidence):
    """Sen's interval with the variance of Hamed and Rao does so in 56 to 84 % instead of 90 %."""
    years = decimal_years(MONTHS)
    generator = np.random.default_rng(11)
    noise = generator.standard_normal((MONTHS.size, 400))
    for month in range(1, len(noise)):
        noise[month] = memory * noise[month - 1] + np.sqrt(1 - memory**2) * noise[month]
    fields = trend_fields(MONTHS, noise + 0.4 * (years - 2010)[:, None], confidence)
    covered = ((fields.lower <= 0.4) & (fields.upper >= 0.4)).mean()
    # Three standard errors of the series, and what a memory of years takes away.
    error = 3 * np.sqrt(confidence * (1 - confidence) / 400)
    assert confidence - error - 0.02 <= covered <= confidence + error


def test_groups_of_series_are_complete_and_do_not_overlap():
    values = np.ones((60, 50))
    values[np.random.default_rng(2).random(values.shape) < 0.02] = np.nan
    groups = list(same_months(values))
    assert sum(members.sum() for _, members in groups) == 50
    for known, members in groups:
        assert (np.isfinite(values[:, members]) == known[:, None]).all()
