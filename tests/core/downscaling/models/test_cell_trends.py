"""Level and trend of a cell are fitted to its known months, and are 0 where there are too few."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.downscaling.models.cell_trends import fit_cell_trends
from gwsa.gwsa_plugin.core.downscaling.samples import Samples


def samples(values):
    """A sample for each month and cell of ``values``."""
    nothing = np.zeros((values.size, 0))
    return Samples(*np.nonzero(np.ones(values.shape)), values.ravel(), nothing, nothing, ())


@given(seed=st.integers(0, 1000))
def test_a_line_is_fitted_and_extrapolated_whatever_the_other_months_hold(seed):
    rng = np.random.default_rng(seed)
    level, slope = rng.normal(0, 10, (2, 3, 4))
    lines = level + slope * np.arange(20)[:, None, None]
    known = rng.random(lines.shape) < 0.5
    known[:2] = True
    spoiled = samples(np.where(known, lines, np.nan))
    found = fit_cell_trends(spoiled, known.ravel(), (3, 4))
    assert np.allclose(found.at_months(np.arange(20)[:, None, None]), lines, atol=1e-8)
    assert np.allclose(found.at_samples(spoiled), lines.ravel(), atol=1e-8)


def test_a_cell_with_fewer_than_two_months_has_no_line():
    values = np.full((10, 1, 2), 5.0)
    known = np.zeros(values.shape, bool)
    known[3, 0, 0] = known[:, 0, 1] = True
    trends = fit_cell_trends(samples(values), known.ravel(), (1, 2))
    line = trends.at_months(np.arange(10)[:, None, None])
    assert (line[:, 0, 0] == 0).all() and np.allclose(line[:, 0, 1], 5)
