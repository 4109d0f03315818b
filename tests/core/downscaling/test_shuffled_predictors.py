"""Shuffled predictors: cells change places as a whole, all rasters alike, and only where that is possible."""

import numpy as np
import pytest

from gwsa.benchmarks.shuffled import movable, reordered, shuffle, shuffled_order
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.predictor_set import COARSE, FINE
from gwsa.gwsa_plugin.core.spatial.aquifers import rasterise


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


def test_cells_move_within_their_region_and_only_whole_valid_ones(
    small_world, regions, cells, order
):
    moved = order != np.arange(order.size).reshape(order.shape)
    assert moved.sum() > 0.8 * cells.sum() and not (moved & ~cells).any()
    assert not cells[0].any() and not cells[:, :2].any()  # not valid, and sea
    assert (regions.cells.flat[order] == regions.cells).all()
    assert (np.sort(order, axis=None) == np.arange(order.size)).all()
    alone = regions.cells == regions.names.index("small")
    assert alone.sum() == 1 and not moved[alone].any()


def test_every_raster_is_reordered_alike(small_world, order, tmp_path):
    true, shuffled = (
        small_world.predictors,
        shuffle(small_world.predictors, order, tmp_path / "set"),
    )
    assert (shuffled.land() == true.land()).all()
    assert shuffled.features == true.features
    assert sorted(p.name for p in shuffled.folder.rglob("*")) == sorted(
        p.name for p in true.folder.rglob("*")
    )
    for scale in (FINE, COARSE):
        for before, after in zip(
            read_features(true, scale, true.months[:14:13])[-1],
            read_features(shuffled, scale, true.months[:14:13])[-1],
        ):
            np.testing.assert_array_equal(after, reordered(before, order))


def test_a_cell_keeps_its_pixels_in_their_places():
    field = np.arange(24).reshape(4, 6)
    order = np.array([[5, 1, 2], [3, 4, 0]])
    result = reordered(field, order)
    assert (result[:2, :2] == field[2:, 4:]).all() and (result[2:, 4:] == field[:2, :2]).all()
    assert (result[:, 2:4] == field[:, 2:4]).all() and (result[:2, 4:] == field[:2, 4:]).all()
    assert (reordered(order, np.arange(6).reshape(2, 3)) == order).all()
