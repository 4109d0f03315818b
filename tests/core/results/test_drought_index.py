"""Tests of the drought index on series whose index is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED
from gwsa.gwsa_plugin.core.results.drought_index import (
    ALL_MONTHS,
    CALENDAR_MONTH,
    SCALES,
    IndexOptions,
    drought_index,
    months_without_index,
    reference_months,
)

MONTHS = month_range("2002-04", "2020-12")
OBSERVED_ALL = (OBSERVED,) * MONTHS.size
EVERY = np.ones(MONTHS.size, dtype=bool)
SEASON = 10 * np.cos(2 * np.pi * (calendar_month(MONTHS) - 9) / 12)
YEARS = np.arange(MONTHS.size) / 12


def noise(seed, shape=()):
    return np.random.default_rng(seed).normal(size=(MONTHS.size, *shape))


def by_calendar_month(values):
    return [values[calendar_month(MONTHS) == number] for number in range(1, 13)]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("detrend", [False, True])
def test_stationary_series_has_mean_0_and_sd_1(scale, detrend):
    values = SEASON[:, None] + 3 * noise(1, (200,))
    index = drought_index(MONTHS, values, EVERY, IndexOptions(scale, detrend)).values
    for one in by_calendar_month(index):
        np.testing.assert_allclose(one.mean(axis=0), 0, atol=2e-3)
        # Exactly 1 where the calendar month scales it, and on average otherwise.
        spread = one.std(axis=0, ddof=1)
        if scale == CALENDAR_MONTH and not detrend:
            np.testing.assert_allclose(spread, 1, atol=1e-3)
        assert spread.mean() == pytest.approx(1, abs=0.05)
    if scale == ALL_MONTHS:
        np.testing.assert_allclose(index.std(axis=0, ddof=1), 1, atol=1e-3)


def test_published_index_is_the_deviation_over_one_standard_deviation():
    values = SEASON + noise(2)
    found = drought_index(MONTHS, values, EVERY, IndexOptions())
    climatology = np.array([one.mean() for one in by_calendar_month(values)])
    deviation = values - climatology[calendar_month(MONTHS) - 1]
    np.testing.assert_allclose(found.deviation, deviation, atol=1e-5)
    np.testing.assert_allclose(found.values, deviation / deviation.std(ddof=1), atol=1e-5)


def test_index_by_calendar_month_follows_the_spread_of_the_month():
    # Twice the spread in wet months gives the same index only if scaled by calendar month.
    wet = np.isin(calendar_month(MONTHS), (7, 8, 9, 10))
    values = SEASON[:, None] + np.where(wet, 2, 1)[:, None] * noise(3, (300,))
    spread = {
        scale: drought_index(MONTHS, values, EVERY, IndexOptions(scale)).values[wet].std()
        for scale in SCALES
    }
    assert spread[CALENDAR_MONTH] == pytest.approx(1, abs=0.05)
    assert spread[ALL_MONTHS] == pytest.approx(2 / np.sqrt(2), abs=0.08)


def test_trend_dominates_the_published_index_and_vanishes_when_removed():
    steady = SEASON + 0.5 * noise(4)
    depleted = steady - 2 * YEARS
    kept = drought_index(MONTHS, depleted, EVERY, IndexOptions()).values
    assert kept[:36].mean() > 1 and kept[-36:].mean() < -1
    removed = drought_index(MONTHS, depleted, EVERY, IndexOptions(detrend=True)).values
    expected = drought_index(MONTHS, steady, EVERY, IndexOptions(detrend=True)).values
    np.testing.assert_allclose(removed, expected, atol=1e-4)


@given(
    st.integers(0, 10_000),
    st.floats(-5, 5),
    st.floats(-50, 50),
    st.floats(0.1, 20),
    st.sampled_from(SCALES),
)
def test_index_does_not_depend_on_level_season_scale_or_removed_trend(
    seed, slope, level, factor, scale
):
    values = noise(seed)
    options = IndexOptions(scale, detrend=True)
    changed = factor * values + level + 3 * SEASON + slope * YEARS
    np.testing.assert_allclose(
        drought_index(MONTHS, changed, EVERY, options).values,
        drought_index(MONTHS, values, EVERY, options).values,
        atol=2e-3,
    )


def test_missing_months_have_no_index_and_do_not_count():
    values = SEASON + noise(5)
    gap = np.isin(MONTHS, month_range("2017-07", "2018-05"))
    with_gap = np.where(gap, np.nan, values)
    found = drought_index(MONTHS, with_gap, EVERY, IndexOptions(detrend=True))
    assert np.isnan(found.values[gap]).all() and np.isfinite(found.values[~gap]).all()
    # The same as without these months at all.
    short = drought_index(MONTHS[~gap], values[~gap], EVERY[~gap], IndexOptions(detrend=True))
    np.testing.assert_allclose(found.values[~gap], short.values, atol=1e-5)


def test_filled_months_have_an_index_and_do_not_change_the_climatology():
    gap = np.isin(MONTHS, month_range("2017-07", "2018-05"))
    source = tuple(np.where(gap, FILLED, OBSERVED))
    used = reference_months(MONTHS, source, IndexOptions())
    values = SEASON + noise(6)
    found = drought_index(MONTHS, values, used, IndexOptions())
    assert np.isfinite(found.values).all()
    other = drought_index(MONTHS, np.where(gap, values - 30, values), used, IndexOptions())
    np.testing.assert_array_equal(found.values[~gap], other.values[~gap])
    assert (other.values[gap] < -5).all()


def test_reference_gives_the_climatology_of_its_months_only():
    options = IndexOptions(first=np.datetime64("2004-01"), last=np.datetime64("2009-12"))
    used = reference_months(MONTHS, OBSERVED_ALL, options)
    assert used.sum() == 72 and MONTHS[used][0] == np.datetime64("2004-01")
    values = SEASON + noise(7)
    found = drought_index(MONTHS, values, used, options)
    np.testing.assert_allclose(found.deviation[used].mean(), 0, atol=1e-5)
    assert np.isfinite(found.values).all()


def test_short_records_are_refused():
    short = MONTHS[:48]
    with pytest.raises(InputError, match="at most 4 observed values .* needs 5"):
        reference_months(short, (OBSERVED,) * 48, IndexOptions())
    missing = (MISSING,) * MONTHS.size
    with pytest.raises(InputError, match="at most 0 observed"):
        reference_months(MONTHS, missing, IndexOptions())


def test_calendar_months_with_few_years_are_named_and_have_no_index():
    months = month_range("2002-04", "2007-03")[:-3]
    used = reference_months(months, (OBSERVED,) * months.size, IndexOptions())
    assert months_without_index(months, used, IndexOptions()) == ["January", "February", "March"]
    index = drought_index(months, noise(8)[: months.size], used, IndexOptions()).values
    np.testing.assert_array_equal(np.isnan(index), np.isin(calendar_month(months), (1, 2, 3)))


def test_cells_are_independent_and_constant_cells_have_no_index():
    values = SEASON[:, None, None] + noise(9, (2, 3))
    values[:, 0, 0] = np.float32(1.1)
    values[:, 0, 1] = np.nan
    values[20:, 0, 2] = np.nan
    index = drought_index(MONTHS, values.astype("float32"), EVERY, IndexOptions()).values
    assert np.isnan(index[:, 0]).all()
    for column in range(3):
        alone = drought_index(MONTHS, values[:, 1, column], EVERY, IndexOptions()).values
        np.testing.assert_allclose(index[:, 1, column], alone, atol=1e-4)
