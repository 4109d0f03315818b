"""The transport of ``fetching`` through the network of QGIS, so that its proxy settings hold.

Its certificates and its timeout hold too. Only ``QgsNetworkAccessManager`` follows no redirect by
itself, keeps the range that was asked for, and hands out the bytes as they come.

All replies live in the main thread. PyQt learns in the main thread that a reply of another thread
was deleted, some time later, and then takes a new reply at the same address for the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QEventLoop, QObject, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ..gwsa_plugin.core.fetching.http import ERROR_PAGE, Answer, Request, Sink
from .main_thread import is_main_thread

# Bytes of one reply that wait for the thread that asked for them.
BUFFER = 4 << 20
POLL_S = 0.1
ATTRIBUTE = QNetworkRequest.Attribute


class QgisTransport:
    """Sends requests from any thread; the main thread must process its events meanwhile."""

    def send(self, request: Request, sink: Sink, is_cancelled: Callable[[], bool]) -> Answer:
        """Send a request and wait for its end; see ``Transport``."""
        exchange = _Exchange(request)
        _network.wanted.emit(exchange)
        try:
            while not is_cancelled():
                piece = exchange.next_piece()
                if piece is None:
                    return exchange.answer
                if piece and exchange.answer.succeeded:
                    sink(exchange.answer, piece)
                if exchange.taken(piece):
                    _network.resumed.emit(exchange)
            exchange.answer.problem = "cancelled"
            return exchange.answer
        finally:
            _network.ended.emit(exchange)


class _Exchange:
    """A request and what has come for it, between the main thread and the one that asked.

    Parameters
    ----------
    request : Request
    """

    def __init__(self, request: Request):
        self.request = request
        self.answer = Answer()
        self.reply: QNetworkReply | None = None
        self._pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = Lock()
        self._waiting = 0
        self._loop = QEventLoop() if is_main_thread() else None

    def next_piece(self) -> bytes | None:
        """Return bytes that came, none if nothing came for a while, and None at the end."""
        if self._loop is None:
            try:
                return self._pieces.get(timeout=POLL_S)
            except Empty:
                return b""
        if self._pieces.empty():
            QTimer.singleShot(int(1000 * POLL_S), self._loop.quit)
            self._loop.exec()
        return b"" if self._pieces.empty() else self._pieces.get()

    def taken(self, piece: bytes) -> bool:
        """Note that a piece was taken; return True if there is room for more again."""
        with self._lock:
            was_full, self._waiting = self.is_full, self._waiting - len(piece)
            return was_full and not self.is_full

    def put(self, piece: bytes | None) -> None:
        """Add bytes that came, or the end."""
        with self._lock:
            self._waiting += len(piece or b"")
        self._pieces.put(piece)
        if self._loop:
            self._loop.quit()

    @property
    def is_full(self) -> bool:
        """Whether more bytes wait than should."""
        return self._waiting >= BUFFER


class _Network(QObject):
    """Lives in the main thread, and there begins requests, takes their bytes and ends them."""

    wanted = pyqtSignal(object)
    resumed = pyqtSignal(object)
    ended = pyqtSignal(object)

    def __init__(self):
        super().__init__()
        self.wanted.connect(self._begin)
        self.resumed.connect(self._take)
        self.ended.connect(self._end)

    def _begin(self, exchange: _Exchange) -> None:
        reply = _ask(exchange.request)
        reply.setReadBufferSize(BUFFER)
        exchange.reply = reply
        reply.readyRead.connect(lambda: self._take(exchange))
        reply.finished.connect(lambda: self._finish(exchange))
        if reply.isFinished():
            self._finish(exchange)

    def _take(self, exchange: _Exchange) -> None:
        """Pass on the bytes that came, as far as there is room for them."""
        if exchange.reply is not None and not exchange.is_full:
            self._pass_on(exchange)

    def _pass_on(self, exchange: _Exchange) -> None:
        _read_head(exchange.reply, exchange.answer)
        piece = bytes(exchange.reply.readAll()) if exchange.reply.isOpen() else b""
        if piece and exchange.answer.succeeded:
            exchange.put(piece)
        elif piece:
            exchange.answer.page = (exchange.answer.page + piece)[:ERROR_PAGE]

    def _finish(self, exchange: _Exchange) -> None:
        """Pass on the rest, and how the reply ended."""
        reply = exchange.reply
        if reply is None:
            return
        self._pass_on(exchange)
        answer = exchange.answer
        failed = reply.error() != QNetworkReply.NetworkError.NoError
        if failed and (answer.succeeded or not answer.status):
            answer.problem = reply.errorString().rstrip(".")
        exchange.reply = None
        reply.deleteLater()
        exchange.put(None)

    def _end(self, exchange: _Exchange) -> None:
        """End a reply that nobody waits for any more."""
        if exchange.reply is not None:
            exchange.reply.abort()


# Made when QGIS loads the plugin, which it does in the main thread.
_network = _Network()


def _ask(request: Request) -> QNetworkReply:
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


def _read_head(reply: QNetworkReply, answer: Answer) -> None:
    if not answer.status:
        answer.status = reply.attribute(ATTRIBUTE.HttpStatusCodeAttribute) or 0
        answer.headers = {
            bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1")
            for name, value in reply.rawHeaderPairs()
        }
