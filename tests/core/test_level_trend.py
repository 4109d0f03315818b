"""The line of each cell is that of its known months, and says nothing where there are too few."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.level_trend import level_and_trend


@given(seed=st.integers(0, 1000))
def test_a_line_is_found_and_continued_whatever_the_hidden_months_hold(seed):
    rng = np.random.default_rng(seed)
    level, slope = rng.normal(0, 10, (2, 3, 4))
    lines = level + slope * np.arange(20)[:, None, None]
    known = rng.random(lines.shape) < 0.5
    known[:2] = True
    spoiled = np.where(known, lines, np.nan)
    assert np.allclose(level_and_trend(spoiled, known), lines, atol=1e-8)


def test_a_cell_with_less_than_two_months_has_none():
    values = np.full((10, 1, 2), 5.0)
    known = np.zeros(values.shape, bool)
    known[3, 0, 0] = known[:, 0, 1] = True
    line = level_and_trend(values, known)
    assert (line[:, 0, 0] == 0).all() and np.allclose(line[:, 0, 1], 5)
