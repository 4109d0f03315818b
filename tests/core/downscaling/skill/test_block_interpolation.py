"""Interpolation into a block is exact for linear fields and takes the nearest value outside."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.downscaling.skill.block_interpolation import interpolation_weights

GRID = Grid(10.0, 50.0, 0.5, 0.5, 12, 14)


def ring():
    """Cells of a block, and the cells outside the block and its buffer."""
    wanted = np.zeros(GRID.shape, bool)
    wanted[4:8, 5:9] = True
    known = np.ones(GRID.shape, bool)
    known[2:10, 3:11] = False
    return known, wanted


def test_linear_fields_are_interpolated_exactly():
    known, wanted = ring()
    field = 3.0 + 2.0 * GRID.latitudes[:, None] - GRID.longitudes
    weights = interpolation_weights(GRID, known, wanted)
    np.testing.assert_allclose(weights @ field[known], field[wanted])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() > -1e-9


@pytest.mark.parametrize("columns", [slice(0, 2), slice(0, 1)])
def test_outside_the_hull_the_nearest_value_is_taken(columns):
    """Also where the known cells lie on a line."""
    _, wanted = ring()
    known = np.zeros(GRID.shape, bool)
    known[:, columns] = True
    field = np.random.default_rng(0).random(GRID.shape)
    expected = np.repeat(field[4:8, columns.stop - 1], 4)
    result = interpolation_weights(GRID, known, wanted) @ field[known]
    np.testing.assert_allclose(result, expected)
