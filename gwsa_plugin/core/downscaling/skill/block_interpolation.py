"""Linear interpolation from scattered cells into the cells of a block."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import Delaunay, QhullError, cKDTree

from ...base.grid import Grid


def interpolation_weights(grid: Grid, known: np.ndarray, wanted: np.ndarray) -> csr_matrix:
    """Return the weights of linear interpolation between cells.

    Values are interpolated linearly in the triangles between ``known`` cells. A cell outside their
    convex hull has the value of the nearest one.

    Parameters
    ----------
    grid : Grid
        The coarse grid.
    known, wanted : numpy.ndarray of bool, shape of the grid
        Cells with a value, and cells to interpolate to; there is one of each at least.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (wanted cells, known cells)
        Each row sums to 1.
    """
    scale = np.cos(np.radians(grid.latitudes[wanted.any(axis=1)].mean()))
    sources, targets = (
        np.column_stack([grid.longitudes[column] * scale, grid.latitudes[row]])
        for row, column in (np.nonzero(known), np.nonzero(wanted))
    )
    # Three sources of each target. Outside the hull, the first has all of the weight.
    corners = np.repeat(cKDTree(sources).query(targets)[1][:, None], 3, axis=1)
    weights = np.tile([1.0, 0.0, 0.0], (len(targets), 1))
    try:
        triangles = Delaunay(sources)
    except (QhullError, ValueError):
        # All known cells lie on one line.
        pass
    else:
        simplex = triangles.find_simplex(targets)
        inside = simplex >= 0
        transform = triangles.transform[simplex[inside]]
        corners[inside] = triangles.simplices[simplex[inside]]
        first = np.einsum("nij,nj->ni", transform[:, :2], targets[inside] - transform[:, 2])
        weights[inside] = np.column_stack([first, 1 - first.sum(axis=1)])
    rows = np.repeat(np.arange(len(targets)), 3)
    return csr_matrix((weights.ravel(), (rows, corners.ravel())), (len(targets), len(sources)))
