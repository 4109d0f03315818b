"""Tests of recharge on series whose recharge is known."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import calendar_month, month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED
from gwsa.gwsa_plugin.core.results.recharge import RechargeOptions, estimate_recharge

MONTHS = month_range("2003-01", "2014-12")
SOURCE = (OBSERVED,) * MONTHS.size
CONSTANT = 6.0
JUNE = RechargeOptions(first_month=6)


def pulses(seed=0):
    """One pulse of 5 to 20 cm in each September, cm."""
    size = np.random.default_rng(seed).uniform(5, 20, MONTHS.size)
    return np.where(calendar_month(MONTHS) == 9, size, 0.0)


def storage(recharge, constant=CONSTANT, trend=0.0):
    """Storage at the end of each month of a linear reservoir, recharged in their middle, cm."""
    kept = np.exp(-1 / constant)
    values = [10.0]
    for amount in recharge[1:]:
        values.append(-15 + (values[-1] + 15) * kept + amount * kept**0.5)
    return np.array(values) + trend * np.arange(recharge.size) / 12


def by_year(recharge, years):
    return np.array([recharge[(one.first <= MONTHS) & (one.last >= MONTHS)].sum() for one in years])


def found(estimate):
    return np.array([one.estimate.recharge_cm for one in estimate.complete])


@pytest.mark.parametrize("constant", [3.0, 6.0, 20.0])
@pytest.mark.parametrize("trend", [0.0, -3.0])
def test_recharge_of_pulses_is_recovered(constant, trend):
    given = pulses()
    estimate = estimate_recharge(MONTHS, storage(given, constant, trend), None, SOURCE, JUNE)
    assert len(estimate.complete) == 11
    expected = by_year(given, estimate.complete)
    np.testing.assert_allclose(found(estimate), expected, rtol=0.02)
    assert estimate.mean.recharge_cm == pytest.approx(expected.mean(), rel=0.02)
    assert estimate.recession.constant_months == pytest.approx(constant, rel=1e-2)


def test_recharge_is_rise_and_drainage():
    estimate = estimate_recharge(MONTHS, storage(pulses()), None, SOURCE, JUNE)
    for year in estimate.complete:
        assert year.estimate.recharge_cm == pytest.approx(year.rise_cm + year.drained_cm)
        assert year.rise_cm > 0 and year.drained_cm > 0


def test_rise_over_several_months_keeps_what_drains_meanwhile():
    wet = np.isin(calendar_month(MONTHS), (7, 8, 9))
    given = np.where(wet, 8.0, 0.0)
    estimate = estimate_recharge(MONTHS, storage(given), None, SOURCE, JUNE)
    np.testing.assert_allclose(found(estimate), 24, rtol=0.02)
    assert all(year.drained_cm > 3 for year in estimate.complete)


def test_recharge_in_all_months_is_a_lower_bound():
    given = 2 + 2 * np.cos(2 * np.pi * np.arange(MONTHS.size) / 12)
    estimate = estimate_recharge(MONTHS, storage(given), None, SOURCE, JUNE)
    ratio = found(estimate) / by_year(given, estimate.complete)
    assert (ratio < 0.9).all() and (ratio > 0.3).all()


def test_year_without_a_rise_has_no_recharge():
    given = pulses()
    given[np.isin(MONTHS, month_range("2008-06", "2009-05"))] = 0
    estimate = estimate_recharge(MONTHS, storage(given), None, SOURCE, JUNE)
    by = {one.year: one.estimate.recharge_cm for one in estimate.complete}
    assert by[2009] == pytest.approx(0, abs=1e-6) and by[2008] > 4


@pytest.mark.parametrize("first", [1, 6, 10])
def test_hydrological_years_begin_in_the_chosen_month(first):
    estimate = estimate_recharge(
        MONTHS, storage(pulses()), None, SOURCE, RechargeOptions(first_month=first)
    )
    for year in estimate.complete:
        assert calendar_month(year.first) == first
        assert (year.last - year.first).astype(int) == 11
        assert str(year.last).startswith(str(year.year))
    # In January the step into the first month of the record is not known.
    assert len(estimate.complete) == 11
    assert len({one.year for one in estimate.years}) == len(estimate.years)


def test_missing_months_leave_their_years_without_recharge():
    values = storage(pulses())
    gap = np.isin(MONTHS, month_range("2008-02", "2008-03"))
    source = tuple(np.where(gap, MISSING, OBSERVED))
    with_all = estimate_recharge(MONTHS, values, None, SOURCE, JUNE)
    estimate = estimate_recharge(MONTHS, np.where(gap, np.nan, values), None, source, JUNE)
    by = {one.year: one for one in estimate.years}
    assert np.isnan(by[2008].estimate.recharge_cm) and by[2008].months == 9
    assert len(estimate.complete) == len(with_all.complete) - 1
    # The same when the months are left out.
    short = estimate_recharge(MONTHS[~gap], values[~gap], None, SOURCE[: (~gap).sum()], JUNE)
    np.testing.assert_array_equal(found(short), found(estimate))


def test_filled_months_are_counted():
    gap = np.isin(MONTHS, month_range("2008-02", "2008-07"))
    source = tuple(np.where(gap, FILLED, OBSERVED))
    estimate = estimate_recharge(MONTHS, storage(pulses()), None, source, JUNE)
    by = {one.year: one.filled for one in estimate.years}
    assert (by[2007], by[2008], by[2009]) == (0, 4, 2)


def test_short_record_has_no_recession_and_no_years():
    estimate = estimate_recharge(MONTHS[:20], storage(pulses())[:20], None, SOURCE[:20], JUNE)
    assert estimate.recession is None and estimate.years == ()
    assert np.isnan(estimate.mean.recharge_cm)


def test_noise_makes_no_recharge():
    noise = np.random.default_rng(1).normal(scale=1.0, size=(30, MONTHS.size))
    falling = 100 - 0.5 * np.arange(MONTHS.size)
    means = [
        estimate_recharge(MONTHS, falling + one, None, SOURCE, JUNE).mean.recharge_cm
        for one in noise
    ]
    # A sum of all positive steps would be 7 cm/yr.
    assert np.nanmean(np.nan_to_num(means)) < 1.0


def test_interval_covers_the_recharge_of_pulses():
    given = pulses(3)
    inside = []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(scale=1.0, size=MONTHS.size)
        sigma = np.ones(MONTHS.size)
        estimate = estimate_recharge(MONTHS, storage(given) + noise, sigma, SOURCE, JUNE)
        for year, expected in zip(estimate.complete, by_year(given, estimate.complete)):
            inside.append(year.estimate.low_cm <= expected <= year.estimate.high_cm)
    assert 0.8 < np.mean(inside) < 0.97


def test_sigma_grows_with_that_of_the_months():
    values = storage(pulses()) + np.random.default_rng(5).normal(scale=0.3, size=MONTHS.size)
    unknown, known, large = (
        estimate_recharge(MONTHS, values, sigma, SOURCE).mean.sigma_cm
        for sigma in (None, np.full(MONTHS.size, 0.3), np.full(MONTHS.size, 2.0))
    )
    # Without sigma it is that of the noise of the series.
    assert unknown == pytest.approx(known, rel=0.5)
    assert 2 * known < large


def test_error_is_the_same_each_time():
    values = storage(pulses()) + np.random.default_rng(5).normal(scale=0.3, size=MONTHS.size)
    one, two = (estimate_recharge(MONTHS, values, None, SOURCE).mean for _ in range(2))
    assert one == two
