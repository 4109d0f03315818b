"""Columns of tables: one notation for all numbers, one order for all dates."""

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.columns import parse_days, parse_flags, parse_numbers
from gwsa.gwsa_plugin.core.base.errors import InputError

NOTATIONS = {
    "plain": lambda value: f"{value:.2f}",
    "English": lambda value: f"{value:,.2f}",
    "German": lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")),
    "French": lambda value: f"{value:,.2f}".translate(str.maketrans(",.", "\u202f,")),
    "with spaces": lambda value: f"{value:,.2f}".translate(str.maketrans(",.", " ,")),
    "Swiss": lambda value: f"{value:,.2f}".replace(",", "\u2019"),
}


@pytest.mark.parametrize("notation", NOTATIONS)
@given(values=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_numbers_of_any_notation_are_read(notation, values):
    values = [value / 100 for value in values]
    texts = [NOTATIONS[notation](value) for value in values]
    np.testing.assert_allclose(parse_numbers(texts), values)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["4,544", "4,544.24"], [4544, 4544.24]),
        (["4,544", "3,2"], [4.544, 3.2]),
        (["1.234", "1.234,56"], [1234, 1234.56]),
        (["1.234", "12.345"], [1.234, 12.345]),
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1,234,567", "12"], [1234567, 12]),
        (["1.5e3", "2"], [1500, 2]),
        (["1.5", "dry", "", None, 2, "1.2.3.x"], [1.5, np.nan, np.nan, np.nan, 2, np.nan]),
    ],
)
def test_the_notation_is_decided_by_the_column(texts, numbers):
    np.testing.assert_allclose(parse_numbers(texts), numbers)


def test_two_notations_in_one_column_are_refused():
    with pytest.raises(InputError, match="depth has decimal points .“1,234.5”.*“1.234,5”"):
        parse_numbers(["1", "1,234.5", "1.234,5"], "depth")


def test_a_column_that_can_be_read_in_two_ways_is_refused():
    with pytest.raises(InputError, match="“4,544” in depth can be"):
        parse_numbers(["12", "4,544", "3,210"], "depth")


def test_numbers_of_an_array_are_kept():
    assert parse_numbers(np.array([1, 2])).tolist() == [1.0, 2.0]


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_dates_in_different_formats_are_equal(day):
    values = [
        day,
        datetime(day.year, day.month, day.day, 10, 30),
        day.isoformat(),
        day.strftime("%Y/%m/%d"),
        day.strftime("%Y%m%d"),
        day.strftime("%d-%b-%Y"),
        day.strftime("%B %d, %Y"),
        f"{day.isoformat()}T08:00:00Z",
        f"{day.isoformat()} 08:00",
    ]
    assert set(parse_days(values).tolist()) == {day}


def test_order_of_day_and_month_is_determined_from_the_column():
    assert parse_days(["03/04/2004", "25/04/2004"])[0] == np.datetime64("2004-04-03")
    assert parse_days(["03/04/2004", "04/25/2004"])[0] == np.datetime64("2004-03-04")
    assert parse_days(["03.04.2004"])[0] == np.datetime64("2004-04-03")


def test_ambiguous_order_of_day_and_month_is_refused():
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        parse_days(["03/04/2004", "05/06/2004"])


def test_both_orders_in_one_column_are_refused():
    with pytest.raises(InputError, match="“25/04/2004”.*“04/26/2004”"):
        parse_days(["03/04/2004", "25/04/2004", "04/26/2004"])


def test_a_month_without_day_and_invalid_dates():
    days = parse_days(["2004-05", "2004-02-31", "31-Foo-2004", "", None])
    assert days[0] == np.datetime64("2004-05-15") and np.isnat(days[1:]).all()


def test_field_without_dates_is_refused():
    with pytest.raises(InputError, match="no dates"):
        parse_days(["12.5", "13.1"])


def test_flags():
    values = [1, "Confined", "yes", True, 0, "unconfined", None, ""]
    assert parse_flags(values).tolist() == [True] * 4 + [False] * 4
