"""Leakage correction adds to the balance what the prior has beyond the footprint of GRACE."""

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.compute.threads import run_all
from gwsa.gwsa_plugin.core.downscaling.domain import make_domain
from gwsa.gwsa_plugin.core.downscaling.folds import Blocking
from gwsa.gwsa_plugin.core.downscaling.maps.leakage import (
    LEAKAGE_TAG,
    correct_leakage,
    with_lines,
    without_detail,
)
from gwsa.gwsa_plugin.core.downscaling.maps.map_job import MapJob, MapOptions, ModelUse
from gwsa.gwsa_plugin.core.downscaling.models.region_models import RegionModels
from gwsa.gwsa_plugin.core.downscaling.prior.fields import PriorJob, fit_lines
from gwsa.gwsa_plugin.core.downscaling.prior.fitted_prior import fit_prior
from gwsa.gwsa_plugin.core.grace.footprint import Footprint
from gwsa.tests.core.downscaling.conftest import WIDTH_KM


@pytest.fixture(scope="module")
def domain(driver_world):
    """The world without a month and a cell."""
    gwsa = driver_world.gwsa
    values = gwsa.values.copy()
    values[10] = np.nan
    values[:, 3, 2] = np.nan
    source = (*gwsa.source[:10], "missing", *gwsa.source[11:])
    gwsa = replace(gwsa, values=values, source=source)
    return make_domain(gwsa, driver_world.predictors, [], (None, None), SILENT)


@pytest.fixture(scope="module")
def prior(domain):
    return fit_prior(domain, Blocking(), SILENT).prior


def prior_job(domain, prior):
    cells = [domain.cells]
    return PriorJob([prior], cells, domain.predictors, domain.conservation, domain.months)


def correct(domain, prior, folder):
    return correct_leakage(domain, prior_job(domain, prior), folder / "lines", SILENT, run_all)


def test_the_correction_is_the_prior_less_its_observation(domain, prior, tmp_path):
    corrected = correct(domain, prior, tmp_path)
    (tile,) = domain.tiles
    means = fit_lines(prior_job(domain, prior), tmp_path / "lines", tile, SILENT)
    field = np.full((59, 6, 6), np.nan)
    field[:, tile.rows, tile.columns] = means
    footprint = Footprint(domain.gwsa.grid, domain.cells, WIDTH_KM)
    added = (field - footprint.apply(field))[:, domain.cells]
    found = (corrected.values - domain.gwsa.values)[domain.used][:, domain.cells]
    np.testing.assert_allclose(found, added, atol=1e-5)
    assert added.std() > 0.5


def test_the_corrected_field_is_closer_to_the_truth(driver_world, domain, prior, tmp_path):
    corrected = correct(domain, prior, tmp_path)
    truth = np.stack([driver_world.conservation.block_mean(month) for month in driver_world.truth])
    time = np.flatnonzero(domain.used)

    def error(stack):
        """RMSE without level and trend, which the truth does not have."""
        left = (stack.values - truth)[domain.used][:, domain.cells]
        slope, level = np.polyfit(time, left, 1)
        return np.sqrt(np.mean((left - time[:, None] * slope - level) ** 2))

    assert error(corrected) < 0.4 * error(domain.gwsa)


def test_the_mean_of_the_region_stays(domain, prior, tmp_path):
    corrected = correct(domain, prior, tmp_path)
    areas = domain.gwsa.grid.cell_areas()[domain.cells]
    for before, after in zip(domain.gwsa.values[domain.used], corrected.values[domain.used]):
        change = np.average(after[domain.cells] - before[domain.cells], weights=areas)
        assert change == pytest.approx(0, abs=1e-4)


def test_nothing_changes_outside_the_mapped_cells_and_months(domain, prior, tmp_path):
    corrected = correct(domain, prior, tmp_path)
    assert np.isnan(corrected.values[10]).all() and np.isnan(corrected.values[:, 3, 2]).all()
    assert np.isfinite(corrected.values[domain.used][:, domain.cells]).all()
    assert corrected.source == domain.gwsa.source
    assert corrected.tags == {**domain.gwsa.tags, LEAKAGE_TAG: "corrected by the prior"}
    assert LEAKAGE_TAG not in domain.gwsa.tags


def test_a_prior_of_0_corrects_nothing(domain, prior, tmp_path):
    nothing = replace(prior, responses=np.zeros_like(prior.responses))
    corrected = correct(domain, nothing, tmp_path)
    np.testing.assert_array_equal(corrected.values, domain.gwsa.values)


def map_job(domain, prior):
    models = RegionModels({}, np.zeros(1, dtype=int), shrinkage=0.5)
    use = ModelUse(models, domain.cells, np.ones(59, dtype=bool), prior=0)
    options = MapOptions(tags={"GWSA_STAGE": "downscale"})
    job = MapJob.from_domain(domain, {"maps": [use]}, options)
    return replace(job, prior=prior_job(domain, prior))


def test_maps_with_the_prior_preserve_the_corrected_field(domain, prior, tmp_path):
    corrected = correct(domain, prior, tmp_path)
    job = with_lines(map_job(domain, prior), tmp_path / "lines", corrected)
    assert job.lines == tmp_path / "lines" and job.options.tags[LEAKAGE_TAG]
    assert len(job.target) == 59
    np.testing.assert_array_equal(job.target, corrected.values[domain.used])


def test_maps_without_detail_preserve_the_balance(domain, prior, tmp_path):
    corrected = correct(domain, prior, tmp_path)
    job = without_detail(with_lines(map_job(domain, prior), tmp_path / "lines", corrected), domain)
    assert job.prior is None and job.lines is None
    assert LEAKAGE_TAG not in job.options.tags and job.options.tags["GWSA_STAGE"] == "downscale"
    np.testing.assert_array_equal(job.target, domain.gwsa.values[domain.used])
    assert [use.models.shrinkage for use in job.products["maps"]] == [0]
