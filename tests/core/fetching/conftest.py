"""The loopback world for the tests of fetching."""

import pytest

from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.fetching.client import Client
from gwsa.gwsa_plugin.core.fetching.servers import Servers
from gwsa.tests.servers.client import PlainTransport
from gwsa.tests.servers.loopback import Loopback

TOKEN = "secret-token-of-a-user"


class Steps(Progress):
    """Keeps the lines of the log, and cancels when ``cancelled`` is set."""

    def __init__(self):
        self.lines = []
        self.fractions = []
        self.cancelled = False

    def info(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.lines.append(text)

    def show(self, fraction):
        self.fractions.append(fraction)

    def is_cancelled(self):
        return self.cancelled


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def loopback():
    """A server without hosts; tests add those that they need."""
    with Loopback({}) as server:
        yield server


@pytest.fixture
def client(loopback, steps):
    """A client whose requests go to the loopback server, with short pauses."""
    servers = Servers(loopback.address)
    return Client(PlainTransport(), servers, {"earthdata": TOKEN}, steps, first_pause_s=0.001)
