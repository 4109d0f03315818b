"""Skill in unseen years: of a field that follows the drivers, and of one that does not."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.downscaling.skill.gain import Gain
from gwsa.gwsa_plugin.core.downscaling.skill.unseen_years import (
    UnseenYears,
    validate_in_unseen_years,
)
from gwsa.tests.core.downscaling.prior import synthetic

CELLS = np.ones((9, 9), dtype=bool)
TILES = np.repeat(np.repeat(np.arange(9).reshape(3, 3), 3, axis=0), 3, axis=1)


def make_fitted(seed=0, signal=1.0, tiles=None, months=synthetic.MONTHS):
    """A fitted prior: GWSA has a response of size ``signal`` to the drivers and one to others."""
    rng = np.random.default_rng(seed)
    domain = synthetic.make_domain(CELLS, tiles, months)
    samples, others = (synthetic.make_samples(rng, CELLS, months) for _ in range(2))
    prior = synthetic.make_prior_of(samples, [1.0, 0.5, 0.5], [0.1, 0.0])
    seen, other = (
        synthetic.observed_storage(domain, one, replace(prior, standard=one.standard))
        for one in (samples, others)
    )
    storage = signal * seen + 0.5 * other + synthetic.random_lines(rng, domain)
    return synthetic.fit(synthetic.with_gwsa(domain, storage), samples, ridge=0.3)


def validate(fitted) -> UnseenYears:
    return validate_in_unseen_years(fitted, SILENT)


@pytest.mark.parametrize("tiles", [None, TILES], ids=["cells", "mascons"])
def test_a_field_that_follows_the_drivers_passes(tiles):
    found = validate(make_fitted(tiles=tiles))
    assert found.tested and found.passed and found.months == synthetic.MONTHS.size
    assert 0.2 < found.gain.lower < found.gain.value < 1
    assert f"{100 * found.gain.value:+.0f} %" in found.summary
    assert found.scores()["gain_over_climatology"] == found.gain.value


def test_a_field_that_does_not_follow_the_drivers_does_not_pass():
    """In ten draws; the interval is one of 90 %, so that one draw in twenty may pass."""
    found = [validate(make_fitted(seed, signal=0.0)) for seed in range(10)]
    assert all(one.tested for one in found)
    assert sum(one.passed for one in found) <= 1
    assert np.mean([one.gain.value for one in found]) < 0.03


def test_levels_and_trends_are_no_evidence():
    """Both the estimate and its competitor have those of the place."""
    fitted = make_fitted()
    lines = synthetic.random_lines(np.random.default_rng(5), fitted.domain)[:, fitted.terms.cells]
    shifted = replace(fitted, terms=replace(fitted.terms, target=fitted.terms.target + lines))
    assert validate(shifted).gain == pytest.approx(validate(fitted).gain, abs=1e-3)


def test_the_prior_of_all_data_is_not_used():
    fitted = make_fitted()
    other = synthetic.make_prior_of(fitted.samples, [50.0, 0.0, 0.0], [0.0, 0.0])
    assert validate(replace(fitted, prior=other)) == validate(fitted)


def test_filled_months_are_neither_compared_nor_fitted():
    fitted = make_fitted()
    terms = fitted.terms
    observed = np.arange(terms.observed.size) >= 12
    target = np.where(observed[:, None], terms.target, 1e3)
    one, other = (
        validate(replace(fitted, terms=replace(terms, observed=observed, target=values)))
        for values in (terms.target, target)
    )
    assert one.months == 48 and one == other


def test_a_short_record_is_untested():
    found = validate(make_fitted(months=synthetic.MONTHS[:30]))
    assert not found.tested and not found.passed and found.months == 0
    assert found.summary.startswith("Skill in unseen years: untestable")
    assert np.isnan(found.scores()["gain_over_climatology"])


def test_a_region_of_one_tile_is_untested():
    """One block gives no interval, which is no evidence against the drivers."""
    found = validate(make_fitted(tiles=np.zeros((9, 9), dtype=int)))
    assert not found.tested and not found.passed and found.months
    assert "one tile of GRACE" in found.summary


@pytest.mark.parametrize(
    ("gain", "passed"),
    [(Gain(0.2, 0.1, 0.3), True), (Gain(0.2, -0.1, 0.4), False), (Gain(), False)],
)
def test_only_a_gain_beyond_chance_passes(gain, passed):
    assert UnseenYears(gain, 60).passed == passed
