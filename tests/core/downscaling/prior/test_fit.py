"""The fit recovers a known prior from what GRACE observes of it."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.prior.fit import make_prior, solve, sum_products
from gwsa.gwsa_plugin.core.downscaling.prior.samples import observe_terms
from gwsa.tests.core.downscaling.prior.synthetic import (
    CELLS,
    MONTHS,
    STATICS,
    TERMS,
    TILES,
    fit,
    footprint_over,
    make_domain,
    make_prior_of,
    make_samples,
    observed_storage,
    random_lines,
    with_gwsa,
)

RESPONSES = [1.0, 0.0, 2.0]
MODULATION = [0.25, -0.1]


@pytest.fixture(scope="module", params=[None, TILES], ids=["cells", "mascons"])
def case(request):
    """A domain whose GWSA is a known prior, with a level and a trend of each tile, and samples."""
    rng = np.random.default_rng(2)
    samples = make_samples(rng, CELLS)
    domain = make_domain(CELLS, request.param)
    prior = make_prior_of(samples, RESPONSES, MODULATION)
    storage = observed_storage(domain, samples, prior)
    return with_gwsa(domain, storage + random_lines(rng, domain)), samples


def sums_of(domain, samples, tiles=None):
    terms = observe_terms(domain, samples, footprint_over(domain), SILENT)
    tiles = np.ones(terms.areas.size, dtype=bool) if tiles is None else tiles
    return sum_products(terms, domain.months, terms.observed, tiles)


def test_responses_and_modulation_are_recovered(case):
    prior = fit(*case).prior
    assert prior.terms == TERMS and prior.statics == STATICS
    np.testing.assert_allclose(prior.responses, RESPONSES, rtol=0.03, atol=0.02)
    np.testing.assert_allclose(prior.modulation, MODULATION, atol=0.03)


def test_the_recovered_prior_explains_gwsa_without_lines(case):
    sums = sums_of(*case)
    assert sums.misfit(solve(sums, 1e-3).products) < 0.01 * sums.total


def test_observed_noise_leaves_an_estimate_near_the_truth(case):
    domain, samples = case
    noise = np.random.default_rng(5).standard_normal(domain.gwsa.values.shape)
    values = domain.gwsa.values + 0.3 * noise.astype(np.float32)
    noisy = replace(domain, gwsa=replace(domain.gwsa, values=values))
    np.testing.assert_allclose(fit(noisy, samples, 0.1).prior.responses, RESPONSES, atol=0.4)


def test_a_level_and_a_trend_of_each_tile_change_nothing(case):
    domain, samples = case
    lines = 3 * random_lines(np.random.default_rng(8), domain)
    tilted = with_gwsa(domain, domain.gwsa.values[:, domain.cells] + lines)
    before, after = (fit(one, samples).prior for one in (domain, tilted))
    np.testing.assert_allclose(after.responses, before.responses, atol=2e-4)
    np.testing.assert_allclose(after.modulation, before.modulation, atol=2e-4)


def test_gwsa_of_lines_alone_has_no_response(case):
    domain, samples = case
    lines = with_gwsa(domain, random_lines(np.random.default_rng(8), domain))
    np.testing.assert_allclose(fit(lines, samples).prior.responses, 0, atol=2e-4)


@pytest.mark.parametrize("responses", [[-1.0, -0.5, -2.0], [-1.0, 1.0, 0.5]])
def test_responses_are_never_negative(case, responses):
    domain, samples = case
    prior = make_prior_of(samples, responses, [0.0, 0.0])
    fitted = fit(with_gwsa(domain, observed_storage(domain, samples, prior)), samples).prior
    assert (fitted.responses >= 0).all()
    if max(responses) < 0:
        assert (fitted.responses == 0).all() and (fitted.modulation == 0).all()


def test_an_infinite_ridge_leaves_the_amplitude_at_1(case):
    domain, samples = case
    prior = fit(domain, samples, np.inf).prior
    assert (prior.modulation == 0).all() and prior.responses[0] > 0.5
    assert (prior.amplitude(samples.statics) == 1).all()


def test_a_larger_ridge_changes_the_amplitude_less(case):
    sums = sums_of(*case)
    change = [np.linalg.norm(solve(sums, ridge).modulation) for ridge in (0.1, 1.0, 10.0)]
    assert change[0] > change[1] > change[2] > 0


def test_sums_of_tiles_add_up_and_give_the_misfit(case):
    domain, samples = case
    every = sums_of(domain, samples)
    terms = observe_terms(domain, samples, footprint_over(domain), SILENT)
    some = np.arange(terms.areas.size) % 3 == 0
    parts = [sums_of(domain, samples, tiles) for tiles in (some, ~some)]
    np.testing.assert_allclose(sum(part.matrix for part in parts), every.matrix, rtol=1e-3, atol=1)
    assert sum(part.total for part in parts) == pytest.approx(every.total)
    products = np.random.default_rng(0).random((len(TERMS), 1 + len(STATICS)))
    difference = terms.target - np.einsum("mtaj,aj->mt", terms.values, products)
    time = MONTHS.astype(int) - MONTHS.astype(int).mean()
    lines = np.polyfit(time, difference, 1)
    left = difference - (time[:, None] * lines[0] + lines[1])
    assert every.misfit(products) == pytest.approx((terms.areas * left**2).sum(), rel=1e-4)


def test_a_term_without_values_has_no_response(case):
    domain, samples = case
    terms = samples.terms.copy()
    terms[:, 1] = 0
    empty = replace(samples, terms=terms)
    prior = make_prior(empty, solve(sums_of(domain, empty), 1e-3))
    assert prior.responses[1] == 0 and prior.responses[2] > 1
    nothing = replace(samples, terms=np.zeros_like(terms))
    assert not make_prior(nothing, solve(sums_of(domain, nothing), 1.0)).responses.any()
