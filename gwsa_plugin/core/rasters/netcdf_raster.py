"""Variables of NetCDF files as rasters, with one band for each month of the time axis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..base.affine import Affine
from ..base.errors import InputError
from ..base.months import name_runs
from .crs import LONLAT, well_known_text
from .netcdf import NetCdfFile, open_netcdf
from .netcdf_grid import GriddedVariable, read_times
from .raster import Band, Raster, Window

SIGNATURES = (b"CDF", b"\x89HDF\r\n\x1a\n")
# Fraction of a cell by which coordinates may differ from even spacing: files round them.
UNEVEN = 0.02


def is_netcdf(path: Path) -> bool:
    """Return True for a file of NetCDF or HDF5, by its first bytes."""
    return path.is_file() and _first_bytes(path).startswith(SIGNATURES)


def is_grib(path: Path) -> bool:
    """Return True for a GRIB file, by its first bytes."""
    return path.is_file() and _first_bytes(path).startswith(b"GRIB")


def gridded_variables(path: Path) -> tuple[str, ...]:
    """Return the names of the variables of a NetCDF file that are over latitude and longitude."""
    with open_netcdf(path) as file:
        return tuple(name for name in file.variables if _is_gridded(file, name))


class NetCdfRaster(Raster):
    """A variable of a NetCDF file that is open for reading.

    The packing of the file (scale_factor, add_offset) is undone, so that scale and offset of the
    bands are 1 and 0. The name of a band is its month, YYYY-MM, that of the middle of its bounds
    where the file has them; a variable without time has one band without a name. Rows run from
    south to north where the latitudes of the file do. The file is open only while it is read.

    Parameters
    ----------
    path : Path
        A NetCDF file.
    variable : str
        A variable over latitude and longitude, and time where there are several.

    Attributes
    ----------
    variable : str
        Its name.

    Raises
    ------
    InputError
        When the file cannot be read, or the variable is not on an even grid or not monthly.
    """

    def __init__(self, path: Path, variable: str):
        self._path = path
        self.variable = variable
        with self._open() as gridded:
            file = gridded.file
            count, *sides = gridded.shape
            self.shape = (sides[0], sides[1])
            _, *block = gridded.chunk
            # A file without blocks is stored row by row.
            self.block = (block[0], block[1]) if max(block) > 1 else (1, sides[1])
            self.transform = _transform(gridded)
            names = _months(gridded) if gridded.time else [""] * count
            unit = file.unit(variable)
        self.crs = well_known_text(LONLAT)
        self.bands = tuple(Band("float32", np.nan, False, 1.0, 0.0, unit, name) for name in names)

    def close(self) -> None:
        """Do nothing: the file is closed after each reading."""

    def tags(self, band: int = 0, domain: str = "") -> dict[str, str]:
        return {}

    def overviews(self, band: int) -> list[int]:
        return []

    def read(
        self, band: int, window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        values = self.read_floats([band], window)[0]
        if shape is None:
            return values
        rows, columns = (
            np.floor((np.arange(new) + 0.5) * old / new).astype(int)
            for new, old in zip(shape, values.shape)
        )
        return values[np.ix_(rows, columns)]

    def read_floats(self, bands: list[int], window: Window | None = None) -> np.ndarray:
        # GDAL takes no integers of numpy.
        left, top, width, height = self.sides_of(window)
        rows, columns = slice(top, top + height), slice(left, left + width)
        with self._open() as gridded:
            fields = [gridded.read(slice(n - 1, n), rows, columns)[0] for n in bands]
        return np.stack(fields).astype(np.float32)

    @contextmanager
    def _open(self) -> Iterator[GriddedVariable]:
        with open_netcdf(self._path) as file:
            yield GriddedVariable(file, self.variable)


def packing(path: Path, variable: str) -> tuple[float, float]:
    """Return the scale and the offset with which a variable is packed, 1 and 0 where it is not."""
    with open_netcdf(path) as file:
        stated = [file.text(name, variable) for name in ("scale_factor", "add_offset")]
    scale, offset = (float(text.strip("[] ")) if text else None for text in stated)
    return 1.0 if scale is None else scale, offset or 0.0


def _first_bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(8)


def _is_gridded(file: NetCdfFile, name: str) -> bool:
    try:
        GriddedVariable(file, name)
    except InputError:
        return False
    return True


def _transform(gridded: GriddedVariable) -> Affine:
    """From column and row to degrees; the coordinates of the file are centres of cells."""
    longitudes = gridded.longitudes.copy()
    # Longitudes can continue at -180 or 0 within a row.
    longitudes[1:] += 360.0 * np.cumsum(np.diff(longitudes) < 0)
    west, width = _even(longitudes, gridded, "longitudes")
    first, height = _even(gridded.latitudes, gridded, "latitudes")
    return Affine(width, 0.0, west - width / 2, 0.0, height, first - height / 2)


def _even(degrees: np.ndarray, gridded: GriddedVariable, what: str) -> tuple[float, float]:
    """The first coordinate and the step of evenly spaced ones."""
    count = degrees.size
    step = float(degrees[-1] - degrees[0]) / max(count - 1, 1)
    even = degrees[0] + step * np.arange(count)
    if step == 0 or np.abs(degrees - even).max() > UNEVEN * abs(step):
        raise InputError(
            f"The {what} of {gridded.name} in {gridded.file.name} are not evenly spaced; regrid it "
            "to even longitudes and latitudes first, for example with cdo remapbil."
        )
    return float(degrees[0]), step


def _months(gridded: GriddedVariable) -> list[str]:
    """The month of each time, which are different months."""
    file, time = gridded.file, gridded.time or ""
    if gridded.shape[0] == 1 and not file.unit(time):
        return [""]
    bounds = file.text("bounds", time)
    if bounds and file.has(bounds):
        ends = read_times(file, bounds, file.unit(bounds) or file.unit(time))
        times = ends[:, 0] + (ends[:, 1] - ends[:, 0]) // 2
    else:
        times = read_times(file, time)
    months = times.astype("datetime64[M]")
    unique, count = np.unique(months, return_counts=True)
    if (count > 1).any():
        several = unique[count > 1]
        raise InputError(
            f"{gridded.name} in {file.name} has {count.max()} times in {name_runs(several[:1])}; "
            "give monthly sums or means, one for each month."
        )
    return [str(month) for month in months]
