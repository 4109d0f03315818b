"""GLDAS Noah 2.1 monthly NetCDF files: which months a folder holds, whether each file is sound, and what is in it."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal

from .errors import InputError
from .grid import Grid
from .months import BASELINE, month_range, name_runs
from .progress import SILENT, Progress
from .stack import period_name

LAYERS = {
    "SMS": ("SoilMoi0_10cm_inst", "SoilMoi10_40cm_inst", "SoilMoi40_100cm_inst", "SoilMoi100_200cm_inst"),
    "SWES": ("SWE_inst",),
    "CWS": ("CanopInt_inst",),
}
"""What each component is the sum of. RootMoist_inst repeats the upper soil layers and is none of them."""

VARIABLES = tuple(name for names in LAYERS.values() for name in names)
CM_PER_KG_M2 = 0.1

_NAME = re.compile(r"GLDAS_([A-Z]+)\d+((?:_[A-Z0-9]+)+)\.A(\d{4})(\d{2})\d*(?:\.\d{4})?\.(\d{3})\.(?:.*\.)?nc4?$")
_WANTED = "GLDAS_NOAH025_M.AYYYYMM.021.nc4"
_DAMAGED = "damaged, cut short or not NetCDF"
_ASSIMILATES_GRACE = "GLDAS 2.2, which assimilates GRACE, so that TWSA would be subtracted from itself"
_MASS_UNITS = ("", "kg m-2", "kg/m2", "kg/m^2", "mm")
_OFF_LAND = -9999.0
_UNREAD = np.finfo(np.float32).max


@dataclass(frozen=True)
class MonthlyFiles:
    """``paths``: month -> file, in order, every month of the period and of the baseline; ``grid``: theirs, north-up."""

    paths: dict[np.datetime64, Path]
    period: tuple[np.datetime64, np.datetime64]
    grid: Grid


def find_files(folder, period=(None, None), progress: Progress = SILENT) -> MonthlyFiles:
    """The files of ``period`` (None: the first or last month there is) and of the baseline 2004-2009.

    Raises InputError when the folder has no GLDAS files; naming all of them at once, when files are 3-hourly or daily,
    of another model or version, two for a month, damaged, without a variable, in another unit or on another grid; and
    naming all of them at once, when months are missing.
    """
    folder = Path(folder)
    months, faults = _sort_by_month(folder)
    if months:
        period = (period[0] or min(months), period[1] or max(months))
        needed = np.union1d(month_range(*period), month_range(*BASELINE))
    else:
        needed = ()
    chosen = {month: months[month] for month in needed if month in months}
    faults += [(f"more than one for {m}", path) for m, paths in chosen.items() if len(paths) > 1 for path in paths]
    headers = _read_headers([*(path for _, path in faults), *(p for paths in chosen.values() for p in paths)], progress)
    faults += _faults_inside(headers)
    if faults:
        raise InputError(_sentence(folder, faults))
    _require_all(folder, needed, chosen, period)
    files = {month: paths[0] for month, paths in chosen.items()}
    _warn_of_other_dates(files, headers, progress)
    return MonthlyFiles(files, period, headers[next(iter(files.values()))].grid)


def read_storage(paths, window: tuple[slice, slice], progress: Progress = SILENT) -> np.ndarray:
    """Soil moisture, snow and canopy water of granules on one grid, in the order of LAYERS.

    ``window`` is rows and columns of their north-up grid. Returns cm of water, float32, shape (files, 3, rows,
    columns), north first, NaN off the land. Monthly and 3-hourly granules have one layout. Raises InputError naming
    every file that cannot be read to its end.
    """
    rows, columns = window
    shape = (len(LAYERS), rows.stop - rows.start, columns.stop - columns.start)
    storage = np.empty((len(paths), *shape), dtype=np.float32)
    damaged = []
    for i, path in enumerate(paths):
        progress.advance(i / len(paths))
        layers = _read_layers(path, window)
        if layers is None:
            damaged.append((_DAMAGED, Path(path)))
            continue
        for k, names in enumerate(LAYERS.values()):
            storage[i, k] = sum(layers[name] for name in names) * np.float32(CM_PER_KG_M2)
    if damaged:
        raise InputError(_sentence(Path(paths[0]).parent, damaged))
    return storage


def read_grid(path) -> Grid:
    """The north-up grid of one granule. Raises InputError when it has none."""
    header = _read_header(Path(path))
    if header.grid is None:
        raise InputError(_sentence(Path(path).parent, [(fault, Path(path)) for fault in header.faults]))
    return header.grid


def _sort_by_month(folder: Path) -> tuple[dict[np.datetime64, list[Path]], list[tuple[str, Path]]]:
    """The files that by their names are Noah 2.1 monthly means, and what is wrong with the other GLDAS files."""
    if not folder.is_dir():
        raise InputError(f"{folder.name} is not a folder; give the folder that holds the {_WANTED} files.")
    named = [(path, name) for path in sorted(folder.iterdir()) if (name := _NAME.search(path.name))]
    if not named:
        raise InputError(f"The folder {folder.name} has no GLDAS files; give one that holds {_WANTED} files.")
    months, faults = defaultdict(list), []
    for path, name in named:
        model, kind, year, month, version = name.groups()
        fault = _wrong_product(model, kind, version) or (None if "01" <= month <= "12" else "no month in the name")
        if fault:
            faults.append((fault, path))
        else:
            months[np.datetime64(f"{year}-{month}", "M")].append(path)
    return dict(months), faults


def _wrong_product(model: str, kind: str, version: str) -> str | None:
    """GES DISC names its files GLDAS_<model><resolution>_<kind>.A<date>.<version>.nc4."""
    if version == "022" or "_DA" in kind:
        return _ASSIMILATES_GRACE
    if model != "NOAH" or version != "021":
        return f"not Noah 2.1 but {model} {int(version) / 10}"
    return None if kind in ("_M", "_M_EP") else "not monthly means"


@dataclass(frozen=True)
class _Header:
    """What a file says of itself, without its maps: ``begin`` is YYYYMMDD or empty, ``faults`` what is wrong."""

    grid: Grid | None
    begin: str
    faults: list[str]


def _read_headers(paths, progress: Progress) -> dict[Path, _Header]:
    headers = {}
    for i, path in enumerate(paths):
        progress.advance(i / len(paths))
        headers[path] = _read_header(path)
    return headers


def _read_header(path: Path) -> _Header:
    with _opened(path) as group:
        if group is None:
            return _Header(None, "", [_DAMAGED])
        names = group.GetMDArrayNames() or []
        absent = [name for name in VARIABLES if name not in names]
        faults = _other_version(group) + ([f"without {', '.join(absent)}"] if absent else [])
        grid, _ = _grid(group)
        if grid is None:
            return _Header(None, "", [*faults, "without lat and lon"])
        for name in VARIABLES:
            if name not in absent:
                faults += _unlike_a_map(group.OpenMDArray(name), grid)
        begin = _text(group.OpenMDArray("time"), "begin_date") if "time" in names else ""
        return _Header(grid, begin, faults)


def _other_version(group) -> list[str]:
    title, source = (_text(group, name) for name in ("title", "source"))
    version = re.search(r"GLDAS\D{0,4}(\d\.\d)", title)
    if version and version[1] == "2.2":
        return [_ASSIMILATES_GRACE]
    if (version and version[1] != "2.1") or (source and "noah" not in source.lower()):
        return [f"not Noah 2.1 but “{title}” from “{source}”"]
    return []


def _unlike_a_map(array, grid: Grid) -> list[str]:
    faults = []
    if [dimension.GetSize() for dimension in array.GetDimensions()] not in ([1, *grid.shape], [*grid.shape]):
        faults.append(f"{array.GetName()} is not one map of lat and lon")
    if (array.GetUnit() or "").strip() not in _MASS_UNITS:
        faults.append(f"{array.GetName()} in {array.GetUnit()}, not in kg m-2")
    return faults


def _faults_inside(headers: dict[Path, _Header]) -> list[tuple[str, Path]]:
    faults = [(fault, path) for path, header in headers.items() for fault in header.faults]
    grids = {path: header.grid for path, header in headers.items() if header.grid}
    first = next(iter(grids), None)
    faults += [(f"on another grid than {first.name}", p) for p, grid in grids.items() if not grid.same_as(grids[first])]
    return faults


def _require_all(folder: Path, needed, found: dict, period) -> None:
    missing = [month for month in needed if month not in found]
    if missing:
        raise InputError(
            f"The folder {folder.name} has no file for {name_runs(missing)} (needed: the period {period_name(period)} "
            f"and the baseline {period_name(BASELINE)}); add these months of {_WANTED}, or change START and END."
        )


def _warn_of_other_dates(files: dict, headers: dict[Path, _Header], progress: Progress) -> None:
    """The name decides, as time units differ between GLDAS products; a begin_date that disagrees is worth a look."""
    stated = {path: (month, headers[path].begin) for month, path in files.items() if headers[path].begin}
    others = [p.name for p, (month, begin) in stated.items() if not begin.startswith(str(month).replace("-", ""))]
    if others:
        progress.warn(f"Another month in begin_date than in the name, which is used: {_some(others)}.")


def _sentence(folder: Path, faults: list[tuple[str, Path]]) -> str:
    names = defaultdict(list)
    for fault, path in faults:
        names[fault].append(path.name)
    told = "; ".join(f"{fault}: {_some(paths)}" for fault, paths in names.items())
    return f"GLDAS files in {folder.name} cannot be used ({told}); replace them by {_WANTED} files, one a month."


def _some(names: list[str], most: int = 12) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def _opened(path):
    """The root group of a NetCDF file, None when it cannot be opened; GDAL's own messages stay out of the log."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        try:
            file = gdal.OpenEx(str(path), gdal.OF_MULTIDIM_RASTER, allowed_drivers=["netCDF"])
        except RuntimeError:  # where gdal.UseExceptions() is on
            file = None
        yield file.GetRootGroup() if file else None
    finally:
        gdal.PopErrorHandler()


def _grid(group) -> tuple[Grid | None, bool]:
    """The north-up grid of the file's cell centres, and whether its rows ascend (south first)."""
    if not {"lat", "lon"} <= set(group.GetMDArrayNames()):
        return None, False
    axes = [_read(array, [0], [array.GetTotalElementsCount()]) for array in map(group.OpenMDArray, ("lat", "lon"))]
    if any(axis is None for axis in axes):
        return None, False
    lat, lon = (axis.astype(np.float64) for axis in axes)
    dy, dx = abs(lat[-1] - lat[0]) / max(lat.size - 1, 1), (lon[-1] - lon[0]) / max(lon.size - 1, 1)
    dx, dy = dx or dy, dy or dx  # one row or one column: square cells
    return Grid(lon[0] - dx / 2, lat.max() + dy / 2, dx, dy, lat.size, lon.size), bool(lat[-1] > lat[0])


def _read_layers(path, window: tuple[slice, slice]) -> dict[str, np.ndarray] | None:
    """Part of each map in kg m-2, north first, NaN off the land; None when one of them cannot be read."""
    rows, columns = window
    with _opened(path) as group:
        if group is None:
            return None
        grid, ascending = _grid(group)
        first = grid.rows - rows.stop if ascending else rows.start
        layers = {}
        for name in VARIABLES:
            array = group.OpenMDArray(name)
            leading = array.GetDimensionCount() - 2
            shape = [rows.stop - rows.start, columns.stop - columns.start]
            values = _read(array, [0] * leading + [first, columns.start], [1] * leading + shape)
            if values is None:
                return None
            fill = array.GetNoDataValueAsDouble()
            values[(values == _OFF_LAND) | (values == (_OFF_LAND if fill is None else fill))] = np.nan
            layers[name] = values.reshape(shape)[:: -1 if ascending else 1]
        return layers


def _read(array, start: list[int], shape: list[int]) -> np.ndarray | None:
    """A block of an array as float32; None when it cannot be decompressed.

    GDAL 3.6 reports no error there and leaves the buffer as it was, so it starts out with a value that no file has.
    """
    values = np.full(shape, _UNREAD, dtype=np.float32)
    try:
        array.ReadAsArray(start, shape, buf_obj=values)
    except RuntimeError:  # where gdal.UseExceptions() is on
        return None
    return None if (values == _UNREAD).any() else values


def _text(owner, name: str) -> str:
    """An attribute of a group or array, empty when there is none."""
    return next((str(a.ReadAsString()) for a in owner.GetAttributes() or () if a.GetName() == name), "")
