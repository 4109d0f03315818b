"""Which months are hidden, where they lie in their gap, and what the scores and sigmas made of them are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import (
    artificial_gap_positions,
    fill_artificial_gaps,
    gap_folds,
    gap_positions,
    in_long_gap,
    run_lengths,
    scores,
)
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions, fill_series
from gwsa.gwsa_plugin.core.gapfill.uncertainty import calibrate, sigma, variability

GRACE = np.zeros(225, dtype=bool)
GRACE[
    [2, 3, 14, 105, 110, 121, 126, 131, 136, 137, 142, 147, 152, 158, 162, 163, 168, 173, 174, 178]
] = True
GRACE[183:194] = GRACE[196:198] = True


def mask(text):
    return np.array([letter == "." for letter in text])


def test_run_lengths_and_places():
    missing = mask("x.xx..x.........x")
    assert run_lengths(missing).tolist() == [0, 1, 0, 0, 2, 2, 0, *[9] * 9, 0]
    assert gap_positions(missing).tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2]


def by(method):
    return lambda series, missing, number: fill_series(series, missing, FillOptions(method))


@given(
    missing=st.lists(st.booleans(), min_size=40, max_size=260).map(
        lambda inner: [False, *inner, False]
    )
)
def test_only_observed_months_are_hidden_and_the_ends_stay(missing):
    missing = np.array(missing)
    for hidden in gap_folds(missing):
        assert hidden.any() and not (hidden & missing).any()
        assert not hidden[0] and not hidden[-1]


@given(
    missing=st.lists(st.booleans(), min_size=40, max_size=260).map(
        lambda inner: [False, *inner, False]
    )
)
def test_no_month_is_hidden_twice_in_the_same_sort_of_gap(missing):
    missing = np.array(missing)
    for kind in (True, False):
        times = np.zeros(missing.size, dtype=int)
        for hidden in gap_folds(missing):
            times += _spread(in_long_gap(artificial_gap_positions(missing, hidden)) == kind, hidden)
        assert times.max() <= 1


def test_the_mission_is_hidden_in_long_blocks_and_in_short_gaps():
    rounds = gap_folds(GRACE)
    assert len(rounds) == 8
    for hidden in rounds:
        lengths = run_lengths(GRACE | hidden)[hidden]
        long = in_long_gap(artificial_gap_positions(GRACE, hidden))
        assert lengths[long].min() >= 11 and lengths[long].max() <= 13 and lengths[~long].max() <= 2
        assert hidden.sum() <= 0.25 * (~GRACE).sum()
    for kind in (True, False):
        seen = np.any(
            [
                hidden
                & _spread(in_long_gap(artificial_gap_positions(GRACE, hidden)) == kind, hidden)
                for hidden in rounds
            ],
            0,
        )
        assert seen[~GRACE].mean() > (0.7 if kind else 0.4)


def _spread(values, mask):
    full = np.zeros(mask.size, dtype=bool)
    full[mask] = values
    return full


def test_a_longer_true_gap_makes_longer_blocks():
    missing = np.zeros(150, dtype=bool)
    missing[50:66] = True
    hidden = fill_artificial_gaps(
        np.random.default_rng(1).normal(size=(2, 150)), missing, {"harmonic": by("harmonic")}
    )
    assert list(hidden.kinds()) == ["blocks of 16 months", "scattered gaps of 1 and 2 months"]


def test_scores_are_those_of_the_definitions():
    series = np.random.default_rng(7).normal(size=(4, 225)) + 3 * np.sin(np.arange(225) / 2)
    hidden = fill_artificial_gaps(series, GRACE, {"harmonic": by("harmonic")})
    assert hidden.places.size == hidden.rounds.size == hidden.truth.shape[1]
    for own, those in zip(scores(hidden, ["harmonic"]), hidden.kinds().values()):
        truth = hidden.truth[:, those]
        errors = hidden.filled["harmonic"][:, those] - truth
        assert own.rmse == pytest.approx(np.sqrt(np.mean(errors**2)))
        each = [1 - np.sum(e**2) / np.sum((t - t.mean()) ** 2) for e, t in zip(errors, truth)]
        assert own.nse == pytest.approx(np.median(each))
        assert own.months == those.sum()


def test_a_hidden_month_does_not_know_its_own_value():
    series = np.random.default_rng(8).normal(size=(2, 225))
    fills = {"linear": by("harmonic_linear")}
    one = fill_artificial_gaps(series, GRACE, fills)
    changed = series.copy()
    changed[:, np.flatnonzero(gap_folds(GRACE)[0])[4]] += 100
    other = fill_artificial_gaps(changed, GRACE, fills)
    first = one.rounds == 0
    np.testing.assert_array_equal(one.filled["linear"][:, first], other.filled["linear"][:, first])


@pytest.mark.parametrize("method", ["harmonic", "harmonic_red"])
def test_sigma_holds_two_thirds_of_the_errors_at_the_true_gaps(method):
    random = np.random.default_rng(9)
    months = np.arange(225)
    truth = 8 * np.cos(2 * np.pi * months / 12) + np.cumsum(random.normal(size=(150, 225)), axis=1)
    truth *= random.uniform(0.2, 5, (150, 1))
    options = FillOptions(method)
    spread = variability(truth, GRACE)
    calibration = calibrate(
        fill_artificial_gaps(truth, GRACE, {method: by(method)}), method, spread
    )
    assert 0.60 <= calibration.overall <= 0.75
    errors = np.abs(fill_series(np.where(GRACE, 0.0, truth), GRACE, options) - truth[:, GRACE])
    assert 0.60 <= np.mean(errors <= sigma(calibration, spread, GRACE)) <= 0.75


def test_deep_in_a_gap_that_could_not_be_hidden_sigma_is_at_least_the_variability():
    missing = np.zeros(60, dtype=bool)
    missing[15:48] = True
    series = 10 * np.sin(np.arange(60) * np.pi / 6) + np.random.default_rng(10).normal(
        size=(20, 60)
    )
    hidden = fill_artificial_gaps(series, missing, {"harmonic": by("harmonic")})
    assert list(hidden.kinds()) == ["scattered gaps of 1 and 2 months"]
    assert calibrate(hidden, "harmonic", variability(series, missing)).ratios[3] >= 1
