"""Planning and fetching in the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from ...gwsa_plugin.core.base.progress import Progress
from ...gwsa_plugin.core.fetching.fetch import Outcome
from ...gwsa_plugin.core.fetching.logins import Secret
from ...gwsa_plugin.core.fetching.outputs import finish
from ...gwsa_plugin.core.fetching.plan import Order, Plan, compared_again, make_plan_by_source
from ...gwsa_plugin.core.fetching.record import Record
from ...gwsa_plugin.core.files.lock import locked
from ...processing_provider.base import tr
from ...processing_provider.fetch import fetch_files, make_client
from ..work import Work

# Seconds between two reports of what came.
REPORT_S = 0.25


class Planned(NamedTuple):
    """What the servers answered.

    Attributes
    ----------
    plan : Plan
    reasons : dict of str to str
        Sources that did not answer as they should, and why.
    inputs : dict of str to Path
        Inputs of the chain, if nothing is missing.
    """

    plan: Plan
    reasons: dict[str, str]
    inputs: dict[str, Path]


class Fetched(NamedTuple):
    """What has come so far.

    Attributes
    ----------
    plan : Plan
        What is fetched: without files that came since it was planned.
    outcome : Outcome
    inputs : dict of str to Path
        Inputs of the chain, once all files have come.
    """

    plan: Plan
    outcome: Outcome
    inputs: dict[str, Path]


def plan_work(order: Order, folder: Path, secrets: dict[str, Secret]) -> Work:
    """Return the work that asks the servers. It finds Planned.

    Parameters
    ----------
    order : Order
    folder : Path
        Folder of the inputs.
    secrets : dict of str to Secret
        What the user has for each login.
    """

    def ask(found: Callable, progress: Progress) -> None:
        client = make_client(secrets, progress)
        plan, reasons = make_plan_by_source(order, folder, client, progress)
        inputs = {}
        if plan.present and not plan.missing:
            with locked(folder):
                inputs = finish(plan, Record.read(folder), progress)
        found(Planned(plan, reasons, inputs))

    return Work(tr("GWSA: plan the inputs"), ask)


def fetch_work(plan: Plan, folder: Path, secrets: dict[str, Secret]) -> Work:
    """Return the work that fetches the files of a plan. It finds Fetched, repeatedly.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Folder of the inputs.
    secrets : dict of str to Secret
        What the user has for each login.
    """

    def fetch(found: Callable, progress: Progress) -> None:
        client = make_client(secrets, progress)
        with locked(folder):
            current = compared_again(plan, folder, progress)
            report = _Report(current, found)
            try:
                outcome, inputs = fetch_files(current, folder, client, progress, report)
            finally:
                report.send()
        found(Fetched(current, outcome, inputs))

    return Work(tr("GWSA: fetch inputs"), fetch)


class _Report:
    """Passes the outcome on, not too often."""

    def __init__(self, plan: Plan, found: Callable):
        self._plan = plan
        self._found = found
        self._latest: Outcome | None = None
        self._next = 0.0

    def __call__(self, outcome: Outcome) -> None:
        self._latest = outcome
        if monotonic() >= self._next:
            self.send()

    def send(self) -> None:
        if self._latest is not None:
            fetched, failed = list(self._latest.fetched), list(self._latest.failed)
            outcome = replace(self._latest, fetched=fetched, failed=failed)
            self._found(Fetched(self._plan, outcome, {}))
            self._next = monotonic() + REPORT_S
