"""Open NetCDF, and read NetCDF-4 through GDAL's multidimensional API.

The API returns every array in the order of the file, whereas GDAL's raster view of NetCDF flips
tables such as ``time_bounds``.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore, RLock
from typing import Any, Protocol

import numpy as np
from osgeo import gdal, gdal_array

from ..base.errors import InputError
from . import classic, hdf5
from .child_process import trouble
from .classic import Classic
from .gdal_errors import RasterError, gdal_errors
from .hdf5 import Hdf5, UnreadableFile, decode_packed, locked, no_variable, values_at
from .in_child import NetCdfInChild
from .names import as_text, first_bytes, is_virtual

# With other endings, GDAL's netCDF driver leaves HDF5 files to its HDF5 driver.
NETCDF_ENDINGS = (".nc", ".nc2", ".nc3", ".nc4", ".cdf")
# HDF5 may be used by one thread of a process at a time, through h5py or through GDAL.
HDF5_LOCK = RLock()
# Each open file has a child process, of some 100 MB.
_few_files = BoundedSemaphore(4)


@contextmanager
def open_netcdf(path: str | Path) -> Iterator[OpenNetCdf]:
    """Open a NetCDF or HDF5 file.

    HDF5 is read through h5py where that is usable, otherwise through GDAL: in a child process, or
    where none can be started in this one, with HDF5 locked until the file is closed. NetCDF 3 is
    read by ``classic``.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    OpenNetCdf

    Raises
    ------
    InputError
        When the file does not exist; UnreadableFile when it is empty, cut short, damaged, open for
        writing elsewhere or has another format.
    """
    path = Path(path)
    if is_virtual(path):
        raise InputError(
            f"{path.name} is in an archive, on a server or a part of a file; extract or download "
            "it, and give the path of the file."
        )
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path.")
    if not path.stat().st_size:
        raise UnreadableFile(path.name, "empty (0 bytes)")
    with HDF5_LOCK if trouble() else _few_files:
        file = _open(path)
        try:
            yield file
        finally:
            file.close()


def run_on(file: OpenNetCdf, function: Callable, *arguments, size: float = 0.0) -> Any:
    """Call a function with an open file, in the child process if one has opened it.

    One request to the child takes the place of one for each attribute and variable, and only the
    result is passed.

    Parameters
    ----------
    file : OpenNetCdf
    function : callable
        A function of a module of the core; its first argument is the file.
    *arguments
        Its other arguments: what JSON holds, slices and arrays, as its result.
    size : float
        Bytes that are read, from which the limit of time follows.
    """
    if isinstance(file, NetCdfInChild):
        return file.run(function, *arguments, size=size)
    return function(file, *arguments)


def _open(path: Path) -> OpenNetCdf:
    if hdf5.is_hdf5(path):
        reader = "h5py" if hdf5.usable() else "gdal"
        if not trouble():
            return NetCdfInChild(path, reader)
        return Hdf5(path) if reader == "h5py" else NetCdf(path)
    if first_bytes(path).startswith(classic.SIGNATURE):
        return Classic(path)
    raise UnreadableFile(
        path.name,
        f"not a readable NetCDF file{_describe_text_file(path)}",
        "download the NetCDF edition of the product, or download it again if it is cut off",
    )


class NetCdfFile(Protocol):
    """What readers of NetCDF have in common; ``NetCdf`` describes the methods."""

    name: str

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""

    def has(self, path: str) -> bool:
        """Return True when the file has the variable."""

    def dimensions(self, variable: str) -> tuple[str, ...]:
        """Return the names of the dimensions of a variable."""

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""

    def chunk(self, variable: str) -> tuple[int, ...]:
        """Return the chunk size along each dimension."""

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return an attribute as text."""

    def unit(self, variable: str) -> str:
        """Return the unit of a variable."""

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """Read a variable or a window of it."""


class OpenNetCdf(NetCdfFile, Protocol):
    """What ``open_netcdf`` gives."""

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """Read a variable and return a function that gives its values."""

    def close(self) -> None:
        """Close the file."""


class NetCdf:
    """An HDF5 file that GDAL has open.

    A damaged file can end the process: ``open_netcdf`` opens it in a child.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    name : str
        File name, for messages.

    Raises
    ------
    InputError
        When the file is damaged or has another format; when a method is given a variable that the
        file does not have.
    """

    def __init__(self, path: Path):
        self.name = path.name
        _silence_hdf5()
        # GDAL's own HDF5 driver does without locks, and reads files of any name.
        own = path.suffix.lower() not in NETCDF_ENDINGS or _is_without_locks(path)
        try:
            with gdal_errors(self.name):
                dataset = gdal.OpenEx(
                    str(path),
                    gdal.OF_MULTIDIM_RASTER | gdal.OF_VERBOSE_ERROR,
                    allowed_drivers=["HDF5" if own else "netCDF"],
                )
                self._group = dataset and dataset.GetRootGroup()
        except RasterError:
            raise UnreadableFile(
                self.name,
                "damaged or cut short, or no NetCDF-4",
                f"download it again; {hdf5.lack()}",
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._group = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(self._group.GetMDArrayNames() or ())

    def dimensions(self, variable: str) -> tuple[str, ...]:
        """Return the names of the dimensions of a variable."""
        return tuple(dimension.GetName() for dimension in self._array(variable).GetDimensions())

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the size of a variable along each dimension."""
        return tuple(dimension.GetSize() for dimension in self._array(variable).GetDimensions())

    def chunk(self, variable: str) -> tuple[int, ...]:
        """Return the chunk size along each dimension, 1 where the file is not chunked."""
        return tuple(max(int(size), 1) for size in self._array(variable).GetBlockSize())

    def text(self, attribute: str, variable: str | None = None) -> str:
        """Return an attribute of the file or of a variable as text, empty when it is absent."""
        owner = self._array(variable) if variable else self._group
        try:
            with gdal_errors(self.name):
                stored = owner.GetAttribute(attribute)
                return as_text(str(stored.Read())).strip() if stored else ""
        except RasterError:
            return ""

    def unit(self, variable: str) -> str:
        """Return the unit of a variable, empty when it has none.

        CSR names the attribute ``Units``, which GDAL does not recognise as the unit.
        """
        return (
            self._array(variable).GetUnit().strip()
            or self.text("Units", variable)
            or self.text("units", variable)
        )

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """Read a variable or a window of it, with scale and offset applied.

        Parameters
        ----------
        variable : str
        *window : slice
            One slice with start and stop for each dimension; none to read the complete variable.

        Returns
        -------
        ndarray of float32 or float64
            NaN where the file has its fill value.

        Raises
        ------
        InputError
            When the file does not have the variable, or its data are damaged.
        """
        array = self._array(variable)
        window = window or tuple(slice(0, size) for size in self.shape(variable))
        starts = [side.start for side in window]
        counts = [side.stop - side.start for side in window]
        try:
            with gdal_errors(f"{variable} in {self.name} cannot be read"):
                stored = array.Read(starts, counts)
                kind = array.GetDataType().GetNumericDataType()
        except RasterError as error:
            raise InputError(f"{error}; download the file again.") from None
        if stored is None:
            raise InputError(f"{variable} in {self.name} cannot be read; download the file again.")
        raw = np.frombuffer(stored, gdal_array.GDALTypeCodeToNumericTypeCode(kind)).reshape(counts)
        nodata = array.GetNoDataValueAsDouble()
        return decode_packed(
            raw, [nodata], array.GetScale(), array.GetOffset(), f"{variable} in {self.name}"
        )

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """Read as ``read`` does and return a function that gives the values.

        The HDF5 reader has the same method, where the returned function does part of the work.

        Returns
        -------
        callable
            Without an argument it returns the array. With flat indices into it, an integer array,
            it returns the values there.
        """
        return partial(values_at, self.read(variable, *window))

    def has(self, path: str) -> bool:
        """Return True when the file has the variable; those of groups are read by h5py alone."""
        return path in self.variables

    def _array(self, variable: str):
        if variable not in self.variables:
            raise InputError(no_variable(self.name, variable, self.variables))
        return self._group.OpenMDArray(variable)


def _is_without_locks(path: Path) -> bool:
    """Return True for a file on a file system without locks, such as that of some network drives.

    Windows always has them. Another program that holds a lock is an error.
    """
    try:
        from fcntl import LOCK_NB, LOCK_SH, flock
    except ImportError:
        return False
    with open(path, "rb") as file:
        try:
            flock(file, LOCK_SH | LOCK_NB)
        except BlockingIOError:
            raise locked(path.name) from None
        except OSError:
            return True
    return False


def _silence_hdf5() -> None:
    """Stop HDF5 from printing its errors, which are handled here, in this thread.

    A library that is safe for threads has this setting for each thread. GDAL's driver makes an
    error for each attribute that a file does not have.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError), open("/proc/self/maps", encoding="utf-8") as maps:
        loaded = {line.split()[-1] for line in maps if re.search(r"/libhdf5[^/]*\.so", line)}
        for library in loaded:
            if "_hl" not in library and "_cpp" not in library:
                ctypes.CDLL(library).H5Eset_auto2(ctypes.c_int64(0), None, None)


def _describe_text_file(path: Path) -> str:
    """Quote the first line of a text file that has a NetCDF name; empty for a binary file."""
    with open(path, "rb") as file:
        first = file.readline(60).strip()
    if not first or not first.isascii():
        return ""
    return f" but text that begins with “{first.decode('ascii')}”"
