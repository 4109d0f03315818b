"""Reduced-resolution validation of a perfect model, of none, and of partly missing predictions."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.downscaling.models.cross_validation import CrossValidation
from gwsa.gwsa_plugin.core.downscaling.samples import Samples
from gwsa.gwsa_plugin.core.downscaling.skill.reduced_resolution import (
    is_resolved,
    unresolved_reason,
    validate_at_reduced_resolution,
)
from gwsa.gwsa_plugin.core.stats.metrics import pascal_merlin_gain

GRID = Grid(70.0, 33.0, 0.25, 0.25, 11, 12)


def domain_and_truth(seed=0, months=6, grid=GRID, fraction=0.9):
    rng = np.random.default_rng(seed)
    cells = rng.random(grid.shape) < fraction
    position = np.nonzero(np.broadcast_to(cells, (months, *grid.shape)))
    target = rng.normal(0, 5, position[0].size)
    samples = Samples(*position, target, *np.zeros((2, target.size, 0)), ())
    return SimpleNamespace(gwsa=SimpleNamespace(grid=grid), cells=cells, samples=samples), target


def validate(domain, detail, level=0.0):
    return validate_at_reduced_resolution(
        domain, CrossValidation([], detail, np.full(detail.shape, level))
    )


def test_it_can_be_cancelled():
    class Cancelling(Progress):
        def is_cancelled(self):
            return True

    domain, target = domain_and_truth()
    validation = CrossValidation([], target, np.zeros(target.shape))
    with pytest.raises(Cancelled):
        validate_at_reduced_resolution(domain, validation, Cancelling())


def root_mean_square(errors):
    return np.sqrt(np.nanmean(errors**2))


@given(seed=st.integers(0, 100))
def test_a_perfect_model_has_no_error(seed):
    domain, target = domain_and_truth(seed)
    scores = validate(domain, target).scores()
    assert scores["rmse_model_cm"] < 1e-9 < scores["rmse_mean_preserving_cm"]
    assert scores["gain_over_mean_preserving"] == pytest.approx(1)
    assert scores["nse"] == pytest.approx(1)
    # The means are exact with and without the model, so that there is no gain in bias.
    assert scores["pascal_merlin_gain"] == pytest.approx(1, abs=0.35)


def test_a_constant_model_is_mean_preserving_interpolation():
    domain, target = domain_and_truth()
    result = validate(domain, np.zeros(target.shape))
    scores = result.scores()
    assert scores["gain_over_mean_preserving"] == pytest.approx(0, abs=1e-12)
    assert np.nanmax(np.abs(result.gain_map(domain))) < 1e-9


def test_an_error_that_all_cells_have_in_common_is_corrected():
    """A model with an offset in each month has an error only before the correction."""
    domain, target = domain_and_truth()
    scores = validate(domain, target + domain.samples.month * 100).scores()
    assert scores["rmse_model_cm"] < 1e-9 and scores["rmse_unconserved_cm"] > 100


def test_months_without_prediction_are_not_compared():
    domain, target = domain_and_truth()
    month = domain.samples.month
    result = validate(domain, np.where(month == 2, np.nan, target))
    assert np.isnan(result.observed[month == 2]).all()
    assert np.isfinite(result.observed[month == 3]).any()


def test_only_complete_cells_in_complete_blocks_are_compared():
    domain, target = domain_and_truth()
    samples = domain.samples
    incomplete = (samples.row == 0) & (samples.month == 3)
    result = validate(domain, np.where(incomplete, np.nan, target))
    # The grid has 11 rows.
    compared = (samples.row > 0) & (samples.row < 10)
    assert (np.isfinite(result.observed) == compared).all()
    known = np.isfinite(result.observed)
    assert (result.observed[known] == target[known]).all()
    for name in ("mean_preserving", "coarse"):
        assert (np.isfinite(result.fields[name]) == known).all()
    compared_cells = domain.cells & (np.arange(11) % 10 > 0)[:, None]
    assert (np.isfinite(result.gain_map(domain)) == compared_cells).all()


def test_an_odd_last_column_is_not_compared():
    domain, target = domain_and_truth(grid=Grid(70.0, 33.0, 0.25, 0.25, 10, 11))
    result = validate(domain, target)
    assert (np.isfinite(result.observed) == (domain.samples.column < 10)).all()


def test_each_competitor_is_its_definition():
    """In a region without holes, bilinear interpolation is that along rows, then columns."""
    grid = Grid(70.0, 33.0, 0.25, 0.25, 10, 12)
    domain, target = domain_and_truth(grid=grid, fraction=1.0, months=2)
    detail = target + np.random.default_rng(1).normal(0, 2, target.size)
    fields = {
        name: field.reshape(2, *grid.shape)
        for name, field in validate(domain, detail, level=7.0).fields.items()
    }
    weights = np.broadcast_to(grid.row_areas()[:, None], grid.shape)

    def averages(field):
        total, area = (
            values.reshape(-1, 5, 2, 6, 2).sum(axis=(2, 4)) for values in (field * weights, weights)
        )
        return total / area

    truth = target.reshape(2, *grid.shape)
    means = averages(truth)
    np.testing.assert_allclose(fields["coarse"], np.kron(means, np.ones((2, 2))))
    rows, columns = np.arange(10) / 2 - 0.25, np.arange(12) / 2 - 0.25
    across = np.apply_along_axis(lambda v: np.interp(columns, np.arange(6), v), 2, means)
    bilinear = np.apply_along_axis(lambda v: np.interp(rows, np.arange(5), v), 1, across)
    np.testing.assert_allclose(fields["bilinear"], bilinear)
    np.testing.assert_allclose(fields["unconserved"], detail.reshape(truth.shape) + 7)
    for name in ("model", "mean_preserving"):
        np.testing.assert_allclose(averages(fields[name]), means, atol=1e-9)
        assert not np.allclose(fields[name], bilinear, atol=0.1)


def test_gains_are_relative_reductions_of_the_rmse():
    domain, target = domain_and_truth()
    detail = target + np.random.default_rng(1).normal(0, 2, target.size)
    result = validate(domain, detail)
    scores = result.scores()
    errors = {name: field - result.observed for name, field in result.fields.items()}
    for name, error in errors.items():
        assert scores[f"rmse_{name}_cm"] == pytest.approx(root_mean_square(error))
    for name in ("mean_preserving", "bilinear"):
        gain = 1 - root_mean_square(errors["model"]) / root_mean_square(errors[name])
        assert scores[f"gain_over_{name}"] == pytest.approx(gain)
    assert scores["samples"] == np.isfinite(result.observed).sum()
    gains, samples = result.gain_map(domain), domain.samples
    for row, column in np.argwhere(np.isfinite(gains)):
        here = (samples.row == row) & (samples.column == column)
        model, rival = (
            root_mean_square(errors[name][here]) for name in ("model", "mean_preserving")
        )
        assert gains[row, column] == pytest.approx(1 - model / rival)


def test_scores_are_computed_over_the_given_samples():
    domain, target = domain_and_truth()
    where = domain.samples.month < 3
    detail = np.where(where, target, 0.0)
    result = validate(domain, detail)
    assert result.scores(where)["rmse_model_cm"] < 1e-9 < result.scores(~where)["rmse_model_cm"]


def test_the_pascal_merlin_gain_is_the_mean_gain_in_slope_correlation_and_bias():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, 5000)
    truth -= truth.mean()
    half = 0.5 * truth
    # Only the slope of ``half`` is wrong.
    assert pascal_merlin_gain(half, truth, truth) == pytest.approx(1 / 3, abs=0.02)
    assert pascal_merlin_gain(truth, half, truth) == pytest.approx(-1 / 3, abs=0.02)
    assert pascal_merlin_gain(half + 3, truth, truth) == pytest.approx(2 / 3, abs=0.02)
    assert np.isnan(pascal_merlin_gain(np.zeros(10), truth[:10], truth[:10]))


@pytest.mark.parametrize(
    ("width", "resolved"), [(None, True), (28.0, True), (55.0, True), (60.0, False), (250.0, False)]
)
def test_a_footprint_wider_than_two_cells_is_not_resolved(width, resolved):
    domain = SimpleNamespace(gwsa=SimpleNamespace(grid=GRID), footprint_km=width)
    assert is_resolved(domain) == resolved
    if width:
        reason = unresolved_reason(domain)
        assert "from 0.5° to 0.25°, is not made" in reason
        assert f"the footprint of GRACE is {width:.0f} km wide" in reason
