"""The loopback world for the tests of fetching."""

import multiprocessing
import sys

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.fetching.client import Client
from gwsa.gwsa_plugin.core.fetching.fetch import fetch
from gwsa.gwsa_plugin.core.fetching.plan import Order, make_plan
from gwsa.gwsa_plugin.core.fetching.servers import Servers
from gwsa.tests.servers.client import PlainTransport
from gwsa.tests.servers.killed_run import run
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_world import BOUNDS, FIRST, LAST, write_small_world
from gwsa.tests.servers.world import all_hosts

# What a user has; DUMMY_LOGIN is sent instead of it to servers on this machine.
TOKEN = "secret-token-of-a-user"


class Steps(Progress):
    """Keeps the lines of the log, and is cancelled when ``cancelled`` is set."""

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
    return client_of(loopback, steps)


def client_of(loopback, progress, tokens=None):
    """Return a client whose requests go to a loopback server."""
    tokens = {"earthdata": TOKEN} if tokens is None else tokens
    servers = Servers(loopback.address)
    return Client(PlainTransport(), servers, tokens, progress, first_pause_s=0.001)


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Mascons, land mask and four months of GLDAS. Tests copy the files that they change."""
    return write_small_world(tmp_path_factory.mktemp("small_world"))


@pytest.fixture
def archives(loopback, small_world):
    """The loopback server with all hosts, for the files of the small world."""
    loopback.hosts.update(all_hosts(small_world))
    return loopback


def order_of(*sources, start=FIRST, end=LAST, update=False):
    """Return the order of some sources for the region of the small world."""
    months = [np.datetime64(month, "M") for month in (start, end)]
    return Order(sources, BOUNDS, *months, update)


def fetch_all(order, folder, client, steps):
    """Plan and fetch; return the outcome."""
    return fetch(make_plan(order, folder, client, steps), folder, client, steps)


def final_files(folder):
    """Paths of the files with a final name, without the record."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in paths
        if path.name != "inputs.json" and not any(part.startswith(".") for part in path.parts)
    )


@pytest.fixture(scope="module")
def start():
    """Return a function that runs ``killed_run.run`` in a process, which has all modules loaded."""
    if sys.platform == "win32":
        pytest.skip("processes are killed by a signal of POSIX")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gwsa.tests.servers.killed_run"])

    def begin(*arguments):
        process = context.Process(target=run, args=arguments)
        process.start()
        process.join(60)
        return process.exitcode

    return begin
