"""The training set holds cells and months with GWSA, each with the features of its place."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base import tiles
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling import domain as domain_module
from gwsa.gwsa_plugin.core.downscaling import training_samples
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.training_samples import (
    PATCH,
    PIXELS_PER_CELL,
    choose_cells,
    draw_stratified,
)
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.predictor_set import COARSE, FINE

# Pixels along the side of a cell, a multiple of the number of strips.
SIDE = 32
MONTHS = 400


@pytest.fixture(scope="module")
def gwsa(small_world):
    """A stack without one month, and without a cell in another month."""
    values = small_world.gwsa.values.copy()
    values[4] = values[7, 3, 5] = np.nan
    return replace(small_world.gwsa, values=values, source=("filled", *small_world.gwsa.source[1:]))


def domain_with(gwsa, world):
    return make_domain(gwsa, world.predictors, [], (None, None), SILENT)


def test_each_sample_has_the_values_of_its_cell_and_month(small_world, gwsa, monkeypatch):
    """The plan holds some months of two years and some of nine tiles."""
    monkeypatch.setattr(tiles, "tile_side", lambda factor: 5)
    monkeypatch.setattr(training_samples, "PATCH", 5)
    monkeypatch.setattr(training_samples, "FEWEST_MONTHS", 10)
    for module in (domain_module, training_samples):
        monkeypatch.setattr(module, "MOST_SAMPLES", 600)
    domain = domain_with(gwsa, small_world)
    assert domain.samples.names == () and domain.samples.pixels.shape[2] == 0
    samples = domain.with_features(SILENT).samples
    months = domain.months[samples.month]
    assert np.unique(samples.month).size == 10
    assert not (samples.month == 0).any(), "the filled month"
    assert 600 <= samples.month.size < 10 * domain.cells.sum()
    assert samples.at(domain.cells).all()
    assert domain.cells.sum() == 12 * 11 - 1
    assert not domain.cells[3, 5]
    in_order = np.lexsort((samples.column, samples.row, samples.month))
    assert (in_order == np.arange(samples.month.size)).all()
    coarse = read_features(domain.predictors, COARSE, domain.months)
    fine = read_features(domain.predictors, FINE, domain.months).reshape(23, 4, 12, 8, 12, 8)
    for i in range(0, samples.month.size, 7):
        month, row, column = samples.month[i], samples.row[i], samples.column[i]
        assert samples.target[i] == gwsa.values[gwsa.months == months[i]][0, row, column]
        np.testing.assert_array_equal(samples.cells[i], coarse[month, :, row, column])
        cell_pixels = fine[month, :, row, :, column].reshape(4, 64).T
        assert all((cell_pixels == pixel).all(axis=1).any() for pixel in samples.pixels[i])


def test_the_domain_does_not_copy_the_stack(small_world, gwsa):
    domain = domain_with(gwsa, small_world)
    assert domain.months.size == len(domain.target) == 23
    assert all(np.shares_memory(field, gwsa.values) for field in domain.target)


def test_choose_cells_exceeds_the_limit_by_less_than_a_patch_and_takes_all_regions():
    cells = np.random.default_rng(1).random((240, 300)) < 0.6
    regions = np.zeros((240, 300), dtype=int)
    regions[:8, :8] = 1
    regions[100:160, 40:90] = 2
    chosen = choose_cells(cells, regions, 1100)
    assert 1100 <= chosen.sum() < 1100 + PATCH**2
    assert not (chosen & ~cells).any()
    assert set(np.unique(regions[chosen])) == {0, 1, 2}
    assert chosen[regions == 2].sum() > 3 * chosen[regions == 1].sum() > 0


def draw(land):
    return draw_stratified(land, MONTHS, np.random.default_rng(1))


@pytest.fixture
def coast():
    rows, columns = np.indices((SIDE, SIDE))
    return rows + columns > SIDE


def test_land_pixels_are_drawn_with_equal_probability(coast):
    drawn = draw(coast)
    assert drawn.shape == (MONTHS, PIXELS_PER_CELL, 2)
    assert coast[tuple(drawn.reshape(-1, 2).T)].all()
    count = np.zeros(coast.shape, dtype=int)
    np.add.at(count, tuple(drawn.reshape(-1, 2).T), 1)
    expected = MONTHS * PIXELS_PER_CELL / coast.sum()
    assert count[coast].min() > 0.3 * expected
    assert count[coast].max() < 2 * expected


def test_stratified_means_vary_less_than_those_of_independent_pixels():
    slope = np.add(*np.indices((SIDE, SIDE)))
    drawn = draw(np.ones(slope.shape, dtype=bool))
    means = slope[tuple(drawn.reshape(-1, 2).T)].reshape(MONTHS, PIXELS_PER_CELL).mean(axis=1)
    assert means.mean() == pytest.approx(slope.mean(), abs=0.1)
    assert means.std() < slope.std() / np.sqrt(PIXELS_PER_CELL) / 2


def test_the_first_four_pixels_lie_in_different_strips():
    first = draw(np.ones((SIDE, SIDE), dtype=bool))[:, :4] // (SIDE / 4)
    assert (np.sort(first, axis=1) == np.arange(4)[:, None]).all()


def test_all_pixels_are_drawn_where_a_cell_has_few():
    land = np.zeros((SIDE, SIDE), dtype=bool)
    land[3, 4] = land[7, 20] = land[30, 31] = True
    for month in draw(land):
        assert {tuple(place) for place in month} == {(3, 4), (7, 20), (30, 31)}


class Log(Progress):
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)


@pytest.mark.parametrize("width", [None, 250.0])
def test_the_width_of_the_footprint_comes_from_the_tag_of_gwsa(small_world, gwsa, width):
    """Without the tag it is unknown, which the log states."""
    tagged = gwsa.tagged(GWSA_FOOTPRINT_KM="250") if width else gwsa
    log = Log()
    domain = make_domain(tagged, small_world.predictors, [], (None, None), log)
    assert domain.footprint_km == width
    assert any("footprint of GRACE is unknown" in line for line in log.lines) == (width is None)
