"""Tests of iterative SSA against a literal implementation, in numpy and compiled by numba."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.gapfill.ssa import Embedding, fill_path, fill_path_numpy, has_numba

MONTHS = np.arange(150)
MISSING = np.zeros(150, dtype=bool)
MISSING[[10, 40, 41, 120]] = True
MISSING[70:81] = True
WINDOW = 18
TOLERANCE = 1e-2
needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def up_to(components, tolerance=TOLERANCE):
    return Embedding(WINDOW, tuple(range(1, components + 1)), tolerance)


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


def test_numpy_implementation_equals_the_literal_one(series):
    path = fill_path_numpy(np.where(MISSING, 0.0, series), MISSING, up_to(4))
    assert path.shape == (4, 3, MISSING.sum())
    for number, one in enumerate(series):
        np.testing.assert_allclose(path[:, number], literal_path(one, 4), atol=1e-9)


@needs_numba
def test_numba_implementation_equals_the_literal_one_within_the_tolerance(series):
    path = fill_path(np.where(MISSING, 0.0, series), MISSING, up_to(4))
    for number, one in enumerate(series):
        literal = literal_path(one, 4)
        off = np.sqrt(((path[:, number] - literal) ** 2).mean(axis=1) / (literal**2).mean(axis=1))
        assert (off < 0.3 * TOLERANCE).all()


@needs_numba
@settings(max_examples=25)
@given(
    months=st.integers(60, 240),
    window=st.integers(4, 30),
    most=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
)
def test_one_iteration_of_both_implementations_is_equal(months, window, most, seed, weighted):
    """For distinct eigenvalues, as those of three waves are."""
    random = np.random.default_rng(seed)
    angles = np.arange(months) * [[2.0], [0.9], [0.3]] + random.uniform(0, 6, (3, 1))
    series = ([[25.0, 5.0, 1.0]] @ np.sin(angles)) + 1e-3 * random.normal(size=(1, months))
    missing = np.zeros(months, dtype=bool)
    missing[random.choice(np.arange(1, months - 1), months // 6, replace=False)] = True
    noise = random.uniform(0, 2, 1) if weighted else None
    one_pass = Embedding(window, (2 * min(most, window // 8 + 1),), np.inf)
    plain = fill_path_numpy(series, missing, one_pass, noise)
    np.testing.assert_allclose(fill_path(series, missing, one_pass, noise), plain, atol=0.02)


def test_one_path_has_the_results_of_a_grid_of_components(series):
    start = np.where(MISSING, 0.0, series)
    grid = fill_path(start, MISSING, Embedding.up_to(12, WINDOW, TOLERANCE))
    assert grid.shape[0] == 7
    for i, components in ((0, 1), (2, 4), (5, 10)):
        alone = fill_path(start, MISSING, Embedding.up_to(components, WINDOW, TOLERANCE))[-1]
        np.testing.assert_allclose(grid[i], alone, atol=0.05 * np.abs(alone).max())


def test_result_of_a_series_does_not_depend_on_the_others(series):
    start = np.where(MISSING, 0.0, series)
    alone = [fill_path(one[None], MISSING, up_to(3))[:, 0] for one in start]
    np.testing.assert_allclose(
        fill_path(start, MISSING, up_to(3)), np.stack(alone, axis=1), atol=1e-10
    )


def test_a_pure_wave_is_recovered_in_the_long_gap():
    wave = 10 * np.sin(2 * np.pi * MONTHS / 12 + 0.3)[None]
    filled = fill_path(np.where(MISSING, 0.0, wave), MISSING, up_to(2, 1e-8))[-1]
    assert np.abs(filled - wave[:, MISSING]).max() < 1e-4


def test_component_weights_without_noise_and_with_much_noise(series):
    start = np.where(MISSING, 1.0, series)
    everything = fill_path(start, MISSING, Embedding(WINDOW, (WINDOW,), TOLERANCE), np.zeros(3))
    # All components together reconstruct the series with its first guess.
    np.testing.assert_allclose(everything, 1, atol=1e-9)
    nothing = fill_path(start, MISSING, Embedding(WINDOW, (4,), TOLERANCE), np.full(3, 1e9))
    assert not nothing.any()


def test_component_weights_prevent_fitting_noise():
    random = np.random.default_rng(6)
    truth = 3 * np.sin(2 * np.pi * MONTHS / 30 + random.uniform(0, 6, (40, 1)))
    noisy = np.where(MISSING, 0.0, truth + random.normal(size=truth.shape))
    ten = Embedding(WINDOW, (10,), TOLERANCE)
    plain = fill_path(noisy, MISSING, ten)[-1]
    weighted = fill_path(noisy, MISSING, ten, np.ones(40))[-1]
    rmse = [np.sqrt(((filled - truth[:, MISSING]) ** 2).mean()) for filled in (plain, weighted)]
    assert rmse[1] < 0.8 * rmse[0]
