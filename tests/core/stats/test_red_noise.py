"""Noise with a memory against its definition by dense matrices, and limiting cases."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import t as student

from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.numba_modules import load_numba_module
from gwsa.gwsa_plugin.core.stats.red_noise import (
    AUTOCORRELATIONS,
    SERIES,
    TREND,
    determined_design,
    noise_around_seasons,
)

MONTHS = month_range("2002-04", "2012-03")
numba_module = load_numba_module("stats.red_noise_numba")
NEEDS_NUMBA = pytest.mark.skipif(numba_module is None, reason="numba is not installed")
PATHS = pytest.mark.parametrize(
    "compiled", [None, pytest.param(numba_module, marks=NEEDS_NUMBA)], ids=["plain", "compiled"]
)


def random_walks(count, series, seed=0):
    return np.random.default_rng(seed).standard_normal((count, series)).cumsum(axis=0)


@PATHS
@pytest.mark.parametrize("kept", ["all", "gaps", "quarters", "long gap"])
def test_weights_and_variances_are_those_of_dense_matrices(kept, compiled):
    use = {
        "all": np.full(MONTHS.size, True),
        "gaps": np.random.default_rng(1).random(MONTHS.size) > 0.3,
        "quarters": np.arange(MONTHS.size) % 3 == 0,
        "long gap": (np.arange(MONTHS.size) < 40) | (np.arange(MONTHS.size) > 70),
    }[kept]
    months = MONTHS[use]
    # A level that is large against the noise takes no digits away.
    values = random_walks(months.size, 3) + 1000
    noise = noise_around_seasons(months, values, compiled)
    design, harmonics = determined_design(months)
    assert harmonics == (1 if kept == "quarters" else 2)
    steps = months.astype(int)
    inverse = np.linalg.pinv(design)
    for series, y in enumerate(values.T):
        logs, powers = [], []
        for correlation in AUTOCORRELATIONS:
            covariance = correlation ** np.abs(steps[:, None] - steps)
            precision = np.linalg.inv(covariance)
            normal = design.T @ precision @ design
            rest = y - design @ np.linalg.solve(normal, design.T @ precision @ y)
            power = rest @ precision @ rest / noise.freedom
            powers.append(power)
            log_sizes = [np.linalg.slogdet(matrix)[1] for matrix in (covariance, normal)]
            logs.append(-0.5 * (sum(log_sizes) + noise.freedom * np.log(power)))
        weights = np.exp(np.array(logs) - max(logs)) * np.gradient(AUTOCORRELATIONS)
        np.testing.assert_allclose(noise.weights[:, series], weights / weights.sum(), atol=1e-6)
        np.testing.assert_allclose(noise.powers[:, series], powers, rtol=1e-6)
    for number, correlation in enumerate(AUTOCORRELATIONS):
        covariance = correlation ** np.abs(steps[:, None] - steps)
        expected = np.diag(inverse @ covariance @ inverse.T)
        np.testing.assert_allclose(noise.spreads[:, number], expected, rtol=1e-9)


@PATHS
@pytest.mark.parametrize("level", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("count", [24, 120])
def test_half_widths_are_quantiles_of_the_mixture(level, count, compiled):
    noise = noise_around_seasons(MONTHS[:count], random_walks(count, 40))
    errors = np.sqrt(noise.spreads[TREND][:, None] * noise.powers)
    found = noise.half_widths(TREND, level, compiled)
    for series in range(40):

        def excess(width, weights=noise.weights[:, series], errors=errors[:, series]):
            return weights @ student.sf(width / errors, noise.freedom) - (1 - level) / 2

        expected = brentq(excess, 0, 1000 * errors[:, series].max())
        assert found[series] == pytest.approx(expected, rel=1e-4)


def test_independent_noise_has_the_interval_of_a_regression():
    values = np.random.default_rng(3).standard_normal((MONTHS.size, 200))
    noise = noise_around_seasons(MONTHS, values)
    design, _ = determined_design(MONTHS)
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    variance = (rest**2).sum(axis=0) / noise.freedom * np.linalg.inv(design.T @ design)[1, 1]
    expected = student.isf(0.05, noise.freedom) * np.sqrt(variance)
    # Small positive autocorrelations are as likely: some 10 % wider.
    assert 1.0 < np.median(noise.half_widths(TREND, 0.9) / expected) < 1.2


def test_series_do_not_depend_on_their_neighbours():
    values = random_walks(MONTHS.size, SERIES + 3)
    together = noise_around_seasons(MONTHS, values).half_widths(TREND, 0.9)
    alone = noise_around_seasons(MONTHS, values[:, -1:]).half_widths(TREND, 0.9)
    assert together[-1] == pytest.approx(alone[0], rel=1e-9)


@pytest.mark.parametrize("values", [np.zeros(120), np.full(120, 7.0), np.arange(120.0) * 1e6])
def test_series_without_noise_have_finite_intervals(values):
    half = noise_around_seasons(MONTHS, values[:, None]).half_widths(TREND, 0.9)[0]
    assert 0 <= half <= 1e-12 * max(np.ptp(values), 1) * 120 * 12
