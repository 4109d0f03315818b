"""Iterative SSA against a literal, slow one."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.ssa import fill_above_noise, fill_path

MONTHS = np.arange(150)
MISSING = np.zeros(150, dtype=bool)
MISSING[[10, 40, 41, 120]] = MISSING[70:81] = True
WINDOW, TOLERANCE = 18, 1e-2


@pytest.fixture
def series():
    random = np.random.default_rng(5)
    waves = [np.sin(2 * np.pi * MONTHS / period + phase) for period, phase in ((12, 0), (12, 1), (40, 2))]
    return np.stack(waves) * [[5.0], [2.0], [3.0]] + random.normal(size=(3, 150))


def literal_path(one, components):
    """Kondrashov & Ghil 2006, one series, one window after the other."""
    x = np.where(MISSING, 0.0, one)
    path = []
    for count in range(1, components + 1):
        while True:
            windows = np.array([x[start : start + WINDOW] for start in range(x.size - WINDOW + 1)])
            left, sizes, right = np.linalg.svd(windows, full_matrices=False)
            windows = sum(sizes[k] * np.outer(left[:, k], right[k]) for k in range(count))
            rebuilt = [
                np.mean([windows[month - lag, lag] for lag in range(WINDOW) if 0 <= month - lag < len(windows)])
                for month in range(x.size)
            ]
            new = np.where(MISSING, rebuilt, one)
            change = np.sqrt(((new - x)[MISSING] ** 2).mean()) / np.sqrt((new[MISSING] ** 2).mean())
            x = new
            if change <= TOLERANCE:
                break
        path.append(x[MISSING])
    return np.array(path)


def test_every_number_of_components_is_that_of_the_literal_method(series):
    path = fill_path(series, MISSING, WINDOW, 4, TOLERANCE)
    assert path.shape == (4, 3, MISSING.sum())
    for number, one in enumerate(series):
        np.testing.assert_allclose(path[:, number], literal_path(one, 4), atol=1e-9)


def test_a_series_does_not_depend_on_its_company(series):
    alone = [fill_path(one[None], MISSING, WINDOW, 3, TOLERANCE)[:, 0] for one in series]
    np.testing.assert_allclose(fill_path(series, MISSING, WINDOW, 3, TOLERANCE), np.stack(alone, axis=1), atol=1e-10)


def test_what_stands_in_missing_months_is_not_read(series):
    changed = np.where(MISSING, 1e6, series)
    np.testing.assert_array_equal(
        fill_path(series, MISSING, WINDOW, 2, TOLERANCE), fill_path(changed, MISSING, WINDOW, 2, TOLERANCE)
    )


def test_a_pure_wave_is_recovered_through_the_long_gap():
    wave = 10 * np.sin(2 * np.pi * MONTHS / 12 + 0.3)[None]
    filled = fill_path(wave, MISSING, WINDOW, 2, 1e-8)[-1]
    assert np.abs(filled - wave[:, MISSING]).max() < 1e-4


def test_the_weight_of_a_component_is_its_share_above_the_noise(series):
    start = np.where(MISSING, 1.0, series)
    everything = fill_above_noise(start, MISSING, np.zeros(3), WINDOW, WINDOW, TOLERANCE)
    np.testing.assert_allclose(everything, 1, atol=1e-9)  # all components rebuild what was there, the start included
    nothing = fill_above_noise(start, MISSING, np.full(3, 1e9), WINDOW, 4, TOLERANCE)
    assert not nothing.any()


def test_shrinkage_keeps_too_many_components_from_fitting_noise():
    random = np.random.default_rng(6)
    truth = 3 * np.sin(2 * np.pi * MONTHS / 30 + random.uniform(0, 6, (40, 1)))
    seen = truth + random.normal(size=truth.shape)
    plain = fill_path(seen, MISSING, WINDOW, 10, TOLERANCE)[-1]
    shrunk = fill_above_noise(np.where(MISSING, 0.0, seen), MISSING, np.ones(40), WINDOW, 10, TOLERANCE)
    error = [np.sqrt(((values - truth[:, MISSING]) ** 2).mean()) for values in (plain, shrunk)]
    assert error[1] < 0.8 * error[0]
