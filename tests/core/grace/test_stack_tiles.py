"""Tiles that a stack carries or that its series have."""

from dataclasses import replace

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack
from gwsa.gwsa_plugin.core.grace.stack_tiles import stack_tiles

GRID = Grid(70.0, 32.0, 0.5, 0.5, 2, 4)
MONTHS = month_range("2004-01", "2004-06")


def twsa(values) -> MonthlyStack:
    return MonthlyStack.on_calendar(GRID, MONTHS, values, "TWSA")


def test_tiles_of_the_stack_come_first():
    tiles = np.int32([[0, 0, 1, 1], [2, 2, 3, 3]])
    stack = replace(twsa(np.ones((6, 2, 4))), tiles=tiles)
    np.testing.assert_array_equal(stack_tiles(stack), tiles)


def test_cells_with_identical_series_are_a_tile():
    values = np.random.default_rng(1).normal(size=(6, 2, 2)).repeat(2, axis=2)
    values[:, 1, 3] = np.nan
    np.testing.assert_array_equal(stack_tiles(twsa(values)), [[0, 0, 1, 1], [2, 2, 3, -1]])


def test_filled_months_are_not_used():
    """The cells of a tile may be filled differently, as in the margin of a region."""
    values = np.random.default_rng(1).normal(size=(6, 2, 2)).repeat(2, axis=2)
    values[2, :, 1] += 1
    source = tuple(FILLED if i == 2 else OBSERVED for i in range(6))
    assert stack_tiles(twsa(values)).max() == 5
    np.testing.assert_array_equal(
        stack_tiles(replace(twsa(values), source=source)), [[0, 0, 1, 1], [2, 2, 3, 3]]
    )


def test_cells_that_all_differ_are_no_tiles():
    assert stack_tiles(twsa(np.random.default_rng(1).normal(size=(6, 2, 4)))) is None
