"""Speed of the way from 1 km to 0.25° and back beside rasterio's, on one thread.

Fields of 3600 x 4500 pixels, a fifth without a value: the sea, in one piece or scattered as by clouds. rasterio weights
pixels alike, wherever they lie on the sphere, so that with such weights ours has to say the same; what is timed has
those of the sphere.
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
MISSING_SHARE = 0.2
SPREAD_CM = 10.0
EQUAL_CM = 1e-4  # float32 of some ten centimetres
REPEATS = 7


def measure_block_mean(folder: Path) -> dict:
    """Means over coarse cells of the pixels with a value. ``values``: milliseconds and how many times as fast."""
    return _compare(
        FINE, _mean, _mean_of_plane, partial(_reproject, FINE, COARSE, Resampling.average)
    )


def measure_bilinear(folder: Path) -> dict:
    """Bilinear between the centres of coarse cells; rasterio has no value where that of the cell is missing."""
    return _compare(COARSE, _join, _join, partial(_reproject, COARSE, FINE, Resampling.bilinear))


def _compare(grid: Grid, ours, ours_to_compare, peer) -> dict:
    """``ours`` and ``peer``: milliseconds a field whose missing pixels are sea."""
    values, equal = {}, True
    for kind, there in (("scattered", _scattered), ("sea", land)):
        random = generator(1, "grids")
        field = (SPREAD_CM * random.standard_normal(grid.shape)).astype(np.float32)
        field[~there(grid.shape)] = np.nan
        equal = equal and _agree(ours_to_compare(field), peer(field))
        ours(field)  # compiles
        seconds = race({"ours": partial(ours, field), "peer": partial(peer, field)}, REPEATS)
        times = {name: 1e3 * one for name, one in seconds.items()}
        values[f"{kind}: ratio"] = times["peer"] / times["ours"]
        values.update({f"{kind}, {name} (ms)": time for name, time in times.items()})
    return {
        "values": values, **times, "ratio": values["sea: ratio"], "equal": equal,
        "unit": "ms", "peer_name": "rasterio.warp.reproject",
    }  # fmt: skip


def land(shape: tuple[int, int]) -> np.ndarray:
    """bool, all but a fifth of the pixels: a coast as ragged as on maps."""
    height = fractal(generator(1, "land"), shape, 2, shape[0] / 3, 3)
    return height > np.quantile(height, MISSING_SHARE)


def _scattered(shape: tuple[int, int]) -> np.ndarray:
    return generator(1, "scattered").random(shape) >= MISSING_SHARE


def _mean(field: np.ndarray) -> np.ndarray:
    mean = BlockMean(FINE, FACTOR)
    mean.add(field, slice(0, FINE.rows), slice(0, FINE.columns))
    return mean.mean()


def _mean_of_plane(field: np.ndarray) -> np.ndarray:
    total, count = block_sums(field, np.ones(FINE.rows), FACTOR)
    return np.divide(total, count, out=np.full(COARSE.shape, np.nan), where=count > 0)


def _join(nodes: np.ndarray) -> np.ndarray:
    """As maps are made: a row of cells after the other."""
    field, valid = np.empty(FINE.shape, dtype=np.float32), np.isfinite(nodes)
    for top in range(0, FINE.rows, FACTOR):
        rows = slice(top, top + FACTOR)
        field[rows] = interpolate(nodes, valid, FACTOR, (rows, slice(0, FINE.columns)))
    return field


def _reproject(source: Grid, target: Grid, resampling: Resampling, field: np.ndarray) -> np.ndarray:
    result = np.empty(target.shape, dtype=np.float32)
    reproject(
        field, result, src_transform=source.transform, src_crs=source.crs, src_nodata=np.nan,
        dst_transform=target.transform, dst_crs=target.crs, dst_nodata=np.nan, resampling=resampling, num_threads=1,
    )  # fmt: skip
    return result


def _agree(ours: np.ndarray, peer: np.ndarray) -> bool:
    """Where the peer has a value, ours is the same."""
    known = np.isfinite(peer)
    return bool(known.any() and np.abs(ours[known] - peer[known]).max() < EQUAL_CM)
