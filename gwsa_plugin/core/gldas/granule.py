"""Read one GLDAS NetCDF file: check its content and sum up the water of its land cells.

Monthly and 3-hourly files have the same layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.grid import EDGE_TOLERANCE, Grid
from ..base.plausible import Limits
from ..base.units import CM_PER_KG_M2, KG_M2, cm_per
from ..rasters.hdf5 import UnreadableFile
from ..rasters.netcdf import NetCdfFile, OpenNetCdf, open_netcdf, run_on
from .file_names import ASSIMILATES_GRACE, cell_size_in_name
from .land_storage import LAYERS, OFF_LAND, POSSIBLE, VARIABLES

SNOW = LAYERS["SWES"][0]
DAMAGED = "damaged"
# Raised by the readers (InputError is a ValueError) and, where the structure of a file is
# overwritten, by the libraries that they use.
READ_ERRORS = (OSError, KeyError, RuntimeError, ValueError)

# Rows and columns of the north-up grid.
Window = tuple[slice, slice]


class UnusableGranule(Exception):
    """A GLDAS file cannot be used; ``problems`` lists the reasons."""

    def __init__(self, problems: list[str]):
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class GranuleHeader:
    """Metadata of a GLDAS file.

    Parameters
    ----------
    path : Path
    grid : Grid
    south_first : bool
        True when the rows of the file begin in the south.
    begin_date : str
        YYYYMMDD, empty when the file does not state it.
    """

    path: Path
    grid: Grid
    south_first: bool
    begin_date: str


@dataclass(frozen=True)
class Granule:
    """The water in a window of a GLDAS file.

    Parameters
    ----------
    header : GranuleHeader
    land : ndarray of bool, shape of the window
        Cells of this file with a snow-water value, including 0.
    storage : ndarray of float32, shape (components, cells)
        Soil moisture, snow and canopy water of the cells that were read, cm; NaN where the file has
        no value.
    """

    header: GranuleHeader
    land: np.ndarray
    storage: np.ndarray


def read_header(path: Path) -> GranuleHeader:
    """Read and check the metadata of a GLDAS file.

    Raises
    ------
    UnusableGranule
        When the file is damaged or is not a GLDAS Noah 2.1 file in kg m-2 on a regular grid.
    """
    with _read_errors_as_problem(), open_netcdf(path) as file:
        return _checked_header(file, path, like=None)


def read_granule(
    path: Path,
    window: Window,
    like: GranuleHeader | None = None,
    land: np.ndarray | None = None,
) -> Granule:
    """Read the water in a window of a GLDAS file.

    Parameters
    ----------
    path : Path
    window : (slice, slice)
        Rows and columns of the north-up grid of the file.
    like : GranuleHeader, optional
        A file whose grid this file must have.
    land : ndarray of bool, shape of the window, optional
        The cells to read; by default the land of this file.

    Raises
    ------
    UnusableGranule
        As ``read_header``, and when the grid is not that of ``like``.
    """
    grid = like and (like.path.name, vars(like.grid))
    with _read_errors_as_problem(), open_netcdf(path) as file:
        found = run_on(file, water_in_file, str(path), window, grid, land, size=_size(window))
    if found["problems"]:
        raise UnusableGranule(found["problems"])
    header = GranuleHeader(path, Grid(**found["grid"]), found["south_first"], found["begin_date"])
    return Granule(header, found["land"], found["storage"])


def water_in_file(
    file: OpenNetCdf,
    path: str,
    window: Sequence[slice],
    like: tuple[str, dict] | None,
    land: np.ndarray | None,
) -> dict:
    """Read the water in a window of an open GLDAS file.

    It runs in the process that reads the file, so that only the values of cells are passed.

    Parameters
    ----------
    file : OpenNetCdf
    path : str
        Its path.
    window : (slice, slice)
        As for ``read_granule``.
    like : (str, dict), optional
        Name and grid of a file whose grid this file must have.
    land : ndarray of bool, shape of the window, optional
        The cells to read.

    Returns
    -------
    dict
        The fields of the header and of the granule; "problems" alone where there are any.
    """
    try:
        header = _checked_header(file, Path(path), like)
        layers = _fetch_layers(file, window, header)
        own_land, storage = _decode_water(header, layers, land)
    except UnusableGranule as error:
        return {"problems": error.problems}
    return {
        "problems": [],
        "grid": vars(header.grid),
        "south_first": header.south_first,
        "begin_date": header.begin_date,
        "land": own_land,
        "storage": storage,
    }


def _size(window: Window) -> float:
    """Bytes of the variables in a window."""
    rows, columns = window
    return 8.0 * len(VARIABLES) * (rows.stop - rows.start) * (columns.stop - columns.start)


@contextmanager
def _read_errors_as_problem() -> Iterator[None]:
    try:
        yield
    except UnreadableFile as error:
        raise UnusableGranule([error.cause]) from None
    except READ_ERRORS:
        raise UnusableGranule([DAMAGED]) from None


def _checked_header(file: NetCdfFile, path: Path, like: tuple[str, dict] | None) -> GranuleHeader:
    present = file.variables
    absent = [name for name in VARIABLES if name not in present]
    problems = _version_problems(file)
    if absent:
        problems.append(f"without {', '.join(absent)}")
    if not {"lat", "lon"} <= set(present):
        raise UnusableGranule([*problems, "without lat and lon"])
    latitudes, longitudes = (file.read(name).astype(np.float64) for name in ("lat", "lon"))
    if not (
        _evenly_spaced(latitudes) and _evenly_spaced(longitudes) and longitudes[0] <= longitudes[-1]
    ):
        raise UnusableGranule([*problems, "not on a regular grid from west to east"])
    grid = _grid_of_centres(latitudes, longitudes, cell_size_in_name(path))
    for name in VARIABLES:
        if name not in absent:
            problems += _map_problems(file, name, grid)
    begin_date = file.text("begin_date", "time") if "time" in present else ""
    if like and not grid.same_as(Grid(**like[1])):
        problems.append(f"on another grid than {like[0]}")
    if problems:
        raise UnusableGranule(problems)
    return GranuleHeader(path, grid, bool(latitudes[-1] > latitudes[0]), begin_date)


def _version_problems(file: NetCdfFile) -> list[str]:
    title = file.text("title")
    source = file.text("source")
    version = re.search(r"GLDAS\D{0,4}(\d\.\d)", title)
    if version and version[1] == "2.2":
        return [ASSIMILATES_GRACE]
    if (version and version[1] != "2.1") or (source and "noah" not in source.lower()):
        return [f"not Noah 2.1 but “{title}” from “{source}”"]
    return []


def _map_problems(file: NetCdfFile, name: str, grid: Grid) -> list[str]:
    problems = []
    if file.shape(name) not in ((1, *grid.shape), grid.shape):
        problems.append(f"{name} is not a single map on lat and lon")
    if cm_per(file.unit(name) or KG_M2) != CM_PER_KG_M2:
        problems.append(f"{name} in {file.unit(name)}, not in kg m-2")
    return problems


def _evenly_spaced(axis: np.ndarray) -> bool:
    steps = np.diff(axis)
    return steps.size == 0 or bool(
        np.abs(steps - steps.mean()).max() < 10 * EDGE_TOLERANCE * abs(steps.mean())
    )


def _grid_of_centres(latitudes: np.ndarray, longitudes: np.ndarray, single_cell: float) -> Grid:
    """Return the grid of cell centres; a single row or column has the size ``single_cell``."""
    dy, dx = (
        abs(axis[-1] - axis[0]) / (axis.size - 1) if axis.size > 1 else single_cell
        for axis in (latitudes, longitudes)
    )
    return Grid(
        west=longitudes[0] - dx / 2,
        north=latitudes.max() + dy / 2,
        dx=dx,
        dy=dy,
        rows=latitudes.size,
        columns=longitudes.size,
    )


def _fetch_layers(
    file: OpenNetCdf, window: Sequence[slice], header: GranuleHeader
) -> dict[str, Callable[..., np.ndarray]]:
    """Return for each variable a function that decodes its window, kg m-2, rows as in the file.

    The functions take flat indices into the window, as ``NetCdf.fetch`` describes.
    """
    rows, columns = window
    if header.south_first:
        rows = slice(header.grid.rows - rows.stop, header.grid.rows - rows.start)
    layers = {}
    for name in VARIABLES:
        time_axis = (slice(0, 1),) * (len(file.shape(name)) - 2)
        layers[name] = file.fetch(name, *time_axis, rows, columns)
    return layers


def _decode_water(
    header: GranuleHeader, layers: dict[str, Callable[..., np.ndarray]], land: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the layers in the cells of ``land``, by default those with a snow-water value.

    Returns the cells with a snow-water value and the storage, as ``Granule`` has them.
    """
    snow = _mask_off_land(layers[SNOW]())
    # Snow is decoded once, for the land and for its values.
    layers = {**layers, SNOW: snow.reshape(-1).take}
    snow = snow.reshape(snow.shape[-2:])
    to_north_up = slice(None, None, -1 if header.south_first else 1)
    own_land = np.isfinite(snow)[to_north_up]
    file_indices = np.arange(snow.size).reshape(snow.shape)[to_north_up]
    cells = file_indices[own_land if land is None else land]
    return own_land, _sum_components(layers, cells)


def _sum_components(layers: dict[str, Callable[..., np.ndarray]], cells: np.ndarray) -> np.ndarray:
    """Return soil moisture, snow and canopy water in cm, float32, shape (components, cells)."""
    storage = np.empty((len(LAYERS), cells.size), dtype=np.float32)
    problems = []
    for component, (key, names) in zip(storage, LAYERS.items()):
        component[:] = 0.0
        for name in names:
            layer = _mask_off_land(layers[name](cells)) * np.float32(CM_PER_KG_M2)
            problems += _value_problems(layer, name, POSSIBLE[key])
            component += layer
    if problems:
        raise UnusableGranule(problems)
    return storage


def _value_problems(layer: np.ndarray, name: str, limits: Limits) -> list[str]:
    """What is wrong with the values of a layer, cm: none, or undeclared fill values."""
    extremes = [np.fmin.reduce(layer), np.fmax.reduce(layer)] if layer.size else []
    if extremes and np.isnan(extremes[0]):
        return [f"{name} without values on the land"]
    wrong = [value for value in extremes if value < limits.least or value > limits.most]
    return [
        f"{name} with {value / CM_PER_KG_M2:.6g} kg m-2, which is no storage" for value in wrong
    ]


def _mask_off_land(values: np.ndarray) -> np.ndarray:
    """Set the value off the land to NaN, in place."""
    values[values == OFF_LAND] = np.nan
    return values
