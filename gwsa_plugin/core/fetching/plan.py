"""What has to be fetched for a region and a period: files, bytes and logins, before any is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from ..base.errors import InputError
from ..base.grid import Bounds, bounds_text, intersection
from ..base.months import BASELINE, month_range, name_runs
from ..base.progress import Progress
from ..files.provenance import sha256
from ..grace.filled_months import FIRST as FIRST_OF_GRACE
from ..predictors.recognise import water_surplus
from ..spatial.margin import MARGIN_KM, with_margin
from .client import Client
from .record import Entry, Record
from .regions import between_180, with_coarse_cells
from .remote_file import RemoteFile, Wanted
from .sources import GLDAS, LAND_MASK, MASCONS, PREDICTORS, Source, read_sources


@dataclass(frozen=True)
class Order:
    """What a user asks for.

    Attributes
    ----------
    sources : tuple of str
        Names of sources.
    bounds : tuple of float
        West, south, east, north of the region, degrees; east above 180 in a region across 180°.
    start, end : datetime64[M]
        First and last month of the 1 km maps.
    update : bool
        Whether files of which there is a newer version are replaced.
    """

    sources: tuple[str, ...]
    bounds: Bounds
    start: np.datetime64
    end: np.datetime64
    update: bool = False


@dataclass
class Plan:
    """The files of an order.

    Attributes
    ----------
    order : Order
    missing : list of RemoteFile
        Files to fetch.
    present : list of RemoteFile
        Files that are there and have the recorded checksum.
    newer : list of (Entry, RemoteFile)
        Files that are there, and their newer versions, which are not fetched.
    remarks : list of str
        Sentences about months that sources do not have, and about files of another region.
    """

    order: Order
    missing: list[RemoteFile] = field(default_factory=list)
    present: list[RemoteFile] = field(default_factory=list)
    newer: list[tuple[Entry, RemoteFile]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> tuple[int, int]:
        """Least and greatest number of bytes that will come."""
        return (
            sum(file.size[0] for file in self.missing),
            sum(file.size[1] for file in self.missing),
        )

    @property
    def logins(self) -> list[str]:
        """Names of the logins that are needed."""
        return sorted({file.login for file in self.missing if file.login})

    def with_newer(self) -> Plan:
        """Return the plan that replaces files of which there is a newer version."""
        missing = self.missing + [file for _, file in self.newer]
        return replace(self, order=replace(self.order, update=True), missing=missing, newer=[])

    def after(self, fetched: Iterable[RemoteFile]) -> Plan:
        """Return the plan for what is left once some files have come."""
        came = {file.path for file in fetched}
        left = [file for file in self.missing if file.path not in came]
        there = [file for file in self.missing if file.path in came]
        return replace(self, missing=left, present=self.present + there)

    def by_source(self) -> dict[str, list[RemoteFile]]:
        """Return the files to fetch by their sources."""
        found: dict[str, list[RemoteFile]] = {}
        for file in self.missing:
            found.setdefault(file.source, []).append(file)
        return found


def make_plan(order: Order, folder: Path, client: Client, progress: Progress) -> Plan:
    """Ask the sources for their files, and compare them with those that are there.

    Parameters
    ----------
    order : Order
    folder : Path
        Folder of the inputs.
    client : Client
    progress : Progress

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        When a source is unknown or does not have the period.
    Refused
        When a source does not answer as it should.
    """
    sources = _chosen(order)
    for source in sources:
        _check(source, order)
    record = Record.read(folder)
    plan = Plan(order)
    for source, part in zip(sources, progress.parts(len(sources))):
        _add_files(plan, source, record, client, part)
    _remark_other_regions(plan, record, progress)
    return plan


def _check(source: Source, order: Order) -> None:
    """Raise InputError if a source does not have the period or the region."""
    _check_period(source, order)
    _check_region(source, order)


def _add_files(
    plan: Plan, source: Source, record: Record, client: Client, progress: Progress
) -> None:
    """Ask a source for its files, and add them to a plan."""
    progress.advance(0)
    progress.info(f"{source.title}: asking for its files.")
    wanted = wanted_of(source, plan.order)
    files = way_of(source).list_files(source, wanted, client)
    if remark := _lacking_months(source, wanted, files):
        plan.remarks.append(remark)
        progress.warn(remark)
    for file in files:
        _sort_in(plan, file, record, progress)


def _lacking_months(source: Source, wanted: Wanted, files: list[RemoteFile]) -> str:
    """The sentence about months that a source has no file of, such as those that it does not
    have yet; empty if it has all."""
    months = [month for file in files for month in file.months]
    lacking = np.setdiff1d(wanted.months, months) if months else np.array([])
    if not lacking.size:
        return ""
    return (
        f"{source.title} has no file of {name_runs(lacking)}; fetch again once the source has "
        "these months, or end the maps before them."
    )


def _remark_other_regions(plan: Plan, record: Record, progress: Progress) -> None:
    """Name the sources of which the folder keeps files of a region that lacks a part of this."""
    planned = {file.path for file in [*plan.missing, *plan.present]}
    planned |= {entry.path for entry, _ in plan.newer}
    left = {
        entry.source
        for path, entry in record.entries.items()
        if path not in planned and entry.region and not _has(entry.region, plan.order.bounds)
    }
    # The files of the other subjects are not cut out.
    titles = [
        source.title
        for name, source in read_sources().items()
        if name in left and source.subject in (GLDAS, PREDICTORS)
    ]
    if titles:
        remark = (
            f"The folder keeps files of another region ({', '.join(titles)}); fetch them for this "
            "region and these months too, or take a folder for each region."
        )
        plan.remarks.append(remark)
        progress.warn(remark)


def _has(region: Sequence[float], bounds: Bounds) -> bool:
    """Whether the coarse cells of a region contain those of another one."""
    west, south, east, north = region
    outer, inner = with_coarse_cells((west, south, east, north)), with_coarse_cells(bounds)
    return intersection(outer, inner) == inner


def make_plan_by_source(
    order: Order, folder: Path, client: Client, progress: Progress
) -> tuple[Plan, dict[str, str]]:
    """Plan each source by itself, so that one which does not answer does not stop the others.

    Parameters
    ----------
    order : Order
    folder : Path
        Folder of the inputs.
    client : Client
    progress : Progress

    Returns
    -------
    (Plan, dict of str to str)
        The plan of the sources that answered, and the others by name with the reason.
    """
    plan = Plan(order)
    record = Record.read(folder)
    reasons: dict[str, str] = {}
    sources = _chosen(order)
    for source, part in zip(sources, progress.parts(len(sources))):
        try:
            _check(source, order)
            _add_files(plan, source, record, client, part)
        except InputError as error:
            reasons[source.name] = str(error)
    _remark_other_regions(plan, record, progress)
    return plan, reasons


def compared_again(plan: Plan, folder: Path, progress: Progress) -> Plan:
    """Return a plan without the files that came since it was made, such as by another run."""
    record = Record.read(folder)
    newest = replace(plan, missing=[], present=list(plan.present), newer=list(plan.newer))
    for file in plan.missing:
        _sort_in(newest, file, record, progress)
    return newest


def way_of(source: Source) -> ModuleType:
    """Return the module that knows how a source is asked."""
    return import_module(f"{__package__}.ways.{source.way}")


def wanted_of(source: Source, order: Order) -> Wanted:
    """Return the region and the months that the stages need of a source.

    Storage is needed in the margin around the region, and from the first month of GRACE on: the
    width of the footprint is fitted to all months, and the baseline is among them. Predictors are
    needed before the first month, for the antecedent means of any of them, since months count only
    where all predictors have them, and in all coarse cells that the region touches.
    """
    months = month_range(order.start, order.end)
    if source.subject in (MASCONS, LAND_MASK, GLDAS):
        months = month_range(FIRST_OF_GRACE, max(order.end, BASELINE[1]))
        return Wanted(with_margin(order.bounds, MARGIN_KM), _within(months, source))
    if source.subject == PREDICTORS:
        months = month_range(order.start - _lead(order), order.end)
        return Wanted(with_coarse_cells(order.bounds), _within(months, source))
    return Wanted(order.bounds, _within(months, source))


def _lead(order: Order) -> int:
    """Months before the first one that the predictors of an order need."""
    known = read_sources()
    chosen = [item for name in order.sources for item in known[name].predictors]
    surplus = water_surplus(chosen)
    return max((item.reach[-1] for item in [*chosen, *([surplus] if surplus else [])]), default=0)


def _within(months: np.ndarray, source: Source) -> np.ndarray:
    first, last = source.period
    kept = np.ones(len(months), bool)
    if first is not None:
        kept &= months >= first
    if last is not None:
        kept &= months <= last
    return months[kept]


def _chosen(order: Order) -> list[Source]:
    known = read_sources()
    for name in order.sources:
        if name not in known:
            raise InputError(f"{name} is not a source; the sources are {', '.join(known)}.")
    return [source for name, source in known.items() if name in order.sources]


def _check_period(source: Source, order: Order) -> None:
    if not _within(month_range(order.start, order.end), source).size:
        first, last = source.period
        raise InputError(
            f"{source.title} has the months from {first or 'the beginning'} to {last or 'now'}, "
            f"but {order.start} to {order.end} is asked for; change the period, or leave the "
            "source out."
        )


def _check_region(source: Source, order: Order) -> None:
    """Raise InputError for a region in which a source has nothing."""
    covers = source.covers
    if covers and not any(intersection(box, covers) for box in between_180(order.bounds)):
        raise InputError(
            f"{source.title} covers {bounds_text(covers)} only, which the region does not touch; "
            "leave this source out."
        )


def _sort_in(plan: Plan, file: RemoteFile, record: Record, progress: Progress) -> None:
    """Add a file of a source to those that are there, are newer or are missing."""
    entry = record.entries.get(file.path)
    if entry is None and file.newest:
        entry = next((one for one in record.entries.values() if one.source == file.source), None)
    if entry is None or not _is_there(entry, record.folder, progress):
        plan.missing.append(file)
    elif entry.url == file.url and (entry.version == file.version or not file.version):
        plan.present.append(file)
    elif entry.path == file.path and entry.url != file.url and _is_part(file):
        # Another region of the same file.
        plan.missing.append(file)
    elif plan.order.update:
        plan.missing.append(file)
    else:
        plan.newer.append((entry, file))


def _is_part(file: RemoteFile) -> bool:
    """Whether the address of a file ends with the region that is cut out."""
    return "?" in file.url or "#" in file.url


def _is_there(entry: Entry, folder: Path, progress: Progress) -> bool:
    path = folder / entry.path
    if not path.is_file() or path.stat().st_size != entry.bytes:
        return False
    return sha256(path, progress) == entry.sha256
