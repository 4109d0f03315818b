"""Which months are hidden, where they lie in their gap, and what the scores and sigmas made of them are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.fill_methods import FillOptions, fill_series
from gwsa.gwsa_plugin.core.fill_sigma import calibrate, sigma, variability
from gwsa.gwsa_plugin.core.hidden import gap_places, hide_and_fill, hiding_rounds, run_lengths, score

GRACE = np.zeros(225, dtype=bool)
GRACE[[2, 3, 14, 105, 110, 121, 126, 131, 136, 137, 142, 147, 152, 158, 162, 163, 168, 173, 174, 178]] = True
GRACE[183:194] = GRACE[196:198] = True


def mask(text):
    return np.array([letter == "." for letter in text])


def test_run_lengths_and_places():
    missing = mask("x.xx..x.........x")
    assert run_lengths(missing).tolist() == [0, 1, 0, 0, 2, 2, 0, *[9] * 9, 0]
    assert gap_places(missing).tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2]


@given(missing=st.lists(st.booleans(), min_size=40, max_size=260).map(lambda inner: [False, *inner, False]))
def test_only_observed_months_are_hidden_and_the_ends_stay(missing):
    missing = np.array(missing)
    for one in hiding_rounds(missing):
        assert one.hidden.any() and not (one.hidden & missing).any()
        assert not one.hidden[0] and not one.hidden[-1]


def test_the_mission_is_hidden_in_long_blocks_and_in_short_gaps():
    rounds = hiding_rounds(GRACE)
    kinds = list(dict.fromkeys(one.kind for one in rounds))
    assert kinds == ["blocks of 11 months", "scattered gaps of 1 and 2 months"]
    for one in rounds:
        longest = run_lengths(GRACE | one.hidden)[one.hidden].max()
        assert 11 <= longest <= 13 if one.kind == kinds[0] else longest <= 2
    assert sum(one.kind == kinds[0] for one in rounds) >= 12
    assert np.mean(np.any([one.hidden for one in rounds], axis=0)[~GRACE]) > 0.8


def test_a_longer_true_gap_makes_longer_blocks():
    missing = np.zeros(120, dtype=bool)
    missing[50:66] = True
    assert hiding_rounds(missing)[0].kind == "blocks of 16 months"


def test_scores_are_those_of_the_definitions():
    series = np.random.default_rng(7).normal(size=(4, 225)) + 3 * np.sin(np.arange(225) / 2)
    for hidden in hide_and_fill(series, GRACE, [FillOptions("harmonic")]):
        own = score(hidden, "harmonic")
        errors = hidden.filled["harmonic"] - hidden.truth
        assert own.rmse == pytest.approx(np.sqrt(np.mean(errors**2)))
        each = [1 - np.sum(e**2) / np.sum((t - t.mean()) ** 2) for e, t in zip(errors, hidden.truth)]
        assert own.nse == pytest.approx(np.median(each))
        assert own.months == errors.shape[1] == hidden.places.size == hidden.rounds.size


def test_a_hidden_month_does_not_know_its_own_value():
    series = np.random.default_rng(8).normal(size=(2, 225))
    one = hide_and_fill(series, GRACE, [FillOptions("harmonic_linear")])[0]
    month = np.flatnonzero(hiding_rounds(GRACE)[0].hidden)[4]
    changed = series.copy()
    changed[:, month] += 100
    other = hide_and_fill(changed, GRACE, [FillOptions("harmonic_linear")])[0]
    first = one.rounds == one.rounds[0]
    np.testing.assert_array_equal(one.filled["harmonic_linear"][:, first], other.filled["harmonic_linear"][:, first])


@pytest.mark.parametrize("method", ["harmonic", "harmonic_red"])
def test_sigma_holds_two_thirds_of_the_errors_at_the_true_gaps(method):
    random = np.random.default_rng(9)
    months = np.arange(225)
    truth = 8 * np.cos(2 * np.pi * months / 12) + np.cumsum(random.normal(size=(150, 225)), axis=1)
    truth *= random.uniform(0.2, 5, (150, 1))
    options = FillOptions(method)
    spread = variability(truth, GRACE)
    calibration = calibrate(hide_and_fill(truth, GRACE, [options]), method, spread)
    assert 0.60 <= calibration.overall <= 0.75
    errors = np.abs(fill_series(np.where(GRACE, 0.0, truth), GRACE, options) - truth[:, GRACE])
    assert 0.60 <= np.mean(errors <= sigma(calibration, spread, GRACE)) <= 0.75


def test_deep_in_a_gap_that_could_not_be_hidden_sigma_is_at_least_the_variability():
    missing = np.zeros(60, dtype=bool)
    missing[15:48] = True
    series = 10 * np.sin(np.arange(60) * np.pi / 6) + np.random.default_rng(10).normal(size=(20, 60))
    hidden = hide_and_fill(series, missing, [FillOptions("harmonic")])
    assert [one.kind for one in hidden] == ["scattered gaps of 1 and 2 months"]
    assert calibrate(hidden, "harmonic", variability(series, missing)).ratios[3] >= 1
