"""Surroundings continue the region across its border and do not repeat it farther away."""

import numpy as np

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.sample_world.land import make_land
from gwsa.gwsa_plugin.core.sample_world.surroundings import Surroundings

GRID = Grid(10.0, 46.0, 0.25, 0.25, 6, 8)
LAND = make_land(GRID, 1)


def test_the_region_is_unchanged_and_the_border_continuous():
    surroundings = Surroundings(LAND, 5)
    values = np.random.default_rng(1).random((2, *GRID.shape))
    extended = surroundings.extend(values)
    assert extended.shape == (2, 16, 18) and surroundings.coarse.bounds == (
        8.75,
        43.25,
        13.25,
        47.25,
    )
    np.testing.assert_array_equal(extended[:, 5:11, 5:13], values)
    np.testing.assert_array_equal(extended[:, 4, 5:13], values[:, 0])
    np.testing.assert_array_equal(extended[:, 3, 5:13], values[:, 1])
    np.testing.assert_array_equal(extended[:, 1, 5:13], values[:, 3, ::-1])


def test_surroundings_wider_than_the_region_repeat_it():
    extended = Surroundings(LAND, 18).extend(LAND.land_fraction)
    assert extended.shape == (42, 44)
    assert set(np.unique(extended)) == set(np.unique(LAND.land_fraction))


def test_surroundings_end_where_gldas_ends():
    land = make_land(Grid(-179.5, -58.0, 0.25, 0.25, 6, 6), 1)
    assert Surroundings(land).coarse.bounds[:2] == (-180.0, -60.0)
