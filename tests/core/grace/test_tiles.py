"""Tiles: cells with identical series."""

import numpy as np

from gwsa.gwsa_plugin.core.grace.tiles import find_tiles


def test_cells_with_identical_series_have_one_number():
    rows, columns = np.indices((12, 15))
    tiles = 5 * (rows // 4) + columns // 3
    series = np.random.default_rng(0).normal(size=(30, 15)).astype(np.float32)
    np.testing.assert_array_equal(find_tiles(series[:, tiles]), tiles)


def test_a_difference_in_one_month_or_one_missing_value_makes_another_tile():
    values = np.ones((20, 2, 2))
    values[7, 0, 1] += 1e-6
    values[9, 1, 0] = np.nan
    np.testing.assert_array_equal(find_tiles(values), [[0, 1], [2, 0]])


def test_missing_months_are_compared_and_cells_without_any_value_have_no_tile():
    values = np.ones((3, 1, 5))
    values[1, 0, :2] = np.nan
    values[:, 0, 2] = np.nan
    np.testing.assert_array_equal(find_tiles(values), [[0, 0, -1, 1, 1]])


def test_the_order_of_months_matters_and_the_sign_of_zero_does_not():
    values = np.array([[[1.0, 2.0, 0.0, -0.0]], [[2.0, 1.0, 3.0, 3.0]]])
    np.testing.assert_array_equal(find_tiles(values), [[0, 1, 2, 2]])


def test_infinity_counts_as_no_value():
    values = np.array([[[np.inf, np.nan, np.inf]], [[1.0, 1.0, np.nan]]])
    np.testing.assert_array_equal(find_tiles(values), [[0, 0, -1]])


def test_only_missing_values_give_no_tiles():
    assert (find_tiles(np.full((4, 2, 3), np.nan)) == -1).all()
