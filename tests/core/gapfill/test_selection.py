"""The choice by cross-validation: what it compares, that it sees through luck, and that the right world gets SSA."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.gapfill.artificial_gaps import (
    LONG,
    SHORT,
    artificial_gap_positions,
    gap_folds,
    gap_positions,
    in_long_gap,
)
from gwsa.gwsa_plugin.core.gapfill.methods import FillOptions, fill_series
from gwsa.gwsa_plugin.core.gapfill.selection import (
    Choice,
    Trials,
    candidates_for,
    choose,
    fill_chosen,
    try_all,
)

MONTHS = np.arange(120)
GAPS = np.zeros(120, dtype=bool)
GAPS[[8, 30, 31, 100]] = GAPS[80:91] = True


def waves(count, seed=0):
    """A season, an oscillation of some three years that no harmonic knows, and a little noise."""
    random = np.random.default_rng(seed)
    phase, period = random.uniform(0, 6, (2, count, 1)), random.uniform(30, 40, (count, 1))
    wave = 5 * np.cos(2 * np.pi * MONTHS / 12 + phase[0]) + 6 * np.cos(
        2 * np.pi * MONTHS / period + phase[1]
    )
    return wave + 0.5 * random.normal(size=wave.shape)


def memories(count, seed=1):
    """Red noise, of which nothing but the nearest months can be known."""
    random = np.random.default_rng(seed)
    return np.cumsum(random.normal(size=(count, MONTHS.size)), axis=1) * 0.7 + random.normal(
        size=(count, MONTHS.size)
    )


def trials_of(series, tolerance=0.01):
    return try_all(np.where(GAPS, 0.0, series), GAPS, tolerance)


def test_the_grid_is_that_of_the_literature_and_fits_the_record():
    full = candidates_for(225, 0.01)
    assert {one.window for one in full if one.method == "ssa"} == {24, 36, 48, 60, 72, 84, 96}
    assert {one.components for one in full if one.method == "ssa_residual"} == {
        1,
        2,
        4,
        6,
        8,
        10,
        12,
    }
    assert len(full) == len(set(full)) == 3 + 2 * 7 * 7
    assert {one.window for one in candidates_for(60, 0.01)[3:]} == {24}
    assert {one.window for one in candidates_for(30, 0.01)[3:]} == {15}


def test_trials_are_the_errors_that_the_methods_make_on_hidden_months():
    series = waves(3)
    trials, spread = trials_of(series), series[:, ~GAPS].std(axis=1)
    for number, hidden in enumerate(gap_folds(GAPS)):
        gaps, long = GAPS | hidden, in_long_gap(artificial_gap_positions(GAPS, hidden))
        for place in (0, 1, 5, 20):
            filled = fill_series(np.where(gaps, 0.0, series), gaps, trials.candidates[place])[
                :, hidden[gaps]
            ]
            squares = ((filled - series[:, hidden]) / spread[:, None]) ** 2
            for kind, those in ((LONG, long), (SHORT, ~long)):
                got = trials.squares[kind][number, place]
                np.testing.assert_allclose(got, squares[:, those].sum(axis=1), rtol=0.1, atol=0.01)
                assert trials.months[kind][number] == those.sum()


def errors(series, choice=None):
    """Of the true gaps, by the choice or by the simplest: shape (series, missing months)."""
    if choice is None:
        return fill_series(series, GAPS, FillOptions("harmonic_red")) - series[:, GAPS]
    return fill_chosen(series, GAPS, choice) - series[:, GAPS]


def test_an_oscillation_is_filled_by_ssa():
    series = waves(20)
    choice = choose(trials_of(series))
    assert all(choice.candidates[place].method.startswith("ssa") for place in choice.of[LONG])
    assert np.square(errors(series, choice)).mean() < 0.3 * np.square(errors(series)).mean()


def test_among_unlike_series_each_gets_what_is_good_for_it():
    series = np.concatenate([waves(12), memories(12)])
    choice = choose(trials_of(series))
    by_ssa = np.array(
        [choice.candidates[place].method.startswith("ssa") for place in choice.of[LONG]]
    )
    assert by_ssa[:12].mean() > 0.8 and by_ssa[12:].mean() < 0.6
    own, simple = (np.square(one).mean(axis=1) for one in (errors(series, choice), errors(series)))
    assert (
        own[:12].mean() < 0.3 * simple[:12].mean() and own[12:].mean() < 1.15 * simple[12:].mean()
    )


def noise_of(candidates, gain, better=3, rounds=8, series=50):
    """Trials in which every candidate is worse than the first by a tenth, but one of them better by ``gain``."""
    squares = (
        np.random.default_rng(2).chisquare(10, (rounds, len(candidates), series)).astype(np.float32)
    )
    squares[:, 1:] *= 1.1
    squares[:, better] *= (1 - gain) / 1.1
    return Trials(candidates, {LONG: squares}, {LONG: np.full(rounds, 10)})


def test_luck_among_a_hundred_candidates_is_no_reason_to_leave_the_simplest():
    trials = noise_of(candidates_for(225, 0.01), gain=-0.1)
    naive = trials.squares[LONG].sum(axis=0).argmin(axis=0)
    assert (naive == 0).mean() < 0.2
    assert (choose(trials).of[LONG] == 0).mean() > 0.9


def test_what_is_truly_better_is_taken():
    assert (choose(noise_of(candidates_for(225, 0.01), gain=0.3)).of[LONG] == 3).all()


def test_a_round_left_out_has_no_say():
    candidates = candidates_for(225, 0.01)
    trials = noise_of(candidates, gain=0.1)
    spoilt = {LONG: trials.squares[LONG].copy()}
    spoilt[LONG][5] *= np.random.default_rng(3).uniform(0, 9, spoilt[LONG][5].shape)
    other = choose(Trials(candidates, spoilt, trials.months), without=5)
    np.testing.assert_array_equal(choose(trials, without=5).of[LONG], other.of[LONG])


@pytest.mark.parametrize("flat", [5.3, 0.0])
def test_a_series_without_anything_to_fill_changes_no_other_choice(flat):
    series = memories(6)
    alone, beside = (
        choose(trials_of(those)) for those in (series, np.vstack([series, np.full(120, flat)]))
    )
    for kind, places in alone.of.items():
        np.testing.assert_array_equal(beside.of[kind][:6], places)
        assert beside.of[kind][6] == 0


def test_too_little_to_compare_leaves_the_simplest():
    one_round = noise_of(candidates_for(225, 0.01), gain=0.9, rounds=1)
    assert not choose(one_round).of[LONG].any()


def test_long_and_short_gaps_are_filled_each_by_its_own():
    candidates = (FillOptions("harmonic"), FillOptions("harmonic_linear"), FillOptions("ssa"))
    series = waves(3)
    choice = Choice(candidates, {LONG: np.array([0, 1, 2]), SHORT: np.array([1, 1, 0])})
    filled = fill_chosen(series, GAPS, choice)
    long = in_long_gap(gap_positions(GAPS))
    for number, (for_long, for_short) in enumerate(zip(choice.of[LONG], choice.of[SHORT])):
        for place, those in ((for_long, long), (for_short, ~long)):
            alone = fill_series(series, GAPS, candidates[place])[number]
            np.testing.assert_allclose(filled[number, those], alone[those], atol=1e-9)


def test_the_trials_can_be_cancelled():
    class Stop(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        try_all(waves(3), GAPS, 0.01, Stop())
