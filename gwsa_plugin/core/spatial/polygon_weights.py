"""Area of polygons in the pixels of a grid, also of polygons that overlap each other."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from scipy.sparse import csr_matrix

from ..base.grid import Grid, intersection
from . import polygons
from .aquifers import Aquifer

# Polygons are burned on points that are at most this far apart, degrees: half a pixel of 1 km.
SPACING = 1 / 240


def points_per_pixel(grid: Grid) -> int:
    """Return how many points along its side are tested in each pixel of a grid."""
    return ceil(grid.dx / SPACING - 1e-6)


def separate_groups(aquifers: Sequence[Aquifer]) -> list[list[int]]:
    """Distribute polygons over groups in which no two extents overlap.

    Parameters
    ----------
    aquifers : sequence of Aquifer

    Returns
    -------
    list of list of int
        Indices of the polygons of each group, in order.
    """
    groups: list[list[int]] = []
    for index, aquifer in enumerate(aquifers):
        for group in groups:
            if not any(intersection(aquifer.extent, aquifers[other].extent) for other in group):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def pixel_areas(aquifers: Sequence[Aquifer], groups: list[list[int]], grid: Grid) -> csr_matrix:
    """Compute the area of each polygon in each pixel of a grid.

    A pixel is divided into points, and has the area of those inside the polygon.

    Parameters
    ----------
    aquifers : sequence of Aquifer
        Polygons, which may overlap each other.
    groups : list of list of int
        From ``separate_groups``.
    grid : Grid
        A grid, or a window of one.

    Returns
    -------
    csr_matrix of float64, shape (polygons, pixels)
        In km²; pixels row by row.
    """
    factor = points_per_pixel(grid)
    fine = grid.refine(factor)
    point_areas = fine.row_areas()
    shape = (len(aquifers), grid.rows * grid.columns)
    areas = csr_matrix(shape)
    for group in groups:
        members = [(index, aquifers[index]) for index in group]
        shapes = [
            (aquifer.geometry, aquifer.extent, index + 1)
            for index, aquifer in members
            if polygons.meets(aquifer.extent, grid)
        ]
        if shapes:
            numbers = polygons.rasterise(shapes, fine, dtype="int32")
            rows, columns = np.nonzero(numbers)
            pixels = rows // factor * grid.columns + columns // factor
            indices = (numbers[rows, columns] - 1, pixels)
            areas += csr_matrix((point_areas[rows], indices), shape=shape)
    return areas
