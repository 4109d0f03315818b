"""Limits on the requests to each host, so that no server is overrun."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock, Semaphore
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

TABLE = Path(__file__).parents[3] / "resources" / "sources" / "hosts" / "limits.json"


class Limit(NamedTuple):
    """What one host is asked at most.

    Attributes
    ----------
    at_once : int
        Requests at once.
    pause_s : float
        Least seconds between the beginnings of two requests.
    """

    at_once: int
    pause_s: float


@lru_cache(maxsize=1)
def read_limits() -> dict[str, Limit]:
    """Return the limits of hosts by name; those of all others have the name ``other``."""
    content = json.loads(TABLE.read_text(encoding="utf-8"))
    return {host: Limit(**limit) for host, limit in content.items()}


class HostTurns:
    """Lets requests to a host through within its limit.

    Parameters
    ----------
    wait : callable
        Waits for a number of seconds; raises what ends the wait early.
    """

    def __init__(self, wait: Callable[[float], None]):
        self._wait = wait
        self._lock = Lock()
        self._places: dict[str, Semaphore] = {}
        self._next: dict[str, float] = {}

    @contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait until a request to the host of ``url`` may begin, and hold its place to the end."""
        host = urlsplit(url).hostname or ""
        limit = read_limits().get(host, read_limits()["other"])
        with self._lock:
            places = self._places.setdefault(host, Semaphore(limit.at_once))
        while not places.acquire(timeout=0.1):
            self._wait(0)
        try:
            with self._lock:
                begins = max(monotonic(), self._next.get(host, 0.0))
                self._next[host] = begins + limit.pause_s
            self._wait(begins - monotonic())
            yield
        finally:
            places.release()
