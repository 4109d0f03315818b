import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import (
    BASELINE,
    calendar_month,
    calendar_year,
    decimal_years,
    find_month,
    in_baseline,
    month_range,
    name_runs,
    parse_month,
    period_name,
)

months = st.integers(0, 1500).map(lambda n: np.datetime64("1950-01", "M") + n)


@given(months)
def test_parse_and_find_read_a_formatted_month(month):
    assert parse_month(str(month)) == month
    assert find_month(f"GWSA {month}") == month
    assert find_month(str(month).replace("-", "")) == month


@pytest.mark.parametrize("text", ["2004", "2004-13", "04-2004", "2004-1", "January", ""])
def test_parse_month_refuses_other_formats(text):
    with pytest.raises(InputError, match="START.*YYYY-MM"):
        parse_month(text, "START")


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("GLDAS_NOAH025_M.A200401.021.nc4", "2004-01"),
        ("ndvi_2004_11.tif", "2004-11"),
        ("2004-01-15", "2004-01"),
        ("2004/07", "2004-07"),
    ],
)
def test_find_month_in_common_names(text, month):
    assert find_month(text) == np.datetime64(month)


@pytest.mark.parametrize(
    "text", ["GWSA_2004.tif", "Band 1", "", None, "GLDAS_NOAH025_3H.A20150101.0000", "201613"]
)
def test_find_month_returns_none_without_a_month(text):
    assert find_month(text) is None


@given(months, st.integers(0, 300))
def test_month_range_has_both_ends_and_every_month_between(first, length):
    found = month_range(first, first + length)
    assert found[0] == first
    assert found.size == length + 1
    assert (np.diff(found).astype(int) == 1).all()


def test_month_range_of_the_study_period_has_225_months():
    assert month_range("2002-04", "2020-12").size == 225


def test_period_that_ends_before_it_starts_is_refused():
    with pytest.raises(InputError, match="2010-01.*2009-12"):
        month_range("2010-01", "2009-12")


@given(months)
def test_year_and_calendar_month_match_the_text(month):
    year, number = str(month).split("-")
    one = np.array([month])
    assert calendar_year(one)[0] == int(year)
    assert calendar_month(one)[0] == int(number)
    assert decimal_years(one)[0] == pytest.approx(int(year) + (int(number) - 0.5) / 12)


@given(st.sets(st.integers(0, 60)))
def test_name_runs_contains_exactly_the_months(numbers):
    start = np.datetime64("2002-04", "M")
    text = name_runs(np.array([start + n for n in numbers], dtype="datetime64[M]"))
    found = set()
    for run in text.split(", ") if numbers else []:
        first, _, last = run.partition("..")
        found.update(int(n) for n in (month_range(first, last or first) - start).astype(int))
    assert found == numbers
    assert bool(numbers) or text == "none"


def test_name_runs_joins_consecutive_months():
    missing = np.array(["2003-06", "2002-07", "2002-06"], dtype="datetime64[M]")
    assert name_runs(missing) == "2002-06..2002-07, 2003-06"


def test_baseline_is_2004_to_2009():
    assert in_baseline(month_range("2002-04", "2020-12")).sum() == 72
    around = np.array(["2003-12", "2004-01", "2009-12", "2010-01"], "datetime64[M]")
    assert in_baseline(around).tolist() == [False, True, True, False]
    assert period_name(BASELINE) == "2004-01..2009-12"
