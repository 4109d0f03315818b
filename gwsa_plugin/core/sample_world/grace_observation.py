"""How GRACE observes the sample world: footprint, mascon tiles and correlated noise.

This module shares no code with the estimation of the footprint in ``grace``, and its kernel is not
Gaussian, so that the sample world can test that estimation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.grid import EARTH_RADIUS_KM, Grid
from ..base.progress import SILENT, Progress
from .random_fields import generator
from .surroundings import MARGIN_CELLS

# Exponent of the kernel exp(-ln 2 (2 d / width)^p) of the distance d; a Gaussian has 2.
KERNEL_EXPONENT = 1.85
# Largest shift of the centre of a tile from its regular place, as a fraction of the tile.
TILE_JITTER = 0.3


@dataclass(frozen=True)
class Observation:
    """How TWSA of the sample world is observed, and how GLDAS describes it.

    Parameters
    ----------
    footprint_km : float
        Full width at half maximum of the footprint, km; 0 for none.
    tile_km : float
        Size of the tiles whose cells share one series, km; 0 gives each cell its own.
    noise_cm : float
        Standard deviation of the noise of a tile, cm.
    noise_km : float
        Distance at which the correlation of the noise falls to 1/e, km; 0 for independent noise.
    gldas_amplitude_error : float
        Standard deviation, between places, of the relative amplitude error of GLDAS.
    gldas_delay_months : float
        Largest error of the phase of GLDAS, months.
    lakes_and_ice : bool
        Add the storage of a lake and of glaciers, which GLDAS does not have.
    margin_cells : int
        Width of the surroundings of the region, 0.25° cells.
    """

    footprint_km: float = 250.0
    tile_km: float = 111.0
    noise_cm: float = 1.5
    noise_km: float = 300.0
    gldas_amplitude_error: float = 0.15
    gldas_delay_months: float = 1.0
    lakes_and_ice: bool = True
    margin_cells: int = MARGIN_CELLS


GRACE_LIKE = Observation()
# Each 0.25° cell is observed by itself with independent noise, and GLDAS is free of errors. No
# satellite observes like this.
CELL_BY_CELL = Observation(
    footprint_km=0.0,
    tile_km=0.0,
    noise_cm=1.0,
    noise_km=0.0,
    gldas_amplitude_error=0.0,
    gldas_delay_months=0.0,
    lakes_and_ice=False,
    margin_cells=0,
)
OBSERVATIONS = {"grace": GRACE_LIKE, "cells": CELL_BY_CELL}


def observe_twsa(
    twsa: np.ndarray,
    grid: Grid,
    observation: Observation,
    seed: int,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Simulate the TWSA that GRACE observes.

    Parameters
    ----------
    twsa : ndarray, shape (solutions, rows, columns)
        True TWSA, cm, as a mean over each cell with its ocean.
    grid : Grid
        Cells of the region and its surroundings, beyond which water is taken to be as inside.
    observation : Observation
        Footprint, tiles and noise.
    seed : int
        Seed of the world.
    progress : Progress, optional
        Checked for cancellation.

    Returns
    -------
    ndarray, shape of ``twsa``
        cm.
    """
    rng = generator(seed, "grace")
    if not observation.tile_km:
        seen = twsa
        if observation.footprint_km:
            cells = np.arange(grid.rows * grid.columns).reshape(grid.shape)
            seen = _tile_means(twsa, grid, cells, observation.footprint_km, progress)[:, cells]
        return seen + observation.noise_cm * rng.standard_normal(twsa.shape)
    tiles = make_tiles(grid, observation.tile_km, generator(seed, "mascon tiles"))
    means = _tile_means(twsa, grid, tiles, observation.footprint_km, progress)
    noise = _tile_noise(grid, tiles, observation.noise_km, len(twsa), rng)
    return (means + observation.noise_cm * noise)[:, tiles]


def make_tiles(grid: Grid, size_km: float, rng: np.random.Generator) -> np.ndarray:
    """Divide a grid into irregular tiles of about equal area.

    Parameters
    ----------
    grid : Grid
        The cells.
    size_km : float
        Side of a square of the area of a tile, km.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray of int, shape (rows, columns)
        Number of the tile of each cell: that of the nearest of jittered centres, which lie in rows
        of equal distance.
    """
    west, south, east, north = grid.bounds
    step = np.degrees(size_km / EARTH_RADIUS_KM)
    centres = []
    for number in range(int(np.ceil((north - south) / step)) + 1):
        latitude = north - (number + rng.uniform(-0.5, 0.5) * TILE_JITTER) * step
        across = step / np.cos(np.radians(np.clip(latitude, -89, 89)))
        longitudes = np.arange(west + rng.uniform(-1, 0) * across, east + across, across)
        shift = TILE_JITTER * rng.uniform(-1, 1, (2, longitudes.size))
        centres.append(
            np.stack([latitude + shift[0] * step, longitudes + shift[1] * across], axis=1)
        )
    places = np.concatenate(centres)
    rows = [
        _distances(np.full(grid.columns, latitude), grid.longitudes, *places.T).argmin(axis=1)
        for latitude in grid.latitudes
    ]
    return np.unique(rows, return_inverse=True)[1].reshape(grid.shape)


def _tile_means(
    twsa: np.ndarray, grid: Grid, tiles: np.ndarray, footprint_km: float, progress: Progress
) -> np.ndarray:
    """Mean over each tile of the blurred field: cm, shape (solutions, tiles)."""
    latitudes, longitudes = np.meshgrid(grid.latitudes, grid.longitudes, indexing="ij")
    areas = grid.cell_areas().ravel()
    weights = np.zeros((tiles.max() + 1, areas.size))
    for number, row in enumerate(weights):
        progress.stop_if_cancelled()
        inside = (tiles == number).ravel()
        if not footprint_km:
            row[inside] = areas[inside]
            continue
        distance = _distances(
            latitudes.ravel()[inside], longitudes.ravel()[inside], latitudes.ravel(),
            longitudes.ravel(),
        )  # fmt: skip
        kernel = np.exp(-np.log(2) * (2 * distance / footprint_km) ** KERNEL_EXPONENT) * areas
        # Each cell of the tile counts by its area.
        row[:] = areas[inside] @ (kernel / kernel.sum(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return twsa.reshape(len(twsa), -1) @ weights.T


def _tile_noise(
    grid: Grid, tiles: np.ndarray, length_km: float, months: int, rng: np.random.Generator
) -> np.ndarray:
    """Noise of unit variance with correlation exp(-d / length): shape (months, tiles)."""
    white = rng.standard_normal((months, tiles.max() + 1))
    if not length_km:
        return white
    count = np.bincount(tiles.ravel())
    latitudes, longitudes = np.meshgrid(grid.latitudes, grid.longitudes, indexing="ij")
    latitude, longitude = (
        np.bincount(tiles.ravel(), axis.ravel()) / count for axis in (latitudes, longitudes)
    )
    distance = _distances(latitude, longitude, latitude, longitude)
    return white @ np.linalg.cholesky(np.exp(-distance / length_km)).T


def _distances(latitude, longitude, other_latitude, other_longitude) -> np.ndarray:
    """Great-circle distances in km between two sets of places: shape (places, other places)."""
    phi, theta = np.radians(latitude)[:, None], np.radians(other_latitude)
    half = np.sin(np.radians(longitude[:, None] - other_longitude) / 2) ** 2
    haversine = np.sin((phi - theta) / 2) ** 2 + np.cos(phi) * np.cos(theta) * half
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))
