import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.stats.trend_breaks import strongest_break

MONTHS = month_range("2003-01", "2020-12")
YEARS = decimal_years(MONTHS)


@pytest.mark.parametrize("index", [60, 100, 150])
@pytest.mark.parametrize("change", [-3.0, 2.0])
def test_a_bent_line_with_waves_is_found_exactly(index, change):
    line = 1.5 * YEARS + change * np.maximum(YEARS - YEARS[index], 0)
    values = line + 5 * np.sin(2 * np.pi * YEARS)
    year, found = strongest_break(MONTHS, values[:, None])
    assert year == pytest.approx(YEARS[index])
    assert found == pytest.approx(change)


def test_gaps_and_noise_leave_the_bend_near():
    kept = np.delete(np.arange(MONTHS.size), np.arange(40, 52))
    noise = np.random.default_rng(4).standard_normal((kept.size, 50))
    values = noise + 4 * np.maximum(YEARS[kept] - 2011.5, 0)[:, None]
    year, change = strongest_break(MONTHS[kept], values)
    assert np.abs(year - 2011.5).max() < 1
    assert np.abs(change - 4).max() < 0.5


def test_short_and_constant_series_have_no_break():
    assert np.isnan(strongest_break(MONTHS[:90], np.random.default_rng(0).random((90, 2)))).all()
    assert np.isnan(strongest_break(MONTHS, np.full((MONTHS.size, 2), 3.0))).all()
