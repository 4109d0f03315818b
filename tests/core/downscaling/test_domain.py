"""What training sees is a table of the cells and months that have GWSA, each with the values of its own place."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling import domain as domain_module
from gwsa.gwsa_plugin.core.downscaling import training_samples as module
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.training_samples import PIXELS
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.predictor_set import COARSE, FINE

SIDE, MONTHS = 32, 400  # a whole number of strips


@pytest.fixture(scope="module")
def gwsa(small_world):
    """Without one month, and without a cell in another."""
    values = small_world.gwsa.values.copy()
    values[4] = values[7, 3, 5] = np.nan
    return replace(small_world.gwsa, values=values, source=("filled", *small_world.gwsa.source[1:]))


def domain_with(gwsa, world):
    return make_domain(gwsa, world.predictors, [], (None, None), SILENT)


def test_each_sample_has_the_values_of_its_cell_and_month(small_world, gwsa, monkeypatch):
    """Of two years some months, and of nine tiles some."""
    monkeypatch.setattr(tiles, "tile_side", lambda factor: 5)
    monkeypatch.setattr(module, "PLOT", 5)
    monkeypatch.setattr(module, "FEWEST_MONTHS", 10)
    for one in (domain_module, module):
        monkeypatch.setattr(one, "MOST_SAMPLES", 600)
    domain = domain_with(gwsa, small_world)
    samples, months = domain.samples, domain.months[domain.samples.month]
    assert np.unique(samples.month).size == 10 and not (samples.month == 0).any()
    assert 600 <= samples.month.size < 10 * domain.cells.sum() and samples.at(domain.cells).all()
    assert domain.cells.sum() == 12 * 11 - 1 and not domain.cells[3, 5]
    assert (
        np.lexsort((samples.column, samples.row, samples.month)) == np.arange(samples.month.size)
    ).all()
    coarse = read_features(domain.predictors, COARSE, domain.months)
    fine = read_features(domain.predictors, FINE, domain.months).reshape(23, 4, 12, 5, 12, 5)
    for i in range(0, samples.month.size, 7):
        month, row, column = samples.month[i], samples.row[i], samples.column[i]
        assert samples.target[i] == gwsa.values[gwsa.months == months[i]][0, row, column]
        np.testing.assert_array_equal(samples.cells[i], coarse[month, :, row, column])
        own = fine[month, :, row, :, column].reshape(4, 25).T
        assert all((own == pixel).all(axis=1).any() for pixel in samples.pixels[i])


def test_the_stack_is_held_once(small_world, gwsa):
    domain = domain_with(gwsa, small_world)
    assert domain.months.size == len(domain.target) == 23
    assert all(np.shares_memory(field, gwsa.values) for field in domain.target)


def picked(land):
    return module._pick(land, MONTHS, np.random.default_rng(1))


def test_of_many_cells_no_more_are_taught_than_asked_but_for_a_plot():
    """Whatever the factor, which decides how many cells are in a tile."""
    land, regions = (
        np.random.default_rng(1).random((240, 300)) < 0.6,
        np.zeros((240, 300), dtype=int),
    )
    regions[:8, :8], regions[100:160, 40:90] = 1, 2
    taught = module.choose_cells(land, regions, 1100)
    assert 1100 <= taught.sum() < 1100 + module.PLOT**2 and not (taught & ~land).any()
    assert set(np.unique(regions[taught])) == {0, 1, 2}
    assert taught[regions == 2].sum() > 3 * taught[regions == 1].sum() > 0


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
    means = (
        slope[tuple(picked(np.ones(slope.shape, dtype=bool)).reshape(-1, 2).T)]
        .reshape(MONTHS, PIXELS)
        .mean(axis=1)
    )
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
