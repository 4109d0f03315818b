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
    find_months,
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


@pytest.mark.parametrize(
    "text",
    ["2004", "2004-13", "04-2004", "2004-1", "January", "", "0001-01", "9999-12", "1899-12"],
)
def test_parse_month_refuses_other_formats(text):
    with pytest.raises(InputError, match="START.*YYYY-MM.*1900 to 2100"):
        parse_month(text, "START")


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("GLDAS_NOAH025_M.A200401.021.nc4", "2004-01"),
        ("ndvi_2004_11.tif", "2004-11"),
        ("2004-01-15", "2004-01"),
        ("2004/07", "2004-07"),
        ("20040115", "2004-01"),
        ("20041001_lwe_thickness_csr", "2004-10"),
        ("GLDAS_NOAH025_3H.A20150101.0000", "2015-01"),
        ("time=2004-01-16T00:00:00", "2004-01"),
        ("2004-02-01/2004-02-28", "2004-02"),
        ("Jan 2004", "2004-01"),
        ("twsa_sept_2004", "2004-09"),
        ("2004 December", "2004-12"),
        ("15-may-2004", "2004-05"),
        ("2004-1", "2004-01"),
        ("2004/9/30", "2004-09"),
        ("07/2004", "2004-07"),
        ("CHELSA_tas_01_2004_V.2.1", "2004-01"),
        ("MOD13A3.061__1_km_monthly_NDVI_doy2004032_aid0001", "2004-02"),
        ("MOD13A3.A2004366.h24v05", "2004-12"),
        ("EPSG_4326_200407", "2004-07"),
        ("0000-10 cm 2004-01", "2004-01"),
        # The month of the middle of a solution.
        ("20020404_20020430_lwe_thickness", "2002-04"),
        ("20020401_20020501", "2002-04"),
        ("2011-12-16/2012-01-20", "2012-01"),
    ],
)
def test_find_month_in_common_names(text, month):
    assert find_month(text) == np.datetime64(month)


@pytest.mark.parametrize(
    "text",
    ["GWSA_2004.tif", "Band 1", "", None, "201613", "0000-10 cm", "0010-12", "3000-01", "9999-12",
     "2004_1", "2004-1km", "GWSA 2004 1 km", "v2004.1", "15/01/2004", "doy2003999", "2004032",
     "marsh 2004", "maybe2004x", "decay_2004", "1.2004-2009 mean"],
)  # fmt: skip
def test_find_month_returns_none_without_a_month(text):
    assert find_month(text) is None


@pytest.mark.parametrize(
    "text", ["twsa_2002-04_2017-06.tif", "2004-01..2009-12", "200401 Mar 2004"]
)
def test_a_name_of_several_months_is_no_month(text):
    assert find_month(text) is None
    assert find_months(text).size == 2


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


def test_a_period_longer_than_a_century_is_refused():
    assert month_range("1950-01", "2049-12").size == 1200
    with pytest.raises(InputError, match="from 2002-04 to 9999-12 is longer than a century"):
        month_range("2002-04", "9999-12")
