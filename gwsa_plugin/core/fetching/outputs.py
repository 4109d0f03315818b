"""What a plan means to a user, and what the stages read of a folder of inputs."""

from __future__ import annotations

from pathlib import Path

from ..base.progress import Progress
from .catalogue import write_fetched_catalogue
from .estimate import bytes_text, duration_text
from .logins import read_logins
from .plan import Plan
from .record import Record
from .sources import AQUIFERS, GLDAS, LAND_MASK, MASCONS, read_sources

# Subject of a source -> the input of the chain that its file or folder is.
INPUTS = {MASCONS: "TWSA", LAND_MASK: "LAND_MASK", GLDAS: "GLDAS", AQUIFERS: "AQUIFERS"}
CATALOGUE = "CATALOGUE"


def log_plan(plan: Plan, progress: Progress) -> None:
    """Write the files, bytes and logins of a plan to the log."""
    sources = read_sources()
    for entry, _ in plan.newer:
        progress.warn(
            f"{sources[entry.source].title} has a newer version of {entry.path}, which was "
            f"fetched on {entry.fetched}; the old one is kept, choose UPDATE to replace it."
        )
    for name, files in plan.by_source().items():
        size = bytes_text(sum(file.size[0] for file in files), sum(file.size[1] for file in files))
        login = sources[name].login
        needed = f", with a login: {read_logins()[login].title}" if login else ""
        progress.info(f"{sources[name].title}: {_files(len(files))}, {size}{needed}.")
        for file in files:
            progress.info(f"    {file.path}: {bytes_text(*file.size)}")
    progress.info(
        f"To fetch: {_files(len(plan.missing))}, {bytes_text(*plan.bytes)}. Already there: "
        f"{_files(len(plan.present))}."
    )
    if plan.missing:
        progress.info(duration_text(plan.missing))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def finish(plan: Plan, record: Record, progress: Progress) -> dict[str, Path]:
    """Write the catalogue, and return the inputs of the chain that a folder has.

    Parameters
    ----------
    plan : Plan
        A plan whose files are all there.
    record : Record
        The files of the folder, those of earlier runs too.
    progress : Progress

    Returns
    -------
    dict of str to Path
        Input of the chain, or ``CATALOGUE``, -> file or folder.
    """
    there = {entry.source for entry in record.entries.values()}
    sources = [source for name, source in read_sources().items() if name in there]
    # Files of this run come before those of earlier ones.
    in_order = sorted(sources, key=lambda source: source.name not in plan.order.sources)
    found: dict[str, Path] = {}
    for source in in_order:
        key = INPUTS.get(source.subject)
        paths = sorted(path for path, item in record.entries.items() if item.source == source.name)
        if key and key not in found:
            path = record.folder / paths[-1]
            found[key] = path.parent if source.subject == GLDAS else path
    catalogue = write_fetched_catalogue(record, sources, progress)
    if catalogue:
        found[CATALOGUE] = catalogue
        progress.info(f"{catalogue.name} is the catalogue for Build predictors.")
    return found
