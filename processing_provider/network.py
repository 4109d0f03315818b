"""The transport of ``fetching`` through the network of QGIS, so that its proxy settings hold.

Its certificates and its timeout hold too. Only ``QgsNetworkAccessManager`` follows no redirect by
itself, keeps the range that was asked for, and hands out the bytes as they come.
"""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QEventLoop, QTimer, QUrl
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ..gwsa_plugin.core.fetching.http import ERROR_PAGE, Answer, Request, Sink

# Bytes that QGIS holds before they are taken.
BUFFER = 4 << 20
CANCEL_EVERY_MS = 100
ATTRIBUTE = QNetworkRequest.Attribute


class QgisTransport:
    """Sends requests in the thread that calls it, each with an event loop of its own."""

    def send(self, request: Request, sink: Sink, is_cancelled: Callable[[], bool]) -> Answer:
        """Send a request and wait for its end; see ``Transport``."""
        # Timers, such as the timeout of QGIS, need the loop in a thread that is not of Qt.
        loop = QEventLoop()
        timer = QTimer()
        reply = _begin(request)
        reply.setReadBufferSize(BUFFER)
        exchange = _Exchange(reply, sink)
        timer.timeout.connect(lambda: reply.abort() if is_cancelled() else None)
        reply.readyRead.connect(exchange.take)
        reply.finished.connect(loop.quit)
        timer.start(CANCEL_EVERY_MS)
        if not reply.isFinished():
            loop.exec()
        timer.stop()
        exchange.take()
        reply.deleteLater()
        return exchange.result()


class _Exchange:
    """Takes the bytes of a reply as they come.

    An exception in a slot would end QGIS; it is kept for ``result``.
    """

    def __init__(self, reply: QNetworkReply, sink: Sink):
        self._reply = reply
        self._sink = sink
        self._answer = Answer()
        self._error: BaseException | None = None

    def take(self) -> None:
        """Hand the bytes that came to the sink."""
        if self._error:
            return
        try:
            self._take()
        except BaseException as error:
            self._error = error
            self._reply.abort()

    def result(self) -> Answer:
        """Return the answer, or raise what the sink raised."""
        if self._error:
            raise self._error
        self._read_head()
        if self._reply.error() != QNetworkReply.NetworkError.NoError and (
            self._answer.succeeded or not self._answer.status
        ):
            self._answer.problem = self._reply.errorString().rstrip(".")
        return self._answer

    def _take(self) -> None:
        self._read_head()
        piece = bytes(self._reply.readAll()) if self._reply.isOpen() else b""
        if not piece:
            return
        if self._answer.succeeded:
            self._sink(self._answer, piece)
        else:
            self._answer.page = (self._answer.page + piece)[:ERROR_PAGE]

    def _read_head(self) -> None:
        if self._answer.status:
            return
        self._answer.status = self._reply.attribute(ATTRIBUTE.HttpStatusCodeAttribute) or 0
        self._answer.headers = {
            bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1")
            for name, value in self._reply.rawHeaderPairs()
        }


def _begin(request: Request) -> QNetworkReply:
    asked = QNetworkRequest(QUrl(request.url))
    asked.setAttribute(
        ATTRIBUTE.RedirectPolicyAttribute, QNetworkRequest.RedirectPolicy.ManualRedirectPolicy
    )
    asked.setAttribute(
        ATTRIBUTE.CacheLoadControlAttribute, QNetworkRequest.CacheLoadControl.AlwaysNetwork
    )
    asked.setAttribute(ATTRIBUTE.CacheSaveControlAttribute, False)
    for name, value in request.headers.items():
        asked.setRawHeader(name.encode("latin-1"), value.encode("latin-1"))
    manager = QgsNetworkAccessManager.instance()
    if request.method == "POST":
        return manager.post(asked, request.body)
    return manager.head(asked) if request.method == "HEAD" else manager.get(asked)
