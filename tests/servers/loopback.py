"""A small HTTP server on this machine that stands for the servers of all sources.

A request for ``/HOST/PATH`` is answered as ``HOST`` answers ``/PATH``. Ranges, validators, lengths
and codings of the content are those of a good server, and faults are added by a table.

    with Loopback({"download.csr.utexas.edu": csr.handler(world)}) as loopback:
        loopback.faults.append(Fault("", "all-corrections", CUT, times=2))
        ...  # GWSA_SERVERS=loopback.address
        assert all(not visit.asked.token for visit in loopback.log)

References
----------
HTTP Semantics, RFC 9110, https://www.rfc-editor.org/rfc/rfc9110.html (ranges: section 14;
If-Range: section 13.1.5; Retry-After: section 10.2.3).
"""

from __future__ import annotations

import gzip
import hashlib
import re
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

from . import faults as kinds
from .faults import STORE, Fault, replaced, with_flipped_bit, with_wrong_checksums
from .messages import NOT_THERE, Asked, Handler, Reply, Visit

PIECE = 1 << 16
DRIP = 2048
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Loopback:
    """The server, as a context manager.

    Parameters
    ----------
    hosts : dict of str to Handler
        Host -> what answers its requests.

    Attributes
    ----------
    faults : list of Fault
        Can be changed while the server runs.
    log : list of Visit
        All requests so far.
    """

    def __init__(self, hosts: dict[str, Handler]):
        self.hosts = hosts
        self.faults: list[Fault] = []
        self.log: list[Visit] = []
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.loopback = self
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """Address for ``GWSA_SERVERS``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def visits(self, path: str = "", method: str = "GET") -> list[Visit]:
        """Return the requests whose path and query match a regular expression."""
        with self._lock:
            return [
                visit
                for visit in self.log
                if visit.method == method and re.search(path, f"{visit.host}{visit.path}")
            ]

    def clear(self) -> None:
        """Empty the table of faults and the log."""
        with self._lock:
            self.faults.clear()
            self.log.clear()

    def happening(self, asked: Asked) -> list[Fault]:
        """The faults that happen to a request."""
        with self._lock:
            return [fault for fault in self.faults if fault.happens(asked)]

    def answer(self, asked: Asked, happening: list[Fault]) -> Reply:
        """The reply of a host, or the one that a fault puts in its place."""
        for fault in happening:
            if reply := replaced(fault, asked):
                return reply
        return _changed(self._reply(asked), happening)

    def note(self, visit: Visit) -> None:
        """Add a request to the log."""
        with self._lock:
            self.log.append(visit)

    def _reply(self, asked: Asked) -> Reply:
        if asked.host == STORE:
            # Signed addresses are refused when a login comes with them.
            if asked.headers.get("authorization"):
                return Reply(400, {}, b"<Error>Only one auth mechanism allowed</Error>")
            host, _, path = asked.path[1:].partition("/")
            asked = asked._replace(host=host, path=f"/{path}", headers={"store": "signed"})
        handler = self.hosts.get(asked.host)
        return handler(asked) if handler else NOT_THERE


def _changed(reply: Reply, happening: list[Fault]) -> Reply:
    """A reply with the faults of its content."""
    for fault in happening:
        if reply.status != 200:
            return reply
        validators = _validators(reply)
        if fault.kind == kinds.FLIPPED_BIT:
            body = with_flipped_bit(_content(reply.body), fault.detail)
            reply = Reply(200, {**validators, **reply.headers}, body, reply.generated)
        elif fault.kind == kinds.WRONG_CHECKSUM:
            reply = Reply(200, reply.headers, with_wrong_checksums(_content(reply.body)))
        elif fault.kind in (kinds.CHANGED, kinds.MIXED):
            reply = Reply(200, reply.headers, fault.detail, reply.generated)
        elif fault.kind == kinds.COMPRESSED:
            # As servers that compress while they send: a weak ETag, no length, no ranges.
            validators |= {"ETag": f"W/{validators['ETag']}"} if validators else {}
            headers = {**validators, **reply.headers, "Content-Encoding": "gzip"}
            reply = Reply(200, headers, gzip.compress(_content(reply.body)), generated=True)
    return reply


def _content(body: bytes | Path) -> bytes:
    return body.read_bytes() if isinstance(body, Path) else body


def _validators(reply: Reply) -> dict[str, str]:
    """ETag and Last-Modified of a reply."""
    if reply.generated or not reply.body:
        return {}
    if isinstance(reply.body, Path):
        facts = reply.body.stat()
        return {
            "ETag": f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
            "Last-Modified": formatdate(facts.st_mtime, usegmt=True),
        }
    return {"ETag": f'"{hashlib.sha256(reply.body).hexdigest()[:16]}"'}


class _Selected(NamedTuple):
    """An answer: of its body, the bytes from ``start`` to before ``stop`` are sent."""

    status: int
    headers: dict[str, str]
    body: bytes | Path
    start: int
    stop: int


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    loopback: Loopback

    def handle_error(self, request, client_address) -> None:
        """Clients of tests end connections early on purpose."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_) -> None:
        """The log is that of the server."""

    def do_GET(self) -> None:
        """Answer a request of any method."""
        host, _, rest = self.path.lstrip("/").partition("/")
        path, _, query = rest.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        asked = Asked(host, f"/{path}", query, self.command, headers, body)
        loopback = self.server.loopback
        happening = loopback.happening(asked)
        visit = Visit(asked)
        loopback.note(visit)
        named = {fault.kind: fault for fault in happening}
        if kinds.NO_ANSWER in named:
            self.close_connection = True
            return
        answer = _select(asked, loopback.answer(asked, happening), named)
        visit.status = answer.status
        try:
            self._send(visit, answer, named)
        except OSError:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815

    def _send(self, visit: Visit, answer: _Selected, named: dict[str, Fault]) -> None:
        """Send an answer, or as much of it as the faults let through."""
        size = answer.stop - answer.start
        chunked = "Content-Length" not in answer.headers
        if chunked:
            answer.headers["Transfer-Encoding"] = "chunked"
        elif kinds.LONG_LENGTH in named:
            answer.headers["Content-Length"] = str(size + 1000)
            self.close_connection = True
        elif kinds.SHORT_LENGTH in named:
            size -= min(1000, size // 2)
            answer.headers["Content-Length"] = str(size)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if visit.method == "HEAD":
            return
        if kinds.CUT in named:
            after = named[kinds.CUT].detail
            size = min(size, size // 2 if after is None else after)
            self.close_connection = True
        pause = (named[kinds.DRIP].detail or 0.01) if kinds.DRIP in named else 0.0
        for piece in _pieces(answer.body, answer.start, size, DRIP if pause else PIECE):
            visit.sent += len(piece)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            time.sleep(pause)
        if chunked and kinds.CUT not in named:
            self.wfile.write(b"0\r\n\r\n")


def _select(asked: Asked, reply: Reply, named: dict[str, Fault]) -> _Selected:
    """The status, the headers and the range of an answer."""
    body = reply.body
    size = body.stat().st_size if isinstance(body, Path) else len(body)
    headers = {**_validators(reply), **reply.headers}
    if reply.generated or kinds.CHUNKED in named:
        return _Selected(reply.status, headers, body, 0, size)
    if reply.status != 200 or kinds.NO_RANGE in named:
        return _Selected(reply.status, {**headers, "Content-Length": str(size)}, body, 0, size)
    headers["Accept-Ranges"] = "bytes"
    start, stop, status = 0, size, 200
    wanted = RANGE.fullmatch(asked.headers.get("range", ""))
    known = asked.headers.get("if-range")
    same = known in (None, headers.get("ETag"), headers.get("Last-Modified"))
    if wanted and (same or kinds.MIXED in named):
        start = int(wanted[1])
        stop = min(int(wanted[2]) + 1, size) if wanted[2] else size
        if start >= size:
            headers |= {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            return _Selected(416, headers, b"", 0, 0)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        status = 206
    return _Selected(status, {**headers, "Content-Length": str(stop - start)}, body, start, stop)


def _pieces(body: bytes | Path, start: int, size: int, step: int) -> Iterator[bytes]:
    """The bytes of a body from ``start``, ``size`` of them, in pieces."""
    with body.open("rb") if isinstance(body, Path) else BytesIO(body) as stream:
        stream.seek(start)
        while size > 0 and (piece := stream.read(min(step, size))):
            size -= len(piece)
            yield piece
