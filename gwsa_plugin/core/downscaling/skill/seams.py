"""Seams: steps of a map across cell edges or region borders relative to steps elsewhere."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.ndimage import binary_erosion

from ...base.numba_modules import load_numba_module
from ...spatial.mass_conservation import spread

_kernel = partial(load_numba_module, "downscaling.skill.seams_numba")


def edge_ratio(field: np.ndarray, cells: np.ndarray, factor: int) -> float:
    """Compute the mean step across edges of coarse cells relative to steps inside the cells.

    Parameters
    ----------
    field : numpy.ndarray, fine shape
        The map; NaN for no value.
    cells : numpy.ndarray of bool, coarse shape
        The valid cells. Only pixels of cells with eight valid neighbours are used.
    factor : int
        Pixels along the side of a coarse cell.

    Returns
    -------
    float
        1 where no edge is visible; see ``border_ratio``.
    """
    return ratio_from_steps(edge_steps(field, surrounded(cells), factor))


def border_ratio(field: np.ndarray, numbers: np.ndarray) -> float:
    """Compute the mean step across borders of regions relative to steps elsewhere.

    A step is the absolute difference of two adjacent pixels. Steps across borders are compared with
    the same number of steps elsewhere in the same direction, so that a slope of the field along one
    direction has no effect.

    Parameters
    ----------
    field : numpy.ndarray
        The map; a step from or to NaN is left out.
    numbers : numpy.ndarray of int, shape of ``field``
        Number of the region of each pixel.

    Returns
    -------
    float
        1 where no border is visible. NaN when the field has no border or is constant, infinity
        when it is constant except at borders.
    """
    return ratio_from_steps(_steps(field, numbers))


def surrounded(cells: np.ndarray) -> np.ndarray:
    """Return the cells whose eight neighbours are among ``cells`` too, bool."""
    return binary_erosion(cells, np.ones((3, 3)))


def edge_steps(field: np.ndarray, cells: np.ndarray, factor: int) -> np.ndarray:
    """Sum the steps across and between the edges of coarse cells.

    The sums of the parts of a field add up to those of the field, except for the steps between the
    parts.

    Parameters
    ----------
    field : numpy.ndarray, fine shape of the part
        The map; NaN for no value.
    cells : numpy.ndarray of bool, coarse shape of the part
        The cells whose pixels are used.
    factor : int
        Pixels along the side of a coarse cell.

    Returns
    -------
    numpy.ndarray of float64, shape (2, 2, 2)
        Direction (down, across); place (at edges, elsewhere); sum and number of the steps.
    """
    columns = field.shape[1]
    downwards = np.zeros((2, 2, columns))
    across = np.zeros((2, columns - 1))
    kernel = _kernel()
    add_steps = add_steps_numpy if kernel is None else kernel.add_steps
    add_steps(np.ascontiguousarray(field), cells, factor, downwards, across)
    return sum_columns(downwards, across, factor)


def sum_columns(downwards: np.ndarray, across: np.ndarray, factor: int) -> np.ndarray:
    """Sum the steps of the columns of a field.

    Parameters
    ----------
    downwards : numpy.ndarray, shape (2, n, columns)
        Steps from a pixel to the one below it, at edges of cells and elsewhere: what is summed of
        them, such as sizes and numbers, by columns.
    across : numpy.ndarray, shape (n, columns - 1)
        The same for the steps from a pixel to the next one in its row.
    factor : int
        Pixels along the side of a coarse cell.

    Returns
    -------
    numpy.ndarray of float64, shape (2, 2, n)
        Direction (down, across); place (at edges, elsewhere); what is summed.
    """
    steps = np.zeros((2, *downwards.shape[:2]))
    at_edge = np.arange(1, downwards.shape[-1]) % factor == 0
    # Summed one after the other, so that the bits do not depend on the processor.
    steps[0] = downwards.cumsum(axis=-1)[..., -1]
    for place, sums in enumerate((across[:, at_edge], across[:, ~at_edge])):
        if sums.size:
            steps[1, place] = sums.cumsum(axis=-1)[:, -1]
    return steps


def add_steps_numpy(
    field: np.ndarray, cells: np.ndarray, factor: int, downwards: np.ndarray, across: np.ndarray
) -> None:
    """Compute ``seams_numba.add_steps`` in numpy, row by row as the compiled loop does."""
    values = np.where(spread(cells, factor), field, np.nan).astype(np.float64)
    at_edge = np.arange(1, len(values)) % factor == 0
    with np.errstate(invalid="ignore"):
        down = np.abs(np.diff(values, axis=0))
        right = np.abs(np.diff(values, axis=1))
    for sums, steps in (
        (across, right),
        (downwards[0], down[at_edge]),
        (downwards[1], down[~at_edge]),
    ):
        known = np.isfinite(steps)
        for row, counts in zip(np.where(known, steps, 0.0), known):
            sums[0] += row
            sums[1] += counts


def ratio_from_steps(steps: np.ndarray) -> float:
    """Compute the ratio of ``border_ratio`` from sums of steps.

    Parameters
    ----------
    steps : numpy.ndarray, shape (2, 2, 2)
        As returned by ``edge_steps``. A direction without steps elsewhere is left out.
    """
    known = steps[steps[:, 1, 1] > 0]
    at_borders = known[:, 0, 0].sum()
    # The number of steps at borders times the mean step elsewhere, in each direction.
    expected = (known[:, 0, 1] * known[:, 1, 0] / known[:, 1, 1]).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(at_borders, expected))


def _steps(field: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Sum and number of steps at borders of ``numbers`` and elsewhere, as ``edge_steps``."""
    steps = np.empty((2, 2, 2))
    for direction, (values, number) in enumerate(((field, numbers), (field.T, numbers.T))):
        step = np.abs(np.diff(values.astype(np.float64), axis=0))
        border = number[1:] != number[:-1]
        for place, where in enumerate((border, ~border)):
            selected = step[where & np.isfinite(step)]
            steps[direction, place] = selected.sum(), selected.size
    return steps
