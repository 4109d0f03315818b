"""NetCDF files and rasters in a child process, because their readers may crash on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..base.affine import Affine
from . import classic
from .child_process import Ended, OpenFile
from .classic import Classic
from .gdal_errors import RasterError
from .hdf5 import UnreadableFile, values_at
from .names import file_name, first_bytes, is_virtual
from .raster import Band, Raster, Window

# HDF5, NetCDF 3, HDF4 and GRIB, whose drivers trust what files state.
SIGNATURES = (b"\x89HDF\r\n\x1a\n", b"CDF", b"\x0e\x03\x13\x01", b"GRIB")
DRIVERS = ("NETCDF:", "HDF5:", "HDF4_SDS:", "HDF4_EOS:", "GRIB:", "DERIVED_SUBDATASET:")


def is_risky(path: Path) -> bool:
    """Return True for a file that GDAL reads with a driver that a damaged file can crash.

    Parameters
    ----------
    path : Path
        A path, or a name that only GDAL understands.
    """
    name = str(path)
    if is_virtual(path) and name.upper().startswith(DRIVERS):
        return True
    start = first_bytes(path)
    return start.startswith(SIGNATURES) or (
        start.startswith(b"<VRT") and b"NETCDF" in start.upper()
    )


class NetCdfInChild:
    """A NetCDF-4 file that a child reads, with the methods of ``netcdf.NetCdf``.

    Parameters
    ----------
    path : Path
    reader : {"h5py", "gdal"}

    Raises
    ------
    UnreadableFile
        As the reader raises it, and when the file ends the child or keeps it for too long; also by
        each method.
    """

    def __init__(self, path: Path, reader: str):
        self.name = path.name
        try:
            self._file = OpenFile(reader, path)
        except Ended:
            raise _fatal(self.name) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(self._call("variables"))

    def has(self, path: str) -> bool:
        """Return True when the file has the variable."""
        return self._call("has", path)

    def dimensions(self, variable: str) -> tuple[str, ...]:
        """Return the names of the dimensions of a variable."""
        return tuple(self._call("dimensions", variable))

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""
        return tuple(self._call("shape", variable))

    def chunk(self, variable: str) -> tuple[int, ...]:
        """Return the chunk size along each dimension."""
        return tuple(self._call("chunk", variable))

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return an attribute as text."""
        return self._call("text", attribute, variable)

    def unit(self, variable: str) -> str:
        """Return the unit of a variable."""
        return self._call("unit", variable)

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """Read a variable or a window of it."""
        sides = [part.stop - part.start for part in window] or self.shape(variable)
        size = 8.0 * np.prod(sides, dtype=float)
        return self._call("read", variable, *window, size=size)

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """Read a variable and return a function that gives its values; see ``NetCdf.fetch``."""
        return partial(values_at, self.read(variable, *window))

    def run(self, function: Callable, *arguments, size: float = 0.0) -> Any:
        """Call a function in the child, with the file that its reader has open.

        Parameters
        ----------
        function : callable
            A function of a module of the core.
        *arguments
            Its other arguments: what JSON holds, slices and arrays, as its result.
        size : float
            Bytes that are read.
        """
        try:
            return self._file.run(function, *arguments, size=size)
        except Ended:
            raise _fatal(self.name) from None

    def _call(self, method: str, *arguments, size: float = 0.0):
        try:
            return self._file.call(method, *arguments, size=size)
        except Ended:
            raise _fatal(self.name) from None


class RasterInChild(Raster):
    """A raster that ``with_osgeo`` reads in a child.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RasterError
        When GDAL cannot open it, or the file ends the child or keeps it for too long; also by each
        method.
    UnreadableFile
        When it is NetCDF 3 and damaged.
    """

    def __init__(self, path: Path):
        self._name = path.name
        if first_bytes(path).startswith(classic.SIGNATURE):
            # GDAL takes as much memory as a damaged header states.
            Classic(file_name(path)).close()
        try:
            self._file = OpenFile("raster", path)
        except Ended:
            raise self._error() from None
        facts = self._file.description
        self.crs = facts["crs"]
        self.transform = Affine(*facts["transform"])
        self.shape = tuple(facts["shape"])
        self.block = tuple(facts["block"])
        self.bands = tuple(Band(*band) for band in facts["bands"])

    def close(self) -> None:
        self._file.close()

    def tags(self, band: int = 0, domain: str = "") -> dict[str, str]:
        return self._call("tags", band, domain)

    def overviews(self, band: int) -> list[int]:
        return self._call("overviews", band)

    def read(
        self, band: int, window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        return self._call("read", band, window, shape, size=self._size(window))

    def read_floats(self, bands: list[int], window: Window | None = None) -> np.ndarray:
        return self._call("read_floats", bands, window, size=len(bands) * self._size(window))

    def _size(self, window: Window | None) -> float:
        _, _, width, height = self.sides_of(window)
        return 4.0 * width * height

    def _call(self, method: str, *arguments, size: float = 0.0):
        try:
            return self._file.call(method, *arguments, size=size)
        except Ended:
            raise self._error() from None

    def _error(self) -> RasterError:
        return RasterError(f"{self._name} is damaged: it ended the process that read it")


def _fatal(name: str) -> UnreadableFile:
    return UnreadableFile(name, "damaged, so that its reader crashes or does not end")
