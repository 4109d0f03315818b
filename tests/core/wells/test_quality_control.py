"""Tests of the quality control of readings and of the conversion of table columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.wells.quality_control import (
    NEGATIVE,
    OUTLIER,
    PLACEHOLDER,
    PLATEAU,
    SAME_DAY,
    UNREADABLE,
    Rules,
    clean,
    has_shift,
)
from gwsa.gwsa_plugin.core.wells.tables import as_id

DAYS = np.datetime64("2004-01-10") + 30 * np.arange(120)
MONTHS = np.datetime64("2004-01", "M") + np.arange(120)


def seasonal_depths(seed=0) -> np.ndarray:
    """Depth to water in m with a trend, a season and noise, shape (120,)."""
    years = np.arange(120) * 30 / 365.25
    noise = 0.2 * np.random.default_rng(seed).standard_normal(120)
    return 12 + 0.3 * years + 1.5 * np.sin(2 * np.pi * years) + noise


def dropped(levels, days=DAYS, **rules) -> dict:
    """Reasons with the number of readings that were left out."""
    counts = clean(days, levels, Rules(**rules)).dropped
    return {reason: count for reason, count in counts.items() if count}


class TestReadings:
    def test_good_readings_are_kept(self):
        own = clean(DAYS, seasonal_depths(), Rules())
        assert not any(own.dropped.values()) and not has_shift(own.months, own.depth)
        assert own.depth.size == np.unique(DAYS.astype("datetime64[M]")).size

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (-999, PLACEHOLDER),
            (9999, PLACEHOLDER),
            (-9999.0, PLACEHOLDER),
            (-0.5, NEGATIVE),
            (np.nan, UNREADABLE),
        ],
    )
    def test_bad_values_are_dropped_with_their_reason(self, value, reason):
        levels = seasonal_depths()
        levels[[7, 50]] = value
        assert dropped(levels) == {reason: 2}

    def test_elevations_may_be_negative(self):
        own = clean(DAYS, -seasonal_depths(), Rules(elevation=True))
        assert not any(own.dropped.values())
        assert own.depth.min() > 0

    def test_outliers_are_dropped_and_the_season_is_kept(self):
        levels = seasonal_depths()
        levels[33] += 8
        assert dropped(levels) == {OUTLIER: 1}

    def test_a_wet_season_is_not_an_outlier(self):
        levels = seasonal_depths()
        levels[60:64] -= [2.0, 3.5, 3.0, 1.5]
        assert dropped(levels) == {}

    def test_an_outlier_in_a_month_with_a_good_reading(self):
        days = np.sort(np.r_[DAYS, DAYS[60] + 2])
        levels = np.insert(seasonal_depths(), 61, 40.0)
        own = clean(days, levels, Rules())
        assert own.dropped[OUTLIER] == 1
        assert own.depth.max() < 20

    def test_two_readings_of_a_day_are_merged(self):
        own = clean(np.repeat(DAYS, 2), np.repeat(seasonal_depths(), 2), Rules())
        assert own.dropped[SAME_DAY] == 120
        assert own.depth == pytest.approx(clean(DAYS, seasonal_depths(), Rules()).depth)

    def test_a_stuck_sensor_keeps_its_first_reading(self):
        levels = seasonal_depths()
        levels[40:52] = levels[40]
        assert dropped(levels) == {PLATEAU: 11}

    def test_a_month_of_one_level_is_not_a_plateau(self):
        days = np.datetime64("2004-01-01") + np.arange(3000)
        levels = np.repeat(seasonal_depths()[:100].round(2), 30)
        assert PLATEAU not in dropped(levels, days)

    def test_a_shift_between_two_datums_is_detected(self):
        levels = seasonal_depths()
        levels[60:] += 30
        assert has_shift(MONTHS, levels)

    @pytest.mark.parametrize("fall", [1.0, 5.0, 20.0])
    def test_a_steady_fall_is_no_shift(self, fall):
        """Also with readings every three months, and with years without any."""
        levels = seasonal_depths() + fall * np.arange(120) / 12
        assert not has_shift(MONTHS, levels)
        assert not has_shift(MONTHS[::3], levels[::3])
        present = np.r_[0:40, 80:120]
        assert not has_shift(MONTHS[present], levels[present])

    def test_a_shift_during_a_steady_fall_is_detected(self):
        levels = seasonal_depths() + np.arange(120) / 12
        levels[50:] -= 30
        assert has_shift(MONTHS, levels)

    def test_a_shift_between_two_stretches_is_unknown(self):
        levels = seasonal_depths()
        levels[60:] += 30
        present = np.r_[0:50, 70:120]
        assert not has_shift(MONTHS[present], levels[present])

    def test_months_are_means(self):
        days = np.array(["2004-01-01", "2004-01-20", "2004-03-05"], dtype="datetime64[D]")
        own = clean(days, np.array([2.0, 4.0, 5.0]), Rules())
        assert own.months.astype(str).tolist() == ["2004-01", "2004-03"]
        assert own.depth.tolist() == [3.0, 5.0]

    @given(st.integers(0, 10_000))
    def test_every_dropped_reading_is_counted(self, seed):
        generator = np.random.default_rng(seed)
        levels = generator.choice([-999.0, -1.0, 3.0, 3.0, 5.5, 80.0, np.nan], size=40)
        days = np.sort(np.datetime64("2004-01-01") + generator.integers(0, 2000, 40))
        own = clean(days, levels, Rules())
        left = 40 - sum(own.dropped.values())
        assert own.months.size <= left and (left == 0) == (own.months.size == 0)


def test_identifiers():
    assert as_id(14.0) == as_id(14) == as_id(" 14 ") == "14"
