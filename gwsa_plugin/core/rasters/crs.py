"""Coordinate reference systems and transformations, through GDAL's own binding.

A coordinate reference system is a text: its WKT, ``EPSG:4326``, or anything else that GDAL reads.
Coordinates are in the order of GIS, longitude or easting first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from osgeo import osr

from ..base.errors import InputError
from ..base.grid import Bounds
from .gdal_errors import RasterError, gdal_errors

LONLAT = "EPSG:4326"
# Points along each side of a box between its corners, as in GDAL's own programs.
POINTS_PER_SIDE = 21


@lru_cache(maxsize=1024)
def well_known_text(crs: str) -> str:
    """Return the WKT of a coordinate reference system.

    Raises
    ------
    InputError
        When PROJ has no usable database, as where PROJ_LIB is that of another program.
    RasterError
        When it is no coordinate reference system.
    """
    return _parse(crs).ExportToWkt()


def wkt2(crs: str) -> str:
    """Return a coordinate reference system as WKT of ISO 19162:2019, which CF asks for."""
    return _parse(crs).ExportToWkt(["FORMAT=WKT2_2019"])


@lru_cache(maxsize=1024)
def is_geographic(crs: str) -> bool:
    """Return True when the coordinates are longitudes and latitudes."""
    return bool(_parse(crs).IsGeographic())


@lru_cache(maxsize=1024)
def is_lonlat(crs: str) -> bool:
    """Return True when the coordinate reference system is EPSG:4326."""
    return bool(_parse(crs).IsSame(_parse(LONLAT)))


def crs_name(crs: str) -> str:
    """Return the short name of a coordinate reference system: its code, or else its title."""
    system = _parse(crs)
    code = system.GetAuthorityCode(None)
    return f"{system.GetAuthorityName(None)}:{code}" if code else system.GetName()


def transform_points(
    source: str, target: str, x: Sequence[float], y: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Transform points from one coordinate reference system to another.

    Parameters
    ----------
    source, target : str
        The coordinate reference systems.
    x, y : sequence of float
        Coordinates in ``source``.

    Returns
    -------
    x, y : tuple of float
        Coordinates in ``target``.

    Raises
    ------
    RasterError
        When a point has no coordinates in ``target``.
    """
    with _transformation(source, target) as transformation:
        points = transformation.TransformPoints(list(zip(x, y)))
    new_x, new_y, _ = zip(*points)
    return new_x, new_y


def transform_bounds(
    source: str, target: str, bounds: Bounds, points_per_side: int = POINTS_PER_SIDE
) -> Bounds:
    """Return the box in ``target`` that contains a box in ``source``.

    Parameters
    ----------
    source, target : str
        The coordinate reference systems.
    bounds : (float, float, float, float)
        Left, bottom, right and top.
    points_per_side : int
        Points along each side that are transformed besides its ends.

    Raises
    ------
    RasterError
        When the box has no coordinates in ``target``.
    """
    with _transformation(source, target) as transformation:
        left, bottom, right, top = transformation.TransformBounds(*bounds, points_per_side)
    return left, bottom, right, top


@contextmanager
def _transformation(source: str, target: str) -> Iterator[osr.CoordinateTransformation]:
    """Yield a transformation; GDAL's failures to make and to use it are raised as RasterError."""
    with gdal_errors("Coordinates cannot be transformed"):
        yield osr.CoordinateTransformation(_parse(source), _parse(target))


def _parse(crs: str) -> osr.SpatialReference:
    """A new object each time, because GDAL's objects must not be used by two threads at once."""
    system = osr.SpatialReference()
    try:
        with gdal_errors(f"The coordinate reference system {crs} cannot be read"):
            system.SetFromUserInput(crs)
            system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    except RasterError as error:
        if "proj.db" in str(error) or "PROJ installation" in str(error):
            raise InputError(_proj_advice()) from None
        raise
    return system


def _proj_advice() -> str:
    """Why PROJ cannot look up coordinate reference systems, and what to do."""
    given = [name for name in ("PROJ_DATA", "PROJ_LIB") if os.environ.get(name)]
    if given:
        return (
            f"PROJ cannot read its database in {os.environ[given[0]]}, named by the environment "
            f"({' and '.join(given)}), perhaps for another program; remove that from the "
            "environment and start QGIS again."
        )
    return "PROJ cannot find or read its database proj.db; install QGIS again, or repair it."
