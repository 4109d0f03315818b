"""Tests of drought events on constructed series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED
from gwsa.gwsa_plugin.core.results.drought_events import drought_class, find_events

MONTHS = month_range("2010-01", "2011-12")


def series(**runs):
    """An index of 0.5 with runs of other values from a month number on."""
    index = np.full(MONTHS.size, 0.5)
    for start, values in runs.items():
        begin = int(start.lstrip("m"))
        index[begin : begin + len(values)] = values
    return index


def events(index, source=None, **options):
    source = source or (OBSERVED,) * MONTHS.size
    return find_events(MONTHS, index, 4 * index, source, **options)


def test_events_of_a_constructed_series():
    index = series(m2=[-1.0, -1.2, -1.6, -1.1], m8=[-3, -3], m15=[-1.4, -2.5, -1.4])
    first, second = events(index)
    assert (str(first.first), str(first.last)) == ("2010-03", "2010-06")
    assert (first.duration, first.minimum, str(first.minimum_month)) == (4, -1.6, "2010-05")
    assert first.severity == pytest.approx(4.9) and first.deviation_cm == pytest.approx(-6.4)
    assert (first.level, first.filled, first.is_open) == ("severe", 0, False)
    assert (str(second.first), second.duration, second.level) == ("2011-04", 3, "extreme")


def test_threshold_and_least_duration():
    index = series(m2=[-1.0, -1.2, -1.6, -1.1], m8=[-3, -3])
    assert [one.duration for one in events(index, least_months=2)] == [4, 2]
    assert [one.duration for one in events(index, threshold=-1.2, least_months=2)] == [2, 2]
    assert events(index, least_months=5) == []


def test_missing_months_end_an_event_and_leave_it_open():
    index = series(m4=[-2] * 9)
    index[8] = np.nan
    before, after = events(index)
    assert (before.duration, before.is_open) == (4, True)
    assert (after.duration, after.is_open) == (4, True)
    keep = np.arange(MONTHS.size) != 8
    left_out = find_events(MONTHS[keep], index[keep], index[keep], (OBSERVED,) * 23)
    assert [one[:6] for one in left_out] == [one[:6] for one in (before, after)]


def test_edges_of_the_record_leave_an_event_open():
    first, last = events(series(m0=[-2] * 3, m21=[-2] * 3))
    assert first.is_open and last.is_open
    assert not events(series(m1=[-2] * 3))[0].is_open


def test_filled_months_are_counted():
    source = tuple(np.where(np.arange(MONTHS.size) == 5, FILLED, OBSERVED))
    assert events(series(m4=[-2] * 4), source)[0].filled == 1


def test_no_event_without_an_index():
    assert events(np.full(MONTHS.size, np.nan)) == []


@pytest.mark.parametrize(
    ("value", "level"),
    [(-0.6, "mild"), (-1.0, "moderate"), (-1.5, "severe"), (-2.0, "extreme"), (-4.0, "extreme")],
)
def test_classes(value, level):
    assert drought_class(value) == level


@given(st.lists(st.sampled_from([-2.0, -1.0, -0.5, 1.0, np.nan]), min_size=24, max_size=24))
def test_events_cover_all_runs_that_are_long_enough(values):
    index = np.array(values)
    found = events(index)
    inside = np.zeros(MONTHS.size, dtype=bool)
    for one in found:
        inside |= np.isin(MONTHS, month_range(one.first, one.last))
    dry = index <= -1
    assert (dry | ~inside).all()
    assert inside.sum() == sum(one.duration for one in found)
    rest = "".join("d" if one else " " for one in dry & ~inside)
    assert max((len(run) for run in rest.split()), default=0) < 3
