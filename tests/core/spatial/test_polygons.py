"""Polygons at 180° east and west: continuous longitudes, and the same pixels on grids beyond it."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.spatial import aquifers
from gwsa.gwsa_plugin.core.spatial.aquifers import MOST_REGIONS, Aquifer, rasterise
from gwsa.gwsa_plugin.core.spatial.permanent_ice import covered
from gwsa.gwsa_plugin.core.spatial.polygons import unwrap

pytestmark = pytest.mark.usefixtures("gdal_backend")


def ring(west, east, south=-19.0, north=-16.0):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def multipolygon(*rings):
    return {"type": "MultiPolygon", "coordinates": [[points] for points in rings]}


def test_a_polygon_that_is_drawn_across_180_is_continuous():
    assert unwrap([ring(177, -178)]) == [ring(177, 182)]
    assert unwrap([ring(-178, 177)]) == [ring(-178 + 360, 177)]
    assert unwrap([ring(-183, -178)]) == [ring(177, 182)]
    assert unwrap([ring(190, 200)]) == [ring(-170, -160)]


def test_holes_stay_inside():
    hole = ring(-179.5, -179, -18, -17)
    assert unwrap([ring(177, -178), hole])[1] == ring(180.5, 181, -18, -17)


@pytest.mark.parametrize("width", [(-180, 180), (177, 180), (-180, -178), (-90, 90)])
def test_other_polygons_are_kept(width):
    assert unwrap([ring(*width)]) == [ring(*width)]


def test_a_polygon_around_a_pole_is_not_closed():
    assert unwrap([[[0, -70], [120, -70], [-120, -70], [0, -70]]]) is None


BEYOND = Grid(175.0, -15.0, 0.5, 0.5, 10, 20)
UP_TO = Grid(175.0, -15.0, 0.5, 0.5, 10, 10)
FROM = Grid(-180.0, -15.0, 0.5, 0.5, 10, 10)
DRAWN = {
    "beyond": multipolygon(ring(177, 182)),
    "before": multipolygon(ring(-183, -178)),
    "two parts": multipolygon(ring(177, 180), ring(-180, -178)),
}


@pytest.mark.parametrize("drawn", DRAWN)
def test_a_polygon_across_180_has_the_same_pixels_on_any_grid(drawn):
    expected = np.zeros(BEYOND.shape, dtype=bool)
    expected[2:8, 4:14] = True
    parts = {BEYOND: expected, UP_TO: expected[:, :10], FROM: expected[:, 10:]}
    for grid, inside in parts.items():
        land = np.ones(grid.shape, dtype=bool)
        regions = rasterise([Aquifer("a", DRAWN[drawn])], grid, 1, land)
        np.testing.assert_array_equal(regions.pixels() == 1, inside)
        np.testing.assert_array_equal(covered([DRAWN[drawn]], grid), inside)


def test_too_many_aquifers_on_the_grid_are_refused(monkeypatch):
    """More than int16 can number."""
    assert np.iinfo(np.int16).max == MOST_REGIONS
    monkeypatch.setattr(aquifers, "MOST_REGIONS", 1_500)
    land = np.ones(BEYOND.shape, dtype=bool)
    near = [Aquifer(str(i), multipolygon(ring(176, 177))) for i in range(1_501)]
    with pytest.raises(InputError, match="1,501 aquifers .* more than 1,500.*ID_FIELD"):
        rasterise(near, BEYOND, 1, land)


def test_aquifers_elsewhere_are_not_counted():
    land = np.ones(BEYOND.shape, dtype=bool)
    far = [Aquifer("far", multipolygon(ring(10, 12)))] * (MOST_REGIONS + 1)
    regions = rasterise([*far, Aquifer("near", DRAWN["beyond"])], BEYOND, 1, land)
    assert regions.names == ("background", "near")
