"""Tests of the selection by cross-validation."""

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
GAPS[[8, 30, 31, 100]] = True
GAPS[80:91] = True


def waves(count, seed=0):
    """A season, an oscillation of about three years that no harmonic represents, and noise."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 6, (2, count, 1))
    period = random.uniform(30, 40, (count, 1))
    season = 5 * np.cos(2 * np.pi * MONTHS / 12 + phase[0])
    wave = season + 6 * np.cos(2 * np.pi * MONTHS / period + phase[1])
    return wave + 0.5 * random.normal(size=wave.shape)


def random_walks(count, seed=1):
    """Random walks with white noise, which only the nearest months predict."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.normal(size=(count, MONTHS.size)), axis=1)
    return walk * 0.7 + random.normal(size=(count, MONTHS.size))


def trials_of(series, tolerance=0.01):
    return try_all(np.where(GAPS, 0.0, series), GAPS, tolerance)


def test_candidates_are_the_published_grid_within_the_record():
    full = candidates_for(225, 0.01)
    components = {one.components for one in full if one.method == "ssa_residual"}
    assert {one.window for one in full if one.method == "ssa"} == {24, 36, 48, 60, 72, 84, 96}
    assert components == {1, 2, 4, 6, 8, 10, 12}
    assert len(full) == len(set(full)) == 3 + 2 * 7 * 7
    assert {one.window for one in candidates_for(60, 0.01)[3:]} == {24}
    assert {one.window for one in candidates_for(30, 0.01)[3:]} == {15}


def test_trials_are_the_squared_errors_in_artificial_gaps():
    series = waves(3)
    trials = trials_of(series)
    spread = series[:, ~GAPS].std(axis=1)
    for fold, artificial in enumerate(gap_folds(GAPS)):
        gaps = GAPS | artificial
        withheld = np.where(gaps, 0.0, series)
        long = in_long_gap(artificial_gap_positions(GAPS, artificial))
        for i in (0, 1, 5, 20):
            filled = fill_series(withheld, gaps, trials.candidates[i])[:, artificial[gaps]]
            squares = ((filled - series[:, artificial]) / spread[:, None]) ** 2
            for kind, selected in ((LONG, long), (SHORT, ~long)):
                expected = squares[:, selected].sum(axis=1)
                got = trials.squared_errors[kind][fold, i]
                np.testing.assert_allclose(got, expected, rtol=0.1, atol=0.01)
                assert trials.months[kind][fold] == selected.sum()


def errors(series, choice=None):
    """Errors in the true gaps: shape (series, missing months); by default of red noise."""
    if choice is None:
        return fill_series(series, GAPS, FillOptions("harmonic_red")) - series[:, GAPS]
    return fill_chosen(series, GAPS, choice) - series[:, GAPS]


@pytest.mark.slow
def test_an_oscillation_is_filled_by_ssa():
    series = waves(20)
    choice = choose(trials_of(series))
    assert all(choice.candidates[i].method.startswith("ssa") for i in choice.index[LONG])
    assert np.square(errors(series, choice)).mean() < 0.3 * np.square(errors(series)).mean()


@pytest.mark.slow
def test_different_series_get_different_methods():
    series = np.concatenate([waves(12), random_walks(12)])
    choice = choose(trials_of(series))
    methods = [choice.candidates[i].method for i in choice.index[LONG]]
    by_ssa = np.array([method.startswith("ssa") for method in methods])
    assert by_ssa[:12].mean() > 0.8 and by_ssa[12:].mean() < 0.6
    own = np.square(errors(series, choice)).mean(axis=1)
    simple = np.square(errors(series)).mean(axis=1)
    assert own[:12].mean() < 0.3 * simple[:12].mean()
    assert own[12:].mean() < 1.15 * simple[12:].mean()


def random_trials(candidates, gain, better=3, folds=8, series=50):
    """Trials with one candidate better than the first by ``gain`` and all others worse by 10 %."""
    shape = (folds, len(candidates), series)
    squares = np.random.default_rng(2).chisquare(10, shape).astype(np.float32)
    squares[:, 1:] *= 1.1
    squares[:, better] *= (1 - gain) / 1.1
    return Trials(candidates, {LONG: squares}, {LONG: np.full(folds, 10)})


def test_simplest_candidate_is_selected_where_others_are_better_by_chance():
    trials = random_trials(candidates_for(225, 0.01), gain=-0.1)
    naive = trials.squared_errors[LONG].sum(axis=0).argmin(axis=0)
    assert (naive == 0).mean() < 0.2
    assert (choose(trials).index[LONG] == 0).mean() > 0.9


def test_better_candidate_is_selected():
    assert (choose(random_trials(candidates_for(225, 0.01), gain=0.3)).index[LONG] == 3).all()


def test_errors_of_an_excluded_fold_are_ignored():
    candidates = candidates_for(225, 0.01)
    trials = random_trials(candidates, gain=0.1)
    changed = {LONG: trials.squared_errors[LONG].copy()}
    changed[LONG][5] *= np.random.default_rng(3).uniform(0, 9, changed[LONG][5].shape)
    other = choose(Trials(candidates, changed, trials.months), without=5)
    np.testing.assert_array_equal(choose(trials, without=5).index[LONG], other.index[LONG])


@pytest.mark.slow
@pytest.mark.parametrize("constant", [5.3, 0.0])
def test_constant_series_does_not_change_other_choices(constant):
    series = random_walks(6)
    without = choose(trials_of(series))
    with_constant = choose(trials_of(np.vstack([series, np.full(120, constant)])))
    for kind, index in without.index.items():
        np.testing.assert_array_equal(with_constant.index[kind][:6], index)
        assert with_constant.index[kind][6] == 0


def test_simplest_candidate_is_selected_with_a_single_fold():
    one_fold = random_trials(candidates_for(225, 0.01), gain=0.9, folds=1)
    assert not choose(one_fold).index[LONG].any()


def test_long_and_short_gaps_are_filled_by_their_own_candidates():
    candidates = (FillOptions("harmonic"), FillOptions("harmonic_linear"), FillOptions("ssa"))
    series = waves(3)
    choice = Choice(candidates, {LONG: np.array([0, 1, 2]), SHORT: np.array([1, 1, 0])})
    filled = fill_chosen(series, GAPS, choice)
    long = in_long_gap(gap_positions(GAPS))
    for number, (for_long, for_short) in enumerate(zip(choice.index[LONG], choice.index[SHORT])):
        for i, selected in ((for_long, long), (for_short, ~long)):
            alone = fill_series(series, GAPS, candidates[i])[number]
            np.testing.assert_allclose(filled[number, selected], alone[selected], atol=1e-9)


def test_trials_can_be_cancelled():
    class Stop(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        try_all(waves(3), GAPS, 0.01, Stop())
