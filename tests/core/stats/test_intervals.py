"""Intervals of trend and amplitude, on series whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.stats.intervals import UNKNOWN, trend_and_amplitude
from gwsa.gwsa_plugin.core.stats.trends import trend

MONTHS = month_range("2004-01", "2015-12")
YEARS = decimal_years(MONTHS)


def wave(amplitude, phase=0.3):
    return amplitude * np.cos(2 * np.pi * YEARS + phase)


def red_noise(rng, memory, count=MONTHS.size):
    noise = np.empty(count)
    noise[0] = rng.normal()
    for i, step in enumerate(rng.normal(size=count - 1), start=1):
        noise[i] = memory * noise[i - 1] + np.sqrt(1 - memory**2) * step
    return noise


@given(st.floats(-5, 5), st.floats(0.5, 20), st.floats(0, 6), st.floats(-100, 100))
def test_a_line_with_a_wave_is_recovered(slope, amplitude, phase, level):
    found = trend_and_amplitude(MONTHS, level + slope * (YEARS - 2010) + wave(amplitude, phase))
    assert found.trend == pytest.approx((slope, slope, slope), abs=1e-4)
    assert found.amplitude == pytest.approx((amplitude,) * 3, abs=1e-4)


def test_the_trend_is_that_of_the_other_stages():
    values = 0.4 * YEARS + wave(3) + red_noise(np.random.default_rng(1), 0.5)
    assert trend_and_amplitude(MONTHS, values).trend.value == trend(MONTHS, values)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("kept", ["gaps", "quarters"])
def test_intervals_contain_the_truth_as_often_as_they_state(memory, kept):
    rng = np.random.default_rng(3)
    use = rng.random(MONTHS.size) > 0.15 if kept == "gaps" else np.arange(MONTHS.size) % 3 == 1
    hits = np.zeros(2)
    trials = 80
    for _ in range(trials):
        values = -1.5 * (YEARS - 2010) + wave(2) + red_noise(rng, memory)
        found = trend_and_amplitude(MONTHS[use], values[use])
        hits += [one.low <= truth <= one.high for one, truth in zip(found, (-1.5, 2))]
    # Three standard errors of the trials around 90 %.
    assert (np.abs(hits / trials - 0.9) <= 0.1).all()


def test_no_season_has_an_interval_that_begins_at_zero():
    rng = np.random.default_rng(5)
    found = [trend_and_amplitude(MONTHS, rng.normal(size=MONTHS.size)).amplitude for _ in range(40)]
    assert np.mean([one.low == 0 for one in found]) > 0.8
    assert all(one.low <= one.value <= one.high for one in found)
    # Two coefficients with an error of sqrt(2 / 144) each.
    assert min(one.high for one in found) > 0.2


def test_gaps_are_left_out():
    values = 2 * YEARS + wave(3) + red_noise(np.random.default_rng(2), 0.3)
    gaps = np.arange(values.size) % 7 == 0
    with_gaps = np.where(gaps, np.nan, values)
    assert trend_and_amplitude(MONTHS, with_gaps) == trend_and_amplitude(
        MONTHS[~gaps], values[~gaps]
    )


@pytest.mark.parametrize("keep", [slice(0, 0), slice(0, 12), slice(0, 23), slice(None, None, 12)])
def test_too_few_values_have_no_trend(keep):
    assert trend_and_amplitude(MONTHS[keep], YEARS[keep]) == (UNKNOWN, UNKNOWN)


def test_one_month_a_year_has_a_trend_but_no_season():
    months = month_range("1990-01", "2015-12")[::12]
    values = decimal_years(months) * 0.5 + np.random.default_rng(0).normal(size=months.size)
    found = trend_and_amplitude(months, values)
    assert found.trend.low < 0.5 < found.trend.high
    assert found.amplitude == pytest.approx(UNKNOWN, nan_ok=True)


def test_a_constant_series_has_neither():
    found = trend_and_amplitude(MONTHS, np.full(MONTHS.size, 3.0))
    assert found == ((0, 0, 0), (0, 0, 0))
