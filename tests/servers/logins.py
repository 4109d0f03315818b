"""What servers with a login do with requests that come without the right token."""

from __future__ import annotations

from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN

from .faults import LOGIN_HOST, UNAUTHORIZED, Fault, replaced
from .messages import Asked, Reply


def denied(asked: Asked) -> Reply | None:
    """Return the reply to a request without the token of the tests; None where it has it.

    A browser is sent to the page of the login; a wrong token is refused.
    """
    if not asked.token:
        return Reply(302, {"Location": f"https://{LOGIN_HOST}/oauth/authorize?client_id=x"})
    return None if asked.token == DUMMY_LOGIN else replaced(Fault(kind=UNAUTHORIZED), asked)
