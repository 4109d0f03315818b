"""Aquifers on both grids: overlaps, border cells and the background, and the blending of models."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer, blend, rasterise

pytestmark = pytest.mark.usefixtures("gdal_backend")

COARSE = Grid(10.0, 46.0, 0.25, 0.25, 8, 8)
FACTOR = 4
FINE = COARSE.refine(FACTOR)
LAND = np.ones(FINE.shape, bool)


def box(west, south, east, north):
    return {
        "type": "Polygon",
        "coordinates": [
            [[west, south], [east, south], [east, north], [west, north], [west, south]]
        ],
    }


def test_a_shared_pixel_belongs_to_the_smaller_aquifer_in_any_order():
    wide = Aquifer("wide", box(10, 44, 11.5, 46))
    narrow = Aquifer("narrow", box(11, 44, 11.75, 46))
    for order in ([wide, narrow], [narrow, wide]):
        regions = rasterise(order, FINE, FACTOR, LAND)
        assert regions.names[regions.pixels()[0, 5 * FACTOR]] == "narrow"
        assert regions.names[regions.cells[0, 4]] == "narrow"
        assert regions.names[regions.cells[0, 0]] == "wide"
        assert regions.names[regions.cells[0, 7]] == "background"


def test_a_cell_belongs_to_the_region_with_most_of_its_land():
    aquifer = Aquifer("a", box(10, 44, 10.42, 46))
    regions = rasterise([aquifer], FINE, FACTOR, LAND)
    assert regions.cells[0, 1] == 1
    # All of the aquifer's part of the second column is sea.
    land = LAND.copy()
    land[:, FACTOR : FACTOR + 3] = False
    assert rasterise([aquifer], FINE, FACTOR, land).cells[0, 1] == 0


def test_areas_add_up_to_the_land():
    regions = rasterise([Aquifer("a", box(10.1, 44.3, 11.2, 45.9))], FINE, FACTOR, LAND)
    assert regions.areas.sum() == pytest.approx(FINE.cell_areas().sum())
    assert regions.areas[1] == pytest.approx(
        1.1 * 111.2 * np.cos(np.radians(45.1)) * 1.6 * 111.2, rel=0.1
    )


def test_only_aquifers_that_are_large_enough_have_a_model_of_their_own():
    aquifers = [
        Aquifer("large", box(10, 44, 11, 46)),
        Aquifer("small", box(11.5, 44, 11.75, 44.25)),
    ]
    regions = rasterise(aquifers, FINE, FACTOR, LAND)
    assert list(regions.pooled(5_000)) == [0, 1, 0]
    assert list(regions.pooled(0)) == [0, 1, 2]


def test_small_aquifers_of_one_parent_share_a_model_where_they_reach_it_together():
    boxes = {
        "a": box(10, 44, 10.5, 44.5),
        "b": box(11, 44, 11.5, 44.5),
        "c": box(10, 45, 10.5, 45.25),
    }
    parents = {"a": "system", "b": "system", "c": "other"}
    regions = rasterise(
        [Aquifer(name, boxes[name], parents[name]) for name in boxes], FINE, FACTOR, LAND
    )
    serves = dict(zip(regions.names, regions.pooled(3_000)))
    assert serves["a"] == serves["b"] == len(regions.names) + 1
    assert serves["c"] == serves["background"] == 0
    assert set(regions.pooled(6_000)) == {0}


def test_aquifers_of_another_region_are_refused():
    with pytest.raises(InputError, match="lie in -60..-59 east and -10..-9 north, the predictors"):
        rasterise([Aquifer("a", box(-60, -10, -59, -9))], FINE, FACTOR, LAND)
    exchanged = "44..46 east and 10..12 north, as if longitude and latitude were exchanged"
    with pytest.raises(InputError, match=exchanged):
        rasterise([Aquifer("a", box(44, 10, 46, 12))], FINE, FACTOR, LAND)


def test_weights_change_only_within_the_feather():
    numbers = np.zeros(FINE.shape, int)
    numbers[:, 16:] = 3
    weights = blend(numbers, FINE, feather_km=20)
    assert np.allclose(weights[0] + weights[3], 1)
    reach = round(20 / (111.2 * FINE.dx * np.cos(np.radians(45))))
    assert (weights[0][:, : 16 - reach - 1] == 1).all() and (
        weights[3][:, 16 + reach + 1 :] == 1
    ).all()
    assert (np.diff(weights[3][0]) >= -1e-6).all() and 0.3 < weights[3][0, 16] < 0.7
