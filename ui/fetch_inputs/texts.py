"""Texts of the dialog, as HTML: what is planned, what came, and what did not."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from qgis.PyQt.QtCore import QUrl

from ...gwsa_plugin.core.fetching.estimate import bytes_text, duration_text
from ...gwsa_plugin.core.fetching.fetch import Outcome
from ...gwsa_plugin.core.fetching.logins import read_logins
from ...gwsa_plugin.core.fetching.outputs import CATALOGUE
from ...gwsa_plugin.core.fetching.plan import Plan
from ...gwsa_plugin.core.fetching.record import NAME, Record
from ...gwsa_plugin.core.fetching.sources import read_sources
from ...processing_provider.base import tr

# Address of the link that fills the dialog in from the record of the folder.
TAKE = "take"
WELCOME = (
    "Choose region, months and folder. The sources that are ticked are enough for maps.<br>"
    "<b>Plan</b> asks the servers and lists files, bytes and time. It downloads no data.<br>"
    "<b>Fetch</b> downloads what is missing. It can be stopped and goes on later from there.<br>"
    "<b>Make the maps</b> opens the chain to 1 km maps, filled in with the files."
)
# Input of the chain -> what it is called in the table.
NEEDED = {"TWSA": "mascons", "GLDAS": "GLDAS", CATALOGUE: "predictors"}
ADDRESS = re.compile(r"https://[^\s<>]*[^\s<>.,;:)]")


def welcome_text(record: Record | None) -> str:
    """Return the text before anything is planned.

    Parameters
    ----------
    record : Record, optional
        What the folder has.
    """
    text = tr(WELCOME)
    if record and record.entries:
        west, south, east, north = record.bounds
        text += "<p>" + tr(
            "The folder has {} files for {:.4g} to {:.4g}° east, {:.4g} to {:.4g}° north, {} to "
            "{}. <a href='{}'>Take its region, months and sources</a>, for example to fetch later "
            "months: what is there is not fetched again."
        ).format(len(record.entries), west, east, south, north, *record.period, TAKE)
    return text


def plan_text(plan: Plan, has_login: bool) -> str:
    """Return the summary of a plan.

    Parameters
    ----------
    plan : Plan
    has_login : bool
        Whether there is a login.
    """
    parts = []
    if plan.missing:
        head = tr("<b>{} to fetch, {}.</b> {}").format(
            _files(len(plan.missing)), bytes_text(*plan.bytes), duration_text(plan.missing)
        )
        parts.append(head)
    elif plan.present:
        parts.append(tr("<b>Nothing is missing: {}.</b>").format(_files(len(plan.present))))
    if plan.missing and plan.present:
        parts.append(tr("Already there: {}.").format(_files(len(plan.present))))
    if plan.newer:
        parts.append(
            tr("<b>Newer versions: {}.</b> The old ones are kept unless you tick the box.").format(
                _files(len(plan.newer))
            )
        )
    for name in plan.logins:
        login = read_logins()[name].title
        found = tr("a login is there") if has_login else tr("<b>there is no login yet</b>")
        parts.append(tr("Some files need {}: {}.").format(login, found))
    return " ".join(parts)


def remarks_text(plan: Plan) -> str:
    """Return the months that sources do not have; empty if they have all."""
    return "".join(f"<p>{linked(remark)}</p>" for remark in plan.remarks)


def unanswered_text(reasons: dict[str, str]) -> str:
    """Return the list of the sources that did not answer, and why; empty without any."""
    entries = [(read_sources()[name].title, reason) for name, reason in reasons.items()]
    return _list(tr("Left out of the plan:"), entries)


def outcome_text(outcome: Outcome, left: int, was_stopped: bool) -> str:
    """Return the text after a run in which files failed or which was stopped.

    Parameters
    ----------
    outcome : Outcome
    left : int
        Number of files that are missing still.
    was_stopped : bool
    """
    head = (
        tr("<b>Stopped.</b>")
        if was_stopped
        else tr("<b>Not fetched: {}.</b>").format(_files(len(outcome.failed)))
    )
    text = tr("{} Fetched: {}, {}. What came is kept, also the beginnings of files.")
    text = text.format(head, _files(len(outcome.fetched)), bytes_text(outcome.bytes))
    if was_stopped:
        text += " " + tr("Missing: {}.").format(_files(left))
    grouped: dict[tuple[str, str], int] = {}
    for file, reason in outcome.failed:
        key = (read_sources()[file.source].title, reason)
        grouped[key] = grouped.get(key, 0) + 1
    entries = [(f"{title}, {_files(count)}", reason) for (title, reason), count in grouped.items()]
    return text + _list("", entries)


def complete_text(folder: Path, found: dict[str, Path], count: int) -> str:
    """Return the text once all files are there.

    Parameters
    ----------
    folder : Path
    found : dict of str to Path
        Inputs of the chain.
    count : int
        Number of files.
    """
    link = f"<a href='{QUrl.fromLocalFile(str(folder)).toString()}'>{escape(str(folder))}</a>"
    text = tr("<b>All is there: {}</b>, in {}. {} has the source and licence of each.")
    text = text.format(_files(count), link, NAME)
    lacking = [name for key, name in NEEDED.items() if key not in found]
    if lacking:
        return (
            text
            + "<p>"
            + tr(
                "To make maps, the chain also needs: {}. Tick them, plan and fetch them into this "
                "folder."
            ).format(", ".join(tr(name) for name in lacking))
        )
    return (
        text
        + "<p>"
        + tr(
            "<b>Make the maps</b> opens the whole chain, filled in with these files. Aquifers and "
            "wells of your own can be added there."
        )
    )


def _files(count: int) -> str:
    return tr("1 file") if count == 1 else tr("{:,} files").format(count)


def _list(head: str, entries: list[tuple[str, str]]) -> str:
    items = "".join(
        f"<li><b>{escape(title)}:</b> {linked(reason)}</li>" for title, reason in entries
    )
    return f"<p>{head}</p><ul style='margin-left:-24px'>{items}</ul>" if entries else ""


def linked(text: str) -> str:
    """Return a text as HTML whose addresses are links."""
    pieces, end = [], 0
    for found in ADDRESS.finditer(text):
        address = escape(found[0])
        pieces += [escape(text[end : found.start()]), f"<a href='{address}'>{address}</a>"]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])
