"""The store with the monthly temperatures of CHELSA: global files, of which parts are read."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import rasterio
from rasterio.io import MemoryFile
from rasterio.windows import Window

from gwsa.gwsa_plugin.core.base.grid import Grid

from ..fields import field_on, stored
from ..messages import NOT_THERE, Asked, Handler, Reply

HOSTS = ("os.unil.cloud.switch.ch",)
PATH = re.compile(r"/chelsa02/chelsa/global/monthly/tas/(\d{4})/CHELSA_tas_(\d\d)_\1_V\.2\.1\.tif")
# The real files begin half a second of arc west of -180°.
GRID = Grid(-180.0001388888, 83.9998611111, 1 / 120, 1 / 120, 20880, 43200)
NODATA = 65535


def handler(folder: Path) -> Handler:
    """Return what answers with the temperatures of a sample world."""

    @lru_cache(maxsize=8)
    def content(year: str, month: str) -> bytes:
        return _global_file(folder / "predictors" / f"temperature_{year}.tif", int(month))

    def reply(asked: Asked) -> Reply:
        found = PATH.fullmatch(asked.path)
        if not found or not (folder / "predictors" / f"temperature_{found[1]}.tif").is_file():
            return NOT_THERE
        return Reply(200, {"Content-Type": "image/tiff"}, content(found[1], found[2]))

    return reply


def _global_file(path: Path, band: int) -> bytes:
    """A global file in strips, of which only those of the world are stored."""
    with rasterio.open(path) as source:
        rows, columns = GRID.window(source.bounds)
    numbers = stored(field_on(path, band, GRID.subgrid(rows, columns)), 0.1, -273.15, NODATA,
                     "uint16")  # fmt: skip
    profile = {
        "driver": "GTiff", "width": GRID.columns, "height": GRID.rows, "count": 1,
        "dtype": "uint16", "crs": "EPSG:4326", "nodata": NODATA, "compress": "deflate",
        "transform": rasterio.Affine(*GRID.transform), "sparse_ok": True, "blockysize": 1,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(numbers, 1, window=Window.from_slices(
                (rows.start, rows.stop), (columns.start, columns.stop)))  # fmt: skip
        return memory.read()
