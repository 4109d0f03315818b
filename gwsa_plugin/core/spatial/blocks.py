"""Sums of fine pixels over coarse cells, and bilinear interpolation between cell centres.

Both work on any window of the fine grid, so that the fine raster is never in memory as one array.
The numpy functions here define the results. Where numba is installed, ``blocks_numba`` computes
the same many times faster.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from ..base.numba_modules import load_numba_module

Window = tuple[slice, slice]
_kernels = partial(load_numba_module, "spatial.blocks_numba")


def block_sums(
    values: np.ndarray,
    row_weights: np.ndarray,
    factor: int,
    corner: tuple[int, int] = (0, 0),
    where: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the weighted sum of the pixels of each coarse cell, and the sum of their weights.

    Parameters
    ----------
    values : ndarray of float, shape (rows, columns)
        Any window of the fine grid.
    row_weights : ndarray of float, shape (rows,)
        The weight of a pixel of each row, for example its area.
    factor : int
        Pixels along the side of a coarse cell.
    corner : (int, int)
        Row and column of the first pixel of the window inside its coarse cell.
    where : ndarray of bool, shape of ``values``, optional
        The pixels that are summed, also when their value is not finite. By default all pixels with
        a finite value.

    Returns
    -------
    totals, weights : ndarray of float64, shape (coarse rows, coarse columns)
        For each coarse cell that the window touches, the sums over its part in the window.
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
    values: np.ndarray,
    row_weights: np.ndarray,
    factor: int,
    corner: tuple[int, int] = (0, 0),
    where: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute ``block_sums`` in numpy, the definition against which the numba version is tested."""
    counted = np.isfinite(values) if where is None else where
    first_rows = _first_pixels(values.shape[0], factor, corner[0])
    first_columns = _first_pixels(values.shape[1], factor, corner[1])

    def sums(addend):
        strips = np.add.reduceat(addend, first_columns, axis=1, dtype=np.float64)
        return np.add.reduceat(strips * row_weights[:, None], first_rows, axis=0)

    return sums(np.where(counted, values, 0.0)), sums(counted)


def _first_pixels(size: int, factor: int, skipped: int) -> np.ndarray:
    """First pixel of each cell in a span, when ``skipped`` pixels of the first cell precede it."""
    return np.append(0, np.arange(factor - skipped, size, factor))


def interpolate(
    nodes: np.ndarray,
    valid: np.ndarray,
    factor: int,
    window: Window,
    wraps: bool = False,
    where: np.ndarray | None = None,
) -> np.ndarray:
    """Interpolate bilinearly between the centres of coarse cells.

    A pixel takes the valid ones of the four cell centres around it, with renormalised weights.

    Parameters
    ----------
    nodes : ndarray of float, coarse shape
        Values at the cell centres.
    valid : ndarray of bool, coarse shape
        The cells that are used.
    factor : int
        Pixels along the side of a coarse cell.
    window : (slice, slice)
        Rows and columns of the fine grid.
    wraps : bool
        True when the first column is the neighbour of the last one.
    where : ndarray of bool, shape of the window, optional
        The pixels that are computed; by default all.

    Returns
    -------
    ndarray of float64, shape of the window
        NaN outside ``where``, where no valid cell has weight, and where a valid cell of the four is
        NaN.
    """
    rows, columns = (
        _between_nodes(side.start, side.stop, factor, size, around)
        for side, size, around in zip(window, nodes.shape, (False, wraps))
    )
    # Values and weights of the nodes around the window; both are 0 beyond the grid.
    around = np.zeros((2, rows.nodes.size, columns.nodes.size))
    inside = [np.flatnonzero(side.nodes >= 0) for side in (rows, columns)]
    known = np.ix_(rows.nodes[inside[0]], columns.nodes[inside[1]])
    around[(slice(None), *np.ix_(*inside))] = (
        np.where(valid[known], nodes[known], 0.0),
        valid[known],
    )
    kernels = _kernels()
    if kernels is None:
        field = interpolate_numpy(around, rows, columns)
        return field if where is None else np.where(where, field, np.nan)
    field = np.empty((rows.before.size, columns.before.size))
    kernels.interpolate(*around, *rows[1:], *columns[1:], where, field)
    return field


class BetweenNodes(NamedTuple):
    """Position of the pixels of a span between the nodes along one side of a grid.

    Attributes
    ----------
    nodes : ndarray of int, shape (nodes,)
        Numbers of the nodes around the span, -1 for those beyond the grid.
    before : ndarray of int, shape (pixels,)
        Index in ``nodes`` of the last node that is not after the pixel.
    fraction : ndarray of float, shape (pixels,)
        Distance of the pixel from that node, as a fraction of the distance to the next one.
    """

    nodes: np.ndarray
    before: np.ndarray
    fraction: np.ndarray


@lru_cache(maxsize=256)
def _between_nodes(start: int, stop: int, factor: int, size: int, wraps: bool) -> BetweenNodes:
    """The pixels from ``start`` to ``stop``, cached for the months of a tile."""
    # Distance of each pixel centre from the first node, in halves of a pixel.
    distance = 2 * np.arange(start, stop) + 1 - factor
    before = distance // (2 * factor)
    nodes = np.arange(before[0], before[-1] + 2)
    nodes = nodes % size if wraps else np.where(nodes < size, nodes, -1)
    between = BetweenNodes(nodes, before - before[0], distance / (2 * factor) - before)
    for shared in between:
        shared.flags.writeable = False
    return between


def interpolate_numpy(around: np.ndarray, rows: BetweenNodes, columns: BetweenNodes) -> np.ndarray:
    """Compute ``interpolate`` in numpy.

    Parameters
    ----------
    around : ndarray of float64, shape (2, node rows, node columns)
        Values and validity (0 or 1) of the nodes around the window.
    rows, columns : BetweenNodes
        Positions of the rows and columns of the window.
    """
    down = rows.fraction[:, None]
    across = columns.fraction
    strips = around[:, rows.before] * (1 - down) + around[:, rows.before + 1] * down
    totals, weights = (
        strips[:, :, columns.before] * (1 - across) + strips[:, :, columns.before + 1] * across
    )
    return np.divide(totals, weights, out=np.full(totals.shape, np.nan), where=weights > 0)


def has_numba() -> bool:
    """Return True when numba is installed, so that the compiled loops are used."""
    return _kernels() is not None
