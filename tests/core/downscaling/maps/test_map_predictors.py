"""The area of applicability uses what the maps are predicted from."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking, make_splits
from gwsa.gwsa_plugin.core.downscaling.maps.applicability import Applicability
from gwsa.gwsa_plugin.core.downscaling.maps.map_predictors import predictors_of_maps
from gwsa.gwsa_plugin.core.downscaling.models.cross_validation import HeldOut
from gwsa.gwsa_plugin.core.downscaling.models.region_models import RegionModels
from gwsa.gwsa_plugin.core.downscaling.prior.drivers import driver_set, read_statics, read_terms
from gwsa.gwsa_plugin.core.downscaling.prior.fitted_prior import fit_prior
from gwsa.gwsa_plugin.core.downscaling.skill.shap import explain_maps
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection

NO_TREES = RegionModels({}, np.zeros(1, dtype=int), shrinkage=0.0)


@pytest.fixture(scope="module")
def domain(driver_world):
    return make_domain(driver_world.gwsa, driver_world.predictors, [], (None, None), SILENT)


@pytest.fixture(scope="module")
def prior(domain):
    return fit_prior(domain, Blocking(), SILENT)


@pytest.fixture(scope="module")
def held_out(domain):
    splits = make_splits(domain.gwsa.grid, domain.cells, domain.months.size, Blocking())
    return [HeldOut(split, NO_TREES) for split in splits]


@pytest.fixture(scope="module")
def used(domain, prior, held_out):
    return predictors_of_maps(domain, NO_TREES, prior, held_out)


def everywhere(domain):
    pixels = domain.conservation.pixels()
    return PixelSelection(Tile.full(pixels.shape), pixels)


def test_pixels_have_the_terms_and_statics_of_the_prior(domain, used):
    selection, months = everywhere(domain), domain.months[[7, 30]]
    tables = list(used.read(months, selection, SILENT))
    terms = list(read_terms(driver_set(domain.predictors), months, selection))
    statics = read_statics(domain.predictors, selection, SILENT)
    for table, month in zip(tables, terms):
        np.testing.assert_array_equal(table, np.concatenate([month, statics]).T)
    assert used.samples.shape[1] == tables[0].shape[1] == len(terms[0]) + len(statics)


def test_samples_are_pixels_of_their_cells(domain, used):
    """Each sample has the values of a pixel in some month, so that its index there is 0."""
    selection = everywhere(domain)
    rows = {
        row.tobytes()
        for table in used.read(domain.months, selection, SILENT)
        for row in table.astype(np.float32)
    }
    assert all(sample.tobytes() in rows for sample in used.samples.astype(np.float32))
    index = Applicability.fit(used.samples, used.importance, used.folds)
    assert index.index(used.samples).max() < 1e-6 and index.threshold > 0


def test_unlike_drivers_are_far_away(used):
    index = Applicability.fit(used.samples, used.importance, used.folds)
    strongest = int(np.argmax(used.importance))
    unlike = used.samples.copy()
    unlike[:, strongest] += 20 * used.samples[:, strongest].std()
    assert index.index(unlike).min() > index.threshold


def test_the_importance_is_the_contribution_to_the_prior(domain, prior, used):
    """Doubled responses double the prior and all contributions."""
    doubled = replace(prior.prior, responses=2 * prior.prior.responses)
    np.testing.assert_allclose(
        prior.samples.mean_contributions(doubled), 2 * used.importance, rtol=1e-6
    )
    fixed = replace(prior.prior, modulation=0 * prior.prior.modulation)
    parts = prior.samples.mean_contributions(fixed)
    terms = len(prior.samples.term_names)
    expected = prior.prior.responses * np.abs(prior.samples.terms).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(parts[:terms], expected, rtol=1e-5)
    assert not parts[terms:].any()


def test_interpolation_is_applicable_everywhere(domain, held_out):
    used = predictors_of_maps(domain, NO_TREES, None, held_out)
    index = Applicability.fit(used.samples, used.importance, used.folds)
    selection = everywhere(domain)
    (table,) = used.read(domain.months[:1], selection, SILENT)
    assert len(table) == selection.size
    assert (index.index(table) == 0).all() and index.threshold == 0


def test_the_prior_is_explained_by_its_drivers(domain, prior):
    rows = explain_maps(domain, NO_TREES, prior)
    assert {row["region"] for row in rows} == {"background"}
    by_feature = {row["feature"]: row for row in rows}
    assert by_feature["surplus_mean8"]["predictor"] == "surplus"
    assert by_feature["mean_rain"]["predictor"] == "rain"
    assert by_feature["soil"]["predictor"] == "soil"
    assert all(np.isnan(row["gain"]) for row in rows)
    # The truth is the mean of 8 months, with an amplitude that depends on soil.
    statics = [name for name in by_feature if "mean" not in name or name.startswith("mean_")]
    assert max(statics, key=lambda name: by_feature[name]["shap_cm"]) == "soil"
    assert explain_maps(domain, NO_TREES, None) == []
