"""Parts of a remote file, all of the same version of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from urllib.parse import urlsplit

from .client import Client
from .content import look_at_beginning
from .download import validator
from .http import Answer, Interrupted, Refused, Request, content_range
from .logins import Login
from .remote_file import TIFF

# Bytes that are read at least: what follows is often needed next.
LEAST = 4096
STATED = ("etag", "last-modified")


class FileChanged(Interrupted):
    """The remote file is not the one of which parts have come."""


class RemoteParts:
    """Reads ranges of a remote file.

    Small ranges that were read are kept with the facts, so that a later run does not ask for them
    again.

    Parameters
    ----------
    client : Client
    url : str
        Address of the file.
    login : Login or None
    facts : dict
        What the server stated about the file before, and what was read of it.
    arrived : callable
        Told the number of bytes of each piece.
    keep : callable
        Called when ``facts`` has changed.
    """

    def __init__(
        self,
        client: Client,
        url: str,
        login: Login | None,
        facts: dict,
        arrived: Callable[[int], None] = lambda count: None,
        keep: Callable[[], None] = lambda: None,
    ):
        self._client = client
        self._url = url
        self._login = login
        self._facts = facts
        self._arrived = arrived
        self._keep = keep
        self._known: dict[str, str] = facts.setdefault("known", {})

    def read(self, start: int, count: int) -> bytes:
        """Return ``count`` bytes from ``start`` on, fewer at the end of the file."""
        for first, text in self._known.items():
            begin, content = int(first), b64decode(text)
            total = self._facts.get("total") or start + count
            if begin <= start and min(start + count, total) <= begin + len(content):
                return content[start - begin : start - begin + count]
        pieces: list[bytes] = []
        stop = start + max(count, LEAST)
        self.take(start, stop, pieces.append)
        content = b"".join(pieces)
        if start + len(content) < min(stop, self._facts.get("total", stop)):
            raise Interrupted(f"{self._name} ended early")
        self._known[str(start)] = b64encode(content).decode("ascii")
        self._keep()
        return content[:count]

    def take(self, start: int, stop: int, take: Callable[[bytes], object]) -> None:
        """Ask for the bytes from ``start`` to before ``stop``.

        Raises
        ------
        FileChanged
            When the file is another one than before.
        Refused
            When the server gives only the file as a whole.
        """
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if stated := validator(self._facts):
            headers["If-Range"] = stated

        def sink(answer: Answer, piece: bytes) -> None:
            self._check(answer, start, piece)
            self._arrived(len(piece))
            take(piece)

        answer = self._client.send(Request(self._url, headers), sink, self._login)
        self._check(answer, start)

    def _check(self, answer: Answer, start: int, piece: bytes = b"") -> None:
        facts = self._facts
        # An answer that was compressed on the way has the weak form of the ETag.
        stated = {
            name: answer.headers[name].removeprefix("W/")
            for name in STATED
            if name in answer.headers
        }
        if any(facts.get(name, value) != value for name, value in stated.items()):
            raise FileChanged(f"{self._name} has changed on the server")
        found = content_range(answer)
        if answer.status != 206 or not found or found[0] != start:
            if "content-encoding" not in answer.headers:
                look_at_beginning(piece, TIFF, self._name)
            raise Refused(
                f"{urlsplit(self._url).hostname} sends {self._name} only as a whole, not the part "
                "of a region; download it by hand, or leave this source out."
            )
        facts.update(stated)
        if found[1] is not None:
            facts["total"] = found[1]

    @property
    def _name(self) -> str:
        return urlsplit(self._url).path.rpartition("/")[2]
