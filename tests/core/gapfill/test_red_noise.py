"""Tests of the conditional mean of red noise against the normal equations and known noise."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.gapfill.red_noise import RedNoise, conditional_mean, fit_red_noise
from gwsa.gwsa_plugin.core.stats.harmonics import straight_lines

MISSING = np.zeros(300, dtype=bool)
MISSING[[20, 50, 51, 250]] = True
MISSING[100:111] = True


def red_series(count, memory, white, months=300, seed=0):
    """Red noise of variance 1, without and with white noise: shape (count, months) each."""
    random = np.random.default_rng(seed)
    keep = np.exp(-1 / memory)
    series = np.empty((count, months))
    series[:, 0] = random.normal(size=count)
    for month in range(1, months):
        step = np.sqrt(1 - keep**2) * random.normal(size=count)
        series[:, month] = keep * series[:, month - 1] + step
    return series, series + np.sqrt(white) * random.normal(size=series.shape)


def test_conditional_mean_solves_the_normal_equations():
    noise = RedNoise(
        np.array([4.0, 1.0, 0.0]), np.array([0.5, 2.0, 1.0]), np.array([6.0, 24.0, 6.0])
    )
    series = np.random.default_rng(3).normal(size=(3, 300))
    observed = np.flatnonzero(~MISSING)
    gaps = np.flatnonzero(MISSING)
    result = conditional_mean(series, MISSING, noise)
    for one, got, red, white, memory in zip(series, result, noise.red, noise.white, noise.memory):
        among = red * np.exp(-np.abs(observed[:, None] - observed) / memory)
        among += white * np.eye(observed.size)
        across = red * np.exp(-np.abs(gaps[:, None] - observed) / memory)
        np.testing.assert_allclose(got, across @ np.linalg.solve(among, one[observed]), atol=1e-9)


def test_memory_and_variances_are_recovered():
    _, observed = red_series(400, memory=8, white=0.5)
    noise = fit_red_noise(np.where(MISSING, 1e6, observed), MISSING)
    assert np.median(noise.memory) in (6, 8, 12)
    assert np.median(noise.red) == pytest.approx(1.0, rel=0.15)
    assert np.median(noise.white) == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("white", [0.0, 1.0])
def test_conditional_mean_is_better_than_zero_and_linear_interpolation(white):
    truth, observed = red_series(200, memory=6, white=white, seed=4)
    fills = {
        "red": conditional_mean(observed, MISSING, fit_red_noise(observed, MISSING)),
        "zero": 0.0,
        "lines": straight_lines(observed, MISSING),
    }
    rmse = {
        name: np.sqrt(((values - truth[:, MISSING]) ** 2).mean()) for name, values in fills.items()
    }
    assert rmse["red"] < min(rmse["zero"], rmse["lines"])


def test_a_series_of_zeros_stays_zero():
    zeros = np.zeros((1, 300))
    assert not conditional_mean(zeros, MISSING, fit_red_noise(zeros, MISSING)).any()
