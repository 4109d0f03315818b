"""Find the GLDAS Noah 2.1 monthly NetCDF files of a folder by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.months import BASELINE, month_range, name_runs, period_name

EXPECTED_NAME = "GLDAS_NOAH025_M.AYYYYMM.021.nc4"
ASSIMILATES_GRACE = (
    "GLDAS 2.2, which assimilates GRACE, so that TWSA would be subtracted from itself"
)
# What is wrong with a file, and the file.
FileProblem = tuple[str, Path]

# GLDAS_<model><resolution>_<kind>.A<date>.<version>.nc4, with what is added by the services of
# GES DISC (.SUB.nc4, _subsetted.nc4), OPeNDAP (.nc4.nc4, .dap.nc4), browsers and wget (" (1).nc4",
# ".nc4.1") and download tools that keep the query of the address.
_NAME = re.compile(
    r"GLDAS_([A-Z]+)(\d+)((?:_[A-Z0-9]+)+)\.A(\d{4})(\d{2})\d*(?:\.\d{4})?\.(\d{3})(?!\d)"
    r"(?:.*\.nc4?)(?:\.\d+|\s?\(\d+\))?(?:[?@&].*)?$",
    re.IGNORECASE,
)
# Files that may be GLDAS by their endings, and those that are not, though named after it.
_NETCDF = re.compile(r"\.(?:nc4?|hdf5?|h5|he5|grb2?|grib2?)(?:\.\d+|\s?\(\d+\))?$", re.IGNORECASE)
_BESIDE = (
    "", ".aria2", ".cmr", ".crdownload", ".csv", ".dmrpp", ".html", ".jpg", ".json", ".log", ".md5",
    ".met", ".part", ".pdf", ".png", ".py", ".qmd", ".sh", ".tif", ".tiff", ".txt", ".xml", ".zip",
)  # fmt: skip


@dataclass(frozen=True)
class MonthlyFiles:
    """The files of a period and of the baseline.

    Parameters
    ----------
    folder : Path
    period : (datetime64[M], datetime64[M])
        First and last month of the output.
    paths : dict of datetime64[M] to Path
        One file for each month of the period and of the baseline that the folder has, sorted.
    problems : list of (str, Path)
        GLDAS files that cannot be used according to their names.
    strangers : list of Path
        NetCDF files without the name of a GLDAS month.
    """

    folder: Path
    period: tuple[np.datetime64, np.datetime64]
    paths: dict[np.datetime64, Path]
    problems: list[FileProblem]
    strangers: list[Path]

    def require_all_months(self) -> None:
        """Check that no month is missing; without effect when there are problems to report first.

        Raises
        ------
        InputError
            When a month of the period or of the baseline has no file.
        """
        if not self.problems:
            needed = np.union1d(month_range(*self.period), month_range(*BASELINE))
            seen = f" (not understood: {names_text(self.strangers)})" if self.strangers else ""
            require_months(
                f"The folder {self.folder.name} has no file{seen}",
                needed=needed,
                found=self.paths,
                period=self.period,
            )


def has_granules(folder: Path) -> bool:
    """Return True when any file in the folder or its folders has the name of a GLDAS file."""
    return any(_NAME.search(path.name) for path in _files(folder))


def other_netcdf(folder: Path) -> str:
    """Return the names of the NetCDF files that do not have the name of a GLDAS month."""
    return names_text(_strangers(folder))


def _files(folder: Path) -> list[Path]:
    """The files of a folder and of the folders in it, such as one for each year, sorted."""
    found = (path for path in folder.rglob("*") if not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def _strangers(folder: Path) -> list[Path]:
    """Files that look like GLDAS and do not have the name of a month."""
    return [
        path
        for path in _files(folder)
        if not _NAME.search(path.name)
        and (
            _NETCDF.search(path.name)
            or ("gldas" in path.name.lower() and path.suffix.lower() not in _BESIDE)
        )
    ]


def names_text(paths: list[Path]) -> str:
    """Return the names of some files, the first ones of many."""
    return join_names([path.name for path in paths], limit=5)


def find_files(folder: Path, period=(None, None)) -> MonthlyFiles:
    """Find the monthly files of a period and of the baseline 2004-2009.

    Parameters
    ----------
    folder : Path
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month; None for the first or last month of the folder.

    Raises
    ------
    InputError
        When no file is a monthly mean of Noah 2.1.
    """
    paths_by_month, problems = _sort_by_month(folder)
    if not paths_by_month:
        raise InputError(problem_message(folder, problems))
    period = (period[0] or min(paths_by_month), period[1] or max(paths_by_month))
    needed = np.union1d(month_range(*period), month_range(*BASELINE))
    paths = {}
    for month in needed:
        candidates = paths_by_month.get(month, [])
        if candidates:
            paths[month] = candidates[0]
        if len(candidates) > 1:
            problems += [(f"more than one file for {month}", path) for path in candidates]
    return MonthlyFiles(folder, period, paths, problems, _strangers(folder))


def require_months(
    what: str, needed: np.ndarray, found: Container[np.datetime64], period: tuple
) -> None:
    """Check that every month is present.

    Parameters
    ----------
    what : str
        Beginning of the error message, such as "The folder X has no file".
    needed : ndarray of datetime64[M]
    found : container of datetime64[M]
    period : (datetime64[M], datetime64[M])
        First and last month of the output, for the error message.

    Raises
    ------
    InputError
        When a month of ``needed`` is not in ``found``. The message names all missing months.
    """
    missing = [month for month in needed if month not in found]
    if missing:
        raise InputError(
            f"{what} for {name_runs(np.array(missing))} (needed: the period {period_name(period)} "
            f"and the baseline {period_name(BASELINE)}); add these months of {EXPECTED_NAME}, "
            "or change START and END."
        )


def cell_size_in_name(path: Path) -> float:
    """Return the cell size in degrees that the name of a GLDAS file states as 025 or 10.

    Raises
    ------
    ValueError
        When the file does not have the name of a GLDAS file.
    """
    name = _NAME.search(path.name)
    if name is None:
        raise ValueError(f"{path.name} is not the name of a GLDAS file")
    digits = name[2]
    return float(f"{digits[0]}.{digits[1:] or 0}")


def problem_message(folder: Path, problems: list[FileProblem]) -> str:
    """Return one sentence that names all unusable files, grouped by problem."""
    names = defaultdict(list)
    for problem, path in problems:
        names[problem].append(path.relative_to(folder).as_posix())
    details = "; ".join(f"{problem}: {join_names(files)}" for problem, files in names.items())
    return (
        f"GLDAS files in {folder.name} cannot be used ({details}); "
        f"replace them with {EXPECTED_NAME} files, one per month."
    )


def join_names(names: list[str], limit: int = 12) -> str:
    """Join file names with commas; names beyond ``limit`` are only counted."""
    omitted = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {omitted} more" if omitted > 0 else "")


def _sort_by_month(folder: Path) -> tuple[dict[np.datetime64, list[Path]], list[FileProblem]]:
    """Find the monthly means of Noah 2.1 by month, and the problems of other GLDAS files."""
    paths_by_month: dict[np.datetime64, list[Path]] = defaultdict(list)
    problems: list[FileProblem] = []
    for path in _files(folder):
        name = _NAME.search(path.name)
        if not name:
            continue
        model, _, kind, year, month, version = name.groups()
        problem = _product_problem(model.upper(), kind.upper(), version)
        if problem is None and not "01" <= month <= "12":
            problem = "no month in the name"
        if problem:
            problems.append((problem, path))
        else:
            paths_by_month[np.datetime64(f"{year}-{month}", "M")].append(path)
    return dict(paths_by_month), problems


def _product_problem(model: str, kind: str, version: str) -> str | None:
    """Describe a product that is not the monthly mean of Noah 2.1; None for one that is."""
    if version == "022" or "_DA" in kind:
        return ASSIMILATES_GRACE
    if model != "NOAH" or version != "021":
        return f"{model} {int(version) / 10}, not Noah 2.1"
    return None if kind in ("_M", "_M_EP") else "not monthly means"
