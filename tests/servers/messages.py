"""What is asked of a server, and what it replies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs


class Asked(NamedTuple):
    """A request.

    Attributes
    ----------
    host : str
        The real host that it is meant for.
    path : str
        Path with a leading ``/``, as it was sent (not decoded).
    query : str
        Query as it was sent; empty without one.
    method : str
    headers : dict of str to str
        Headers by their names in lower case.
    body : bytes
    """

    host: str
    path: str
    query: str
    method: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the query, decoded; the first value of each."""
        return {name: values[0] for name, values in parse_qs(self.query).items()}

    @property
    def signed(self) -> bool:
        """Whether it came to the store with a signed address."""
        return self.headers.get("store") == "signed"

    @property
    def token(self) -> str:
        """The bearer token; empty without one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" else ""


@dataclass
class Reply:
    """A reply.

    Attributes
    ----------
    status : int
    headers : dict of str to str
        An empty value removes a header that the server would add.
    body : bytes or Path
        Content, or the file that has it.
    generated : bool
        Whether the body is made for this request: it comes without length, validators and ranges,
        as from services that make subsets.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    generated: bool = False


Handler = Callable[[Asked], Reply]


@dataclass
class Visit:
    """A request with what was answered: an entry of the log of the server.

    Attributes
    ----------
    asked : Asked
    status : int
        0 where the connection ended before the answer.
    sent : int
        Bytes of the body that were sent so far.
    """

    asked: Asked
    status: int = 0
    sent: int = 0

    @property
    def host(self) -> str:
        """The host that was asked."""
        return self.asked.host

    @property
    def path(self) -> str:
        """Path and query."""
        return f"{self.asked.path}?{self.asked.query}" if self.asked.query else self.asked.path

    @property
    def method(self) -> str:
        """Method of the request."""
        return self.asked.method

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the request by their names in lower case."""
        return self.asked.headers


NOT_THERE = Reply(404, {"Content-Type": "text/html"}, b"<html><body>Not Found</body></html>")


def file_reply(path: Path, content_type: str = "application/octet-stream") -> Reply:
    """Return the reply with a file, or the one for a file that is not there."""
    return Reply(200, {"Content-Type": content_type}, path) if path.is_file() else NOT_THERE
