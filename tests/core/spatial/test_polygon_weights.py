import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import EARTH_RADIUS_KM, Grid
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer
from gwsa.gwsa_plugin.core.spatial.polygon_weights import pixel_areas, separate_groups
from gwsa.gwsa_plugin.core.spatial.polygons import area_km2

COARSE = Grid(70.0, 32.0, 0.25, 0.25, 16, 20)


def box(west, south, east, north, name="box"):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Aquifer(name, {"type": "Polygon", "coordinates": [ring]})


def box_km2(west, south, east, north):
    """The area between parallels and meridians on the sphere."""
    height = np.sin(np.radians(north)) - np.sin(np.radians(south))
    return EARTH_RADIUS_KM**2 * np.radians(east - west) * height


def areas(aquifers, grid):
    return pixel_areas(aquifers, separate_groups(aquifers), grid).toarray()


def test_box_has_its_area_on_the_sphere():
    polygon = box(70.5, 28.5, 73.25, 31.0)
    expected = box_km2(70.5, 28.5, 73.25, 31.0)
    assert area_km2(polygon.geometry) == pytest.approx(expected, rel=1e-12)
    assert areas([polygon], COARSE).sum() == pytest.approx(expected, rel=1e-9)


def test_hole_is_not_counted():
    outer, inner = box(70, 28, 74, 32), box(71, 29, 72, 30)
    rings = [outer.geometry["coordinates"][0], inner.geometry["coordinates"][0]]
    geometry = {"type": "Polygon", "coordinates": rings}
    expected = box_km2(70, 28, 74, 32) - box_km2(71, 29, 72, 30)
    assert area_km2(geometry) == pytest.approx(expected, rel=1e-12)
    assert areas([Aquifer("ring", geometry)], COARSE).sum() == pytest.approx(expected, rel=1e-9)


def test_part_of_a_coarse_cell_has_its_share_of_the_area():
    # A fifth of the first cell along a parallel.
    polygon = box(70.0, 31.75, 70.05, 32.0)
    found = areas([polygon], COARSE)[0]
    assert np.flatnonzero(found).tolist() == [0]
    assert found[0] == pytest.approx(COARSE.row_areas()[0] / 5, rel=1e-9)


def test_overlapping_polygons_are_independent():
    one, two = box(70, 28, 73, 31), box(72, 29, 74, 32)
    both = areas([one, two], COARSE)
    for row, polygon in zip(both, (one, two)):
        np.testing.assert_allclose(row, areas([polygon], COARSE)[0], rtol=1e-12)


def test_groups_hold_each_polygon_once_and_no_overlap():
    rng = np.random.default_rng(4)
    corners = rng.uniform(0, 20, (40, 2))
    polygons = [box(x, y, x + 3, y + 2, str(i)) for i, (x, y) in enumerate(corners)]
    groups = separate_groups(polygons)
    assert sorted(index for group in groups for index in group) == list(range(40))
    grid = Grid(0.0, 25.0, 0.25, 0.25, 100, 100)
    for group in groups:
        together = areas([polygons[index] for index in group], grid).sum(axis=0)
        assert (together <= grid.cell_areas().ravel() * (1 + 1e-9)).all()


def test_polygon_across_180_degrees_is_found_on_both_sides():
    polygon = box(179.0, -18.0, 181.5, -16.0)
    globe = Grid(-180.0, -15.0, 0.25, 0.25, 16, 1440)
    found = areas([polygon], globe).reshape(globe.shape)
    assert found.sum() == pytest.approx(box_km2(179.0, -18.0, 181.5, -16.0), rel=1e-9)
    assert np.flatnonzero(found.any(axis=0)).tolist() == [*range(6), *range(1436, 1440)]
