"""Tests of limbs and master recession on series whose recession is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.results.recession import (
    Limb,
    MasterRecession,
    falling_steps,
    find_limbs,
    fit_recession,
    month_noise,
)

CONSTANT = 6.0
BASE = -20.0


def reservoir(years=10, constant=CONSTANT, drift=0.0, pulse=12.0):
    """Storage of a linear reservoir with one pulse in the middle of each September."""
    kept = np.exp(-1 / constant)
    storage = [0.0]
    for month in range(1, 12 * years):
        arrived = pulse * kept**0.5 if month % 12 == 8 else 0.0
        storage.append(BASE + (storage[-1] - BASE) * kept + arrived)
    return np.array(storage) + drift * np.arange(12 * years)


def fitted(values, least=0.5):
    return fit_recession(values, falling_steps(find_limbs(values, least)))


@pytest.mark.parametrize("constant", [2.5, 6.0, 24.0])
@pytest.mark.parametrize("drift", [0.0, -0.15])
def test_recession_constant_is_recovered(constant, drift):
    recession = fitted(reservoir(constant=constant, drift=drift))
    assert recession.constant_months == pytest.approx(constant, rel=1e-3)


def test_decline_is_that_of_the_reservoir():
    values = reservoir()
    recession = fitted(values)
    steps = np.concatenate(falling_steps(find_limbs(values, 0.5)))
    decline = recession.decline((values[steps] + values[steps + 1]) / 2, steps)
    np.testing.assert_allclose(decline, values[steps] - values[steps + 1], atol=1e-6)


def test_extrapolation_follows_the_reservoir():
    values = reservoir()
    curve = fitted(values).extrapolated(values[20], 20, 11)
    np.testing.assert_allclose(curve[1:], values[21:32], atol=1e-4)


def test_decline_that_does_not_depend_on_storage_is_their_mean():
    values = 30.0 - np.arange(60.0)
    values += 10 * (np.arange(60) // 12)
    recession = fitted(values)
    assert recession.rate == 0 and recession.constant_months == np.inf
    assert recession.decline(np.array([5.0, -5.0]), np.array([1, 50])) == pytest.approx([1.0, 1.0])


def test_decline_is_never_negative():
    recession = MasterRecession(0.2, 1.0, 0.0, 20, 5)
    assert recession.decline(np.array([-10.0]), np.array([0])).tolist() == [0.0]


def test_short_series_has_no_recession():
    assert fitted(reservoir(years=1)) is None
    assert fitted(np.arange(100.0)) is None


def test_limbs_of_a_constructed_series():
    values = np.array([3, 2, 1, 4, 6, 5.8, 7, 5, 4, np.nan, 1, 5, 2.0])
    assert find_limbs(values, 0.5) == [
        Limb(0, 2, False),
        Limb(2, 6, True),
        Limb(6, 8, False),
        Limb(10, 11, True),
        Limb(11, 12, False),
    ]
    # The small turn counts where less is taken for noise.
    assert Limb(4, 5, False) in find_limbs(values, 0.1)


@given(
    st.lists(st.floats(-50, 50, width=16) | st.just(np.nan), min_size=1, max_size=40),
    st.floats(0, 20),
)
def test_limbs_alternate_and_are_larger_than_noise(values, least):
    values = np.array(values)
    limbs = find_limbs(values, least)
    for limb in limbs:
        assert np.isfinite(values[limb.start : limb.stop + 1]).all()
        inside = values[limb.start : limb.stop + 1]
        assert limb.rises == (inside[-1] > inside[0])
    for one, two in zip(limbs[:-1], limbs[1:]):
        if one.stop == two.start:
            assert one.rises != two.rises
            turn = values[one.stop]
            around = values[one.start : two.stop + 1]
            assert turn == (np.max(around) if one.rises else np.min(around))
            assert max(abs(turn - values[one.start]), abs(turn - values[two.stop])) > least


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_noise_of_months_is_found_beside_season_and_pulses(sigma):
    months = np.arange(228)
    noise = np.random.default_rng(0).normal(scale=sigma, size=months.size)
    season = 8 * np.cos(2 * np.pi * months / 12) - 0.2 * months
    assert month_noise(season + noise) == pytest.approx(sigma, rel=0.3)
    assert month_noise(reservoir(19) + noise) == pytest.approx(sigma, rel=0.6)
    assert month_noise(season) < 0.3
    assert month_noise(np.array([1.0, np.nan, 2.0, 3.0])) == 0
