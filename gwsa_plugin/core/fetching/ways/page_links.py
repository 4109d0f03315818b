"""A file whose name changes with every new month, and that a web page links to.

Settings: ``page``, the address of the page; ``link``, a regular expression for the whole address;
``path``, ``form`` and ``bytes`` as in ``plain_files``. ``{NAME}`` in the path is the name of the
file. Of several links that match, the last in alphabetical order is taken, which is that of the
newest month.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

from ..client import Client
from ..http import Refused, Request
from ..remote_file import RemoteFile, Wanted
from ..sources import Source
from .plain_files import with_facts


def list_files(source: Source, wanted: Wanted, client: Client) -> list[RemoteFile]:
    """Return the newest file that the page links to."""
    settings = source.settings
    _, body = client.read(Request(settings["page"]))
    addresses = sorted(
        address
        for address in _links(body.decode("utf-8", "replace"), settings["page"])
        if re.fullmatch(settings["link"], address)
    )
    if not addresses:
        raise Refused(
            f"The page of {source.title}, {settings['page']}, has no link to the file; "
            "the source has changed it, so download the file by hand."
        )
    url = addresses[-1]
    file = RemoteFile(
        source=source.name,
        url=url,
        path=settings["path"].replace("{NAME}", url.rpartition("/")[2]),
        form=settings["form"],
        size=tuple(settings["bytes"]),
        login=source.login,
        newest=True,
    )
    return [with_facts(file, client)]


def _links(page: str, address: str) -> set[str]:
    parser = _Links()
    parser.feed(page)
    return {urljoin(address, link) for link in parser.found}


class _Links(HTMLParser):
    """Collects the targets of links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
