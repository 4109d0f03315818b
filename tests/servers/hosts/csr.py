"""The server of the mascons of CSR, and of their land mask.

References
----------
https://www2.csr.utexas.edu/grace/RL06_mascons.html
"""

from __future__ import annotations

from pathlib import Path

from ..messages import NOT_THERE, Asked, Handler, Reply, file_reply

HOSTS = ("download.csr.utexas.edu",)
PREFIX = "/outgoing/grace/RL0603_mascons/"


def handler(folder: Path) -> Handler:
    """Return what answers with the files of ``grace/`` of a sample world."""

    def reply(asked: Asked) -> Reply:
        if not asked.path.startswith(PREFIX):
            return NOT_THERE
        name = asked.path.removeprefix(PREFIX)
        return file_reply(folder / "grace" / Path(name).name, "application/x-netcdf")

    return reply
