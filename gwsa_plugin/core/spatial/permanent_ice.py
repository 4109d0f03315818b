"""Permanent ice by the outlines of glaciers and ice sheets, where a land model's snow means nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rasterio.features import rasterize

from ..base.grid import Grid

SUBCELLS = 10  # along each side of a cell: shares to a few hundredths


def covered(polygons: Sequence[dict], grid: Grid) -> np.ndarray:
    """bool, shape of ``grid``: cells of which at least half the area lies in ``polygons`` (GeoJSON, EPSG:4326).

    A hundredth of a cell counts when its centre is inside; areas within one cell differ too little to matter.
    """
    if not polygons:
        return np.zeros(grid.shape, dtype=bool)
    fine = grid.refine(SUBCELLS)
    inside = rasterize(polygons, fine.shape, transform=fine.transform, dtype="uint8")
    return inside.reshape(grid.rows, SUBCELLS, grid.columns, SUBCELLS).mean(axis=(1, 3)) >= 0.5
