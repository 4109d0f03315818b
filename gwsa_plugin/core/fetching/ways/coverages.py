"""Means of coverages of a Web Coverage Service, averaged to the fine grid.

Settings: ``service``, the address, in which ``{MAP}`` is that of a file; ``files``, a list of
objects with ``path``, ``map`` and ``coverages``, the name of a coverage -> its weight in the mean;
``most_degrees``, the longest side of one request; ``step``, the size of a pixel that comes in
degrees; ``bytes_per_value`` and ``bytes_besides``, the least and the greatest of each, of one
request; ``nodata``, a number without a meaning beside the one that the coverage states.

References
----------
OGC Web Coverage Service 2.0.1, KVP protocol binding (OGC 09-147r3) and CRS extension (OGC 11-053r1)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ...base.grid import Bounds
from ...base.progress import Progress
from ...rasters.geotiff import Header, new_geotiff
from ..client import Client
from ..download import Downloaded
from ..fine_grid import average_into, boxes_of, fine_grid, read_field
from ..pieces import make_from_pieces
from ..regions import FINE, region_key
from ..remote_file import TIFF, RemoteFile, Wanted
from ..sources import Source
from ..subset_grid import subset_bytes

DEGREES = "http://www.opengis.net/def/crs/EPSG/0/4326"
NODATA = -32768


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return the files; the service is not asked before they are fetched."""
    settings = source.settings
    files = []
    for entry in settings["files"]:
        address = settings["service"].replace("{MAP}", entry["map"])
        file = RemoteFile(
            source=source.name,
            url=f"{address}#{region_key(wanted.bounds)}",
            path=entry["path"],
            form=TIFF,
            size=(0, 0),
            login=source.login,
            settings={
                "address": address,
                "bounds": wanted.bounds,
                "coverages": entry["coverages"],
                **{name: settings[name] for name in ("most_degrees", "nodata")},
            },
        )
        sizes = [_expected_bytes(settings, box) for _, box in _requests(file)]
        least, most = (sum(size[end] for size in sizes) for end in (0, 1))
        files.append(replace(file, size=(least, most)))
    return files


def fetch_file(
    client: Client,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    arrived: Callable[[int], None] = lambda count: None,
) -> Downloaded:
    """Fetch the coverages in boxes, and write the mean of them."""
    pieces = [
        replace(file, url=_address(file, name, box), path=f"{number}.tif", size=(0, 1 << 30))
        for number, (name, box) in enumerate(_requests(file))
    ]

    def make(paths: list[Path], made: Path) -> None:
        _write_mean(paths, file, made, progress)

    return make_from_pieces(client, file, pieces, target, make, progress, arrived)


def _requests(file: RemoteFile) -> list[tuple[str, Bounds]]:
    """The coverages and the boxes of the requests for a file."""
    boxes = boxes_of(fine_grid(file.settings["bounds"]).bounds, file.settings["most_degrees"])
    return [(name, box) for name in file.settings["coverages"] for box in boxes]


def _address(file: RemoteFile, coverage: str, box: Bounds) -> str:
    """The address of a request; a margin lets every fine cell get all of its pixels."""
    west, south, east, north = box
    axes = {"long": (west - FINE, east + FINE), "lat": (south - FINE, north + FINE)}
    subsets = "".join(
        f"&SUBSET={axis}({max(start, -end):.6f},{min(stop, end):.6f})"
        for (axis, (start, stop)), end in zip(axes.items(), (180.0, 90.0))
    )
    crs = quote(DEGREES, safe=":/")
    return (
        f"{file.settings['address']}&SERVICE=WCS&VERSION=2.0.1&REQUEST=GetCoverage"
        f"&COVERAGEID={coverage}&FORMAT=image/tiff{subsets}"
        f"&SUBSETTINGCRS={crs}&OUTPUTCRS={crs}"
    )


def _write_mean(paths: list[Path], file: RemoteFile, made: Path, progress: Progress) -> None:
    """Write the weighted mean as whole numbers; a cell without one of them has none."""
    settings = file.settings
    grid = fine_grid(settings["bounds"])
    weights = settings["coverages"]
    mean = np.zeros(grid.shape, np.float32)
    field = np.empty(grid.shape, np.float32)
    for path, (name, box) in zip(paths, _requests(file)):
        progress.stop_if_cancelled()
        values, source = read_field(path)
        values[values == settings["nodata"]] = np.nan
        field.fill(0)
        average_into(field, grid, box, values, source)
        mean += np.float32(weights[name] / sum(weights.values())) * field
    header = Header(grid=grid, names=("",), unit="", tags={}, dtype="int16", nodata=NODATA)
    with new_geotiff(made, header) as target:
        stored = np.where(np.isnan(mean), NODATA, np.rint(mean)).astype(np.int16)
        target.write(1, stored)


def _expected_bytes(settings: dict, box: Bounds) -> tuple[int, int]:
    west, south, east, north = box
    pixels = (east - west + 2 * FINE) * (north - south + 2 * FINE) / settings["step"] ** 2
    return subset_bytes(settings, int(pixels))
