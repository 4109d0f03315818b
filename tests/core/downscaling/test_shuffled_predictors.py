"""Shuffled predictors: complete cells change places within a region, equally in all rasters."""

import numpy as np
import pytest

from gwsa.benchmarks.shuffled import movable, reordered, shuffle, shuffled_order
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.predictor_set import COARSE, FINE
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def regions(small_world):
    predictors = small_world.predictors
    return rasterise(small_world.aquifers, predictors.grid, predictors.factor, small_world.land)


@pytest.fixture(scope="module")
def cells(small_world, regions):
    valid = np.ones(small_world.gwsa.grid.shape, bool)
    valid[0] = False
    return movable(valid, small_world.land, regions.pixels())


@pytest.fixture(scope="module")
def order(cells, regions):
    return shuffled_order(cells, regions.cells)


def test_only_complete_valid_cells_move_and_stay_in_their_region(
    small_world, regions, cells, order
):
    moved = order != np.arange(order.size).reshape(order.shape)
    assert moved.sum() > 0.8 * cells.sum() and not (moved & ~cells).any()
    assert not cells[0].any(), "not valid"
    assert not cells[:, :2].any(), "sea"
    assert (regions.cells.flat[order] == regions.cells).all()
    assert (np.sort(order, axis=None) == np.arange(order.size)).all()
    alone = regions.cells == regions.names.index("small")
    assert alone.sum() == 1 and not moved[alone].any()


def test_every_raster_is_reordered_equally(small_world, order, tmp_path):
    original = small_world.predictors
    shuffled = shuffle(original, order, tmp_path / "set")
    assert (shuffled.land() == original.land()).all()
    assert shuffled.features == original.features
    names = [sorted(path.name for path in one.folder.rglob("*")) for one in (original, shuffled)]
    assert names[0] == names[1]
    months = original.months[:14:13]
    for scale in (FINE, COARSE):
        for before, after in zip(
            read_features(original, scale, months)[-1], read_features(shuffled, scale, months)[-1]
        ):
            np.testing.assert_array_equal(after, reordered(before, order))


def test_pixels_keep_their_place_in_the_cell():
    field = np.arange(24).reshape(4, 6)
    order = np.array([[5, 1, 2], [3, 4, 0]])
    result = reordered(field, order)
    assert (result[:2, :2] == field[2:, 4:]).all() and (result[2:, 4:] == field[:2, :2]).all()
    assert (result[:, 2:4] == field[:, 2:4]).all() and (result[:2, 4:] == field[:2, 4:]).all()
    assert (reordered(order, np.arange(6).reshape(2, 3)) == order).all()
