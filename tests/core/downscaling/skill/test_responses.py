"""Responses, explained variance and consistency of priors whose storage is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.months import calendar_year, month_range
from gwsa.gwsa_plugin.core.downscaling.prior.fit import sum_products
from gwsa.gwsa_plugin.core.downscaling.skill import responses
from gwsa.gwsa_plugin.core.downscaling.skill.responses import (
    check_consistency,
    estimate_responses,
    explained_components,
    leakage,
)
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.predictors.antecedent_means import antecedent_means
from gwsa.tests.core.downscaling.prior.synthetic import (
    CELLS,
    MONTHS,
    TILES,
    fit,
    make_domain,
    make_prior_of,
    make_samples,
    observed_storage,
    random_lines,
    with_gwsa,
)

# Of surplus over 2 and 8 months, and of runoff over 4 months.
RESPONSES = [1.0, 2.0, 0.5]
MODULATION = [0.25, -0.1]
PREDICTORS = SimpleNamespace(
    by_role=lambda role: SimpleNamespace(unit="mm"),
    predictors=(SimpleNamespace(name="runoff", unit="kg m-2"),),
)


def fit_to(noise=0.0, lines=random_lines, months=MONTHS, responses=RESPONSES):
    """A prior fitted to known storage with lines and noise, in tiles of 2 x 2 cells."""
    rng = np.random.default_rng(3)
    samples = make_samples(rng, CELLS, months)
    domain = replace(make_domain(CELLS, TILES, months), predictors=PREDICTORS)
    prior = make_prior_of(samples, responses, MODULATION)
    storage = observed_storage(domain, samples, prior) + lines(rng, domain)
    disturbed = noise * rng.standard_normal((months.size, 16))[:, TILES[CELLS]]
    return fit(with_gwsa(domain, storage + disturbed), samples)


@pytest.fixture(scope="module")
def fitted():
    return fit_to(noise=0.3)


def test_the_response_is_that_of_the_antecedent_means_to_an_impulse(fitted):
    surplus, runoff = estimate_responses(fitted)
    months = month_range("2000-01", "2000-12")
    impulse = (np.arange(12) == 0).astype(np.float32)[:, None]
    means = antecedent_means(np.vstack([0 * impulse, impulse]), _both(months), months, (2, 8, 4))
    expected = means[:8, :, 0] * fitted.prior.responses
    np.testing.assert_allclose(surplus.by_lag.value, expected[:, :2].sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(runoff.by_lag.value, expected[:, 2], rtol=1e-6)


def _both(months):
    """The months with as many months before them."""
    return np.concatenate([months - months.size, months])


def test_the_total_response_is_the_sum_of_the_coefficients(fitted):
    surplus, runoff = estimate_responses(fitted)
    assert (surplus.driver, surplus.unit) == ("surplus", "mm")
    assert (runoff.driver, runoff.unit) == ("runoff", "kg m-2")
    assert surplus.cumulated.value[-1] == pytest.approx(fitted.prior.responses[:2].sum())
    assert runoff.cumulated.value[-1] == pytest.approx(fitted.prior.responses[2])


def test_the_interval_holds_the_true_response(fitted):
    for response, total in zip(estimate_responses(fitted), (3.0, 0.5)):
        band = response.cumulated
        assert band.lower[-1] < total < band.upper[-1]
        assert (response.by_lag.lower <= response.by_lag.upper).all()


def test_the_interval_grows_with_the_noise(fitted):
    noisy, clean = (
        [one.cumulated.upper[-1] - one.cumulated.lower[-1] for one in estimate_responses(prior)]
        for prior in (fit_to(noise=2.0), fitted)
    )
    assert all(first > 2 * second for first, second in zip(noisy, clean))


def test_drawn_years_are_fitted_with_their_own_level_and_trend(fitted):
    """A draw gives the normal equations of its months, each as often as it was drawn."""
    weights = np.array([2, 0, 1, 0, 2])
    years = calendar_year(MONTHS) - calendar_year(MONTHS)[0]
    drawn = np.repeat(np.arange(MONTHS.size), weights[years])
    every = np.ones(fitted.terms.areas.size, dtype=bool)
    expected = sum_products(fitted.terms, MONTHS, drawn, every)
    sums = responses._combine(responses._sum_years(fitted), weights)
    scale = np.abs(expected.matrix).max()
    np.testing.assert_allclose(sums.matrix, expected.matrix, atol=1e-5 * scale)
    np.testing.assert_allclose(sums.vector, expected.vector, atol=1e-5 * scale)
    assert sums.total == pytest.approx(expected.total, rel=1e-4)


def test_a_short_record_has_no_interval():
    surplus, _ = estimate_responses(fit_to(months=month_range("2004-01", "2006-12")))
    assert np.isnan([*surplus.by_lag.lower, *surplus.cumulated.upper]).all()
    assert np.isfinite(surplus.by_lag.value).all()


def test_season_and_interannual_variance_are_explained_and_trend_is_not(fitted):
    season, interannual, trend = explained_components(fit_to())
    assert (season.name, interannual.name, trend.name) == ("season", "interannual", "trend")
    assert season.explained > 0.98 and interannual.explained > 0.98
    assert np.isnan(trend.explained)
    assert trend.variance > season.variance
    assert explained_components(fitted)[1].explained < interannual.explained


def test_variances_of_components_add_up(fitted):
    terms = fitted.terms
    anomaly = terms.target - terms.target.mean(axis=0)
    total = np.average((anomaly**2).mean(axis=0), weights=terms.areas)
    parts = sum(part.variance for part in explained_components(fitted))
    assert parts == pytest.approx(total, rel=0.1)


def test_leakage_moves_no_mass(fitted):
    areas = fitted.domain.gwsa.grid.cell_areas()[CELLS]
    moved = leakage(fitted)
    assert np.abs(moved).max() > 0.1
    np.testing.assert_allclose(moved @ areas / areas.sum(), 0.0, atol=1e-5)


def test_the_corrected_map_of_a_known_prior_is_consistent():
    """GWSA is the prior through the footprint, so that the corrected field is the prior itself."""
    prior = fit_to(lines=lambda rng, domain: 5.0)
    corrected, uncorrected = (check_consistency(prior, mapped).misfit for mapped in (True, False))
    assert corrected.size == 16
    assert (corrected < 0.1 * uncorrected).all()


def test_noise_is_the_root_mean_square_of_sigma_in_observed_months(fitted):
    domain = fitted.domain
    values = np.ones_like(domain.gwsa.values) * np.arange(MONTHS.size)[:, None, None]
    sigma = MonthlyStack(
        domain.gwsa.grid, MONTHS, values, ("observed",) * MONTHS.size, "GWSA_SIGMA"
    )
    noise = check_consistency(fitted, True, sigma).noise
    expected = np.sqrt(np.mean(np.arange(MONTHS.size) ** 2.0))
    np.testing.assert_allclose(noise, expected, rtol=1e-6)
    assert np.isnan(check_consistency(fitted, True).noise).all()
