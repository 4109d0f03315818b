"""A region of each file of a collection, cut out by its OPeNDAP service.

Settings: ``collection``, its concept id; ``path`` with ``{YYYY}`` and ``{MM}``; ``variables``,
their names, over time, latitude and longitude; ``axes``, the names of these three; ``grid``, the
first longitude and latitude, the step in degrees and the number of columns and rows of the grid;
``bytes_per_value`` and ``bytes_besides``, the least and the greatest of each.

References
----------
DAP4 constraints: terms /NAME[first:last] with a semicolon between them, the last index included,
https://opendap.github.io/dap4-specification/DAP4.html#_array_subsetting_in_index_space

Hyrax in the cloud answers ``.dap.nc4?dap4.ce=`` behind the address of a granule with NetCDF-4,
https://podaac.jpl.nasa.gov/OPeNDAP-in-the-Cloud
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ...base.progress import Progress
from ...rasters.netcdf import open_netcdf
from ..client import Client
from ..cmr import Granule, search_granules
from ..download import Downloaded, download
from ..http import NotThere
from ..remote_file import NETCDF, RemoteFile, Wanted, with_month
from ..sources import Source, read_sources
from ..subset_grid import indices, subset_bytes

# Degrees within which axes agree.
TOLERANCE = 1e-3


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return a subset for each month that the collection has."""
    granules = search_granules(client, source.settings["collection"], wanted.months)
    if not granules:
        raise NotThere(
            f"{source.title} has no file for these months; choose a period within its own."
        )
    rows, columns = indices(source.settings["grid"], wanted.bounds)
    return [_file(source, item, rows, columns) for item in granules]


def fetch_file(
    client: Client,
    file: RemoteFile,
    target: Path,
    progress: Progress,
    arrived: Callable[[int], None],
) -> Downloaded:
    """Download a subset, and check that it has the variables and the cells that were asked for.

    The service states neither a length nor a checksum.
    """
    settings = read_sources()[file.source].settings
    find_fault = partial(_find_fault, settings=settings, file=file)
    return download(client, file, target, progress, arrived, find_fault)


def _find_fault(path: Path, settings: dict, file: RemoteFile) -> str:
    """What is wrong with a subset; empty if nothing is."""
    _, latitude, longitude = settings["axes"]
    grid, shape = settings["grid"], []
    with open_netcdf(path) as subset:
        for axis, start, (first, last) in (
            (latitude, grid["south"], file.settings["rows"]),
            (longitude, grid["west"], file.settings["columns"]),
        ):
            wanted = start + grid["step"] * np.arange(first, last + 1)
            values = subset.read(axis) if subset.has(axis) else np.empty(0)
            same = values.shape == wanted.shape and np.allclose(values, wanted, 0, TOLERANCE)
            if not same:
                return f"{file.name} does not have the cells that were asked for"
            shape.append(wanted.size)
        for name in settings["variables"]:
            if not subset.has(name) or subset.shape(name)[-2:] != tuple(shape):
                return f"{file.name} does not have {name} in all cells that were asked for"
    return ""


def _file(source: Source, granule: Granule, rows: range, columns: range) -> RemoteFile:
    settings = source.settings
    values = len(settings["variables"]) * len(rows) * len(columns)
    constraint = quote(_constraint(settings, rows, columns), safe="/;:")
    return RemoteFile(
        source=source.name,
        url=f"{granule.opendap}.dap.nc4?dap4.ce={constraint}",
        path=with_month(settings["path"], granule.first),
        form=NETCDF,
        size=subset_bytes(settings, values),
        version=granule.revision,
        login=source.login,
        settings={"rows": (rows[0], rows[-1]), "columns": (columns[0], columns[-1])},
        months=(granule.first,),
    )


def _constraint(settings: dict, rows: range, columns: range) -> str:
    """The DAP4 expression for the variables in a window, with their axes."""
    time, latitude, longitude = settings["axes"]
    window = f"[0][{rows[0]}:{rows[-1]}][{columns[0]}:{columns[-1]}]"
    parts = [f"/{name}{window}" for name in settings["variables"]]
    parts += [f"/{latitude}[{rows[0]}:{rows[-1]}]", f"/{longitude}[{columns[0]}:{columns[-1]}]"]
    return ";".join([*parts, f"/{time}[0]"])
