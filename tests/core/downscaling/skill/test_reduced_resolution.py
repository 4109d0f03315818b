"""Cells made coarser and predicted back: a perfect model wins all, an empty one is no model; the gain has its signs."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.downscaling.models.region_models import CrossValidation
from gwsa.gwsa_plugin.core.downscaling.samples import Samples
from gwsa.gwsa_plugin.core.downscaling.skill.reduced_resolution import (
    validate_at_reduced_resolution,
)
from gwsa.gwsa_plugin.core.stats.metrics import pascal_merlin_gain

GRID = Grid(70.0, 33.0, 0.25, 0.25, 11, 12)


def domain_and_truth(seed=0, months=6):
    rng = np.random.default_rng(seed)
    cells = rng.random(GRID.shape) < 0.9
    place = np.nonzero(np.broadcast_to(cells, (months, *GRID.shape)))
    target = rng.normal(0, 5, place[0].size)
    samples = Samples(*place, target, *np.zeros((2, target.size, 0)), ())
    return SimpleNamespace(gwsa=SimpleNamespace(grid=GRID), cells=cells, samples=samples), target


def back(domain, detail):
    return validate_at_reduced_resolution(
        domain, CrossValidation([], detail, np.zeros(detail.shape))
    )


@given(seed=st.integers(0, 100))
def test_a_perfect_model_misses_nothing(seed):
    domain, target = domain_and_truth(seed)
    scores = back(domain, target).scores()
    assert scores["rmse_model_cm"] < 1e-9 < scores["rmse_mean_preserving_cm"]
    assert scores["gain_over_mean_preserving"] == pytest.approx(1) and scores[
        "nse"
    ] == pytest.approx(1)
    assert scores["pascal_merlin_gain"] == pytest.approx(
        1, abs=0.35
    )  # means are exact both ways: no gain in bias


def test_a_model_that_says_nothing_is_no_model():
    domain, target = domain_and_truth()
    result = back(domain, np.zeros(target.shape))
    scores = result.scores()
    assert scores["gain_over_mean_preserving"] == pytest.approx(0, abs=1e-12)
    assert np.nanmax(np.abs(result.gain_map(domain))) < 1e-9


def test_what_neighbours_share_does_not_count():
    """A model that is wrong by a constant of each month loses only before the correction."""
    domain, target = domain_and_truth()
    scores = back(domain, target + domain.samples.month * 100).scores()
    assert scores["rmse_model_cm"] < 1e-9 and scores["rmse_unconserved_cm"] > 100


def test_months_without_prediction_are_not_compared():
    domain, target = domain_and_truth()
    month = domain.samples.month
    result = back(domain, np.where(month == 2, np.nan, target))
    assert (
        np.isnan(result.observed[month == 2]).all()
        and np.isfinite(result.observed[month == 3]).any()
    )


def test_only_cells_of_all_months_in_whole_blocks_are_compared():
    domain, target = domain_and_truth()
    samples = domain.samples
    now_and_then = (samples.row == 0) & (samples.month == 3)
    result = back(domain, np.where(now_and_then, np.nan, target))
    assert (
        np.isfinite(result.observed) == ((samples.row > 0) & (samples.row < 10))
    ).all()  # of 11 rows
    known = np.isfinite(result.observed)
    assert (result.observed[known] == target[known]).all()
    for name in ("mean_preserving", "coarse"):
        assert (np.isfinite(result.fields[name]) == known).all()
    assert (
        np.isfinite(result.gain_map(domain)) == (domain.cells & (np.arange(11) % 10 > 0)[:, None])
    ).all()


def test_scores_of_some_samples_are_of_those():
    domain, target = domain_and_truth()
    where = domain.samples.month < 3
    detail = np.where(where, target, 0.0)
    assert (
        back(domain, detail).scores(where)["rmse_model_cm"]
        < 1e-9
        < back(domain, detail).scores(~where)["rmse_model_cm"]
    )


def test_the_gain_is_that_of_slope_correlation_and_bias():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, 5000)
    truth -= truth.mean()
    half = 0.5 * truth
    assert pascal_merlin_gain(half, truth, truth) == pytest.approx(
        1 / 3, abs=0.02
    )  # only the slope was wrong
    assert pascal_merlin_gain(truth, half, truth) == pytest.approx(-1 / 3, abs=0.02)
    assert pascal_merlin_gain(half + 3, truth, truth) == pytest.approx(2 / 3, abs=0.02)
    assert np.isnan(pascal_merlin_gain(np.zeros(10), truth[:10], truth[:10]))
