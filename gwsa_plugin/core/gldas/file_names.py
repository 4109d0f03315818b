"""GLDAS Noah 2.1 monthly NetCDF files by their names: which months a folder holds, and what is wrong with others."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import BASELINE, month_range, name_runs
from ..files.stack import period_name

WANTED = "GLDAS_NOAH025_M.AYYYYMM.021.nc4"
ASSIMILATES_GRACE = (
    "GLDAS 2.2, which assimilates GRACE, so that TWSA would be subtracted from itself"
)
Fault = tuple[str, Path]

# GLDAS_<model><resolution>_<kind>.A<date>.<version>.nc4, and what GES DISC's subsetter (.SUB.nc4), OPeNDAP (.nc4.nc4,
# .dap.nc4) and download tools that keep the address's query put behind or before it.
_NAME = re.compile(
    r"GLDAS_([A-Z]+)(\d+)((?:_[A-Z0-9]+)+)\.A(\d{4})(\d{2})\d*(?:\.\d{4})?\.(\d{3})\.(?:.*\.)?nc4?(?:[?@&].*)?$"
)


@dataclass(frozen=True)
class MonthlyFiles:
    """``paths``: month -> file, in order, those of the period and of the baseline that there are.

    ``faults``: what is wrong with files of these months by their names, and which.
    """

    folder: Path
    period: tuple[np.datetime64, np.datetime64]
    paths: dict[np.datetime64, Path]
    faults: list[Fault]

    def require_all(self) -> None:
        """InputError, naming them, when months are missing and no file is wrong."""
        if not self.faults:
            needed = np.union1d(month_range(*self.period), month_range(*BASELINE))
            require_months(
                f"The folder {self.folder.name} has no file", needed, self.paths, self.period
            )


def has_granules(folder: Path) -> bool:
    return any(_NAME.search(path.name) for path in folder.iterdir())


def find_files(folder: Path, period=(None, None)) -> MonthlyFiles:
    """The files of ``period`` (None: the first or last month there is) and of the baseline 2004-2009.

    Raises InputError when no file is one of Noah 2.1's monthly means.
    """
    months, faults = _sort_by_month(folder)
    if not months:
        raise InputError(sentence(folder, faults))
    period = (period[0] or min(months), period[1] or max(months))
    needed = np.union1d(month_range(*period), month_range(*BASELINE))
    chosen = {month: months[month] for month in needed if month in months}
    faults += [
        (f"more than one for {m}", path)
        for m, paths in chosen.items()
        if len(paths) > 1
        for path in paths
    ]
    return MonthlyFiles(
        folder, period, {month: paths[0] for month, paths in chosen.items()}, faults
    )


def require_months(what: str, needed, found, period) -> None:
    """InputError, opening with ``what``, that names every month of ``needed`` that is not in ``found``."""
    missing = [month for month in needed if month not in found]
    if missing:
        raise InputError(
            f"{what} for {name_runs(missing)} (needed: the period {period_name(period)} and the baseline "
            f"{period_name(BASELINE)}); add these months of {WANTED}, or change START and END."
        )


def cell_size(path: Path) -> float:
    """Degrees, as the name of a GLDAS file states it: 025 or 10."""
    digits = _NAME.search(path.name)[2]
    return float(f"{digits[0]}.{digits[1:] or 0}")


def sentence(folder: Path, faults: list[Fault]) -> str:
    """What is wrong with which files, in one sentence."""
    names = defaultdict(list)
    for fault, path in faults:
        names[fault].append(path.name)
    told = "; ".join(f"{fault}: {some(paths)}" for fault, paths in names.items())
    return f"GLDAS files in {folder.name} cannot be used ({told}); replace them by {WANTED} files, one a month."


def some(names: list[str], most: int = 12) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _sort_by_month(folder: Path) -> tuple[dict[np.datetime64, list[Path]], list[Fault]]:
    """The files that by their names are Noah 2.1 monthly means, and what is wrong with the other GLDAS files."""
    months, faults = defaultdict(list), []
    for path in sorted(folder.iterdir()):
        name = _NAME.search(path.name)
        if not name:
            continue
        model, _, kind, year, month, version = name.groups()
        fault = _wrong_product(model, kind, version) or (
            None if "01" <= month <= "12" else "no month in the name"
        )
        if fault:
            faults.append((fault, path))
        else:
            months[np.datetime64(f"{year}-{month}", "M")].append(path)
    return dict(months), faults


def _wrong_product(model: str, kind: str, version: str) -> str | None:
    if version == "022" or "_DA" in kind:
        return ASSIMILATES_GRACE
    if model != "NOAH" or version != "021":
        return f"not Noah 2.1 but {model} {int(version) / 10}"
    return None if kind in ("_M", "_M_EP") else "not monthly means"
