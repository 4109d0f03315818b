"""How well fields agree, at once or part by part: figures that numpy's own mean and variance give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.stats.metrics import agreement, agreement_from_sums, sums


@given(seed=st.integers(0, 100), mean=st.floats(-100, 100))
def test_the_parts_of_a_field_give_the_figures_of_the_whole(seed, mean):
    rng = np.random.default_rng(seed)
    truth = (mean + rng.standard_normal((5, 40))).astype(np.float32)
    estimate = truth + 0.3 * rng.standard_normal(truth.shape)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    estimate[rng.random(truth.shape) < 0.2] = np.nan
    both = np.isfinite(truth + estimate)
    squared = np.mean((estimate - truth)[both] ** 2)
    expected = {
        "nse": 1 - squared / truth[both].astype(float).var(),
        "rmse_cm": squared**0.5,
        "n": both.sum(),
    }
    assert agreement(estimate, truth) == pytest.approx(expected, rel=1e-6)
    assert agreement_from_sums(sum(map(sums, estimate, truth))) == pytest.approx(expected, rel=1e-6)


def test_nothing_to_compare_and_nothing_that_varies_have_no_score():
    nothing, constant = np.full(3, np.nan), np.full(4, 2.5)
    assert (
        np.isnan(list(agreement(nothing, nothing).values())[:2]).all()
        and agreement(nothing, nothing)["n"] == 0
    )
    found = agreement(constant + 1, constant)
    assert np.isnan(found["nse"]) and found["rmse_cm"] == 1
    uneven = np.full(
        7, 0.1
    )  # of which the mean square is not the square of the mean, to the last bit
    assert np.isnan(agreement(uneven + 1, uneven)["nse"])
