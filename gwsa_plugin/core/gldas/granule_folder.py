"""Read a folder of GLDAS Noah 2.1 monthly NetCDF files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.grid import Bounds
from ..base.months import name_runs
from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..rasters import hdf5
from .file_names import (
    FileProblem,
    MonthlyFiles,
    find_files,
    join_names,
    names_text,
    problem_message,
)
from .granule import Granule, GranuleHeader, UnusableGranule, Window, read_granule, read_header
from .land_storage import LandStorage, empty_storage


def read_granules(
    folder: Path,
    period=(None, None),
    bounds: Bounds | None = None,
    progress: Progress = SILENT,
) -> LandStorage:
    """Read the months of a period and of the baseline 2004-2009.

    Land is where any month has a snow-water value.

    Parameters
    ----------
    folder : Path
    period : (datetime64[M] or None, datetime64[M] or None)
        First and last month; None for the first or last month of the folder.
    bounds : (float, float, float, float), optional
        West, south, east and north, degrees. The cells that overlap are read; by default all.
    progress : Progress

    Raises
    ------
    InputError
        When no file can be used; when files of these months are 3-hourly or daily, of another model
        or version, two for one month, damaged, without a variable, in another unit or on another
        grid (the message names all of them); otherwise when months are missing (likewise).
    """
    files = find_files(folder, period)
    first, window = _read_first_usable(files, bounds)
    # Missing months are reported after unusable files, which may be the reason for them.
    files.require_all_months()
    land = first.land
    while True:
        values, headers, more_land = _read_cells(files, first.header, window, land, progress)
        if not more_land.size:
            break
        # Some months have land that the first does not have: read again with their cells.
        land = land.copy()
        land.flat[more_land] = True
    _warn_about_begin_dates(files, headers, progress)
    if files.strangers:
        progress.warn(
            "NetCDF files without the name of a GLDAS month are not read: "
            f"{names_text(files.strangers)}."
        )
    library = f"GDAL (h5py cannot be used: {hdf5.trouble()})" if hdf5.trouble() else "h5py"
    months = np.array(list(files.paths), dtype="datetime64[M]")
    progress.info(
        f"Read {len(headers)} monthly GLDAS Noah 2.1 files, {name_runs(months)}, cells of "
        f"{first.header.grid.dx:.4g}°, with {library}."
    )
    return LandStorage(
        grid=first.header.grid.subgrid(*window),
        months=months,
        land=land,
        values=values,
        period=files.period,
        files=list(files.paths.values()),
    )


def _read_first_usable(files: MonthlyFiles, bounds: Bounds | None) -> tuple[Granule, Window]:
    """Read the first usable file, whose grid all others must have, and find the window to read."""
    problems = list(files.problems)
    for path in files.paths.values():
        try:
            grid = read_header(path).grid
            window = grid.window_around(bounds or grid.bounds)
            return read_granule(path, window), window
        except UnusableGranule as error:
            problems += [(problem, path) for problem in error.problems]
    if not problems:
        files.require_all_months()
    raise InputError(problem_message(files.folder, problems))


class _FileResult(NamedTuple):
    """Result of reading one file; ``new_land`` has indices of land cells that were not read."""

    header: GranuleHeader | None
    problems: list[FileProblem]
    new_land: np.ndarray


def _read_cells(
    files: MonthlyFiles,
    first: GranuleHeader,
    window: Window,
    land: np.ndarray,
    progress: Progress,
) -> tuple[np.ndarray, list[GranuleHeader], np.ndarray]:
    """Read the cells of ``land`` from all files, in parallel.

    Returns the storage, float32 of shape (components, months, cells), the headers of the files, and
    flat indices in the window of land cells that are not in ``land``.
    """
    # Files with a problem in their names are read too, so that the message has all problems.
    paths = dict.fromkeys([*files.paths.values(), *(path for _, path in files.problems)])
    values = empty_storage(len(paths), land, progress)

    def read(path: Path, month: int, progress: Progress) -> _FileResult:
        progress.stop_if_cancelled()
        try:
            granule = read_granule(path, window, like=first, land=land)
        except UnusableGranule as error:
            problems = [(problem, path) for problem in error.problems]
            return _FileResult(None, problems, np.zeros(0, dtype=int))
        values[:, month] = granule.storage
        return _FileResult(granule.header, [], np.flatnonzero(granule.land & ~land))

    tasks = [partial(read, path, month) for month, path in enumerate(paths)]
    results: list[_FileResult] = run_all(tasks, progress)
    problems = files.problems + [problem for result in results for problem in result.problems]
    if problems:
        raise InputError(problem_message(files.folder, problems))
    headers = [result.header for result in results if result.header]
    return values, headers, np.concatenate([result.new_land for result in results])


def _warn_about_begin_dates(
    files: MonthlyFiles, headers: list[GranuleHeader], progress: Progress
) -> None:
    """Warn when ``begin_date`` in a file is in another month than the name of the file.

    The name is used because time units differ between GLDAS products.
    """
    months = {path: str(month).replace("-", "") for month, path in files.paths.items()}
    differing = [
        header.path.name
        for header in headers
        if header.begin_date and not header.begin_date.startswith(months[header.path])
    ]
    if differing:
        progress.warn(
            "The month in begin_date differs from the month in the file name, which is used: "
            f"{join_names(differing)}."
        )
