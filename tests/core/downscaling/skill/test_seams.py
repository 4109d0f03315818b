"""Borders that are there are told, and slopes, levels, scales and what does not count are not taken for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.downscaling.skill.seams import border_ratio, edge_ratio
from gwsa.gwsa_plugin.core.spatial.mass_conservation import spread

FACTOR = 6
SHAPE = (7, 9)


def cells(rng, share=0.95):
    return rng.random(SHAPE) < share


def rough(rng):
    """Noise of a pixel: it has steps everywhere, and at cell edges no others."""
    return rng.standard_normal((SHAPE[0] * FACTOR, SHAPE[1] * FACTOR))


def aquifers(rng):
    return spread(rng.integers(0, 3, SHAPE), FACTOR)


seeds = st.integers(0, 10_000)


@given(seed=seeds, down=st.floats(-3, 3), across=st.floats(0.1, 3))
def test_a_plane_has_no_seams_whatever_its_direction_and_holes(seed, down, across):
    rng = np.random.default_rng(seed)
    row, column = np.indices(rough(rng).shape)
    plane = np.where(rng.random(row.shape) < 0.05, np.nan, down * row + across * column)
    assert edge_ratio(plane, np.ones(SHAPE, bool), FACTOR) == pytest.approx(1, rel=1e-9)
    assert border_ratio(plane, aquifers(rng)) == pytest.approx(1, rel=1e-9)


def test_a_smooth_field_has_none():
    row, column = np.indices((40 * FACTOR, 40 * FACTOR))
    field = np.sin(row / 11) * np.cos(column / 14)
    assert edge_ratio(field, np.ones((40, 40), bool), FACTOR) == pytest.approx(1, abs=0.01)


@given(seed=seeds)
def test_blocks_are_seen_the_more_the_higher_they_are(seed):
    rng = np.random.default_rng(seed)
    noise, blocks = rough(rng), spread(rng.standard_normal(SHAPE), FACTOR)
    ratios = [
        edge_ratio(noise + height * blocks, np.ones(SHAPE, bool), FACTOR)
        for height in (0, 10, 1000)
    ]
    assert 0.8 < ratios[0] < 1.25
    assert ratios[1] > 2 * ratios[0] and ratios[2] > 100
    assert edge_ratio(blocks, np.ones(SHAPE, bool), FACTOR) == np.inf


@given(seed=seeds)
def test_level_and_scale_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    field, valid = rough(rng) + spread(rng.standard_normal(SHAPE), FACTOR), np.ones(SHAPE, bool)
    for ratio, place in ((edge_ratio, (valid, FACTOR)), (border_ratio, (aquifers(rng),))):
        assert ratio(300 - 7 * field, *place) == pytest.approx(ratio(field, *place), rel=1e-9)


@given(seed=seeds)
def test_only_cells_with_eight_valid_neighbours_count(seed):
    rng = np.random.default_rng(seed)
    field, valid = rough(rng), cells(rng)
    padded = np.pad(valid, 1)
    counting = np.array(
        [[padded[i : i + 3, j : j + 3].all() for j in range(SHAPE[1])] for i in range(SHAPE[0])]
    )
    spoiled = np.where(spread(counting, FACTOR), field, 1e6 * rough(rng))
    assert edge_ratio(spoiled, valid, FACTOR) == pytest.approx(
        edge_ratio(field, valid, FACTOR), nan_ok=True
    )


def test_a_step_at_an_aquifer_border_is_its_height_over_the_step_elsewhere():
    row, column = np.indices((20, 30))
    numbers = (column >= 13).astype(np.int16)
    field = 0.5 * row + 0.25 * column + np.where(numbers, 1.0, 0.0)
    assert border_ratio(field.astype(np.float32), numbers) == pytest.approx(
        (1 + 0.25) / 0.25, rel=1e-6
    )


def test_nothing_to_compare_is_nan():
    rng = np.random.default_rng(0)
    assert np.isnan(border_ratio(rough(rng), np.zeros((SHAPE[0] * FACTOR, SHAPE[1] * FACTOR), int)))
    assert np.isnan(edge_ratio(rough(rng), np.zeros(SHAPE, bool), FACTOR))
    assert np.isnan(edge_ratio(np.ones_like(rough(rng)), np.ones(SHAPE, bool), FACTOR))
