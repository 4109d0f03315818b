"""A folder of GLDAS Noah 2.1 monthly NetCDF files as the water of its land cells; all that is wrong is told at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..files import hdf5
from .file_names import MonthlyFiles, find_files, sentence, some
from .granule import Granule, read_granule
from .land_storage import COMPONENTS, LandStorage


def read_granules(
    folder: Path, period=(None, None), bounds=None, progress: Progress = SILENT
) -> LandStorage:
    """The months of ``period`` (None: the first or last there is) and of the baseline, the cells that touch ``bounds``.

    Raises InputError when the folder has no GLDAS files; naming all of them at once, when files are 3-hourly or daily,
    of another model or version, two for a month, damaged, without a variable, in another unit or on another grid; and
    naming all of them at once, when months are missing.
    """
    files = find_files(folder, period)
    first, window = _first_sound(files, bounds)
    files.require_all()  # not before a look inside: a file that is wrong is told first
    land = first.land
    while True:
        values, granules, more_land = _read_cells(files, first, window, land, progress)
        if not more_land.size:
            break
        land = land.copy()
        land.flat[more_land] = True  # of months whose land is not that of the first
    _warn_of_other_dates(files, granules, progress)
    progress.info(
        f"GLDAS: {len(granules)} monthly files read by {'h5py' if hdf5.usable() else 'GDAL'}."
    )
    months = np.array(list(files.paths), dtype="datetime64[M]")
    return LandStorage(
        first.grid.sub(*window), months, land, values, files.period, list(files.paths.values())
    )


def _first_sound(files: MonthlyFiles, bounds) -> tuple[Granule, tuple[slice, slice]]:
    """A granule whose grid and land are expected of all, and the window of ``bounds``; InputError without any."""
    faults = list(files.faults)
    for path in files.paths.values():
        granule = read_granule(path)
        if not granule.faults:
            window = granule.grid.window(bounds or granule.grid.bounds)
            granule = read_granule(path, granule, window)
            if not granule.faults:
                return granule, window
        faults += [(fault, path) for fault in granule.faults]
    if not faults:
        files.require_all()
    raise InputError(sentence(files.folder, faults))


def _read_cells(files: MonthlyFiles, first: Granule, window, land: np.ndarray, progress: Progress):
    """Values of ``land``, shape (components, months, cells), the granules without theirs, flat places of more land."""
    paths = dict.fromkeys([*files.paths.values(), *(path for _, path in files.faults)])
    values = np.empty((len(COMPONENTS), len(paths), np.count_nonzero(land)), dtype=np.float32)

    def read(path: Path, place: int, progress: Progress) -> tuple[Granule, np.ndarray]:
        progress.stop_if_cancelled()
        granule = read_granule(path, first, window, land)
        if granule.faults:
            return granule, np.zeros(0, dtype=int)
        values[:, place] = granule.storage
        return replace(granule, land=None, storage=None), np.flatnonzero(granule.land & ~land)

    tasks = [partial(read, path, place) for place, path in enumerate(paths)]
    granules, more_land = zip(*run_all(tasks, progress))
    faults = files.faults + [
        (fault, granule.path) for granule in granules for fault in granule.faults
    ]
    if faults:
        raise InputError(sentence(files.folder, faults))
    return values, granules, np.concatenate(more_land)


def _warn_of_other_dates(files: MonthlyFiles, granules: list[Granule], progress: Progress) -> None:
    """The name decides, as time units differ between GLDAS products; a begin_date that disagrees is worth a look."""
    months = {path: str(month).replace("-", "") for month, path in files.paths.items()}
    others = [
        one.path.name
        for one in granules
        if one.begin and not one.begin.startswith(months[one.path])
    ]
    if others:
        progress.warn(
            f"Another month in begin_date than in the name, which is used: {some(others)}."
        )
