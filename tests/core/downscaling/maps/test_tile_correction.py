"""A corrected tile is the sum of prediction and correction, and its closure is that of the sum."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.downscaling.maps import tile_correction
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import spread_pixels
from gwsa.gwsa_plugin.core.downscaling.maps.tile_correction import TileCorrection
from gwsa.gwsa_plugin.core.downscaling.skill.closure import TileRecorder
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

FACTOR = 5
SHAPE = (7, 9)
TILE = Tile(slice(1, 6), slice(2, 8))
MONTHS = 3


@pytest.fixture
def case():
    """Coast, a cell without land and a cell without value; predictions and nodes of months."""
    rng = np.random.default_rng(0)
    land = rng.random((SHAPE[0] * FACTOR, SHAPE[1] * FACTOR)) < 0.8
    land[10:15, 15:20] = False
    valid = np.ones(SHAPE, dtype=bool)
    valid[4, 5] = False
    conservation = MassConservation(land, Grid(70.0, 33.0, 0.25, 0.25, *SHAPE), FACTOR, valid)
    mapped = int(conservation.pixels(TILE).sum())
    predicted = rng.normal(0, 5, (MONTHS, mapped)).astype(np.float32)
    nodes = np.stack([conservation.nodes(rng.normal(0, 3, SHAPE)) for _ in range(MONTHS)])
    return conservation, predicted, nodes


def expected(case):
    """Maps and closure from arrays of all pixels."""
    conservation, predicted, nodes = case
    recorder = TileRecorder(conservation, TILE)
    maps = []
    for values, month_nodes in zip(predicted, nodes):
        before = spread_pixels(values, conservation.pixels(TILE))
        after = before + conservation.bilinear(month_nodes, TILE)
        recorder.add(before, after)
        maps.append(after.astype(np.float32))
    return np.stack(maps), recorder.closure()


@pytest.mark.parametrize("is_compiled", [True, False])
def test_maps_and_closure_are_those_of_the_sum(case, is_compiled, monkeypatch):
    if not is_compiled:
        monkeypatch.setattr(tile_correction, "_kernel", lambda: None)
    elif tile_correction._kernel() is None:
        pytest.skip("numba is not installed")
    conservation, predicted, nodes = case
    correction = TileCorrection(conservation, TILE)
    maps = np.stack([correction.correct(*month) for month in zip(predicted, nodes)])
    closure = correction.closure()
    expected_maps, expected_closure = expected(case)
    assert np.isnan(maps).any() and np.isnan(expected_closure.corrected).any()
    np.testing.assert_array_equal(maps, expected_maps)
    np.testing.assert_array_equal(closure.steps, expected_closure.steps)
    np.testing.assert_array_equal(closure.changes, expected_closure.changes)
    np.testing.assert_allclose(closure.corrected, expected_closure.corrected, atol=1e-12)
