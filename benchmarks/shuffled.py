"""Predictors without information on groundwater: coarse cells change places, with their pixels.

Each predictor keeps its values, its texture and its relation to the other predictors in each month,
but the groundwater below is that of another cell. A method that gains skill from such predictors
overestimates its skill.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet


def movable(valid: np.ndarray, land: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Return the cells that can change places: valid, all land, and all in one region.

    Parameters
    ----------
    valid : numpy.ndarray of bool
        Cells with GWSA, coarse shape.
    land : numpy.ndarray of bool
        Land pixels, fine shape.
    regions : numpy.ndarray of int
        Region of each pixel, fine shape.

    Returns
    -------
    numpy.ndarray of bool
        Coarse shape.
    """
    factor = len(land) // len(valid)
    number = blocks(regions, factor)
    one_region = number.min(axis=(2, 3)) == number.max(axis=(2, 3))
    return valid & blocks(land, factor).all(axis=(2, 3)) & one_region


def shuffled_order(cells: np.ndarray, regions: np.ndarray, seed: int = 1) -> np.ndarray:
    """Choose which cell's content each cell gets.

    Parameters
    ----------
    cells : numpy.ndarray of bool
        Cells that change places, coarse shape.
    regions : numpy.ndarray of int
        Region of each cell, coarse shape. Cells change places within their region.
    seed : int
        Seed of the permutation.

    Returns
    -------
    numpy.ndarray of int
        Numbers of cells, counted row by row, coarse shape.
    """
    order = np.arange(cells.size)
    random = np.random.default_rng(seed)
    for number in np.unique(regions):
        members = np.flatnonzero(cells & (regions == number))
        order[members] = random.permutation(members)
    return order.reshape(cells.shape)


def shuffle(predictors: PredictorSet, order: np.ndarray, folder: Path) -> PredictorSet:
    """Copy a predictor set with the cells of all rasters, fine and coarse, in another order.

    Parameters
    ----------
    predictors : PredictorSet
        The original set.
    order : numpy.ndarray of int
        Result of ``shuffled_order``.
    folder : Path
        The new folder of the copy.
    """
    shutil.copytree(predictors.folder, folder)
    for path in sorted(folder.rglob("*.tif")):
        with rasterio.open(path, "r+") as raster:
            for band in raster.indexes:
                raster.write(reordered(raster.read(band), order), band)
    return PredictorSet.open(folder)


def reordered(field: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return a field, on any grid that divides the cells evenly, with its cells in ``order``."""
    content = blocks(field, len(field) // len(order))
    rows, columns = np.unravel_index(order, order.shape)
    return content[rows, columns].transpose(0, 2, 1, 3).reshape(field.shape)


def blocks(field: np.ndarray, factor: int) -> np.ndarray:
    """Split a fine field by cells: shape (cell rows, cell columns, factor, factor)."""
    rows, columns = field.shape
    return field.reshape(rows // factor, factor, columns // factor, factor).transpose(0, 2, 1, 3)
