"""NASA Earthdata Login, to which archives send requests without a login."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN

from ..faults import LOGIN_HOST, LOGIN_PAGE
from ..messages import Asked, Handler, Reply

HOSTS = (LOGIN_HOST,)


def handler(folder: Path) -> Handler:
    """Return what gives a token to an account, and to others the page of the login."""

    def reply(asked: Asked) -> Reply:
        if asked.path == "/api/users/find_or_create_token" and asked.method == "POST":
            expected = f"Basic {b64encode(DUMMY_LOGIN.encode()).decode()}"
            if asked.headers.get("authorization") != expected:
                return Reply(401, {}, b'{"error": "invalid_credentials"}')
            content = {"access_token": DUMMY_LOGIN, "token_type": "Bearer"}
            return Reply(200, {"Content-Type": "application/json"}, json.dumps(content).encode())
        return Reply(200, {"Content-Type": "text/html"}, LOGIN_PAGE, generated=True)

    return reply
