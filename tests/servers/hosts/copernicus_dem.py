"""The store with the tiles of the Copernicus DEM GLO-90.

References
----------
https://copernicus-dem-30m.s3.amazonaws.com/readme.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio

from gwsa.gwsa_plugin.core.base.grid import Grid

from ..fields import field_on, geotiff, state
from ..messages import NOT_THERE, Asked, Handler, Reply

HOSTS = ("copernicus-dem-90m.s3.eu-central-1.amazonaws.com",)
NAME = "Copernicus_DSM_COG_30_{}{:02d}_00_{}{:03d}_00_DEM"
TILE = re.compile(r"/(Copernicus_DSM_COG_30_([NS])(\d\d)_00_([EW])(\d{3})_00_DEM)/\1\.tif")
SIDE = 1200


def handler(folder: Path) -> Handler:
    """Return what answers with the elevation of a sample world."""
    elevation = folder / "predictors" / "elevation.tif"

    def reply(asked: Asked) -> Reply:
        if asked.path == "/tileList.txt":
            return Reply(200, {"Content-Type": "text/plain"}, _list(elevation).encode())
        found = TILE.fullmatch(asked.path)
        if not found or found[1] not in _list(elevation):
            return NOT_THERE
        latitude = int(found[3]) * (-1 if found[2] == "S" else 1)
        longitude = int(found[5]) * (-1 if found[4] == "W" else 1)
        return Reply(
            200,
            {"Content-Type": "image/tiff"},
            _tile(elevation, state(elevation), longitude, latitude),
        )

    return reply


@lru_cache(maxsize=16)
def _tile(elevation: Path, now: tuple[int, int], longitude: int, latitude: int) -> bytes:
    # The first pixel is centred on the corner.
    pixel = 1 / SIDE
    grid = Grid(longitude - pixel / 2, latitude + 1 + pixel / 2, pixel, pixel, SIDE, SIDE)
    values = np.nan_to_num(field_on(elevation, 1, grid)).astype(np.float32)
    return geotiff(values, grid, None, tiled=True, blockxsize=512, blockysize=512)


def _list(elevation: Path) -> str:
    """The names of the tiles that the world touches, a line each."""
    if not elevation.is_file():
        return ""
    with rasterio.open(elevation) as source:
        west, south, east, north = source.bounds
    names = [
        NAME.format("S" if row < 0 else "N", abs(row), "W" if column < 0 else "E", abs(column))
        for row in range(int(np.floor(south)), int(np.ceil(north)))
        for column in range(int(np.floor(west)), int(np.ceil(east)))
    ]
    return "\r\n".join(names) + "\r\n"
