"""The archive of GES DISC and its OPeNDAP service, with the months of GLDAS.

The service answers constraints of DAP4 with NetCDF-4, without a length and without ranges.

References
----------
DAP4 constraints, https://opendap.github.io/dap4-specification/DAP4.html
OPeNDAP in the cloud, https://podaac.jpl.nasa.gov/OPeNDAP-in-the-Cloud
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import numpy as np

from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf

from ..archive import GLDAS
from ..logins import denied
from ..messages import NOT_THERE, Asked, Handler, Reply, file_reply

ARCHIVE = "data.gesdisc.earthdata.nasa.gov"
SERVICE = "opendap.earthdata.nasa.gov"
HOSTS = (ARCHIVE, SERVICE)
GRANULES = f"https://{SERVICE}/collections/{GLDAS}/granules/"
GRANULE = re.compile(rf"/collections/{GLDAS}/granules/GLDAS_NOAH025_M\.2\.1:(.+)\.dap\.nc4")
ARCHIVED = re.compile(r"/data/GLDAS/GLDAS_NOAH025_M\.2\.1/\d{4}/(.+)")
TERM = re.compile(r"/(\w+)((?:\[\d+(?::\d+){0,2}\])*)")
FILL = -9999.0
# Attributes that a subset keeps.
KEPT = ("units", "long_name", "standard_name", "begin_date", "begin_time", "time_increment")
GLOBAL = ("title", "source", "institution", "references")


def archive_file(name: str) -> str:
    """Return the address of a file as it is in the archive."""
    return f"https://{ARCHIVE}/data/GLDAS/GLDAS_NOAH025_M.2.1/{name[17:21]}/{name}"


def handler(folder: Path) -> Handler:
    """Return what answers with the months of GLDAS of a sample world, and with parts of them."""

    def reply(asked: Asked) -> Reply:
        if not asked.signed and (answer := denied(asked)):
            return answer
        archived, part = ARCHIVED.fullmatch(asked.path), GRANULE.fullmatch(unquote(asked.path))
        if asked.host == ARCHIVE and archived:
            return file_reply(folder / "gldas" / Path(archived[1]).name)
        path = folder / "gldas" / Path(part[1]).name if part else folder
        if asked.host != SERVICE or not path.is_file():
            return NOT_THERE
        try:
            body = _subset(path, asked.fields["dap4.ce"])
        except ValueError as error:
            return Reply(400, {"Content-Type": "text/xml"}, f"<Error>{error}</Error>".encode())
        headers = {"Content-Type": "application/x-netcdf;ver=4", "XDAP": "3.2"}
        return Reply(200, headers, body, generated=True)

    return reply


@lru_cache(maxsize=512)
def _subset(path: Path, constraint: str) -> bytes:
    """The NetCDF-4 file of a constraint.

    Raises
    ------
    ValueError
        When the constraint is not one of DAP4, or goes beyond an array.
    """
    with open_netcdf(path) as file:
        windows = dict(_terms(constraint))
        axes: dict[str, int] = {}
        arrays = {}
        for name, window in windows.items():
            if any(side.stop > size for side, size in zip(window, file.shape(name))):
                raise ValueError(f"{name} is smaller than asked for")
            values = file.read(name, *window)
            names = file.dimensions(name)
            if any(axes.setdefault(*pair) != pair[1] for pair in zip(names, values.shape)):
                raise ValueError("the windows do not fit each other")
            stated = {key: file.text(key, name) for key in KEPT if file.text(key, name)}
            arrays[name] = (" ".join(names), values, stated)
        facts = {key: file.text(key) for key in GLOBAL}
    with TemporaryDirectory() as folder:
        target = Path(folder) / "subset.nc4"
        with new_netcdf(target, facts) as out:
            for axis, size in axes.items():
                out.dimension(axis, size)
            for name, (names, values, stated) in arrays.items():
                axis = name in axes
                kind = "f8" if name == "time" else "f4"
                chunks = None if axis else values.shape
                out.variable(name, names, kind, stated, chunks, None if axis else FILL)
                out.write(name, np.where(np.isnan(values), FILL, values).astype(kind))
        return target.read_bytes()


def _terms(constraint: str) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Variables of a constraint with their windows. The last index of a window belongs to it."""
    for term in constraint.split(";"):
        found = TERM.fullmatch(term)
        if not found:
            raise ValueError(f"{term} is not a term of a constraint")
        parts = [part.split(":") for part in re.findall(r"\[([^]]+)\]", found[2])]
        yield found[1], tuple(slice(int(part[0]), int(part[-1]) + 1) for part in parts)
