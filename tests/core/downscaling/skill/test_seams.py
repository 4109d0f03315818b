"""The ratios detect borders and do not depend on slope, level, scale and unused pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.downscaling.skill import seams
from gwsa.gwsa_plugin.core.downscaling.skill.seams import (
    border_ratio,
    edge_ratio,
    edge_steps,
)
from gwsa.gwsa_plugin.core.spatial.mass_conservation import spread

FACTOR = 6
SHAPE = (7, 9)


def cells(rng, fraction=0.95):
    return rng.random(SHAPE) < fraction


def rough(rng):
    """White noise, whose steps at cell edges are like those elsewhere."""
    return rng.standard_normal((SHAPE[0] * FACTOR, SHAPE[1] * FACTOR))


def aquifers(rng):
    return spread(rng.integers(0, 3, SHAPE), FACTOR)


seeds = st.integers(0, 10_000)


@given(seed=seeds, down=st.floats(-3, 3), across=st.floats(0.1, 3))
def test_a_plane_of_any_direction_with_holes_has_no_seams(seed, down, across):
    rng = np.random.default_rng(seed)
    row, column = np.indices(rough(rng).shape)
    plane = np.where(rng.random(row.shape) < 0.05, np.nan, down * row + across * column)
    assert edge_ratio(plane, np.ones(SHAPE, bool), FACTOR) == pytest.approx(1, rel=1e-9)
    assert border_ratio(plane, aquifers(rng)) == pytest.approx(1, rel=1e-9)


def test_a_smooth_field_has_no_seams():
    row, column = np.indices((40 * FACTOR, 40 * FACTOR))
    field = np.sin(row / 11) * np.cos(column / 14)
    assert edge_ratio(field, np.ones((40, 40), bool), FACTOR) == pytest.approx(1, abs=0.01)


@given(seed=seeds)
def test_the_ratio_grows_with_the_height_of_blocks(seed):
    rng = np.random.default_rng(seed)
    noise = rough(rng)
    blocks = spread(rng.standard_normal(SHAPE), FACTOR)
    ratios = [
        edge_ratio(noise + height * blocks, np.ones(SHAPE, bool), FACTOR)
        for height in (0, 10, 1000)
    ]
    assert 0.8 < ratios[0] < 1.25
    assert ratios[1] > 2 * ratios[0]
    assert ratios[2] > 100
    assert edge_ratio(blocks, np.ones(SHAPE, bool), FACTOR) == np.inf


@given(seed=seeds)
def test_level_and_scale_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    field = rough(rng) + spread(rng.standard_normal(SHAPE), FACTOR)
    valid = np.ones(SHAPE, bool)
    for ratio, others in ((edge_ratio, (valid, FACTOR)), (border_ratio, (aquifers(rng),))):
        assert ratio(300 - 7 * field, *others) == pytest.approx(ratio(field, *others), rel=1e-9)


@given(seed=seeds)
def test_only_cells_with_eight_valid_neighbours_count(seed):
    rng = np.random.default_rng(seed)
    field = rough(rng)
    valid = cells(rng)
    padded = np.pad(valid, 1)
    counting = np.array(
        [[padded[i : i + 3, j : j + 3].all() for j in range(SHAPE[1])] for i in range(SHAPE[0])]
    )
    changed = np.where(spread(counting, FACTOR), field, 1e6 * rough(rng))
    assert edge_ratio(changed, valid, FACTOR) == pytest.approx(
        edge_ratio(field, valid, FACTOR), nan_ok=True
    )


def test_a_step_at_an_aquifer_border_is_its_height_over_the_step_elsewhere():
    row, column = np.indices((20, 30))
    numbers = (column >= 13).astype(np.int16)
    field = 0.5 * row + 0.25 * column + np.where(numbers, 1.0, 0.0)
    assert border_ratio(field.astype(np.float32), numbers) == pytest.approx(
        (1 + 0.25) / 0.25, rel=1e-6
    )


def test_the_ratio_is_nan_without_borders_or_steps():
    rng = np.random.default_rng(0)
    assert np.isnan(border_ratio(rough(rng), np.zeros((SHAPE[0] * FACTOR, SHAPE[1] * FACTOR), int)))
    assert np.isnan(edge_ratio(rough(rng), np.zeros(SHAPE, bool), FACTOR))
    assert np.isnan(edge_ratio(np.ones_like(rough(rng)), np.ones(SHAPE, bool), FACTOR))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=seeds)
def test_numba_gives_the_bits_of_numpy(seed, dtype):
    rng = np.random.default_rng(seed)
    field = rough(rng).astype(dtype)
    field[rng.random(field.shape) < 0.1] = np.nan
    valid = cells(rng, 0.8)
    compiled = edge_steps(field, valid, FACTOR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seams, "_kernel", lambda: None)
        plain = edge_steps(field, valid, FACTOR)
    np.testing.assert_array_equal(compiled, plain)


def test_steps_are_summed_at_edges_and_elsewhere_in_both_directions():
    field = np.arange(4.0)[:, None] ** 2 + 10 * np.arange(4.0)
    field[3, 3] = np.nan
    steps = edge_steps(field, np.array([[True, True], [True, True]]), 2)
    down = [[3 * 4, 4], [1 * 4 + 5 * 3, 4 + 3]]
    across = [[10 * 4, 4], [10 * (4 + 3), 4 + 3]]
    assert steps.tolist() == [down, across]
    steps = edge_steps(field, np.array([[True, False], [True, True]]), 2)
    assert steps.tolist() == [[[3 * 2, 2], [1 * 2 + 5 * 3, 2 + 3]], [[10 * 2, 2], [10 * 5, 5]]]
