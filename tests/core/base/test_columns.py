"""Columns of tables: one notation for all numbers, degrees and flags."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.columns import parse_degrees, parse_flags, parse_numbers
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
    with pytest.raises(InputError, match="depth has “4,544”, which can be"):
        parse_numbers(["12", "4,544", "3,210"], "depth")


def test_numbers_of_an_array_are_kept():
    assert parse_numbers(np.array([1, 2])).tolist() == [1.0, 2.0]


def test_flags():
    values = [1, "Confined", "yes", True, 0, "unconfined", None, ""]
    assert parse_flags(values).tolist() == [True] * 4 + [False] * 4


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("28°30'N", 28.5),
        ("28°30'36\"S", -28.51),
        ("76° 30′ 36″ W", -76.51),
        ("W 76 30 36", -76.51),
        ("28:30:36", 28.51),
        ("-0°30'", -0.5),
        ("28d30m36s", 28.51),
        ("28°30,5'", 28.5 + 0.5 / 60),
        ("28.5° N", 28.5),
        ("76,5W", -76.5),
        ("S28.5", -28.5),
        ("28.5", 28.5),
        (-76.5, -76.5),
        ("28°75'N", np.nan),
        ("unknown", np.nan),
        ("", np.nan),
        (None, np.nan),
    ],
)
def test_degrees(text, degrees):
    np.testing.assert_allclose(parse_degrees([text]), [degrees])
