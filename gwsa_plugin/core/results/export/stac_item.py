"""A STAC item that describes an exported dataset with all of its files.

References
----------
STAC specification 1.1.0, https://github.com/radiantearth/stac-spec, with the extensions file 2.1.0
(size and checksum), projection 2.0.0 (place of the rasters), raster 2.0.0 (what a cell is) and
scientific 1.0.0 (DOI).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...base.grid import Bounds, Grid
from ...base.months import month_range
from ...base.units import CM
from .citation import KEYWORDS
from .description import Description
from .netcdf_maps import time_bounds
from .product import Product

EXTENSIONS = "https://stac-extensions.github.io"
FILE = f"{EXTENSIONS}/file/v2.1.0/schema.json"
PROJECTION = f"{EXTENSIONS}/projection/v2.0.0/schema.json"
RASTER = f"{EXTENSIONS}/raster/v2.0.0/schema.json"
SCIENTIFIC = f"{EXTENSIONS}/scientific/v1.0.0/schema.json"
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
NETCDF_TYPE = "application/netcdf"
# Begins a SHA-256 digest of 32 bytes as a multihash (https://multiformats.io/multihash).
MULTIHASH_SHA256 = "1220"


class DataFile(NamedTuple):
    """A raster of the export.

    Attributes
    ----------
    path : str
        Relative to the folder of the export, with ``/``.
    title : str
        What it holds.
    months : ndarray of datetime64[M], shape (months,)
        The bands of a GeoTIFF, the times of a NetCDF file.
    """

    path: str
    title: str
    months: np.ndarray

    @property
    def is_cog(self) -> bool:
        """True for a GeoTIFF."""
        return self.path.endswith(".tif")


class Digest(NamedTuple):
    """Size in bytes and SHA-256 digest of a file."""

    size: int
    sha256: str


def stac_item(
    description: Description,
    product: Product,
    files: list[DataFile],
    texts: Mapping[str, tuple[str, str]],
    digests: Mapping[str, Digest],
) -> dict[str, Any]:
    """Return the item, ready for JSON.

    Parameters
    ----------
    description : Description
    product : Product
    files : list of DataFile
        The rasters.
    texts : mapping of str to (str, str)
        Path of each other file, its title and its media type.
    digests : mapping of str to Digest
        Path of each file -> its size and digest.
    """
    extensions = [FILE, PROJECTION, RASTER, *([SCIENTIFIC] if description.doi else [])]
    geometry, box = footprint(product.grid.bounds)
    assets = {file.path: _raster_asset(file, product.grid) for file in files}
    for path, (title, media_type) in texts.items():
        assets[path] = {"title": title, "type": media_type, "roles": ["metadata"]}
    for path, asset in assets.items():
        asset["href"] = f"./{path}"
        asset["file:size"] = digests[path].size
        asset["file:checksum"] = MULTIHASH_SHA256 + digests[path].sha256
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": extensions,
        "id": description.identifier,
        "geometry": geometry,
        "bbox": box,
        "properties": _properties(description, product),
        "links": _links(description),
        "assets": assets,
    }


def _properties(description: Description, product: Product) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": description.title,
        "description": product.summary,
        "keywords": list(KEYWORDS),
        "license": description.licence.identifier,
        "providers": [
            {"name": creator.full_name, "roles": ["producer"]} for creator in description.creators
        ],
        "datetime": None,
        **_period(product.months),
        "proj:code": product.grid.crs,
    }
    if description.doi:
        properties["sci:doi"] = description.doi
        properties["sci:citation"] = description.citation
    return properties


def _period(months: np.ndarray) -> dict[str, str]:
    """The first and the last second of a period."""
    days = time_bounds(months)
    return {
        "start_datetime": f"{days[0, 0]}T00:00:00Z",
        "end_datetime": f"{days[-1, 1] - 1}T23:59:59Z",
    }


def _links(description: Description) -> list[dict[str, str]]:
    licence = {
        "rel": "license",
        "href": description.licence.address,
        "type": "text/html",
        "title": description.licence.name,
    }
    cite = {"rel": "cite-as", "href": description.doi_address}
    return [licence, cite] if description.doi else [licence]


def _raster_asset(file: DataFile, grid: Grid) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "title": file.title,
        "type": COG_TYPE if file.is_cog else NETCDF_TYPE,
        "roles": ["data"],
        **_period(file.months),
        "data_type": "float32",
        "nodata": "nan",
        "unit": CM,
        "proj:shape": list(grid.shape),
        # A value is the mean over its cell, whose side is that of a square of the mean area, m.
        "raster:sampling": "area",
        "raster:spatial_resolution": round(1000 * float(np.sqrt(grid.row_areas().mean())), 1),
        "proj:transform": [grid.dx, 0.0, grid.west, 0.0, -grid.dy, grid.north],
    }
    if file.is_cog:
        # A GeoTIFF of a year has twelve bands, also where months of it are not exported.
        year = file.months[0].astype("datetime64[Y]")
        months = month_range(f"{year}-01", f"{year}-12")
        asset["bands"] = [{"name": str(month)} for month in months]
    return asset


def footprint(bounds: Bounds) -> tuple[dict[str, Any], list[float]]:
    """Return the GeoJSON geometry and the box of a region, both cut at 180°.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east and north in degrees; the east of a region across 180° is above 180.

    Returns
    -------
    geometry : dict
        A polygon, or one on each side of 180°, as RFC 7946 asks for.
    box : list of float
        West, south, east and north; west is above east for a region across 180°.
    """
    west, south, east, north = (round(side, 9) for side in bounds)
    south, north = max(south, -90.0), min(north, 90.0)
    if east - west >= 360:
        west, east = -180.0, 180.0
    if west < -180:
        west, east = west + 360, east + 360
    if east <= 180:
        return _polygon(west, south, east, north), [west, south, east, north]
    beyond = round(east - 360, 9)
    parts = [_polygon(west, south, 180.0, north), _polygon(-180.0, south, beyond, north)]
    geometry = {"type": "MultiPolygon", "coordinates": [part["coordinates"] for part in parts]}
    return geometry, [west, south, beyond, north]


def _polygon(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
