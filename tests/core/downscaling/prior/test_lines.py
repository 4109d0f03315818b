"""Level and trend are removed exactly, also where the calendar has gaps."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.downscaling.prior.lines import line_basis, without_lines

YEARS = month_range("2004-01", "2007-12")
# Months 10 to 20 and 30 are missing.
WITH_GAPS = np.delete(YEARS, [*range(10, 21), 30])


@pytest.mark.parametrize("months", [YEARS, WITH_GAPS, YEARS[:2]])
def test_lines_in_calendar_time_are_removed(months):
    time = months.astype(int).astype(float)
    level, trend = np.random.default_rng(0).standard_normal((2, 3, 4))
    series = level + trend * (time[:, None, None] - time[0])
    np.testing.assert_allclose(without_lines(series, months), 0, atol=1e-10)


def test_what_is_left_is_that_of_least_squares():
    series = np.random.default_rng(1).standard_normal(WITH_GAPS.size)
    time = WITH_GAPS.astype(int)
    fitted = np.polyval(np.polyfit(time - time.mean(), series, 1), time - time.mean())
    np.testing.assert_allclose(without_lines(series, WITH_GAPS), series - fitted, atol=1e-12)


def test_removing_lines_twice_changes_nothing():
    series = np.random.default_rng(2).standard_normal((WITH_GAPS.size, 5))
    once = without_lines(series, WITH_GAPS)
    np.testing.assert_allclose(without_lines(once, WITH_GAPS), once, atol=1e-12)


@pytest.mark.parametrize("months", [YEARS, WITH_GAPS, YEARS[:2]])
def test_the_basis_is_orthonormal(months):
    basis = line_basis(months)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-12)


def test_a_single_month_has_a_level_only():
    assert line_basis(YEARS[:1]).shape == (1, 1)
    np.testing.assert_allclose(without_lines(np.array([[3.0, 4.0]]), YEARS[:1]), 0, atol=1e-12)


def test_a_series_with_a_gap_is_0_and_the_others_stay():
    series = np.random.default_rng(3).standard_normal((YEARS.size, 2)).astype(np.float32)
    other = without_lines(series, YEARS)[:, 1]
    series[7, 0] = np.nan
    left = without_lines(series, YEARS)
    assert left.dtype == np.float32
    assert (left[:, 0] == 0).all()
    np.testing.assert_array_equal(left[:, 1], other)


def test_the_mean_over_the_baseline_is_0_and_there_is_no_trend():
    months = month_range("2004-01", "2015-12")
    series = np.random.default_rng(4).standard_normal((months.size, 3)).cumsum(axis=0)
    left = without_lines(series, months)
    np.testing.assert_allclose(left[months < np.datetime64("2010-01")].mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(np.polyfit(np.arange(months.size), left, 1)[0], 0, atol=1e-10)
