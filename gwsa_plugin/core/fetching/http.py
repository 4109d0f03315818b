"""Requests, answers and what sends them: the network itself is given from outside the core."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ..base.errors import InputError

# Bytes of a page that comes with an error, of which only the beginning is of use.
ERROR_PAGE = 1 << 16
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Request(NamedTuple):
    """One HTTP request.

    Attributes
    ----------
    url : str
    headers : dict of str to str
    method : str
        ``GET``, ``HEAD`` or ``POST``.
    body : bytes
        Body of a POST.
    """

    url: str
    headers: dict[str, str] = {}
    method: str = "GET"
    body: bytes = b""


@dataclass
class Answer:
    """What came for a request.

    Attributes
    ----------
    status : int
        HTTP status; 0 if the server did not answer.
    headers : dict of str to str
        Headers by their names in lower case.
    page : bytes
        Body of an answer other than 2xx, at most ``ERROR_PAGE`` bytes.
    problem : str
        Why the connection failed or ended early; empty if it did not.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    page: bytes = b""
    problem: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the status is 2xx. The body can still be cut short, see ``problem``."""
        return 200 <= self.status < 300


def content_range(answer: Answer) -> tuple[int, int | None] | None:
    """Return where a partial answer begins in its file, and the size of the file.

    Returns
    -------
    (int, int or None) or None
        The first byte, and the size if it is stated; None for an answer that states no range.
    """
    found = CONTENT_RANGE.match(answer.headers.get("content-range", ""))
    if not found:
        return None
    return int(found[1]), None if found[2] == "*" else int(found[2])


# Receives the bytes of an answer with status 2xx as they come.
Sink = Callable[[Answer, bytes], None]


class Transport(Protocol):
    """Sends requests. It follows no redirects, uses no cache and does not decompress.

    ``send`` is called from several threads at once.
    """

    def send(self, request: Request, sink: Sink, is_cancelled: Callable[[], bool]) -> Answer:
        """Send a request and wait for its end.

        Parameters
        ----------
        request : Request
        sink : callable
            Called with the answer, whose status and headers are complete, and each piece of the
            body, if the status is 2xx. What it raises ends the request and is raised again.
        is_cancelled : callable
            Asked at least every 0.2 s; the request ends once it returns True.

        Returns
        -------
        Answer
        """


class Refused(InputError):
    """A server does not give a file, and asking again does not help."""


class NotThere(Refused):
    """A server does not have a file (404 or 410)."""


class Unreachable(Refused):
    """No server has answered at all, as without a network."""


class LoginRefused(Refused):
    """A login is missing or is not accepted; other files that need it are not given either."""


class Interrupted(Exception):
    """A request failed and can be repeated.

    Parameters
    ----------
    reason : str
        What happened, for the user, without a full stop.
    wait_s : float, optional
        Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, wait_s: float | None = None):
        super().__init__(reason)
        self.wait_s = wait_s


class NotReady(Exception):
    """A server has not yet made what it makes on request.

    Parameters
    ----------
    reason : str
        What is being made, for the user, without a full stop.
    wait_s : float
        Seconds before it is worth asking again.
    """

    def __init__(self, reason: str, wait_s: float):
        super().__init__(reason)
        self.wait_s = wait_s


class OutOfRange(Interrupted):
    """A server has less of a file than was asked to go on from (416)."""
