"""NASA Earthdata Login, to which archives send requests without a login."""

from __future__ import annotations

from pathlib import Path

from ..faults import LOGIN_HOST, LOGIN_PAGE
from ..messages import Asked, Handler, Reply

HOSTS = (LOGIN_HOST,)


def handler(folder: Path) -> Handler:
    """Return what answers every request with the page of the login."""

    def reply(asked: Asked) -> Reply:
        return Reply(200, {"Content-Type": "text/html"}, LOGIN_PAGE, generated=True)

    return reply
