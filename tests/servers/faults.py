"""What goes wrong with servers and with connections, as a table that a test fills."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .messages import Asked, Reply

ALWAYS = 1 << 30
# The store that archives redirect to with a signed address. It refuses requests with a login.
STORE = "store.example.org"
LOGIN_HOST = "urs.earthdata.nasa.gov"
LOGIN_PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><title>Earthdata Login</title></head>
<body><form action="/login" method="post"><input name="username"/></form></body></html>
"""
NOT_APPROVED = b"""<!DOCTYPE html>
<html><head><title>403 Forbidden</title></head><body><h1>EULA Acceptance Failure</h1>
<p>You have not approved the application that gives these data.</p></body></html>
"""

# Kinds that replace the answer of a server.
UNAUTHORIZED = "unauthorized"  # 401; with ``after`` a token that expires in the middle of a run
NOT_APPROVED_403 = "not approved"  # 403 with the page EULA Acceptance Failure
NOT_FOUND = "not found"  # 404
TOO_MANY = "too many"  # 429; ``detail`` is the value of Retry-After, default "0"
SERVER_ERROR = "server error"  # 500
UNAVAILABLE = "unavailable"  # 503; with ``times`` a burst
OTHER_HOST = "other host"  # redirect to STORE, which gives the file
TO_LOGIN = "to login"  # redirect to LOGIN_HOST
AS_LOGIN_PAGE = "login page"  # a web page under the status 200
# Kinds that change what a server sends.
FLIPPED_BIT = "flipped bit"  # one bit is another; ``detail`` is its byte, default the middle
WRONG_CHECKSUM = "wrong checksum"  # CMR states checksums that the files do not have
CHANGED = "changed"  # the file has the content ``detail`` and other validators
MIXED = "mixed"  # the same, from a server that sends ranges whatever If-Range asks for
COMPRESSED = "gzip"  # Content-Encoding: gzip, although it was not asked for
# Kinds that change how it is sent.
CUT = "cut"  # the connection ends early; ``detail`` is after how many bytes, default half of them
NO_ANSWER = "no answer"  # the connection ends before the answer
DRIP = "drip"  # small pieces with pauses; ``detail`` is the pause in seconds, default 0.01
LONG_LENGTH = "long length"  # Content-Length is more than comes
SHORT_LENGTH = "short length"  # Content-Length is less than the file has
CHUNKED = "chunked"  # no Content-Length
NO_RANGE = "no range"  # Range is ignored
KINDS = (
    UNAUTHORIZED, NOT_APPROVED_403, NOT_FOUND, TOO_MANY, SERVER_ERROR, UNAVAILABLE, OTHER_HOST,
    TO_LOGIN, AS_LOGIN_PAGE, FLIPPED_BIT, WRONG_CHECKSUM, CHANGED, MIXED, COMPRESSED, CUT,
    NO_ANSWER, DRIP, LONG_LENGTH, SHORT_LENGTH, CHUNKED, NO_RANGE,
)  # fmt: skip


@dataclass
class Fault:
    """One entry of the table of faults.

    Attributes
    ----------
    host : str
        Host that it happens at; empty for all.
    path : str
        Regular expression that is searched in the path and query.
    kind : str
        One of ``KINDS``.
    times : int
        Requests that it happens to.
    after : int
        Matching requests that are answered well before it happens.
    detail : object
        See the kinds.
    methods : tuple of str
        Methods of the requests that it happens to.
    """

    host: str = ""
    path: str = ""
    kind: str = UNAVAILABLE
    times: int = ALWAYS
    after: int = 0
    detail: Any = None
    methods: tuple[str, ...] = ("GET", "POST")
    seen: int = field(default=0, init=False)

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is not a kind of fault")

    def happens(self, asked: Asked) -> bool:
        """Return True if the fault happens to a request, and count the request."""
        address = f"{asked.path}?{asked.query}" if asked.query else asked.path
        if (
            self.host not in ("", asked.host)
            or asked.method not in self.methods
            or not re.search(self.path, address)
        ):
            return False
        self.seen += 1
        return self.after < self.seen <= self.after + self.times


def replaced(fault: Fault, asked: Asked) -> Reply | None:
    """Return the reply that a fault puts in the place of the server's; None for other kinds."""
    html = {"Content-Type": "text/html"}
    address = f"{asked.path}?{asked.query}" if asked.query else asked.path
    # The store itself gives the file.
    store = Reply(302, {"Location": f"https://{STORE}/{asked.host}{address}"})
    replies = {
        UNAUTHORIZED: Reply(401, {"WWW-Authenticate": "Bearer"}, b"HTTP Token: Access denied."),
        NOT_APPROVED_403: Reply(403, html, NOT_APPROVED),
        NOT_FOUND: Reply(404, html, b"<html><body>Not Found</body></html>"),
        TOO_MANY: Reply(429, {"Retry-After": str(fault.detail or 0)}, b"Too many requests"),
        SERVER_ERROR: Reply(500, html, b"<html><body>Internal Server Error</body></html>"),
        UNAVAILABLE: Reply(503, html, b"<html><body>Service Unavailable</body></html>"),
        TO_LOGIN: Reply(302, {"Location": f"https://{LOGIN_HOST}/oauth/authorize?client_id=x"}),
        AS_LOGIN_PAGE: Reply(200, html, LOGIN_PAGE, generated=True),
        OTHER_HOST: None if asked.host == STORE else store,
    }
    return replies.get(fault.kind)


def with_wrong_checksums(body: bytes) -> bytes:
    """Return an answer of CMR in which the last digit of each checksum is another."""
    content = json.loads(body)
    for item in content["items"]:
        for file in item["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]:
            value = file["Checksum"]["Value"]
            file["Checksum"]["Value"] = value[:-1] + ("0" if value[-1] != "0" else "1")
    return json.dumps(content).encode()


def with_flipped_bit(body: bytes, place: int | None) -> bytes:
    """Return a body in which one bit is another."""
    changed = bytearray(body)
    changed[len(body) // 2 if place is None else place] ^= 0x10
    return bytes(changed)
