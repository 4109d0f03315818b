"""Each metric against its formula, written out, and against cases computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.stats.metrics import (
    agreement_from_sums,
    agreement_sums,
    field_agreement,
    kge,
    mean_error,
    nse,
    pascal_merlin_gain,
    pearson,
    r2,
    relative_gain,
    rmse,
    series_agreement,
)

# Zero mean, unit variance and uncorrelated, so that r and the ratio of deviations can be set.
WAVE = np.array([1.0, -1.0, 1.0, -1.0])
NOISE = np.array([1.0, 1.0, -1.0, -1.0])


def estimate_and_truth(seed, size=60):
    rng = np.random.default_rng(seed)
    truth = rng.normal(rng.uniform(-5, 5), 3, size)
    estimate = 1 + 0.6 * truth + rng.normal(0, 2, size)
    return estimate, truth


def with_gaps(seed):
    """A pair with NaN in either, and the same pair without the gaps."""
    estimate, truth = estimate_and_truth(seed)
    known = np.random.default_rng(seed + 1).random((2, truth.size)) > 0.2
    both = known.all(axis=0)
    gappy = np.where(known, (estimate, truth), np.nan)
    return (*gappy, estimate[both], truth[both])


def literal_kge(estimate, truth):
    r = np.corrcoef(estimate, truth)[0, 1]
    return 1 - np.sqrt((r - 1) ** 2 + (estimate.std() / truth.std() - 1) ** 2)


def literal_gain(coarse, fine, truth):
    gains = []
    for error in (
        lambda field: abs(1 - np.polyfit(truth, field, 1)[0]),
        lambda field: abs(1 - np.corrcoef(field, truth)[0, 1]),
        lambda field: abs(np.mean(field - truth)),
    ):
        gains.append((error(coarse) - error(fine)) / (error(coarse) + error(fine)))
    return np.mean(gains)


@pytest.mark.parametrize("seed", range(5))
def test_rmse_and_nse_are_their_formulas(seed):
    estimate, truth, known_estimate, known_truth = with_gaps(seed)
    squares = (known_estimate - known_truth) ** 2
    assert rmse(estimate, truth) == pytest.approx(np.sqrt(squares.sum() / squares.size))
    spread = ((known_truth - known_truth.mean()) ** 2).sum()
    assert nse(estimate, truth) == pytest.approx(1 - squares.sum() / spread)


@pytest.mark.parametrize("seed", range(5))
def test_mean_error_and_pearson_are_their_formulas(seed):
    estimate, truth, known_estimate, known_truth = with_gaps(seed)
    assert mean_error(estimate, truth) == pytest.approx(np.mean(known_estimate - known_truth))
    r = np.corrcoef(known_estimate, known_truth)[0, 1]
    assert pearson(estimate, truth) == pytest.approx(r)
    along = pearson(np.stack([estimate, -estimate]), np.stack([truth, truth]), axis=1)
    assert along == pytest.approx([r, -r])


def test_series_that_are_constant_up_to_rounding_have_no_correlation():
    constant = np.full(4, 0.1) * (1 + 1e-16 * WAVE)
    assert np.isnan(pearson(constant, WAVE))
    assert np.isnan(pearson(WAVE, constant))
    assert np.isnan(pearson(np.full(4, np.nan), WAVE))


@pytest.mark.parametrize("seed", range(5))
def test_r2_is_the_squared_correlation(seed):
    estimate, truth = estimate_and_truth(seed)
    assert r2(estimate, truth) == pytest.approx(np.corrcoef(estimate, truth)[0, 1] ** 2)
    assert r2(3 - 2 * estimate, truth) == pytest.approx(r2(estimate, truth))


@pytest.mark.parametrize("seed", range(5))
def test_pascal_merlin_gain_is_the_mean_of_three_gains(seed):
    fine, truth = estimate_and_truth(seed)
    coarse = 0.3 * truth + np.random.default_rng(seed + 1).normal(0, 2, truth.size)
    gain = literal_gain(coarse, fine, truth)
    assert pascal_merlin_gain(coarse, fine, truth) == pytest.approx(gain)
    assert pascal_merlin_gain(fine, coarse, truth) == pytest.approx(-gain)
    gappy = np.append(coarse, np.nan), np.append(fine, 1.0), np.append(truth, 2.0)
    assert pascal_merlin_gain(*gappy) == pytest.approx(gain)


def test_pascal_merlin_gain_by_hand():
    half = WAVE / 2
    # Slope 1/2 against 1, correlation 1 and bias 0 in both: gains 1, 0 and 0.
    assert pascal_merlin_gain(half, WAVE, WAVE) == pytest.approx(1 / 3)
    # A bias of 3 against 0 adds a gain of 1.
    assert pascal_merlin_gain(half + 3, WAVE, WAVE) == pytest.approx(2 / 3)
    # However small it is.
    assert pascal_merlin_gain(half + 1e-6, WAVE, WAVE) == pytest.approx(2 / 3)
    assert pascal_merlin_gain(half[:2], WAVE[:2], WAVE[:2]) == pytest.approx(1 / 3)
    assert np.isnan(pascal_merlin_gain(np.zeros(4), WAVE, WAVE))
    assert np.isnan(pascal_merlin_gain(half[:1], WAVE[:1], WAVE[:1]))


def test_kge_by_hand():
    """r = 0.6 and a ratio of deviations of 1.3: KGE = 1 - sqrt(0.4² + 0.3²) = 0.5."""
    field = 1.3 * (0.6 * WAVE + 0.8 * NOISE)
    found = series_agreement(WAVE[None], field[None])
    assert found.r == pytest.approx(0.6)
    assert found.kge == pytest.approx(0.5)
    assert found.rmse == pytest.approx(np.sqrt(1 + 1.3**2 - 2 * 0.6 * 1.3))
    assert kge(0.6, 1.3) == pytest.approx(0.5)
    # The ratio is that of field to well, so that a field too flat differs from one too steep.
    assert series_agreement(field[None], WAVE[None]).kge == pytest.approx(
        1 - np.hypot(0.4, 1 - 1 / 1.3)
    )


def test_series_agreement_is_its_formulas_in_the_months_of_each_well():
    rng = np.random.default_rng(3)
    well = rng.normal(0, 4, (6, 80))
    field = 0.5 * well + rng.normal(0, 3, well.shape)
    present = rng.random(well.shape) < 0.7
    present[4] = False
    used = np.flatnonzero(present.any(axis=1))
    for values in (well, field):
        values[~present] = np.nan
        values[used] -= np.nanmean(values[used], axis=1, keepdims=True)
    found = series_agreement(well, field)
    for i in used:
        truth = well[i, present[i]]
        estimate = field[i, present[i]]
        assert found.r[i] == pytest.approx(np.corrcoef(truth, estimate)[0, 1])
        assert found.rmse[i] == pytest.approx(np.sqrt(np.mean((estimate - truth) ** 2)))
        assert found.kge[i] == pytest.approx(literal_kge(estimate, truth))
    assert np.isnan([found.r[4], found.rmse[4], found.kge[4]]).all()


def test_metrics_along_an_axis_are_those_of_each_series():
    estimate, truth = np.array([estimate_and_truth(seed) for seed in range(4)]).swapaxes(0, 1)
    for metric in (rmse, nse):
        each = [metric(*pair) for pair in zip(estimate, truth)]
        assert metric(estimate, truth, axis=1) == pytest.approx(each)


def test_relative_gain_is_the_reduction_of_the_error():
    assert relative_gain(1.5, 2.0) == pytest.approx(0.25)
    assert relative_gain(3.0, 2.0) == pytest.approx(-0.5)
    gains = relative_gain(np.array([0.0, 1.0, np.nan]), np.array([2.0, 0.0, 1.0]))
    np.testing.assert_array_equal(gains, [1.0, np.nan, np.nan])


@given(seed=st.integers(0, 100), mean=st.floats(-100, 100))
def test_sums_of_parts_give_the_agreement_of_the_field(seed, mean):
    rng = np.random.default_rng(seed)
    truth = (mean + rng.standard_normal((5, 40))).astype(np.float32)
    estimate = truth + 0.3 * rng.standard_normal(truth.shape)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    estimate[rng.random(truth.shape) < 0.2] = np.nan
    both = np.isfinite(truth + estimate)
    squared = np.mean((estimate - truth)[both] ** 2)
    expected = {
        "nse": 1 - squared / truth[both].astype(float).var(),
        "rmse_cm": squared**0.5,
        "n": both.sum(),
    }
    assert field_agreement(estimate, truth) == pytest.approx(expected, rel=1e-6)
    parts = sum(map(agreement_sums, estimate, truth))
    assert agreement_from_sums(parts) == pytest.approx(expected, rel=1e-6)
    assert expected["nse"] == pytest.approx(float(nse(estimate, truth.astype(float))), rel=1e-6)


def test_no_pair_and_a_constant_truth_have_no_score():
    missing = np.full(3, np.nan)
    constant = np.full(4, 2.5)
    nothing = field_agreement(missing, missing)
    assert np.isnan([nothing["nse"], nothing["rmse_cm"]]).all()
    assert nothing["n"] == 0
    assert np.isnan([rmse(missing, missing), nse(missing, missing)]).all()
    found = field_agreement(constant + 1, constant)
    assert np.isnan(found["nse"]) and found["rmse_cm"] == 1
    assert np.isnan(nse(constant + 1, constant)) and rmse(constant + 1, constant) == 1
    assert np.isnan(r2(constant, np.arange(4.0)))
    # The mean square of seven times 0.1 differs from the square of the mean in the last bit.
    uneven = np.full(7, 0.1)
    assert np.isnan(field_agreement(uneven + 1, uneven)["nse"])
