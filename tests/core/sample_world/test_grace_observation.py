"""The footprint, tiles and noise with which the sample world is observed."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.sample_world.grace_observation import (
    CELL_BY_CELL,
    Observation,
    make_tiles,
    observe_twsa,
)

GRID = Grid(70.0, 36.0, 0.25, 0.25, 48, 48)
QUIET = Observation(noise_cm=0.0, tile_km=0.0)


def _point(height: float = 1.0) -> np.ndarray:
    field = np.zeros((1, *GRID.shape))
    field[0, 24, 24] = height
    return field


def test_the_blur_falls_to_half_at_half_the_width():
    seen = observe_twsa(_point(), GRID, QUIET, seed=1)[0]
    profile = seen[:, 24] / seen[24, 24]
    distance = np.abs(np.arange(48) - 24) * 0.25 * 111.195
    assert np.interp(125.0, distance[24:], profile[24:]) == pytest.approx(0.5, abs=0.02)
    gaussian = np.exp(-np.log(2) * (2 * distance / 250) ** 2)
    assert np.abs(profile - gaussian).max() > 0.015, "the kernel is not Gaussian"


def test_a_constant_field_stays_constant():
    for tile_km in (0.0, 111.0):
        observation = Observation(noise_cm=0.0, tile_km=tile_km)
        seen = observe_twsa(np.full((1, *GRID.shape), 3.0), GRID, observation, seed=1)
        np.testing.assert_allclose(seen, 3.0)


def test_tiles_are_irregular_and_of_about_equal_area():
    tiles = make_tiles(GRID, 111.0, np.random.default_rng(1))
    areas = np.bincount(tiles.ravel(), GRID.cell_areas().ravel())
    inner = np.setdiff1d(tiles[4:-4, 4:-4], np.r_[tiles[:4].ravel(), tiles[-4:].ravel()])
    assert np.median(areas[inner]) == pytest.approx(111.0**2, rel=0.15)
    assert 0.05 < areas[inner].std() / areas[inner].mean() < 0.4


def test_noise_is_that_of_tiles_and_correlated():
    observation = Observation(noise_cm=2.0, noise_km=300.0)
    noise = observe_twsa(np.zeros((600, *GRID.shape)), GRID, observation, seed=1)
    assert noise.std() == pytest.approx(2.0, rel=0.1)
    correlation = [np.corrcoef(noise[:, 24, 24], noise[:, 24, x])[0, 1] for x in (25, 35, 47)]
    assert correlation[0] > 0.6 > correlation[1] > correlation[2]
    assert np.corrcoef(noise[:-1, 24, 24], noise[1:, 24, 24])[0, 1] == pytest.approx(0, abs=0.15)


def test_cell_by_cell_adds_independent_noise_alone():
    field = np.random.default_rng(2).standard_normal((50, *GRID.shape))
    noise = observe_twsa(field, GRID, CELL_BY_CELL, seed=1) - field
    assert noise.std() == pytest.approx(1.0, rel=0.02)
    assert np.corrcoef(noise[:, :, :-1].ravel(), noise[:, :, 1:].ravel())[0, 1] < 0.05


def test_it_can_be_cancelled():
    class Cancelling(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        observe_twsa(_point(), GRID, QUIET, 1, Cancelling())
