"""The Web Coverage Service with SoilGrids.

References
----------
OGC Web Coverage Service 2.0.1, https://www.isric.org/web-coverage-services-wcs
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs

from gwsa.gwsa_plugin.core.base.grid import Grid

from ..fields import field_on, geotiff, stored
from ..messages import NOT_THERE, Asked, Handler, Reply

HOSTS = ("maps.isric.org",)
PIXEL = 0.00225
# Map -> predictor of the world, and value of a stored step.
MAPS = {"sand": ("sand", 0.1), "clay": ("clay", 0.1), "bdod": ("bulk_density", 0.01)}
# Depth -> what is added to the predictor, in its unit.
DEPTHS = {"0-5cm": -0.2, "5-15cm": -0.1, "15-30cm": 0.0}
SUBSET = re.compile(r"(long|lat)\((-?[\d.]+),(-?[\d.]+)\)")
DEGREES = "http://www.opengis.net/def/crs/EPSG/0/4326"
PROBLEM = b'<?xml version="1.0"?><ows:ExceptionReport><ows:Exception/></ows:ExceptionReport>'


def handler(folder: Path) -> Handler:
    """Return what answers with the soil of a sample world."""

    def reply(asked: Asked) -> Reply:
        fields = asked.fields
        name = fields.get("map", "").removeprefix("/map/").removesuffix(".map")
        if asked.path != "/mapserv" or name not in MAPS:
            return NOT_THERE
        found = re.fullmatch(rf"{name}_([\w-]+)_mean", fields.get("COVERAGEID", ""))
        subsets = " ".join(parse_qs(asked.query).get("SUBSET", []))
        box = {axis: (float(low), float(high)) for axis, low, high in SUBSET.findall(subsets)}
        if (
            not found or found[1] not in DEPTHS or set(box) != {"long", "lat"}
            or fields.get("SUBSETTINGCRS") != DEGREES or fields.get("OUTPUTCRS") != DEGREES
        ):  # fmt: skip
            return Reply(400, {"Content-Type": "text/xml"}, PROBLEM)
        return Reply(200, {"Content-Type": "image/tiff"}, _coverage(folder, name, found[1], box),
                     generated=True)  # fmt: skip

    return reply


def _coverage(folder: Path, name: str, depth: str, box: dict) -> bytes:
    predictor, step = MAPS[name]
    (west, east), (south, north) = box["long"], box["lat"]
    rows, columns = (round((stop - start) / PIXEL) for start, stop in (box["lat"], box["long"]))
    grid = Grid(west, north, (east - west) / columns, (north - south) / rows, rows, columns)
    values = field_on(folder / "predictors" / f"{predictor}.tif", 1, grid) + DEPTHS[depth]
    return geotiff(stored(values, step, 0.0, -32768, "int16"), grid, -32768)
