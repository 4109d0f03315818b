"""A world of small predictors behind the loopback server, for the tests of the ways."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.fetching import politeness
from gwsa.gwsa_plugin.core.fetching.fetch import fetch
from gwsa.gwsa_plugin.core.fetching.plan import Order, make_plan
from gwsa.gwsa_plugin.core.fetching.sources import read_sources
from gwsa.tests.core.fetching.conftest import client_of
from gwsa.tests.servers.small_predictors import REGION, write_small_predictors
from gwsa.tests.servers.world import all_hosts

TOKENS = {"earthdata": "secret-token-of-a-user", "appeears": "secret-token-of-a-user"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """A server of this machine needs no pauses between requests."""
    monkeypatch.setattr(politeness, "read_limits", lambda: {"other": politeness.Limit(4, 0.0)})


@pytest.fixture(scope="session")
def predictor_world(tmp_path_factory):
    return write_small_predictors(tmp_path_factory.mktemp("predictor_world"))


@pytest.fixture
def archives(loopback, predictor_world):
    """The loopback server with all hosts, for the world of predictors."""
    loopback.hosts.update(all_hosts(predictor_world))
    return loopback


@pytest.fixture
def client(archives, steps):
    return client_of(archives, steps, TOKENS)


@pytest.fixture
def quick_tasks(monkeypatch):
    """Tasks of AppEEARS are asked for every millisecond."""
    for source in read_sources().values():
        if source.way == "appeears":
            monkeypatch.setitem(source.settings, "every_s", 0.001)


def final_files(folder):
    """Paths of the files with a final name, without the record."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != "inputs.json"
    )


def order_of(*sources, start="2010-03", end="2010-04", bounds=REGION):
    return Order(sources, bounds, np.datetime64(start, "M"), np.datetime64(end, "M"))


def fetch_all(order, folder, client, steps):
    """Plan and fetch; return the plan and the outcome."""
    plan = make_plan(order, folder, client, steps)
    return plan, fetch(plan, folder, client, steps)
