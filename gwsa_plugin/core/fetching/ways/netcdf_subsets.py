"""A region of years of variables, cut out by the NetCDF Subset Service of a THREDDS server.

Settings: ``service``, the address of a dataset, in which ``{VARIABLE}`` is its variable; ``files``,
the variable -> the path with ``{YYYY}``; ``grid``, the first longitude and latitude, the step in
degrees and the number of columns and rows of the grid, whose rows run from south to north;
``bytes_per_value`` and ``bytes_besides``, the least and the greatest of each.

A file has all months of a year, so that a later last month changes the file of one year only.

References
----------
NetCDF Subset Service, https://docs.unidata.ucar.edu/tds/current/userguide/netcdf_subset_service_ref.html
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

import numpy as np

from ...base.months import month_range
from ..client import Client
from ..http import NotThere, Refused, Request
from ..remote_file import NETCDF, RemoteFile, Wanted
from ..sources import Source
from ..subset_grid import indices, subset_bytes

SPAN = re.compile(
    rb"<TimeSpan>\s*<begin>\s*(\d{4}-\d\d)[^<]*</begin>\s*<end>\s*(\d{4}-\d\d)[^<]*</end>"
)


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return a subset for each variable and each year that its dataset has."""
    settings = source.settings
    rows, columns = indices(settings["grid"], wanted.bounds)
    files = []
    for variable, path in settings["files"].items():
        address = settings["service"].replace("{VARIABLE}", variable)
        first, last = _span(source, address, client)
        months = wanted.months[(wanted.months >= first) & (wanted.months <= last)]
        if not len(months):
            raise NotThere(
                f"{source.title} has the months from {first} to {last}; choose a period within "
                "these, or leave it out."
            )
        for year in np.unique(months.astype("datetime64[Y]")):
            # The last month is a part of the address, so that a year that has grown is fetched.
            present = month_range(max(first, year), min(last, year + np.timedelta64(11, "M")))
            files.append(
                RemoteFile(
                    source=source.name,
                    url=f"{address}?{_query(settings, variable, present, rows, columns)}",
                    path=path.replace("{YYYY}", str(year)),
                    form=NETCDF,
                    size=subset_bytes(settings, present.size * len(rows) * len(columns)),
                    login=source.login,
                    months=tuple(present),
                )
            )
    return files


def _span(source: Source, address: str, client: Client) -> tuple[np.datetime64, np.datetime64]:
    """The first and the last month of a dataset."""
    _, body = client.read(Request(f"{address}/dataset.xml"))
    found = SPAN.search(body)
    if not found:
        raise Refused(
            f"The description of {source.title} at {address}/dataset.xml states no time span; "
            "the source has changed it. Download the files by hand, or leave it out."
        )
    first, last = (np.datetime64(month.decode(), "M") for month in found.groups())
    return first, last


def _query(settings: dict, variable: str, months: np.ndarray, rows: range, columns: range) -> str:
    """The centres of the first and the last cells, which the service includes."""
    grid = settings["grid"]
    degrees = {
        "north": grid["south"] + rows[-1] * grid["step"],
        "west": grid["west"] + columns[0] * grid["step"],
        "east": grid["west"] + columns[-1] * grid["step"],
        "south": grid["south"] + rows[0] * grid["step"],
    }
    # Halfway to the next centres, so that rounding cannot leave a cell out.
    outward = {"north": 0.4, "west": -0.4, "east": 0.4, "south": -0.4}
    box = {side: f"{value + outward[side] * grid['step']:.5f}" for side, value in degrees.items()}
    return urlencode(
        {
            "var": variable,
            **box,
            "horizStride": 1,
            "time_start": f"{months[0]}-01T00:00:00Z",
            "time_end": f"{months[-1]}-28T00:00:00Z",
            "timeStride": 1,
            "accept": "netcdf",
        }
    )
