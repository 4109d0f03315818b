"""Sums of products are exact sums of rounded values, in any order within a block."""

from fractions import Fraction

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.stats import exact_sums
from gwsa.gwsa_plugin.core.stats.exact_sums import sum_of_products

VALUES = np.random.default_rng(1).standard_normal((500, 5)) * [1, 1e-6, 30, 4e9, 0]


def test_sums_are_those_of_exact_arithmetic():
    values = VALUES.astype(np.float32)
    steps = [Fraction(2) ** int(np.frexp(abs(column).max())[1] - 22) for column in values.T]
    rounded = [
        [step * round(Fraction(float(value)) / step) for value in column]
        for step, column in zip(steps, values.T)
    ]
    expected = [[float(sum(map(Fraction.__mul__, one, two))) for two in rounded] for one in rounded]
    assert sum_of_products(values).tolist() == expected


def test_sums_are_close_to_those_of_all_digits():
    scale = np.sqrt((VALUES[:, :4] ** 2).sum(axis=0))
    correlation = VALUES[:, :4].T @ VALUES[:, :4] / np.outer(scale, scale)
    found = sum_of_products(VALUES)[:4, :4] / np.outer(scale, scale)
    np.testing.assert_allclose(found, correlation, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_order_of_rows_and_the_layout_in_memory_change_no_bit(kind):
    values = VALUES.astype(kind)
    order = np.random.default_rng(2).permutation(len(values))
    expected = sum_of_products(values).tobytes()
    assert sum_of_products(values[order]).tobytes() == expected
    assert sum_of_products(np.asfortranarray(values)).tobytes() == expected


def test_more_rows_than_a_block_are_added(monkeypatch):
    monkeypatch.setattr(exact_sums, "ROWS", 70)
    np.testing.assert_allclose(sum_of_products(VALUES), VALUES.T @ VALUES, rtol=1e-5, atol=1e-9)


def test_the_greatest_block_of_the_greatest_values_is_exact():
    values = np.ones((exact_sums.ROWS, 2), np.float32)
    assert sum_of_products(values).tolist() == [[exact_sums.ROWS] * 2] * 2


def test_no_rows_have_sums_of_0():
    assert not sum_of_products(np.empty((0, 3))).any()
