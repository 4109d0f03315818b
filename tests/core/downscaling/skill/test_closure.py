"""The closure of a year has its block means, and wrong block means are an error."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.downscaling.skill.closure import Closure, TileRecorder, join_closures
from gwsa.gwsa_plugin.core.downscaling.skill.seams import edge_ratio
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

FACTOR = 5
SHAPE = (6, 8)
MONTHS = month_range("2009-05", "2009-06")
TILES = (Tile(slice(0, 6), slice(0, 4)), Tile(slice(0, 6), slice(4, 8)))


def record(offset=0.0):
    """The closure of two months, with ``offset`` added to one corrected tile, and its inputs."""
    rng = np.random.default_rng(0)
    cells = np.ones(SHAPE, dtype=bool)
    land = np.ones((SHAPE[0] * FACTOR, SHAPE[1] * FACTOR), dtype=bool)
    conservation = MassConservation(land, Grid(70.0, 33.0, 0.25, 0.25, *SHAPE), FACTOR, cells)
    target = [rng.standard_normal(SHAPE) for _ in MONTHS]
    before = [rng.standard_normal(land.shape) for _ in MONTHS]
    after = [conservation.correct(raw, means) for raw, means in zip(before, target)]
    raw = np.stack([conservation.block_mean(field) for field in before])
    parts = []
    for tile in TILES:
        recorder = TileRecorder(conservation, tile)
        fine = tile.fine(FACTOR)
        for month in range(MONTHS.size):
            wrong = offset if (month, tile) == (1, TILES[0]) else 0.0
            recorder.add(before[month][fine], after[month][fine] + wrong)
        parts.append((tile, recorder.closure()))
    closure = join_closures(parts, MONTHS, np.array([7, 8]), np.stack(target), raw)
    return closure, target, before, after


def test_block_means_and_corrections_are_recorded(tmp_path):
    closure, target, before, after = record()
    closure.save(tmp_path / "2009.npz")
    closure = Closure.read(tmp_path / "2009.npz")
    assert closure.months.tolist() == [7, 8]
    np.testing.assert_allclose(closure.corrected, target, atol=1e-12)
    changes = [np.abs(new - old).max() for new, old in zip(after, before)]
    residuals = np.abs(np.stack(target) - closure.raw).max(axis=(1, 2))
    assert closure.changes == pytest.approx(changes)
    assert closure.residuals == pytest.approx(residuals)
    assert closure.amplification == pytest.approx((changes / residuals).max())


def test_seams_are_close_to_those_of_the_complete_field():
    """Only the steps between the tiles are left out."""
    closure, _, before, after = record()
    cells = np.ones(SHAPE, dtype=bool)
    expected = [[edge_ratio(field, cells, FACTOR) for field in pair] for pair in zip(before, after)]
    assert closure.seams == pytest.approx(np.array(expected), abs=0.1)


@pytest.mark.parametrize(("offset", "accepted"), [(0.9e-3, True), (1.1e-3, False)])
def test_a_wrong_block_mean_is_an_error(offset, accepted):
    if accepted:
        record(offset)
    else:
        with pytest.raises(RuntimeError, match="2009-06: block means differ .* by 0.0011 cm"):
            record(offset)
