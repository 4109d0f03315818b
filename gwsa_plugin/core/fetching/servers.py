"""The servers that requests go to: the real ones or, for tests, one on this machine.

With ``GWSA_SERVERS=http://127.0.0.1:8000`` in the environment a request for
``https://HOST/PATH`` goes to ``http://127.0.0.1:8000/HOST/PATH``. Only addresses of this machine
are accepted, and no login but ``DUMMY_LOGIN`` is sent there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..base.errors import InputError

VARIABLE = "GWSA_SERVERS"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DUMMY_LOGIN = "dummy-token-of-tests"


@dataclass(frozen=True)
class Servers:
    """Where requests go.

    Parameters
    ----------
    replacement : str
        Address of a server on this machine that stands for all others; empty for the real ones.
    """

    replacement: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Servers:
        """Read ``GWSA_SERVERS``.

        Raises
        ------
        InputError
            When it is not an address of this machine.
        """
        text = environment.get(VARIABLE, "").strip().rstrip("/")
        if text and not _is_of_this_machine(text):
            raise InputError(
                f"{VARIABLE} is {text}, but only a server of this machine can stand for those of "
                "the data; set it to an address such as http://127.0.0.1:8000, or remove it."
            )
        return cls(text)

    @property
    def are_real(self) -> bool:
        """Whether requests go to the servers that their addresses name."""
        return not self.replacement

    def address(self, url: str) -> str:
        """Return the address that a request for ``url`` is sent to."""
        if self.are_real:
            return url
        return f"{self.replacement}/{url.partition('://')[2]}"

    def token(self, token: str) -> str:
        """Return the token that is sent instead of ``token``."""
        return token if self.are_real else DUMMY_LOGIN


def _is_of_this_machine(address: str) -> bool:
    """Whether an address is one of HTTP at this machine, with a port that there can be."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and parts.hostname in LOOPBACK and parts.port != 0
    except ValueError:  # brackets without a partner, or a port that is no number up to 65535
        return False
