"""One GLDAS NetCDF file: whether it is sound, and the water in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from ..base.grid import EDGE_TOLERANCE, Grid
from ..base.units import CM_PER_KG_M2, KG_M2, cm_per
from ..files import hdf5
from ..files.netcdf import NetCdf
from .file_names import ASSIMILATES_GRACE, cell_size
from .land_storage import LAYERS, OFF_LAND, VARIABLES

SNOW = LAYERS["SWES"][0]
DAMAGED = "damaged, cut short or not NetCDF"
# What the readers and, where bytes of a file's structure are overwritten, the libraries under them raise.
UNREADABLE = (OSError, KeyError, RuntimeError, ValueError)  # an InputError is a ValueError

_turn = Lock()  # HDF5, through h5py or GDAL, serves one thread at a time


@dataclass(frozen=True)
class Granule:
    """``grid``: the file's, north-up, None where it has none; ``begin``: its begin_date YYYYMMDD or empty.

    ``faults``: what is wrong with the file. In the window asked for, and None where there are faults: ``land``, bool,
    the cells with snow water, be it 0; ``storage``, cm of soil, snow and canopy water, float32, shape (3, cells).
    """

    path: Path
    grid: Grid | None
    begin: str
    faults: list[str]
    land: np.ndarray | None = None
    storage: np.ndarray | None = None


def read_granule(
    path: Path, like: Granule | None = None, window=None, land: np.ndarray | None = None
) -> Granule:
    """What a file says of itself and, in ``window`` (rows and columns of its north-up grid), its water.

    Monthly and 3-hourly files have one layout. The storage is that of the cells of ``land``, by default the file's own,
    NaN where it has none. What is wrong with a file is told in ``faults``, another grid than that of ``like`` too, and
    nothing is raised.
    """
    try:
        with _turn, _opened(path) as file:
            granule, ascending = _look_into(file, path)
            if like and granule.grid and not granule.grid.same_as(like.grid):
                granule.faults.append(f"on another grid than {like.path.name}")
            if granule.faults or window is None:
                return granule
            layers = _fetch_layers(file, window, granule.grid.rows, ascending)
        from_north = slice(None, None, -1 if ascending else 1)
        snow = _valid(layers[SNOW]())
        layers[SNOW] = snow.reshape(-1).take  # unpacked once, for the land and for its values
        snow = snow.reshape(snow.shape[-2:])
        own_land = np.isfinite(snow)[from_north]
        places = np.arange(snow.size).reshape(snow.shape)[from_north][
            own_land if land is None else land
        ]
        return replace(granule, land=own_land, storage=_add_up(layers, places))
    except UNREADABLE:
        return Granule(path, None, "", [DAMAGED])


@contextmanager
def _opened(path: Path):
    """The file through h5py where that can be, else through GDAL."""
    if hdf5.usable() and hdf5.is_hdf5(path):
        file = hdf5.Hdf5(path)
        try:
            yield file
        finally:
            file.close()
    else:
        yield NetCdf(path)


def _look_into(file, path: Path) -> tuple[Granule, bool]:
    """The granule without its water, and whether its rows ascend (south first)."""
    present = file.variables
    absent = [name for name in VARIABLES if name not in present]
    faults = _other_version(file) + ([f"without {', '.join(absent)}"] if absent else [])
    if not {"lat", "lon"} <= set(present):
        return Granule(path, None, "", [*faults, "without lat and lon"]), False
    latitudes, longitudes = (file.read(name).astype(np.float64) for name in ("lat", "lon"))
    if not (
        _steps_evenly(latitudes) and _steps_evenly(longitudes) and longitudes[0] <= longitudes[-1]
    ):
        return Granule(path, None, "", [*faults, "not on a regular grid from west to east"]), False
    grid = _grid(latitudes, longitudes, cell_size(path))
    for name in VARIABLES:
        if name not in absent:
            faults += _unlike_a_map(file, name, grid)
    begin = file.text("begin_date", "time") if "time" in present else ""
    return Granule(path, grid, begin, faults), bool(latitudes[-1] > latitudes[0])


def _other_version(file) -> list[str]:
    title, source = file.text("title"), file.text("source")
    version = re.search(r"GLDAS\D{0,4}(\d\.\d)", title)
    if version and version[1] == "2.2":
        return [ASSIMILATES_GRACE]
    if (version and version[1] != "2.1") or (source and "noah" not in source.lower()):
        return [f"not Noah 2.1 but “{title}” from “{source}”"]
    return []


def _grid(latitudes: np.ndarray, longitudes: np.ndarray, step: float) -> Grid:
    """Of cell centres; a single row or column does not show its own size and has that of ``step``."""
    dy, dx = (
        abs(axis[-1] - axis[0]) / (axis.size - 1) if axis.size > 1 else step
        for axis in (latitudes, longitudes)
    )
    return Grid(
        longitudes[0] - dx / 2, latitudes.max() + dy / 2, dx, dy, latitudes.size, longitudes.size
    )


def _steps_evenly(axis: np.ndarray) -> bool:
    steps = np.diff(axis)
    return steps.size == 0 or bool(
        np.abs(steps - steps.mean()).max() < 10 * EDGE_TOLERANCE * abs(steps.mean())
    )


def _unlike_a_map(file, name: str, grid: Grid) -> list[str]:
    faults = []
    if file.shape(name) not in ((1, *grid.shape), grid.shape):
        faults.append(f"{name} is not one map of lat and lon")
    if cm_per(file.unit(name) or KG_M2) != CM_PER_KG_M2:
        faults.append(f"{name} in {file.unit(name)}, not in kg m-2")
    return faults


def _fetch_layers(
    file, window: tuple[slice, slice], file_rows: int, ascending: bool
) -> dict[str, Callable]:
    """Variable -> a call that gives its window in kg m-2, or places in it, in the order of the file's rows."""
    rows, columns = window
    stored = slice(file_rows - rows.stop, file_rows - rows.start) if ascending else rows
    return {
        name: file.fetch(name, *(slice(0, 1),) * (len(file.shape(name)) - 2), stored, columns)
        for name in VARIABLES
    }


def _add_up(layers: dict[str, Callable], places: np.ndarray) -> np.ndarray:
    """Soil, snow and canopy water in cm, NaN off the land."""
    storage = np.empty((len(LAYERS), places.size), dtype=np.float32)
    for component, names in zip(storage, LAYERS.values()):
        component[:] = sum(_valid(layers[name](places)) for name in names)
        component *= np.float32(CM_PER_KG_M2)
    return storage


def _valid(values: np.ndarray) -> np.ndarray:
    values[values == OFF_LAND] = np.nan
    return values
