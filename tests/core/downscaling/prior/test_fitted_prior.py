"""The prior of a domain, and its fits that do not depend on held-out data."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.folds import (
    Blocking,
    Split,
    forward_splits,
    make_blocks,
    make_splits,
    random_splits,
)
from gwsa.gwsa_plugin.core.downscaling.prior import fitted_prior
from gwsa.gwsa_plugin.core.downscaling.prior.fit import DEFAULT_RIDGE, RIDGES
from gwsa.gwsa_plugin.core.downscaling.prior.fitted_prior import fit_prior
from gwsa.tests.core.downscaling.prior import synthetic

BLOCKING = Blocking()
CELLS = np.ones((8, 8), dtype=bool)
TILES = np.repeat(np.repeat(np.arange(16).reshape(4, 4), 2, axis=0), 2, axis=1)


@pytest.fixture(scope="module")
def domain(driver_world):
    world = driver_world
    return make_domain(world.gwsa, world.predictors, [], (None, None), SILENT)


@pytest.fixture(scope="module")
def fitted(domain):
    return fit_prior(domain, BLOCKING, SILENT)


@pytest.fixture(scope="module", params=[None, TILES], ids=["cells", "mascons"])
def case(request):
    """A prior that is fitted to noise, which depends on every value."""
    rng = np.random.default_rng(4)
    domain = synthetic.make_domain(CELLS, request.param)
    samples = synthetic.make_samples(rng, CELLS)
    prior = synthetic.make_prior_of(samples, [0.5, 0.5, 0.5], [0.1, 0.1])
    seen = synthetic.observed_storage(domain, samples, prior)
    noise = synthetic.random_lines(rng, domain)
    for month in seen:
        month += 0.3 * np.std(seen) * noise[rng.integers(len(noise))]
    return synthetic.fit(synthetic.with_gwsa(domain, seen), samples)


def splits_of(domain):
    grid = domain.gwsa.grid
    months = domain.months.size
    return {
        "blocked": make_splits(grid, domain.cells, months, BLOCKING)[5],
        "forward": forward_splits(domain.cells, months)[1],
        "random": random_splits(domain.cells, months, 1)[2],
    }


def changed_where_held_out(fitted, split):
    """The same prior with other GWSA wherever the split holds out or excludes it."""
    domain = fitted.domain
    cells = (split.cells | split.excluded_cells)[domain.cells]
    months = split.months | split.excluded_months
    spoiled = months[:, None] & split.cells[domain.cells]
    spoiled |= split.excluded_cells[domain.cells] | split.excluded_months[:, None]
    assert spoiled.any() and cells.any()
    values = np.where(spoiled, 1e3 + np.arange(spoiled.size).reshape(spoiled.shape) % 97, 0)
    target = fitted.terms.target.copy()
    # A tile with a spoiled cell is spoiled.
    for cell, tile in enumerate(fitted.terms.tiles):
        target[:, tile] += values[:, cell]
    return replace(fitted, terms=replace(fitted.terms, target=target))


@pytest.mark.parametrize("kind", ["blocked", "forward", "random"])
def test_held_out_values_do_not_change_the_fit(case, kind):
    split = splits_of(case.domain)[kind]
    before = case.without(split)
    after = changed_where_held_out(case, split).without(split)
    assert after.as_record() == before.as_record()
    assert before.as_record() != case.prior.as_record()


def test_the_fit_without_nothing_is_that_of_all_data(case):
    no_cells, no_months = np.zeros(CELLS.shape, bool), np.zeros(case.domain.months.size, bool)
    nothing = Split(no_cells, no_months, no_cells, no_months)
    assert case.without(nothing).as_record() == case.prior.as_record()


def test_where_all_tiles_are_excluded_only_months_are_held_out(case):
    held = np.zeros(CELLS.shape, dtype=bool)
    held[:4] = True
    months = np.arange(60) < 15
    everywhere = np.ones_like(held)
    split = Split(held, months, everywhere, months)
    in_time = Split(held, months, np.zeros_like(held), months)
    assert case.without(split).as_record() == case.without(in_time).as_record()


def test_without_any_data_the_prior_is_0(case):
    every_month = np.ones(60, dtype=bool)
    nothing = np.zeros_like(CELLS)
    prior = case.without(Split(CELLS, every_month, nothing, every_month))
    assert not prior.responses.any() and not prior.modulation.any()


def test_filled_months_do_not_change_the_fit(case):
    observed = np.arange(60) >= 10
    target = case.terms.target.copy()
    target[:10] = 1e3
    split = splits_of(case.domain)["blocked"]
    one, other = (
        replace(case, terms=replace(case.terms, observed=observed, target=values))
        for values in (case.terms.target, target)
    )
    assert one.without(split).as_record() == other.without(split).as_record()


def test_the_prior_of_the_world_explains_gwsa_without_lines(fitted):
    assert fitted.explained > 0.9
    assert f"{fitted.explained:.0%}" in fitted.summary and "and runoff" in fitted.summary
    # The truth responds to the mean of eight months, which others of its kind approximate.
    responses = dict(zip(fitted.prior.terms, fitted.prior.responses))
    surplus = sum(value for name, value in responses.items() if name.startswith("surplus"))
    assert responses["surplus_mean8"] == max(responses.values())
    assert surplus == pytest.approx(4, rel=0.25)
    assert fitted.prior.modulation[0] > 0.1, "the amplitude grows with soil"


def test_the_prior_is_observed_through_the_footprint(fitted, domain):
    seen = fitted.through_footprint(fitted.prior)
    fields = np.full((domain.months.size, *domain.cells.shape), np.nan)
    fields[:, domain.cells] = fitted.samples.cell_means(fitted.prior)
    expected = synthetic.footprint_over(domain).apply(fields)[:, domain.cells]
    np.testing.assert_allclose(seen, expected, atol=1e-4)
    target = fitted.terms.target
    left = target - seen[:, fitted.terms.cells]
    left, target = (squares_without_lines(series) for series in (left, target))
    assert 1 - left / target == pytest.approx(fitted.explained, abs=0.02)


def squares_without_lines(series):
    """Sum of squares without level and trend."""
    time = np.arange(len(series)) - (len(series) - 1) / 2
    slope, level = np.polyfit(time, series, 1)
    return float(((series - time[:, None] * slope - level) ** 2).sum())


def test_there_is_no_prior_without_roles_or_footprint(driver_world, domain):
    predictors = domain.predictors
    plain = tuple(replace(one, role="") for one in predictors.predictors)
    without_roles = replace(domain, predictors=replace(predictors, predictors=plain))
    assert fit_prior(without_roles, BLOCKING, SILENT) is None
    without_footprint = replace(domain, gwsa=replace(domain.gwsa, tags={}))
    assert fit_prior(without_footprint, BLOCKING, SILENT) is None


def test_drivers_without_values_are_refused(domain, fitted, monkeypatch):
    empty = replace(fitted.samples, terms=np.zeros_like(fitted.samples.terms))
    monkeypatch.setattr(fitted_prior, "read_prior_samples", lambda *given: empty)
    with pytest.raises(InputError, match="no value or do not change"):
        fit_prior(domain, BLOCKING, SILENT)


def test_a_small_region_has_the_default_ridge(fitted):
    assert fitted.ridge == DEFAULT_RIDGE


def test_held_out_footprints_choose_the_ridge():
    """An amplitude that differs from place to place needs a small ridge."""
    rng = np.random.default_rng(9)
    cells = np.ones((12, 12), dtype=bool)
    domain = synthetic.make_domain(cells)
    samples = synthetic.make_samples(rng, cells)
    prior = synthetic.make_prior_of(samples, [1.0, 1.0, 1.0], [0.3, 0.0])
    seen = synthetic.observed_storage(domain, samples, prior)
    noise = synthetic.footprint_over(domain).apply(rng.standard_normal((60, 12, 12)))[:, cells]
    domain = synthetic.with_gwsa(domain, seen + seen.std() * noise / noise.std())
    terms = synthetic.fit(domain, samples).terms
    blocks = make_blocks(domain.gwsa.grid, cells, BLOCKING, footprint_km=synthetic.WIDTH_KM)
    assert not blocks.narrow
    assert fitted_prior._choose_ridge(domain, terms, blocks) in RIDGES[:3]
