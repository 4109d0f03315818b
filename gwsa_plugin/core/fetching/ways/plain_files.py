"""Files at fixed addresses, in which ``{YYYY}`` and ``{MM}`` stand for the month.

Settings: ``files``, a list of objects with ``url``, ``path``, ``form`` and ``bytes``, the least and
the greatest size in bytes.
"""

from __future__ import annotations

from dataclasses import replace

from ..client import Client
from ..http import NotThere, Refused, Request, Unreachable
from ..logins import read_logins
from ..remote_file import RemoteFile, Wanted, with_month
from ..sources import Source


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return the files of a source; the server is asked for the facts of files of all months."""
    files = []
    for entry in source.settings["files"]:
        monthly = "{YYYY}" in entry["url"]
        for month in wanted.months if monthly else [None]:
            file = RemoteFile(
                source=source.name,
                url=with_month(entry["url"], month),
                path=with_month(entry["path"], month),
                form=entry["form"],
                size=tuple(entry["bytes"]),
                login=source.login,
            )
            files.append(file if monthly else with_facts(file, client))
    return files


def with_facts(file: RemoteFile, client: Client) -> RemoteFile:
    """Return a file with the size and the version that its server states.

    Raises
    ------
    NotThere
        When the server does not have it.
    Unreachable
        When there is no network.
    """
    request = Request(file.url, method="HEAD")
    try:
        answer, _ = client.read(request, read_logins().get(file.login))
    except (NotThere, Unreachable):
        raise
    except Refused:
        # Some servers have no HEAD. The download shows whether the file is there.
        return file
    length = answer.headers.get("content-length", "")
    size = (int(length), int(length)) if length.isdigit() and int(length) else file.size
    version = answer.headers.get("etag") or answer.headers.get("last-modified", "")
    return replace(file, size=size, version=version)
