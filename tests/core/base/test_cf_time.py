import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.cf_time import times_from_numbers


@pytest.mark.parametrize(
    ("unit", "per_day"),
    [
        ("days since 2002-01-01T00:00:00Z", 1),
        ("Days since 2002-1-1", 1),
        ("day since 2002-01-01 00:00:00.0", 1),
        ("hours since 2002-01-01 00:00 UTC", 24),
        ("h since 2002-01-01", 24),
        ("minutes since 2002-01-01 00:00:00 +00:00", 1440),
        ("seconds since 2002-01-01 00:00:00", 86_400),
        ("milliseconds since 2002-01-01", 86_400_000),
        ("ms since 2002-01-01", 86_400_000),
        ("nanoseconds since 2002-01-01", 86_400_000_000_000),
    ],
)
def test_each_unit_gives_the_same_times(unit, per_day):
    days = np.array([0.0, 16.5, 94, 6000])
    expected = np.array(
        ["2002-01-01T00:00", "2002-01-17T12:00", "2002-04-05T00:00", "2018-06-06T00:00"], "M8[ms]"
    )
    np.testing.assert_array_equal(times_from_numbers(days * per_day, unit), expected)


def test_the_clock_of_the_epoch_counts():
    assert times_from_numbers(0.5, "days since 1900-01-31 18:30:15") == np.datetime64(
        "1900-02-01T06:30:15", "ms"
    )


@pytest.mark.parametrize(
    "unit",
    ["", "days", "months since 2002-01-01", "years since 2000-01-01", "days since 0000-01-01",
     "days since 2002-13-01", "days since 2002-01-01 +05:30", "furlongs since 2002-01-01"],
)  # fmt: skip
def test_units_that_are_not_understood(unit):
    assert times_from_numbers([1.0], unit) is None


def test_fill_values_are_no_times():
    times = times_from_numbers([np.nan, 1e30, -9.97e36, 3.0], "days since 2002-01-01")
    assert np.isnat(times).tolist() == [True, True, True, False]
