"""The page of the mascons of GSFC, and the file that it links to.

References
----------
https://earth.gsfc.nasa.gov/geo/data/grace-mascons
"""

from __future__ import annotations

from pathlib import Path

from ..archive import GSFC_NAME, mascons
from ..messages import NOT_THERE, Asked, Handler, Reply, file_reply

HOSTS = ("earth.gsfc.nasa.gov",)
PAGE = "/geo/data/grace-mascons"
FILES = "/sites/default/files/geo/"
HTML = f"""<!DOCTYPE html>
<html lang="en"><head><title>GSFC Mascons</title></head><body>
<p><a href="{FILES}{GSFC_NAME}">netCDF, 0.5 degrees</a></p>
<p><a href="{FILES}{GSFC_NAME.replace("_halfdegree.nc", ".h5")}">HDF5</a></p>
<p><a href="/geo/data">All data</a></p>
</body></html>
"""


def handler(folder: Path) -> Handler:
    """Return what answers with the page, and with the mascons of a sample world as the file."""

    def reply(asked: Asked) -> Reply:
        if asked.path == PAGE:
            return Reply(200, {"Content-Type": "text/html"}, HTML.encode(), generated=True)
        if asked.path == FILES + GSFC_NAME:
            return file_reply(mascons(folder, GSFC_NAME), "application/x-netcdf")
        return NOT_THERE

    return reply
