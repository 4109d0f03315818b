"""A transport over the standard library, for tests of the core without QGIS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socket import SHUT_RDWR
from threading import Event, Thread
from urllib.parse import urlsplit

from gwsa.gwsa_plugin.core.fetching.http import ERROR_PAGE, Answer, Request, Sink

PIECE = 1 << 16
# Well within what the transport promises.
POLL_S = 0.05
TIMEOUT_S = 20.0


class PlainTransport:
    """Sends requests to a server on this machine, each over a connection of its own."""

    def send(self, request: Request, sink: Sink, is_cancelled: Callable[[], bool]) -> Answer:
        """Send a request, as ``http.Transport`` describes it."""
        parts = urlsplit(request.url)
        address = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        answer = Answer()
        try:
            with _ended_when(is_cancelled, connection):
                response = _begin(connection, request, address, answer)
                if response:
                    _receive(response, answer, sink)
        finally:
            connection.close()
        return answer


def _begin(
    connection: HTTPConnection, request: Request, address: str, answer: Answer
) -> HTTPResponse | None:
    """Send the request and receive the head of the answer; None if that failed."""
    try:
        connection.request(request.method, address, request.body or None, request.headers)
        response = connection.getresponse()
    except (OSError, HTTPException) as error:
        answer.problem = f"{type(error).__name__}: {error}"
        return None
    answer.status = response.status
    answer.headers = {name.lower(): value for name, value in response.getheaders()}
    return response


def _receive(response: HTTPResponse, answer: Answer, sink: Sink) -> None:
    """Pass the body on, and note whether it came as a whole."""
    while piece := _read(response, answer):
        if answer.succeeded:
            sink(answer, piece)
        else:
            answer.page = (answer.page + piece)[:ERROR_PAGE]
    # http.client reports the early end of a body with a length only in this way.
    if response.length and not answer.problem:
        answer.problem = f"{response.length} bytes are missing"


def _read(response: HTTPResponse, answer: Answer) -> bytes:
    try:
        return response.read1(PIECE)
    except (OSError, HTTPException) as error:
        answer.problem = f"{type(error).__name__}: {error}"
        return b""


@contextmanager
def _ended_when(is_cancelled: Callable[[], bool], connection: HTTPConnection):
    """End the connection once the caller has cancelled."""
    ended = Event()

    def watch() -> None:
        while not ended.wait(POLL_S):
            if is_cancelled():
                with suppress(OSError, AttributeError):
                    connection.sock.shutdown(SHUT_RDWR)
                return

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
