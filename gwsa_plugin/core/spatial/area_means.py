"""Means by area of a raster in degrees over the pixels of a lon/lat grid.

Rows and columns of both are parallel, so that the share of a source pixel in a target pixel is the
product of its shares along rows and along columns. The means are those of GDAL's method ``average``
and take a small part of its time.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from ..base.affine import Affine
from ..base.grid import Grid
from ..base.numba_modules import load_numba_module

# Fraction of a source pixel that is taken for an error of rounding.
TOLERANCE = 1e-9
_kernels = partial(load_numba_module, "spatial.area_means_numba")


class Shares(NamedTuple):
    """The source pixels of each target pixel along one axis.

    Parameters
    ----------
    first, last : numpy.ndarray of int, shape (target pixels,)
        The source pixels that a target pixel touches; the last one is before the first one where
        there is none.
    first_share, last_share : numpy.ndarray of float, shape (target pixels,)
        Fraction of the first and of the last one inside the target pixel; those between are
        completely inside. A single source pixel has any share above 0.
    """

    first: np.ndarray
    last: np.ndarray
    first_share: np.ndarray
    last_share: np.ndarray


def area_means(values: np.ndarray, transform: Affine, block: Grid) -> np.ndarray:
    """Average a raster over the pixels of a block.

    Parameters
    ----------
    values : numpy.ndarray of float32, shape (rows, columns)
        NaN where the raster has no value.
    transform : Affine
        From column and row of ``values`` to degrees; not rotated.
    block : Grid
        The target.

    Returns
    -------
    numpy.ndarray of float32, shape of the block
        Means over the parts of pixels that have a value; NaN where there is none.
    """
    latitudes = block.north - block.dy * np.arange(block.rows + 1)
    longitudes = block.west + block.dx * np.arange(block.columns + 1)
    rows = _shares((latitudes - transform.f) / transform.e, values.shape[0])
    columns = _shares((longitudes - transform.c) / transform.a, values.shape[1])
    kernels = _kernels()
    if kernels is None:
        return area_means_numpy(values, rows, columns)
    means = np.empty(block.shape, dtype=np.float32)
    kernels.area_means(np.ascontiguousarray(values), tuple(rows), tuple(columns), means)
    return means


def area_means_numpy(values: np.ndarray, rows: Shares, columns: Shares) -> np.ndarray:
    """Compute ``area_means`` in numpy, the definition against which the numba version is tested."""
    known = ~np.isnan(values)
    total = _sums(_sums(np.where(known, values, 0.0), rows).T, columns).T
    area = _sums(_sums(known.astype(np.float64), rows).T, columns).T
    return np.divide(total, area, out=np.full(area.shape, np.nan), where=area > 0).astype(
        np.float32
    )


def _shares(edges: np.ndarray, size: int) -> Shares:
    """Shares of source pixels between edges, which are in source pixels, ascending or descending.

    ``size`` is the number of source pixels.
    """
    begin = np.clip(np.minimum(edges[:-1], edges[1:]), 0, size)
    end = np.clip(np.maximum(edges[:-1], edges[1:]), 0, size)
    first = np.floor(begin + TOLERANCE).astype(np.int64)
    last = np.ceil(end - TOLERANCE).astype(np.int64) - 1
    return Shares(first, last, np.clip(first + 1 - begin, 0, 1), np.clip(end - last, 0, 1))


def _sums(values: np.ndarray, shares: Shares) -> np.ndarray:
    """Weighted sums of the rows of ``values`` in each target row."""
    sums = np.zeros((shares.first.size, values.shape[1]))
    for row, (first, last, first_share, last_share) in enumerate(zip(*shares)):
        if last >= first:
            weights = np.ones(last + 1 - first)
            weights[-1] = last_share
            weights[0] = first_share
            sums[row] = weights @ values[first : last + 1]
    return sums
