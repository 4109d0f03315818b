"""Pixels represent cells, and their terms pass through the footprint of GRACE."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.prior import samples as prior_samples
from gwsa.gwsa_plugin.core.downscaling.prior.drivers import WINDOWS, driver_set
from gwsa.gwsa_plugin.core.downscaling.prior.lines import without_lines
from gwsa.gwsa_plugin.core.downscaling.prior.samples import observe_terms, read_prior_samples
from gwsa.gwsa_plugin.core.grace.footprint import Footprint
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.tests.core.downscaling.prior import synthetic

EVERYTHING = (None, None)


@pytest.fixture(scope="module")
def domain(driver_world):
    return make_domain(driver_world.gwsa, driver_world.predictors, [], EVERYTHING, SILENT)


@pytest.fixture(scope="module")
def samples(domain):
    return read_prior_samples(domain, driver_set(domain.predictors), SILENT)


def cell_pixels(world, field, row, column):
    """The values of the land pixels of a cell: the last axis of the result."""
    block = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
    return field[(..., *block)][..., world.conservation.pixels()[block]]


def test_pixels_are_land_pixels_of_their_cells(driver_world, domain, samples):
    assert samples.terms.shape == (60, 2 * len(WINDOWS), 36, 8)
    for number, (row, column) in enumerate(np.argwhere(domain.cells)):
        soil = cell_pixels(driver_world, driver_world.fields["soil"], row, column)
        assert np.isin(samples.statics[0, number], soil).all()
        assert np.unique(samples.statics[0, number]).size > 4


def test_terms_are_those_of_the_pixels_without_level_and_trend(driver_world, samples):
    surplus = driver_world.fields["rain"] - driver_world.fields["evaporation"]
    for number, (row, column) in ((0, (0, 0)), (17, (2, 5))):
        soil = cell_pixels(driver_world, driver_world.fields["soil"], row, column)
        series = cell_pixels(driver_world, surplus, row, column)
        for pixel, value in enumerate(samples.statics[0, number]):
            own = series[:, np.argmax(soil == value)].astype(float)
            means = np.array([own[max(0, i - 3) : i + 1].mean() for i in range(60)])
            expected = without_lines(means, driver_world.gwsa.months)
            np.testing.assert_allclose(samples.terms[:, 1, number, pixel], expected, atol=1e-4)


def test_fewer_pixels_are_read_in_a_large_region(domain, samples, monkeypatch):
    monkeypatch.setattr(prior_samples, "MOST_VALUES", 3 * 60 * 36 * 2 * len(WINDOWS))
    few = read_prior_samples(domain, driver_set(domain.predictors), SILENT)
    np.testing.assert_allclose(few.terms, samples.terms[..., :3], atol=1e-4)
    np.testing.assert_array_equal(few.statics, samples.statics[..., :3])


def test_a_pixel_that_lacks_a_value_has_no_terms_at_all(driver_world, tmp_path):
    """It has runoff in all months and no evaporation in the first one."""
    warnings = []
    folder = tmp_path / "set"
    shutil.copytree(driver_world.predictors.folder, folder)
    with rasterio.open(folder / "fine/evaporation_2004.tif", "r+") as target:
        first = target.read(1)
        first[:4, 4:8] = np.nan
        target.write(first, 1)
    predictors = PredictorSet.open(folder)
    domain = make_domain(driver_world.gwsa, predictors, [], EVERYTHING, SILENT)
    progress = Progress()
    progress.warn = warnings.append
    samples = read_prior_samples(domain, driver_set(predictors), progress)
    # All pixels of one of 36 cells.
    assert len(warnings) == 1 and "2.8% of the sampled pixels lack" in warnings[0]
    assert not samples.terms[:, :, 1].any()
    assert (samples.terms[..., 0, :] != 0).any(axis=0).all()


def test_cell_means_are_those_of_amplitude_times_response(samples):
    rng = np.random.default_rng(0)
    statics = len(samples.static_names)
    prior = prior_samples.Prior(
        samples.term_names,
        rng.random(len(samples.term_names)),
        samples.static_names,
        samples.standard,
        0.05 * rng.standard_normal(statics),
    )
    response = np.moveaxis(samples.terms, 1, -1) @ prior.responses
    values = prior.amplitude(samples.statics) * response
    np.testing.assert_allclose(samples.cell_means(prior), values.mean(axis=2), atol=1e-4)


CELLS = np.ones((7, 6), dtype=bool)
CELLS[2:4, 1] = False
TILES = np.repeat(np.arange(42).reshape(7, 6)[:, ::3], 3, axis=1)
# A part without mascons, whose cells are tiles of their own.
MIXED = np.where(np.arange(7)[:, None] < 4, TILES, -1)


@pytest.mark.parametrize("tiles", [None, TILES, MIXED], ids=["cells", "mascons", "mixed"])
def test_observed_terms_are_cell_means_through_the_footprint(tiles):
    rng = np.random.default_rng(3)
    samples = synthetic.make_samples(rng, CELLS)
    domain = synthetic.make_domain(CELLS, tiles)
    if tiles is None:
        domain = synthetic.with_gwsa(domain, synthetic.random_lines(rng, domain))
    footprint = Footprint(domain.gwsa.grid, CELLS, synthetic.WIDTH_KM, tiles)
    terms = observe_terms(domain, samples, footprint, SILENT)
    statics = samples.standard.apply(samples.statics)
    for term in range(len(samples.term_names)):
        for number in range(1 + len(statics)):
            factor = statics[number - 1] if number else 1.0
            fields = np.full((domain.months.size, *CELLS.shape), np.nan)
            fields[:, CELLS] = (samples.terms[:, term] * factor).mean(axis=2)
            seen = footprint.apply(fields)[:, CELLS]
            found = terms.values[:, :, term, number][:, terms.tiles]
            np.testing.assert_allclose(found, seen, atol=1e-5)
    expected = domain.gwsa.values[:, CELLS][:, terms.cells]
    np.testing.assert_allclose(terms.target, expected, rtol=1e-12)


def test_the_target_is_the_mean_of_a_tile():
    """The published balance subtracts sharp fields, so that GWSA differs within a tile."""
    rng = np.random.default_rng(3)
    domain = synthetic.make_domain(CELLS, TILES)
    domain = synthetic.with_gwsa(domain, rng.standard_normal((60, CELLS.sum())))
    footprint = Footprint(domain.gwsa.grid, CELLS, synthetic.WIDTH_KM, TILES)
    terms = observe_terms(domain, synthetic.make_samples(rng, CELLS), footprint, SILENT)
    weights = domain.gwsa.grid.cell_areas()[CELLS]
    values = domain.gwsa.values[:, CELLS]
    for tile in range(terms.areas.size):
        here = terms.tiles == tile
        expected = np.average(values[:, here], axis=1, weights=weights[here])
        np.testing.assert_allclose(terms.target[:, tile], expected, atol=1e-6)


@pytest.mark.parametrize(("tiles", "count"), [(None, 40), (TILES, 14), (MIXED, 8 + 18)])
def test_each_tile_has_one_row(tiles, count):
    domain = synthetic.make_domain(CELLS, tiles)
    samples = synthetic.make_samples(np.random.default_rng(0), CELLS)
    terms = observe_terms(domain, samples, synthetic.footprint_over(domain), SILENT)
    assert terms.values.shape[1] == terms.target.shape[1] == terms.areas.size == count
    np.testing.assert_array_equal(terms.tiles[terms.cells], np.arange(count))
    if tiles is not None:
        numbers = np.where(tiles < 0, 1000 + np.arange(42).reshape(7, 6), tiles)[CELLS]
        assert all(np.unique(numbers[terms.tiles == tile]).size == 1 for tile in range(count))
    areas = domain.gwsa.grid.cell_areas()[CELLS]
    total = np.bincount(terms.tiles, areas)
    np.testing.assert_allclose(terms.areas, total / total.mean())


def test_filled_months_are_not_observed():
    domain = synthetic.make_domain(CELLS)
    source = ("filled",) * 5 + domain.gwsa.source[5:]
    domain = replace(domain, gwsa=replace(domain.gwsa, source=source))
    samples = synthetic.make_samples(np.random.default_rng(0), CELLS)
    terms = observe_terms(domain, samples, synthetic.footprint_over(domain), SILENT)
    assert terms.observed.tolist() == [False] * 5 + [True] * 55
