"""Area-weighted means: conservation for any field, grid and blocks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.predictors.bands import one_hot
from gwsa.gwsa_plugin.core.spatial.block_mean import BlockMean


@st.composite
def worlds(draw):
    """A fine grid, its factor, and a block size that need not fit the coarse cells."""
    factor = draw(st.integers(1, 7))
    coarse = Grid(
        -10.0, draw(st.floats(-50, 89)), 0.5, 0.25, draw(st.integers(1, 5)), draw(st.integers(1, 6))
    )
    return coarse.refine(factor), factor, draw(st.integers(1, 9)), draw(st.integers(0, 2**32 - 1))


def block_mean(values, fine, factor, block):
    mean = BlockMean(fine, factor)
    for top in range(0, fine.rows, block):
        for left in range(0, fine.columns, block):
            rows = slice(top, min(top + block, fine.rows))
            columns = slice(left, min(left + block, fine.columns))
            mean.add(values[rows, columns], rows, columns)
    return mean.mean()


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_mean_over_the_region_is_conserved(world):
    fine, factor, block, seed = world
    values = np.random.default_rng(seed).normal(size=fine.shape)
    coarse = block_mean(values, fine, factor, block)
    areas = fine.cell_areas()
    coarse_areas = fine.coarsen(factor).cell_areas()
    assert np.isclose(
        (values * areas).sum(), (coarse * coarse_areas).sum(), atol=1e-6 * areas.sum()
    )


@settings(max_examples=60, deadline=None)
@given(worlds(), st.floats(-1e6, 1e6, width=32, allow_subnormal=False))
def test_a_constant_stays_constant_with_missing_pixels(world, constant):
    fine, factor, block, seed = world
    missing = np.random.default_rng(seed).random(fine.shape) < 0.6
    coarse = block_mean(np.where(missing, np.nan, constant), fine, factor, block)
    known = (~missing).reshape(coarse.shape[0], factor, coarse.shape[1], factor).any(axis=(1, 3))
    assert (np.isfinite(coarse) == known).all()
    np.testing.assert_allclose(coarse[known], constant, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_fractions_of_classes_sum_to_one(world):
    fine, factor, block, seed = world
    codes = np.random.default_rng(seed).choice([0, 3, 9], fine.shape)
    fractions = [block_mean(part, fine, factor, block) for part in one_hot(codes, (0, 3, 9))]
    np.testing.assert_allclose(np.sum(fractions, axis=0), 1, rtol=1e-6)
