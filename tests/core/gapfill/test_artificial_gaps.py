"""Tests of artificial gaps: their choice, their positions, and the scores."""

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
from gwsa.tests.core.gapfill.gaps import GRACE, by, mask

MASKS = st.lists(st.booleans(), min_size=40, max_size=260).map(
    lambda inner: np.array([False, *inner, False])
)


def in_kind(missing, artificial, long):
    """Artificial months in long gaps, or in short ones: bool, shape (months,)."""
    selected = np.zeros(missing.size, dtype=bool)
    selected[artificial] = in_long_gap(artificial_gap_positions(missing, artificial)) == long
    return selected


def test_run_lengths_and_positions():
    missing = mask("x.xx..x.........x")
    assert run_lengths(missing).tolist() == [0, 1, 0, 0, 2, 2, 0, *[9] * 9, 0]
    assert gap_positions(missing).tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2]


@pytest.mark.slow
@given(missing=MASKS)
def test_only_observed_months_are_withheld_and_never_the_ends(missing):
    for artificial in gap_folds(missing):
        assert artificial.any() and not (artificial & missing).any()
        assert not artificial[0] and not artificial[-1]


@pytest.mark.slow
@given(missing=MASKS)
def test_no_month_is_in_two_artificial_gaps_of_a_kind(missing):
    for long in (True, False):
        times = np.zeros(missing.size, dtype=int)
        for artificial in gap_folds(missing):
            times += in_kind(missing, artificial, long)
        assert times.max() <= 1


def test_folds_of_the_mission_have_long_and_short_gaps():
    folds = gap_folds(GRACE)
    assert len(folds) == 8
    for artificial in folds:
        lengths = run_lengths(GRACE | artificial)[artificial]
        long = in_long_gap(artificial_gap_positions(GRACE, artificial))
        assert lengths[long].min() >= 11 and lengths[long].max() <= 13
        assert lengths[~long].max() <= 2
        assert artificial.sum() <= 0.25 * (~GRACE).sum()
    for long, covered in ((True, 0.7), (False, 0.4)):
        withheld = np.any([in_kind(GRACE, artificial, long) for artificial in folds], axis=0)
        assert withheld[~GRACE].mean() > covered


def test_a_longer_true_gap_makes_longer_blocks():
    missing = np.zeros(150, dtype=bool)
    missing[50:66] = True
    series = np.random.default_rng(1).normal(size=(2, 150))
    gaps = fill_artificial_gaps(series, missing, {"harmonic": by("harmonic")})
    assert list(gaps.kinds()) == ["blocks of 16 months", "scattered gaps of 1 and 2 months"]


def test_scores_are_those_of_the_definitions():
    series = np.random.default_rng(7).normal(size=(4, 225)) + 3 * np.sin(np.arange(225) / 2)
    gaps = fill_artificial_gaps(series, GRACE, {"harmonic": by("harmonic")})
    assert gaps.positions.size == gaps.folds.size == gaps.truth.shape[1]
    for score, selected in zip(scores(gaps, ["harmonic"]), gaps.kinds().values()):
        truth = gaps.truth[:, selected]
        errors = gaps.filled["harmonic"][:, selected] - truth
        assert score.rmse == pytest.approx(np.sqrt(np.mean(errors**2)))
        nse = [1 - np.sum(e**2) / np.sum((t - t.mean()) ** 2) for e, t in zip(errors, truth)]
        assert score.nse == pytest.approx(np.median(nse))
        assert score.months == selected.sum()


def test_a_withheld_value_does_not_affect_its_own_fill():
    series = np.random.default_rng(8).normal(size=(2, 225))
    fills = {"linear": by("harmonic_linear")}
    before = fill_artificial_gaps(series, GRACE, fills)
    changed = series.copy()
    changed[:, np.flatnonzero(gap_folds(GRACE)[0])[4]] += 100
    after = fill_artificial_gaps(changed, GRACE, fills)
    first = before.folds == 0
    np.testing.assert_array_equal(
        before.filled["linear"][:, first], after.filled["linear"][:, first]
    )
