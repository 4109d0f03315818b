"""The land of a build, held as bits."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.predictors.land_mask import LandMask


def random_land(grid):
    return np.random.default_rng(3).random(grid.shape) < 0.6


@pytest.mark.parametrize("columns", [16, 21, 40])
def test_any_window_is_that_of_the_array(columns):
    grid = Grid(0.0, 10.0, 0.1, 0.1, 7, columns)
    land, mask = random_land(grid), LandMask(grid)
    for first in range(0, columns, 8):
        window = slice(0, 7), slice(first, min(first + 8, columns))
        mask[window] = land[window]
    assert mask.count() == land.sum()
    for begin, end in ((0, columns), (3, 12), (8, 16), (5, 6), (9, columns)):
        window = slice(2, 6), slice(begin, end)
        assert (mask[window] == land[window]).all() and mask[window].dtype == bool


def test_windows_that_divide_a_byte_are_refused():
    mask = LandMask(Grid(0.0, 10.0, 0.1, 0.1, 7, 21))
    for columns in (slice(3, 8), slice(8, 13)):
        with pytest.raises(ValueError, match="byte"):
            mask[slice(0, 7), columns] = np.ones((7, columns.stop - columns.start), bool)


def test_a_mask_takes_a_bit_for_each_pixel():
    mask = LandMask(Grid(0.0, 10.0, 0.1, 0.1, 4, 800))
    assert sum(getattr(part, "nbytes", 0) for part in vars(mask).values()) == 4 * 800 / 8


def test_the_digest_changes_with_a_pixel():
    grid = Grid(0.0, 10.0, 0.1, 0.1, 7, 21)
    one, other = LandMask(grid), LandMask(grid)
    other[slice(6, 7), slice(16, 21)] = np.array([[0, 0, 0, 0, 1]], bool)
    assert one.digest() != other.digest()
