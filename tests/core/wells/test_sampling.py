"""Windows in which pixels at wells are read."""

from contextlib import contextmanager

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.wells.sampling import LARGEST_SIDE, at_pixels

GRID = Grid(70.0, 35.0, 0.01, 0.01, 1000, 1100)
MONTHS = month_range("2009-01", "2009-03")


class Maps:
    """Maps in files of one size of block, which record the windows that are read."""

    def __init__(self, block):
        self.grid = GRID
        self.windows = []
        self._block = block
        self.values = np.arange(GRID.rows * GRID.columns, dtype=np.float32).reshape(GRID.shape)

    def block(self):
        return self._block

    @contextmanager
    def opened(self):
        def read(months, window):
            self.windows.append(window)
            return np.repeat(self.values[window][None], len(months), axis=0)

        yield read


@pytest.mark.parametrize("block", [(240, 240), (256, 256), (1, 1100), (16, 1100), (1000, 1100)])
def test_each_block_is_read_once_and_no_window_is_large(block):
    random = np.random.default_rng(0)
    longitude, latitude = 70 + 11 * random.random(400), 35 - 10 * random.random(400)
    maps = Maps(block)
    read = at_pixels(maps, longitude, latitude, MONTHS)
    rows, columns = ((35 - latitude) / 0.01).astype(int), ((longitude - 70) / 0.01).astype(int)
    np.testing.assert_array_equal(read, np.repeat(maps.values[rows, columns][None], 3, axis=0))
    sides = [min(side, LARGEST_SIDE) for side in block]
    places = [
        tuple((part.start // side, (part.stop - 1) // side) for part, side in zip(window, sides))
        for window in maps.windows
    ]
    assert all(first == last for place in places for first, last in place)
    assert len({*places}) == len(places)
