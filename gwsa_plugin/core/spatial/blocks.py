"""Between fine pixels and the coarse cells that they divide: sums over the cells, and fields between their centres.

Both work on any window of the fine grid, so that no whole fine raster need be in memory. Written here in numpy; where
numba is to be had ``block_kernels`` does the same, many times faster.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from ..compute.numba_modules import load_numba_module

Window = tuple[slice, slice]
_kernels = partial(load_numba_module, "spatial.blocks_numba")


def block_sums(
    values: np.ndarray,
    row_weights: np.ndarray,
    factor: int,
    corner: tuple[int, int] = (0, 0),
    where=None,
) -> tuple[np.ndarray, np.ndarray]:
    """Over each coarse cell the sum of weight times value and that of the weights, of the pixels that count.

    ``values``: shape (rows, columns), any window of the fine grid; its first pixel is in row and column ``corner`` of
    the ``factor`` x ``factor`` pixels of its cell. ``row_weights``: of a pixel of each row of the window. ``where``:
    bool, the pixels that count, whatever their values; by default those with a finite one. Both sums: float64, of the
    part in the window of each cell that it touches.
    """
    rows, columns = values.shape
    kernels = _kernels()
    if kernels is None:
        return block_sums_numpy(values, row_weights, factor, corner, where)
    shape = -(-(rows + corner[0]) // factor), -(-(columns + corner[1]) // factor)
    sums = np.empty((2, *shape))
    values = np.ascontiguousarray(
        values, dtype=np.float32 if values.dtype == np.float32 else np.float64
    )
    where = None if where is None else np.ascontiguousarray(where)
    kernels.block_sums(
        values, where, np.asarray(row_weights, dtype=np.float64), factor, *corner, *sums
    )
    return sums[0], sums[1]


def block_sums_numpy(
    values, row_weights, factor: int, corner=(0, 0), where=None
) -> tuple[np.ndarray, np.ndarray]:
    """As ``block_sums``, in numpy: the definition, against which the other is tested."""
    counted = np.isfinite(values) if where is None else where
    first_rows, first_columns = (
        _begins(size, factor, skipped) for size, skipped in zip(values.shape, corner)
    )

    def sums(addend):
        strips = np.add.reduceat(addend, first_columns, axis=1, dtype=np.float64)
        return np.add.reduceat(strips * row_weights[:, None], first_rows, axis=0)

    return sums(np.where(counted, values, 0.0)), sums(counted)


def _begins(size: int, factor: int, skipped: int) -> np.ndarray:
    """Where in a span of pixels its cells begin, when ``skipped`` pixels of the first lie before it."""
    return np.append(0, np.arange(factor - skipped, size, factor))


def interpolate(
    nodes: np.ndarray, valid: np.ndarray, factor: int, window: Window, wraps: bool = False
) -> np.ndarray:
    """Bilinear between the centres of coarse cells, over the valid ones of the four, with weights renormalised.

    ``nodes``: the values of the cells, and ``valid``: bool, the cells that have one, both of the coarse shape.
    ``window``: rows and columns of the fine grid of ``factor`` x ``factor`` pixels a cell. ``wraps``: the first column
    is the neighbour of the last. float64, shape of the window; NaN where no valid cell has weight or one of the four
    is NaN though valid.
    """
    down = _between(window[0], factor, nodes.shape[0])
    across = _between(window[1], factor, nodes.shape[1], wraps)
    around = np.zeros((2, down.nodes.size, across.nodes.size))
    inside = [np.flatnonzero(place.nodes >= 0) for place in (down, across)]
    there = np.ix_(down.nodes[inside[0]], across.nodes[inside[1]])
    around[(slice(None), *np.ix_(*inside))] = (
        np.where(valid[there], nodes[there], 0.0),
        valid[there],
    )
    kernels = _kernels()
    if kernels is None:
        return interpolate_numpy(around, down, across)
    field = np.empty((down.before.size, across.before.size))
    kernels.interpolate(*around, *down[1:], *across[1:], field)
    return field


class Between(NamedTuple):
    """A span of pixels among the nodes along one side of a grid.

    ``nodes``: numbers of the nodes around the span, -1 for those beyond the grid. Of each pixel, ``before``: the place
    in ``nodes`` of the last one not after it; ``share``: how far it is on the way to the next, 0 to 1.
    """

    nodes: np.ndarray
    before: np.ndarray
    share: np.ndarray


def _between(span: slice, factor: int, size: int, wraps: bool = False) -> Between:
    beyond = (
        2 * np.arange(span.start, span.stop) + 1 - factor
    )  # the first node, in halves of a pixel
    before = beyond // (2 * factor)
    nodes = np.arange(before[0], before[-1] + 2)
    nodes = nodes % size if wraps else np.where(nodes < size, nodes, -1)
    return Between(nodes, before - before[0], beyond / (2 * factor) - before)


def interpolate_numpy(around: np.ndarray, down: Between, across: Between) -> np.ndarray:
    """As ``interpolate``, in numpy, of the values and the validity ``around`` the window: (2, rows, columns)."""
    share = down.share[:, None]
    rows = around[:, down.before] * (1 - share) + around[:, down.before + 1] * share
    fields = (
        rows[:, :, across.before] * (1 - across.share)
        + rows[:, :, across.before + 1] * across.share
    )
    return np.divide(*fields, out=np.full(fields.shape[1:], np.nan), where=fields[1] > 0)


def has_numba() -> bool:
    """Whether numba is here, and with it the fast programs."""
    return _kernels() is not None
