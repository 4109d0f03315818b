"""The mean-preserving correction is exact in the means and shows no cell edges."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.spatial.mass_conservation import MassConservation

FACTOR = 6


def world(seed, rows=7, columns=8, land_fraction=0.8, west=70.0, cell=0.25):
    random = np.random.default_rng(seed)
    coarse = Grid(west, 30.0, cell, cell, rows, columns)
    land = random.random((rows * FACTOR, columns * FACTOR)) < land_fraction
    valid = random.random((rows, columns)) < 0.9
    valid[0, 0] = True
    land[0, 0] = True
    return coarse, land, valid, random


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), land_fraction=st.sampled_from([0.05, 0.5, 1.0]))
def test_block_means_equal_the_coarse_field(seed, land_fraction):
    coarse, land, valid, random = world(seed, land_fraction=land_fraction)
    correction = MassConservation(land, coarse, FACTOR, valid)
    raw = random.normal(0, 5, land.shape)
    target = random.normal(0, 10, coarse.shape)
    means = correction.block_mean(correction.correct(raw, target))
    assert np.abs(means - target)[correction.cells].max() < 1e-9
    assert np.isnan(means[~correction.cells]).all()


def test_block_mean_is_weighted_by_pixel_area():
    coarse = Grid(0.0, 80.0, 10.0, 10.0, 1, 1)
    correction = MassConservation(np.ones((2, 2), bool), coarse, 2, np.ones((1, 1), bool))
    north, south = coarse.refine(2).row_areas()
    expected = (1.0 * north + 3.0 * south) / (north + south)
    assert correction.block_mean(np.array([[1.0, 1.0], [3.0, 3.0]]))[0, 0] == pytest.approx(
        expected, rel=1e-12
    )


def test_a_constant_field_stays_constant_at_coasts_and_holes():
    coarse, land, valid, _ = world(3, land_fraction=0.3)
    correction = MassConservation(land, coarse, FACTOR, valid)
    field = correction.mean_preserving(np.full(coarse.shape, 4.0))
    assert np.allclose(field[correction.pixels()], 4.0, atol=1e-9)
    assert np.isnan(field[~correction.pixels()]).all()


def test_a_field_that_already_has_the_means_is_unchanged():
    coarse, land, valid, random = world(5)
    correction = MassConservation(land, coarse, FACTOR, valid)
    raw = random.normal(0, 5, land.shape)
    again = correction.correct(raw, correction.block_mean(raw))
    assert np.allclose(again[correction.pixels()], raw[correction.pixels()], atol=1e-9)


def test_edges_of_cells_are_not_visible():
    coarse = Grid(70.0, 30.0, 0.25, 0.25, 12, 12)
    land = np.ones((12 * FACTOR, 12 * FACTOR), bool)
    valid = np.ones((12, 12), bool)
    row, column = np.mgrid[0:12, 0:12]
    residual = 5 * np.sin(row / 3) * np.cos(column / 4)
    field = MassConservation(land, coarse, FACTOR, valid).mean_preserving(residual)
    step = np.abs(np.diff(field, axis=1))[FACTOR:-FACTOR, FACTOR - 1 : -FACTOR]
    across = np.zeros(step.shape[1], bool)
    across[::FACTOR] = True
    assert 0.8 < step[:, across].mean() / step[:, ~across].mean() < 1.2


def test_a_global_grid_continues_across_the_date_line():
    coarse = Grid(-180.0, 20.0, 20.0, 20.0, 2, 18)
    land = np.ones((2 * FACTOR, 18 * FACTOR), bool)
    valid = np.ones((2, 18), bool)
    # Not symmetric about the date line, so that the cells on its two sides differ.
    values = np.random.default_rng(0).normal(0, 10, coarse.shape)
    rolled = np.roll(values, 9, axis=1)
    correction = MassConservation(land, coarse, FACTOR, valid)
    field = correction.mean_preserving(values)
    shifted = correction.mean_preserving(rolled)
    assert np.allclose(np.roll(field, 9 * FACTOR, axis=1), shifted, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000), top=st.integers(0, 1), left=st.integers(0, 6), wraps=st.booleans()
)
def test_a_tile_is_the_window_of_the_full_field(seed, top, left, wraps):
    place = {"west": -180.0, "cell": 45.0, "rows": 2} if wraps else {}
    coarse, land, valid, random = world(seed, **place)
    correction = MassConservation(land, coarse, FACTOR, valid)
    values = random.normal(0, 10, coarse.shape)
    raw = random.normal(0, 5, land.shape)
    tile = Tile(slice(top, 2), slice(left, left + 2))
    pixels = tile.fine(FACTOR)
    assert np.array_equal(
        correction.bilinear(values, tile), correction.bilinear(values)[pixels], equal_nan=True
    )
    mean = correction.block_mean(raw[pixels], tile)
    np.testing.assert_allclose(mean, correction.block_mean(raw)[tile], rtol=1e-12)


def test_a_pickled_correction_that_was_used_gives_the_same_field():
    """Workers get pickles, and a factorised matrix cannot be pickled."""
    coarse, land, valid, random = world(7)
    correction = MassConservation(land, coarse, FACTOR, valid)
    values = random.normal(0, 10, coarse.shape)
    tile = Tile(slice(0, 2), slice(0, 2))
    field, pixels = correction.mean_preserving(values), correction.pixels(tile)
    copy = pickle.loads(pickle.dumps(correction))
    np.testing.assert_array_equal(copy.mean_preserving(values), field)
    np.testing.assert_array_equal(copy.pixels(tile), pixels)


def test_valid_cells_without_land_are_refused():
    coarse = Grid(70.0, 30.0, 0.25, 0.25, 2, 2)
    land = np.zeros((2 * FACTOR, 2 * FACTOR), bool)
    with pytest.raises(InputError, match="land"):
        MassConservation(land, coarse, FACTOR, np.ones((2, 2), bool))
