"""The gain is 1 - RMSE ratio, with an interval that holds the true value."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.downscaling.skill.gain import Gain, estimate_gain


def test_a_constant_ratio_has_an_interval_of_no_width():
    competitor = np.random.default_rng(0).random((6, 4)) + 0.1
    assert estimate_gain(0.25 * competitor, competitor) == pytest.approx((0.5, 0.5, 0.5))


def test_intervals_hold_the_true_gain():
    """Errors of blocks that vary by factors of their own and of the year, in 200 draws."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        blocks = np.exp(0.3 * rng.standard_normal((2, 8, 1)))
        years = np.exp(0.2 * rng.standard_normal((2, 1, 10)))
        model, competitor = blocks * years * rng.chisquare(10, (2, 8, 10))
        gain = estimate_gain(0.81 * model, competitor)
        inside += gain.lower <= 0.1 <= gain.upper
    assert 170 <= inside <= 198


def test_fewer_blocks_give_a_wider_interval():
    rng = np.random.default_rng(1)
    model, competitor = rng.chisquare(10, (2, 40, 6))
    many, few = (estimate_gain(model[:n], competitor[:n]) for n in (40, 4))
    assert few.upper - few.lower > 2 * (many.upper - many.lower)


def test_no_gain_without_errors_or_with_one_block():
    zero = np.zeros((5, 3))
    assert np.isnan(estimate_gain(zero, zero)).all()
    assert np.isnan(estimate_gain(np.ones((1, 3)), np.ones((1, 3)))).all()


def test_text_states_value_and_interval():
    assert Gain(0.123, -0.02, 0.2).text == "+12 % (90 % interval -2 to +20 %)"
    assert Gain(0.0, -0.001, 0.001).text == "+0 % (90 % interval +0 to +0 %)"
    assert Gain().text == "unknown"
