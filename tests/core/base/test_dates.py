"""Dates of tables: one notation and one order of day and month for all values of a column."""

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.dates import parse_days
from gwsa.gwsa_plugin.core.base.errors import InputError


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


DAYS = [date(1998, 12, 31), date(2004, 5, 31), date(2010, 3, 5)]
COLUMNS = {
    "day/month/year of two digits": lambda day: f"{day.day}/{day.month}/{day:%y}",
    "month/day/year of two digits": lambda day: f"{day.month}/{day.day}/{day:%y} 12:00 AM",
    "with dots": lambda day: f"{day:%d.%m.%y}",
    "with a name and two digits": lambda day: f"{day:%d-%b-%y}",
    "with a name and slashes": lambda day: f"{day:%d/%b/%Y}",
    "with a name behind the year": lambda day: f"{day:%Y-%b-%d}",
    "with a name": lambda day: f"{day.day} {day:%B %Y}",
    "day numbers of a spreadsheet": lambda day: (day - date(1899, 12, 30)).days,
    "day numbers as text": lambda day: f"{(day - date(1899, 12, 30)).days}.4375",
    "day numbers as floats": lambda day: float((day - date(1899, 12, 30)).days),
    "numbers of eight digits": lambda day: float(f"{day:%Y%m%d}"),
}


@pytest.mark.parametrize("notation", COLUMNS)
def test_columns_of_one_notation_are_read(notation):
    assert parse_days([*map(COLUMNS[notation], DAYS), "", None])[:3].tolist() == DAYS


def test_a_month_with_its_name_is_its_15th():
    months = parse_days(["Mar 2010", "April-2011", "2012 May", "2013.06"])
    assert months.astype("datetime64[M]").astype(str).tolist() == [
        "2010-03", "2011-04", "2012-05", "2013-06",
    ]  # fmt: skip
    assert (months - months.astype("datetime64[M]")).astype(int).tolist() == [14] * 4


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["2004-05-31", "38138"], "a full date .“2004-05-31”. beside the number of a day .“38138”"),
        (["31/05/2004", "31/05/04"], "a full date .“31/05/2004”. beside a year of two digits"),
        (["04-05-31", "04-06-30"], "“04-05-31” in depth can begin or end with the year"),
        (["98/05/31"], "“98/05/31” in depth can begin or end with the year"),
        (["5/3/10", "6/4/11"], "“5/3/10” can be day/month or month/day"),
        (["Mar-10", "Apr-10"], "no dates .for example “Mar-10”"),
        (["2004.08", "2004.417"], "“2004.417” in depth can be a decimal year"),
        ([2004.5, 2005.0], "“2004.5” in depth can be a decimal year"),
        (["", "2010", "2011"], "no dates .for example “2010”"),
        (["0004-05-31"], "no dates .for example “0004-05-31”"),
    ],
)
def test_columns_that_are_not_clear_are_refused_with_an_example(texts, message):
    with pytest.raises(InputError, match=message):
        parse_days(texts, "depth")


def test_two_digits_that_can_only_be_the_year():
    assert parse_days(["31-05-98", "30-06-04"])[0] == np.datetime64("1998-05-31")
