"""Logins of servers: the hosts that one belongs to, and the pages that help with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Union
from urllib.parse import urlsplit

from ..base.errors import InputError

FOLDER = Path(__file__).parents[3] / "resources" / "sources" / "logins"
# What a token can consist of (RFC 6750, 2.1).
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Account(NamedTuple):
    """Name and password of a user, with which a server gives a token for some time."""

    user: str
    password: str


# What a user has for a login.
Secret = Union[str, Account]


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
    session, session_token : str
        Address that gives a token for the name and password of an account, and the key of the token
        in its answer.
    refused_token : str
        What to do when a token is not accepted.
    refusals : tuple of int
        HTTP statuses that mean that it is not accepted.
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    login_host: str
    account: str
    tokens: str
    approvals: str
    approval_words: str
    session: str
    session_token: str
    refused_token: str
    refusals: tuple[int, ...]

    def belongs_to(self, url: str) -> bool:
        """Return True if the token may be sent with a request for ``url``."""
        parts = urlsplit(url)
        return (
            parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in self.hosts
        )

    @property
    def missing(self) -> str:
        """The sentence for a login that is not given."""
        return (
            f"{self.title} needs a login, and none was found: make an account at {self.account}, "
            f"and a token at {self.tokens}; store the token, or your name and password, in QGIS "
            "(LOGIN), or set the environment variable EARTHDATA_TOKEN."
        )

    def refused(self, secret: Secret) -> str:
        """Return the sentence for a login that is not accepted."""
        if isinstance(secret, Account):
            return (
                f"{self.title} does not accept the name and the password; try them at "
                f"{self.tokens}, and correct the entry (LOGIN)."
            )
        return f"{self.title} does not accept the token; {self.refused_token}"

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
        content = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in content.items()
        }
        logins[path.stem] = Login(name=path.stem, **content)
    return logins


def secrets_of(user: str, secret: str) -> dict[str, Secret]:
    """Return what a user has for each login.

    Parameters
    ----------
    user : str
        Name of the user; can be empty with a token.
    secret : str
        A token, or the password of the account.

    Returns
    -------
    dict of str to Secret
        Name of the login -> the token, or name and password; empty without a secret.

    Raises
    ------
    InputError
        When the secret is a token with characters that no token has.
    """
    if not secret:
        return {}
    # Tokens of Earthdata are JSON Web Tokens (RFC 7519): three parts, the first begins with {".
    is_token = not user or (secret.startswith("eyJ") and secret.count(".") == 2)
    held: Secret = checked_token(secret) if is_token else Account(user, secret)
    return dict.fromkeys(read_logins(), held)


def checked_token(token: str) -> str:
    """Return a token.

    Raises
    ------
    InputError
        When it has characters that no token has, such as a space or a line break.
    """
    if not TOKEN.fullmatch(token):
        raise InputError(
            "The token has a space, a line break, a quotation mark or another character that no "
            "token has; copy it again, without anything before or after it, such as the word "
            "Bearer. A password needs the name of its user beside it."
        )
    return token
