"""Speed of block means and bilinear interpolation between 1 km and 0.25°, compared with rasterio.

All runs use one thread. Fields have 3600 x 4500 pixels, a fifth of them without a value, either in
one piece (ocean) or scattered (clouds). rasterio gives all pixels the same weight, so the results
are compared with equal weights; the timed runs of this project use pixel areas on the sphere.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from rasterio.warp import Resampling, reproject

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.sample_world.random_fields import fractal, generator
from gwsa.gwsa_plugin.core.spatial.block_mean import BlockMean
from gwsa.gwsa_plugin.core.spatial.blocks import block_sums, interpolate

from .result import race

FACTOR = 30
COARSE = Grid(70.0, 35.0, 0.25, 0.25, 120, 150)
FINE = COARSE.refine(FACTOR)
MISSING_FRACTION = 0.2
SPREAD_CM = 10.0
# Rounding of float32 for values of some ten centimetres.
EQUAL_CM = 1e-4
REPEATS = 7


def measure_block_mean(folder: Path) -> dict:
    """Time the mean of the valid pixels in each coarse cell.

    Parameters
    ----------
    folder : Path
        Not used.

    Returns
    -------
    dict
        Times in milliseconds and ratios.
    """
    peer = partial(_reproject, FINE, COARSE, Resampling.average)
    return _compare(FINE, _mean, _mean_with_equal_weights, peer)


def measure_bilinear(folder: Path) -> dict:
    """Time bilinear interpolation between the centres of coarse cells.

    rasterio gives no value in cells without a value.

    Parameters
    ----------
    folder : Path
        Not used.

    Returns
    -------
    dict
        Times in milliseconds and ratios.
    """
    peer = partial(_reproject, COARSE, FINE, Resampling.bilinear)
    return _compare(COARSE, _interpolate, _interpolate, peer)


def _compare(grid: Grid, ours, ours_to_compare, peer) -> dict:
    """Compare results and times for both kinds of missing pixels.

    ``ours_to_compare`` is the variant of ``ours`` with the weights of the peer. The times ``ours``
    and ``peer`` of the result are those of the ocean, in milliseconds.
    """
    values = {}
    equal = True
    for kind, mask in (("scattered", _scattered), ("sea", land)):
        random = generator(1, "grids")
        field = (SPREAD_CM * random.standard_normal(grid.shape)).astype(np.float32)
        field[~mask(grid.shape)] = np.nan
        equal = equal and _agree(ours_to_compare(field), peer(field))
        # The first call compiles the function.
        ours(field)
        seconds = race({"ours": partial(ours, field), "peer": partial(peer, field)}, REPEATS)
        times = {name: 1e3 * one for name, one in seconds.items()}
        values[f"{kind}: ratio"] = times["peer"] / times["ours"]
        values.update({f"{kind}, {name} (ms)": time for name, time in times.items()})
    return {
        "values": values,
        **times,
        "ratio": values["sea: ratio"],
        "equal": equal,
        "unit": "ms",
        "peer_name": "rasterio.warp.reproject",
    }


def land(shape: tuple[int, int]) -> np.ndarray:
    """Create a land mask with a realistic coast that covers four fifths of the pixels.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of bool, shape ``shape``
    """
    height = fractal(generator(1, "land"), shape, 2, shape[0] / 3, 3)
    return height > np.quantile(height, MISSING_FRACTION)


def _scattered(shape: tuple[int, int]) -> np.ndarray:
    return generator(1, "scattered").random(shape) >= MISSING_FRACTION


def _mean(field: np.ndarray) -> np.ndarray:
    mean = BlockMean(FINE, FACTOR)
    mean.add(field, slice(0, FINE.rows), slice(0, FINE.columns))
    return mean.mean()


def _mean_with_equal_weights(field: np.ndarray) -> np.ndarray:
    total, count = block_sums(field, np.ones(FINE.rows), FACTOR)
    return np.divide(total, count, out=np.full(COARSE.shape, np.nan), where=count > 0)


def _interpolate(nodes: np.ndarray) -> np.ndarray:
    """Interpolate one row of cells after the other, as in the production of maps."""
    field = np.empty(FINE.shape, dtype=np.float32)
    valid = np.isfinite(nodes)
    for top in range(0, FINE.rows, FACTOR):
        rows = slice(top, top + FACTOR)
        field[rows] = interpolate(nodes, valid, FACTOR, (rows, slice(0, FINE.columns)))
    return field


def _reproject(source: Grid, target: Grid, resampling: Resampling, field: np.ndarray) -> np.ndarray:
    result = np.empty(target.shape, dtype=np.float32)
    reproject(
        field,
        result,
        src_transform=source.transform,
        src_crs=source.crs,
        src_nodata=np.nan,
        dst_transform=target.transform,
        dst_crs=target.crs,
        dst_nodata=np.nan,
        resampling=resampling,
        num_threads=1,
    )
    return result


def _agree(ours: np.ndarray, peer: np.ndarray) -> bool:
    """True if both fields are equal where the peer has a value."""
    known = np.isfinite(peer)
    return bool(known.any() and np.abs(ours[known] - peer[known]).max() < EQUAL_CM)
