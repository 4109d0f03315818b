"""Elevation and slope on the fine grid, from the tiles of one degree of a terrain model.

Settings: ``list``, the address of the list of all tiles, a name a line; ``tile``, the address of a
tile, in which ``{TILE}`` is its name; ``name``, the form of the names, in which ``{NS}`` and
``{EW}`` are the south-west corner, such as ``N45`` and ``E014``; ``path`` of the NetCDF file;
``bytes``, the least and the greatest size of a tile where the server states none. There are no
tiles of the sea, where the elevation is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from pathlib import Path

import numpy as np

from ...base.errors import InputError
from ...base.grid import KM_PER_DEGREE, Bounds, Grid
from ...base.progress import Progress
from ...rasters.netcdf_writer import can_write_netcdf, new_netcdf
from ..client import Client
from ..download import Downloaded
from ..fine_grid import average_into, fine_grid, read_field
from ..http import Request
from ..logins import read_logins
from ..pieces import make_from_pieces
from ..regions import between_180, region_key
from ..remote_file import NETCDF, TIFF, RemoteFile, Wanted
from ..sources import Source
from .plain_files import with_facts

ELEVATION, SLOPE = "elevation", "slope"
UNITS = {ELEVATION: "m", SLOPE: "degree"}
CHUNK = 256


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return the file of the region, with the sizes of the tiles that there are."""
    settings = source.settings
    _, body = client.read(Request(settings["list"]), read_logins().get(source.login))
    known = set(body.decode("ascii", "replace").split())
    boxes = {_tile_name(settings["name"], box): box for box in _degrees(wanted.bounds)}
    boxes = {name: box for name, box in boxes.items() if name in known}
    tiles = [with_facts(_tile(source, name), client) for name in boxes]
    least, most = (sum(tile.size[end] for tile in tiles) for end in (0, 1))
    return [
        RemoteFile(
            source=source.name,
            url=f"{settings['list']}#{region_key(wanted.bounds)}",
            path=settings["path"],
            form=NETCDF,
            size=(least, most),
            login=source.login,
            settings={"bounds": wanted.bounds, "tiles": tiles, "boxes": list(boxes.values())},
        )
    ]


def fetch_file(
    client: Client,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    arrived: Callable[[int], None] = lambda count: None,
) -> Downloaded:
    """Fetch the tiles, and write elevation and slope."""
    if not can_write_netcdf():
        raise InputError(
            "This GDAL cannot write NetCDF, in which elevation and slope are kept; leave "
            f"{file.source} out, or install the driver (libgdal-netcdf of conda-forge)."
        )

    def make(paths: list[Path], made: Path) -> None:
        _write_terrain(paths, file.settings, made, progress)

    tiles = file.settings["tiles"]
    return make_from_pieces(client, file, tiles, target, make, progress, arrived)


def slope_of(elevation: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the slope of a terrain.

    Parameters
    ----------
    elevation : ndarray of float32, shape of ``grid``
        Metres, NaN for no value.
    grid : Grid
        Pixels in degrees.

    Returns
    -------
    ndarray of float32
        Degrees, of the plane through the neighbours of each pixel, central differences.
    """
    metres = 1000 * KM_PER_DEGREE
    across = metres * grid.dx * np.cos(np.radians(grid.latitudes))[:, None]
    down, right = np.gradient(elevation)
    gradient = np.hypot(down / (metres * grid.dy), right / across)
    return np.degrees(np.arctan(gradient)).astype(np.float32)


def _tile(source: Source, name: str) -> RemoteFile:
    return RemoteFile(
        source=source.name,
        url=source.settings["tile"].replace("{TILE}", name),
        path=f"{name}.tif",
        form=TIFF,
        size=tuple(source.settings["bytes"]),
        login=source.login,
    )


def _degrees(bounds: Bounds) -> list[Bounds]:
    """The boxes of one degree that a region touches, between -180° and 180°."""
    return [
        (longitude, latitude, longitude + 1, latitude + 1)
        for west, south, east, north in between_180(bounds)
        for latitude in range(floor(south), ceil(north))
        for longitude in range(floor(west), ceil(east))
    ]


def _tile_name(form: str, box: Bounds) -> str:
    longitude, latitude = int(box[0]), int(box[1])
    northing = f"{'S' if latitude < 0 else 'N'}{abs(latitude):02d}"
    easting = f"{'W' if longitude < 0 else 'E'}{abs(longitude):03d}"
    return form.replace("{NS}", northing).replace("{EW}", easting)


def _write_terrain(paths: list[Path], settings: dict, made: Path, progress: Progress) -> None:
    grid = fine_grid(settings["bounds"])
    # There are no tiles of the sea.
    fields = {name: np.zeros(grid.shape, np.float32) for name in UNITS}
    for path, box in zip(paths, settings["boxes"]):
        progress.stop_if_cancelled()
        elevation, pixels = read_field(path)
        average_into(fields[ELEVATION], grid, box, elevation, pixels)
        average_into(fields[SLOPE], grid, box, slope_of(elevation, pixels), pixels)
    with new_netcdf(made, {"Conventions": "CF-1.8"}) as file:
        axes = {"lat": (grid.latitudes, "degrees_north"), "lon": (grid.longitudes, "degrees_east")}
        for name, (values, unit) in axes.items():
            file.dimension(name, values.size)
            file.variable(name, name, "f8", {"units": unit})
            file.write(name, values)
        chunks = tuple(min(CHUNK, size) for size in grid.shape)
        for name, field in fields.items():
            file.variable(name, "lat lon", "f4", {"units": UNITS[name]}, chunks)
            file.write(name, field)
