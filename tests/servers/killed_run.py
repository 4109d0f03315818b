"""A run of ``fetch`` in a process of its own that ends itself at a moment, as a crash would."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from gwsa.gwsa_plugin.core.base.progress import SILENT
from gwsa.gwsa_plugin.core.fetching.client import Client
from gwsa.gwsa_plugin.core.fetching.fetch import fetch
from gwsa.gwsa_plugin.core.fetching.http import Answer, Request, Sink
from gwsa.gwsa_plugin.core.fetching.plan import Order, make_plan
from gwsa.gwsa_plugin.core.fetching.servers import Servers

from .client import PlainTransport

# What the audit hooks of Python report of files.
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


class Moments:
    """Counts what a run does with files and pieces, and kills the process at one of the counts."""

    def __init__(self, kill_at: int):
        self.count = 0
        self._kill_at = kill_at
        self._lock = Lock()

    def note(self) -> None:
        """Count, and end the process when its moment has come."""
        with self._lock:
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


class CountingTransport(PlainTransport):
    """Counts each piece before and after it is written."""

    def __init__(self, moments: Moments):
        self._moments = moments

    def send(self, request: Request, sink: Sink, is_cancelled: Callable[[], bool]) -> Answer:
        """Send a request, as ``http.Transport`` describes it."""

        def counted(answer: Answer, piece: bytes) -> None:
            self._moments.note()
            sink(answer, piece)
            self._moments.note()

        return super().send(request, counted, is_cancelled)


def run(order: Order, folder: str, address: str, kill_at: int, counts: str) -> None:
    """Fetch, or be killed at a moment; write the number of moments to a file.

    Parameters
    ----------
    order : Order
    folder : str
        Folder of the inputs.
    address : str
        Address of the loopback server.
    kill_at : int
        Number of the moment; 0 for none.
    counts : str
        File for the number of moments of a run that is not killed.
    """
    moments = Moments(kill_at)

    def audit(event: str, arguments: tuple) -> None:
        if event in EVENTS and arguments and str(arguments[0]).startswith(folder):
            moments.note()

    sys.addaudithook(audit)
    client = Client(CountingTransport(moments), Servers(address), {"earthdata": "x"}, SILENT, 0.001)
    fetch(make_plan(order, Path(folder), client, SILENT), Path(folder), client, SILENT)
    Path(counts).write_text(str(moments.count), encoding="utf-8")
