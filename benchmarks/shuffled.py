"""A predictor set that tells nothing about where it is: coarse cells change places, with their fine pixels in them.

Each predictor keeps its values, its texture and what it has to do with the others in every month; only the groundwater
below is another's. What a method gains from such predictors it makes up.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet


def movable(valid: np.ndarray, land: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The cells that can change places, bool, shape of ``valid``: valid, all land, and all in one region.

    ``land`` (bool) and ``regions`` (int): of the fine pixels.
    """
    factor = len(land) // len(valid)
    number = blocks(regions, factor)
    one_region = number.min(axis=(2, 3)) == number.max(axis=(2, 3))
    return valid & blocks(land, factor).all(axis=(2, 3)) & one_region


def shuffled_order(cells: np.ndarray, regions: np.ndarray, seed: int = 1) -> np.ndarray:
    """Which cell's content each cell gets: numbers in row order, int, shape of ``cells`` (bool, those that move).

    ``regions``: of the cells, int; content stays in its region.
    """
    order, random = np.arange(cells.size), np.random.default_rng(seed)
    for number in np.unique(regions):
        members = np.flatnonzero(cells & (regions == number))
        order[members] = random.permutation(members)
    return order.reshape(cells.shape)


def shuffle(predictors: PredictorSet, order: np.ndarray, folder: Path) -> PredictorSet:
    """A copy of the set in ``folder`` in which every raster, fine and coarse, has its cells in ``order``."""
    shutil.copytree(predictors.folder, folder)
    for path in sorted(folder.rglob("*.tif")):
        with rasterio.open(path, "r+") as raster:
            for band in raster.indexes:
                raster.write(reordered(raster.read(band), order), band)
    return PredictorSet.open(folder)


def reordered(field: np.ndarray, order: np.ndarray) -> np.ndarray:
    """``field``: as many pixels along each side of a cell as fit into the shape of ``order``."""
    content, (rows, columns) = (
        blocks(field, len(field) // len(order)),
        np.unravel_index(order, order.shape),
    )
    return content[rows, columns].transpose(0, 2, 1, 3).reshape(field.shape)


def blocks(field: np.ndarray, factor: int) -> np.ndarray:
    """Shape (cell rows, cell columns, factor, factor)."""
    rows, columns = field.shape
    return field.reshape(rows // factor, factor, columns // factor, factor).transpose(0, 2, 1, 3)
