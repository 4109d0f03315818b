"""Resampling between coordinate reference systems, and rasterising of polygons."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .backend import backend
from .raster import Placed


def resample(values: np.ndarray, source: Placed, target: Placed, method: str) -> np.ndarray:
    """Resample values to other pixels.

    Parameters
    ----------
    values : ndarray of float32, shape of ``source``
        NaN for no value.
    source, target : Grid or another Placed
        Coordinate reference system, transformation and shape of the pixels.
    method : {"nearest", "bilinear", "average", "mode"}
        NEAREST, BILINEAR, AVERAGE by area, or the most frequent value (MODE).

    Returns
    -------
    ndarray of float32, shape of ``target``
        NaN where ``source`` has no value.
    """
    return backend().resample(values, source, target, method)


def rasterise(shapes: Iterable[tuple[dict, int]], target: Placed, dtype: str) -> np.ndarray:
    """Give each pixel the number of the last polygon around its centre.

    Parameters
    ----------
    shapes : iterable of (dict, int)
        GeoJSON polygons or multipolygons in the coordinate reference system of ``target``, and
        their numbers.
    target : Grid or another Placed
        The pixels.
    dtype : str
        Numpy name of the integer type of the result.

    Returns
    -------
    ndarray of ``dtype``, shape of ``target``
        0 where there is no polygon.
    """
    return backend().burn(shapes, target, dtype)
