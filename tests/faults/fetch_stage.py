"""Fetching from a server on this machine: whole files, and files that are made of parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.fetching import politeness
from gwsa.gwsa_plugin.core.fetching.client import Client
from gwsa.gwsa_plugin.core.fetching.fetch import fetch as fetch_files
from gwsa.gwsa_plugin.core.fetching.outputs import finish
from gwsa.gwsa_plugin.core.fetching.plan import Order, make_plan
from gwsa.gwsa_plugin.core.fetching.politeness import Limit
from gwsa.gwsa_plugin.core.fetching.servers import Servers
from gwsa.gwsa_plugin.core.files.lock import locked
from gwsa.tests.servers.client import PlainTransport
from gwsa.tests.servers.loopback import Loopback
from gwsa.tests.servers.small_predictors import REGION, write_small_predictors
from gwsa.tests.servers.small_world import write_small_world
from gwsa.tests.servers.world import all_hosts

SOURCES = ("csr_mascons", "gldas_noah", "chelsa", "copernicus_dem")
MONTHS = np.datetime64("2010-03"), np.datetime64("2010-03")
PAUSE_S = 0.001


def prepare(folder: Path) -> Loopback:
    """Start a server of small files, which ends with this process."""
    write_small_world(folder)
    write_small_predictors(folder)
    server = Loopback(all_hosts(folder))
    server.__enter__()
    return server


def _no_limits() -> dict[str, Limit]:
    """A server of this machine needs no pauses between requests."""
    return {"other": Limit(4, 0.0)}


def fetch(server: Loopback, out: Path, progress: Progress = SILENT) -> None:
    tokens = {"earthdata": "x", "appeears": "x"}
    client = Client(PlainTransport(), Servers(server.address), tokens, progress, PAUSE_S)
    politeness.read_limits = _no_limits
    folder = out / "inputs"
    with locked(folder):
        plan = make_plan(Order(SOURCES, REGION, *MONTHS), folder, client, progress)
        outcome = fetch_files(plan, folder, client, progress)
        outcome.require_all()
        finish(plan, outcome.record, progress)
