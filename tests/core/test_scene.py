"""Which pixels of a cell training sees."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core import scene
from gwsa.gwsa_plugin.core.scene import PIXELS

SIDE, MONTHS = 32, 400  # a whole number of strips


def picked(land):
    return scene._pick(land, MONTHS, np.random.default_rng(1))


@pytest.fixture
def coast():
    rows, columns = np.indices((SIDE, SIDE))
    return rows + columns > SIDE


def test_pixels_are_of_the_land_and_each_is_seen_as_often(coast):
    places = picked(coast)
    assert places.shape == (MONTHS, PIXELS, 2) and coast[tuple(places.reshape(-1, 2).T)].all()
    seen = np.zeros(coast.shape, dtype=int)
    np.add.at(seen, tuple(places.reshape(-1, 2).T), 1)
    expected = MONTHS * PIXELS / coast.sum()
    assert seen[coast].min() > 0.3 * expected and seen[coast].max() < 2 * expected


def test_their_mean_is_nearer_to_that_of_the_cell_than_that_of_any_pixels():
    slope = np.add(*np.indices((SIDE, SIDE)))
    means = slope[tuple(picked(np.ones(slope.shape, dtype=bool)).reshape(-1, 2).T)].reshape(MONTHS, PIXELS).mean(axis=1)
    assert means.mean() == pytest.approx(slope.mean(), abs=0.1)
    assert means.std() < slope.std() / np.sqrt(PIXELS) / 2


def test_the_first_few_lie_apart_too():
    rows = picked(np.ones((SIDE, SIDE), dtype=bool))[:, :4, 0] // (SIDE / 4)
    columns = picked(np.ones((SIDE, SIDE), dtype=bool))[:, :4, 1] // (SIDE / 4)
    assert (np.sort(rows) == np.arange(4)).all() and (np.sort(columns) == np.arange(4)).all()


def test_an_islet_of_fewer_pixels_gives_all_of_them():
    land = np.zeros((SIDE, SIDE), dtype=bool)
    land[3, 4] = land[7, 20] = land[30, 31] = True
    for month in picked(land):
        assert {tuple(place) for place in month} == {(3, 4), (7, 20), (30, 31)}
