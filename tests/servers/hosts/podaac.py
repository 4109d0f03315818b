"""The archive of PO.DAAC with the mascons of JPL.

A request with the right token is redirected to a signed address at the store of the files.

References
----------
https://podaac.jpl.nasa.gov/dataset/TELLUS_GRAC-GRFO_MASCON_CRI_GRID_RL06.3_V4
"""

from __future__ import annotations

from pathlib import Path

from ..archive import JPL_NAME, mascons
from ..faults import OTHER_HOST, Fault, replaced
from ..logins import denied
from ..messages import NOT_THERE, Asked, Handler, Reply, file_reply

HOSTS = ("archive.podaac.earthdata.nasa.gov",)
PATH = "/podaac-ops-cumulus-protected/TELLUS_GRAC-GRFO_MASCON_CRI_GRID_RL06.3_V4/" + JPL_NAME


def handler(folder: Path) -> Handler:
    """Return what answers with the mascons of a sample world under the name of JPL's."""

    def reply(asked: Asked) -> Reply:
        if asked.path != PATH:
            return NOT_THERE
        if asked.signed:
            return file_reply(mascons(folder, JPL_NAME), "application/x-netcdf")
        return denied(asked) or replaced(Fault(kind=OTHER_HOST), asked) or NOT_THERE

    return reply
