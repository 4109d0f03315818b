"""Cells of permanent ice, from the outlines of glaciers and ice sheets.

On permanent ice the snow water of a land surface model has no physical meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base.grid import Grid
from .polygons import extent, rasterise

# Parts along each side of a cell, which give covered fractions to a few hundredths.
SUBCELLS = 10


def covered(polygons: Sequence[dict], grid: Grid) -> np.ndarray:
    """Find the cells of a grid that polygons cover by at least half.

    A cell is divided into ``SUBCELLS`` x ``SUBCELLS`` parts, and a part is covered when its centre
    is. The parts count equally: areas within one cell differ too little to matter.

    Parameters
    ----------
    polygons : sequence of dict
        GeoJSON geometries in EPSG:4326.
    grid : Grid

    Returns
    -------
    ndarray of bool, shape of ``grid``
    """
    if not polygons:
        return np.zeros(grid.shape, dtype=bool)
    fine = grid.refine(SUBCELLS)
    outlines = [(polygon, extent(polygon), 1) for polygon in polygons]
    inside = rasterise(outlines, fine, dtype="uint8")
    return inside.reshape(grid.rows, SUBCELLS, grid.columns, SUBCELLS).mean(axis=(1, 3)) >= 0.5
