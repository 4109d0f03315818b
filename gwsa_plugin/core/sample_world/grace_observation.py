"""How GRACE observes the sample world: its noise, and the tiles that share one series."""

from __future__ import annotations

import numpy as np

from .land import CELL, Land
from .random_fields import generator

TILE_CELLS = 4  # coarse cells along the side of a tile of 1°


def observe_twsa(
    twsa: np.ndarray, land: Land, noise_cm: float, tiles: bool, seed: int
) -> np.ndarray:
    """Simulate the TWSA that GRACE observes.

    Parameters
    ----------
    twsa : ndarray, shape (solutions, cell rows, cell columns)
        True TWSA of the coarse cells, cm.
    land : Land
        The land of the world.
    noise_cm : float
        Standard deviation of the noise, independent in each cell or tile and month, cm.
    tiles : bool
        Give all cells of a tile of 1° one series; otherwise each cell has its own.
    seed : int
        Seed of the world.

    Returns
    -------
    ndarray, shape of ``twsa``
        cm.
    """
    noise = noise_cm * generator(seed, "grace").standard_normal(twsa.shape)
    if tiles:
        return _tile_means(twsa, land) + _one_value_per_tile(noise, land)
    return twsa + noise


def _tile_numbers(land: Land) -> np.ndarray:
    """Number of the 1° tile of each cell, shape (cell rows, cell columns)."""
    first_row = round((90 - land.coarse.north) / CELL)
    first_column = round((land.coarse.west + 180) / CELL)
    down = (np.arange(land.coarse.rows)[:, None] + first_row) // TILE_CELLS
    across = (np.arange(land.coarse.columns) + first_column) // TILE_CELLS
    return np.unique(down * 10_000 + across, return_inverse=True)[1].reshape(land.coarse.shape)


def _tile_means(values: np.ndarray, land: Land) -> np.ndarray:
    """Replace the cells of each tile by their mean, weighted by land area.

    ``values`` has shape (months, cell rows, cell columns).
    """
    tile = _tile_numbers(land)
    area = land.cell_land_area
    # The lower limit avoids a division by zero in tiles without land.
    weight = np.maximum(np.bincount(tile.ravel(), area.ravel()), 1e-9)
    return np.array(
        [(np.bincount(tile.ravel(), (month * area).ravel()) / weight)[tile] for month in values]
    )


def _one_value_per_tile(noise: np.ndarray, land: Land) -> np.ndarray:
    """Replace the cells of each tile by its first cell; shape (months, cell rows, cell columns)."""
    tile = _tile_numbers(land)
    first = np.unique(tile, return_index=True)[1]
    return noise.reshape(len(noise), -1)[:, first][:, tile]
