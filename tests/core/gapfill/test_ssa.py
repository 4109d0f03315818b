"""Tests of iterative SSA against a literal implementation, in numpy and compiled by numba."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.gapfill import ssa, ssa_numpy
from gwsa.gwsa_plugin.core.gapfill.ssa import Embedding, fill_path, has_numba

MONTHS = np.arange(150)
MISSING = np.zeros(150, dtype=bool)
MISSING[[10, 40, 41, 120]] = True
MISSING[70:81] = True
WINDOW = 18
TOLERANCE = 1e-2


def up_to(components, tolerance=TOLERANCE):
    return Embedding(WINDOW, tuple(range(1, components + 1)), tolerance)


@pytest.fixture(params=["numpy", "numba"])
def implementation(request):
    """Fill by one of the two implementations."""
    if request.param == "numba" and not has_numba():
        pytest.skip("numba is not installed")
    module = {"numpy": ssa_numpy, "numba": ssa._numba_module()}[request.param]
    return lambda *arguments: module.fill_path(*arguments, ssa.MAX_ITERATIONS)


@pytest.fixture
def series():
    random = np.random.default_rng(5)
    waves = [
        np.sin(2 * np.pi * MONTHS / period + phase) for period, phase in ((12, 0), (12, 1), (40, 2))
    ]
    return np.stack(waves) * [[5.0], [2.0], [3.0]] + random.normal(size=(3, 150))


def literal_path(one, components):
    """SSA by Kondrashov & Ghil (2006) of one series, month by month."""
    x = np.where(MISSING, 0.0, one)
    path = []
    for count in range(1, components + 1):
        while True:
            windows = np.array([x[start : start + WINDOW] for start in range(x.size - WINDOW + 1)])
            left, sizes, right = np.linalg.svd(windows, full_matrices=False)
            windows = sum(sizes[k] * np.outer(left[:, k], right[k]) for k in range(count))
            rebuilt = [
                np.mean(
                    [
                        windows[month - lag, lag]
                        for lag in range(WINDOW)
                        if 0 <= month - lag < len(windows)
                    ]
                )
                for month in range(x.size)
            ]
            new = np.where(MISSING, rebuilt, one)
            change = np.sqrt(((new - x)[MISSING] ** 2).mean()) / np.sqrt((new[MISSING] ** 2).mean())
            x = new
            if change <= TOLERANCE:
                break
        path.append(x[MISSING])
    return np.array(path)


def test_path_equals_the_literal_one_within_the_tolerance(implementation, series):
    path = implementation(np.where(MISSING, 0.0, series), MISSING, up_to(4), None)
    assert path.shape == (4, 3, MISSING.sum())
    for number, one in enumerate(series):
        literal = literal_path(one, 4)
        off = np.sqrt(((path[:, number] - literal) ** 2).mean(axis=1) / (literal**2).mean(axis=1))
        assert (off < 0.3 * TOLERANCE).all()


def exact_iteration(one, missing, window, count, noise):
    """The gaps after one iteration with a full decomposition of the covariance."""
    starts = one.size - window + 1
    lagged = np.array([one[lag : lag + starts] for lag in range(window)])
    values, vectors = np.linalg.eigh(lagged @ lagged.T / starts)
    rest, leading = np.split(values, [-count])
    floor = max(noise, rest.mean() if rest.size else 0.0)
    weights = np.ones(count) if noise < 0 else np.clip(1 - floor / leading, 0, 1)
    windows = (vectors[:, -count:] * weights) @ vectors[:, -count:].T @ lagged
    months = np.add.outer(np.arange(window), np.arange(starts))
    totals = np.bincount(months.ravel(), windows.ravel()) / np.bincount(months.ravel())
    return totals[missing]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    months=st.integers(60, 240),
    window=st.integers(4, 30),
    most=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
)
def test_one_iteration_equals_the_exact_one(implementation, months, window, most, seed, weighted):
    """For distinct eigenvalues, as those of three waves are."""
    random = np.random.default_rng(seed)
    angles = np.arange(months) * [[2.0], [0.9], [0.3]] + random.uniform(0, 6, (3, 1))
    series = ([[25.0, 5.0, 1.0]] @ np.sin(angles)) + 1e-3 * random.normal(size=(1, months))
    missing = np.zeros(months, dtype=bool)
    missing[random.choice(np.arange(1, months - 1), months // 6, replace=False)] = True
    noise = random.uniform(0, 2, 1) if weighted else None
    count = 2 * min(most, window // 8 + 1)
    filled = implementation(series, missing, Embedding(window, (count,), np.inf), noise)
    exact = exact_iteration(series[0], missing, window, count, noise[0] if weighted else -1)
    np.testing.assert_allclose(filled[0, 0], exact, atol=0.02)


def test_both_implementations_agree_far_within_the_tolerance(series):
    start = np.where(MISSING, 0.0, series)
    for noise in (None, np.ones(3)):
        arguments = (start, MISSING, Embedding.up_to(12, WINDOW, TOLERANCE), noise)
        plain = ssa_numpy.fill_path(*arguments, ssa.MAX_ITERATIONS)
        np.testing.assert_allclose(fill_path(*arguments), plain, atol=0.1 * TOLERANCE)


def test_one_path_has_the_results_of_a_grid_of_components(implementation, series):
    start = np.where(MISSING, 0.0, series)
    grid = implementation(start, MISSING, Embedding.up_to(12, WINDOW, TOLERANCE), None)
    assert grid.shape[0] == 7
    for i, components in ((0, 1), (2, 4), (5, 10)):
        alone = implementation(
            start, MISSING, Embedding.up_to(components, WINDOW, TOLERANCE), None
        )[-1]
        np.testing.assert_allclose(grid[i], alone, atol=0.05 * np.abs(alone).max())


def test_result_of_a_series_does_not_depend_on_the_others(implementation, series):
    start = np.where(MISSING, 0.0, series)
    alone = [implementation(one[None], MISSING, up_to(3), None)[:, 0] for one in start]
    np.testing.assert_allclose(
        implementation(start, MISSING, up_to(3), None), np.stack(alone, axis=1), atol=1e-10
    )


def test_a_pure_wave_is_recovered_in_the_long_gap(implementation):
    wave = 10 * np.sin(2 * np.pi * MONTHS / 12 + 0.3)[None]
    filled = implementation(np.where(MISSING, 0.0, wave), MISSING, up_to(2, 1e-8), None)[-1]
    assert np.abs(filled - wave[:, MISSING]).max() < 1e-4


def test_component_weights_without_noise_and_with_much_noise(implementation, series):
    start = np.where(MISSING, 1.0, series)
    everything = implementation(
        start, MISSING, Embedding(WINDOW, (WINDOW,), TOLERANCE), np.zeros(3)
    )
    # All components together reconstruct the series with its first guess.
    np.testing.assert_allclose(everything, 1, atol=1e-9)
    nothing = implementation(start, MISSING, Embedding(WINDOW, (4,), TOLERANCE), np.full(3, 1e9))
    assert not nothing.any()


def test_component_weights_prevent_fitting_noise(implementation):
    random = np.random.default_rng(6)
    truth = 3 * np.sin(2 * np.pi * MONTHS / 30 + random.uniform(0, 6, (40, 1)))
    noisy = np.where(MISSING, 0.0, truth + random.normal(size=truth.shape))
    ten = Embedding(WINDOW, (10,), TOLERANCE)
    plain = implementation(noisy, MISSING, ten, None)[-1]
    weighted = implementation(noisy, MISSING, ten, np.ones(40))[-1]
    rmse = [np.sqrt(((filled - truth[:, MISSING]) ** 2).mean()) for filled in (plain, weighted)]
    assert rmse[1] < 0.8 * rmse[0]
