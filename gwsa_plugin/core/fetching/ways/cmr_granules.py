"""Whole files of a collection in CMR.

Settings: ``collection``, its concept id; ``path``, in which ``{NAME}`` is the name of the file;
``form``; ``bytes``, the least and the greatest size where CMR states none; ``newest``, true for a
collection whose newest file has all months.
"""

from __future__ import annotations

from ..client import Client
from ..cmr import Granule, search_granules
from ..http import NotThere
from ..remote_file import RemoteFile, Wanted
from ..sources import Source


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return the granules of the months, or the newest one."""
    newest = source.settings.get("newest", False)
    granules = search_granules(
        client, source.settings["collection"], None if newest else wanted.months
    )
    if not granules:
        raise NotThere(
            f"{source.title} has no file for these months; choose a period within its own."
        )
    if newest:
        granules = [max(granules, key=lambda item: item.url)]
    return [_file(source, item, newest) for item in granules]


def _file(source: Source, granule: Granule, newest: bool) -> RemoteFile:
    settings = source.settings
    size = granule.size or tuple(settings["bytes"])
    name = granule.url.rpartition("/")[2]
    return RemoteFile(
        source=source.name,
        url=granule.url,
        path=settings["path"].replace("{NAME}", name),
        form=settings["form"],
        size=size,
        checksum=granule.checksum,
        version=granule.revision,
        login=source.login,
        newest=newest,
        months=() if newest else (granule.first,),
    )
