"""Logins of servers: the hosts that one belongs to, and the pages that help with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(__file__).parents[3] / "resources" / "sources" / "logins"


@dataclass(frozen=True)
class Login:
    """A login that some servers ask for.

    Attributes
    ----------
    name : str
        Name in the files of sources.
    title : str
        Name that is shown to users.
    hosts : tuple of str
        The only hosts that the token is sent to.
    login_host : str
        Host that servers redirect to where the token is missing or refused.
    account, tokens, approvals : str
        Pages where an account is made, a token is made, and applications are approved.
    approval_words : str
        Text in the page of a 403 which means that an application is not approved.
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    login_host: str
    account: str
    tokens: str
    approvals: str
    approval_words: str

    def belongs_to(self, url: str) -> bool:
        """Return True if the token may be sent with a request for ``url``."""
        parts = urlsplit(url)
        return (
            parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in self.hosts
        )

    @property
    def missing(self) -> str:
        """The sentence for a token that is not given."""
        return (
            f"{self.title} needs a token, and none was found: make an account at {self.account} "
            f"and a token at {self.tokens}, and store it in QGIS (LOGIN) or in the environment "
            "variable EARTHDATA_TOKEN."
        )

    @property
    def refused(self) -> str:
        """The sentence for a token that is not accepted."""
        return (
            f"{self.title} does not accept the token, which may have expired; make a new one at "
            f"{self.tokens}."
        )

    def not_approved(self, host: str) -> str:
        """Return the sentence for an application that the user has not approved."""
        return (
            f"{self.title} accepts the token, but your account has not approved the application "
            f"of {host}; approve it once at {self.approvals}."
        )


@lru_cache(maxsize=1)
def read_logins() -> dict[str, Login]:
    """Return the logins of ``resources/sources/logins`` by name."""
    logins = {}
    for path in sorted(FOLDER.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        content["hosts"] = tuple(content["hosts"])
        logins[path.stem] = Login(name=path.stem, **content)
    return logins
