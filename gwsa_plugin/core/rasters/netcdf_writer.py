"""Writer of NetCDF-4 files based on GDAL's multidimensional API, which is part of QGIS.

HDF5 is locked during each call and free between the calls, so that other runs can read meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Union

import numpy as np
from osgeo import gdal

from .child_process import MOST_SECONDS, Ended, OpenFile, trouble
from .gdal_errors import RasterError, gdal_errors
from .hdf5 import UnreadableFile
from .netcdf import HDF5_LOCK

# Byte is left out: GDAL 3.6 has the unsigned one only, which CF allows from version 1.9 on.
_TYPES = {
    "f4": gdal.GDT_Float32,
    "f8": gdal.GDT_Float64,
    "i2": gdal.GDT_Int16,
    "i4": gdal.GDT_Int32,
}
# A text, a number, or an array of shape () or (values,) with one of the types above.
Attribute = Union[str, float, np.ndarray]
# Bytes that the libraries keep before they write them: chunks of some variables, and what describes
# the file.
MOST_BUFFERED = 64 << 20
MOST_DESCRIPTION = 1 << 20
_AXES = {"lat": ("HORIZONTAL_Y", "NORTH"), "lon": ("HORIZONTAL_X", "EAST")}


class NetCdfWriter:
    """A NetCDF-4 file that is being written.

    Parameters
    ----------
    path : path-like
        The file to write.
    attributes : mapping of str to Attribute
        Global attributes. A Python number is written as float32, an array in its own type.

    Raises
    ------
    OSError
        When GDAL cannot create the file, a dimension, a variable or an attribute.
    """

    def __init__(self, path, attributes: Mapping[str, Attribute]):
        self._path = Path(path)
        self._problem = f"{self._path.name} cannot be written"
        options = ["FORMAT=NC4", "CONVENTIONS="]
        self._size = 0
        self._dimensions: dict[str, gdal.Dimension] = {}
        self._arrays: dict[str, gdal.MDArray] = {}
        try:
            with self._exclusive():
                driver = gdal.GetDriverByName("netCDF")
                self._file = driver.CreateMultiDimensional(str(self._path), [], options)
        except RasterError:
            # GDAL states a refused permission, whatever the cause is.
            raise RasterError(f"{self._problem}: it cannot be created") from None
        with self._exclusive():
            self._root = self._file.GetRootGroup()
        self._set_attributes(self._root, attributes)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Lock HDF5, and raise the failures of GDAL as RasterError."""
        with HDF5_LOCK, gdal_errors(self._problem):
            yield

    def _set_attributes(self, owner, attributes: Mapping[str, Attribute]) -> None:
        kinds = {name: _attribute_type(value) for name, value in attributes.items()}
        with self._exclusive():
            for name, (kind, shape) in kinds.items():
                attribute = owner.CreateAttribute(name, shape, kind)
                if attribute is None:
                    break
                value = attributes[name]
                attribute.Write(value.tolist() if isinstance(value, np.ndarray) else value)

    def dimension(self, name: str, size: int) -> None:
        """Add a dimension of ``size`` elements."""
        kind, direction = _AXES.get(name, ("", ""))
        with self._exclusive():
            self._dimensions[name] = self._root.CreateDimension(name, kind, direction, size)

    def variable(
        self,
        name: str,
        dimensions: str,
        kind: str,
        attributes: dict,
        chunks=None,
        fill=None,
        level=1,
    ) -> None:
        """Add a variable.

        Parameters
        ----------
        name : str
            Name of the variable.
        dimensions : str
            Names of its dimensions, separated by spaces.
        kind : {"f4", "f8", "i2", "i4"}
            Type of its values.
        attributes : mapping of str to Attribute
            Attributes of the variable.
        chunks : tuple of int, optional
            Shape of the compressed chunks; the variable is contiguous without it.
        fill : float, optional
            Fill value. Chunks that are never written are read as this value.
        level : int
            Level of DEFLATE, 1 to 9.
        """
        options = []
        if chunks:
            blocks = ",".join(map(str, chunks))
            options = ["COMPRESS=DEFLATE", f"ZLEVEL={level}", f"BLOCKSIZE={blocks}"]
        axes = [self._dimensions[axis] for axis in dimensions.split()]
        with self._exclusive():
            data_type = gdal.ExtendedDataType.Create(_TYPES[kind])
            array = self._root.CreateMDArray(name, axes, data_type, options)
        if fill is not None:
            with self._exclusive():
                array.SetNoDataValueDouble(fill)
        self._set_attributes(array, attributes)
        self._arrays[name] = array

    def set_attribute(self, variable: str, name: str, value: Attribute) -> None:
        """Add an attribute to a variable, also after its values have been written."""
        self._set_attributes(self._arrays[variable], {name: value})

    def write(self, name: str, values: np.ndarray, start=None) -> None:
        """Write a block of values.

        Parameters
        ----------
        name : str
            Name of the variable.
        values : ndarray
            The block, with as many dimensions as the variable.
        start : tuple of int, optional
            Index of its first element; the origin by default.

        Raises
        ------
        OSError
            When the block cannot be written, or the disk has too little room for it.
        """
        start = list(start or [0] * values.ndim)
        block = np.ascontiguousarray(values)
        self._require_room(block.nbytes)
        with self._exclusive():
            self._arrays[name].Write(block, start, list(values.shape))

    def _require_room(self, size: int) -> None:
        """Keep so much room on the disk that the file can be closed.

        Without it, the library of NetCDF can crash at the end of a file, and that of HDF5 when QGIS
        ends (netCDF 4.9.0, HDF5 1.10.8).
        """
        buffered = max(self._size - self._path.stat().st_size, 0)
        self._size += size
        needed = size + min(buffered, MOST_BUFFERED) + MOST_DESCRIPTION
        if shutil.disk_usage(self._path.parent).free < needed:
            raise RasterError(f"{self._problem}: its disk is full")

    def close(self) -> None:
        """Close the file.

        Raises
        ------
        OSError
            When the file is not complete.
        """
        with self._exclusive(), _failures_of_destructors():
            self._arrays.clear()
            self._dimensions.clear()
            self._root = self._file = None


class WriterInChild(NetCdfWriter):
    """A NetCDF-4 file that a child process writes.

    The library of NetCDF can end the process when a disk fails; this one goes on.
    """

    def __init__(self, path, attributes: Mapping[str, Attribute]):
        self._problem = f"{Path(path).name} cannot be written: the process that writes it ended"
        with self._failures():
            place = Path(path).absolute()
            self._file = OpenFile("new NetCDF", place, attributes, seconds=MOST_SECONDS)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Raise RasterError where the child ends, or its libraries raise anything."""
        try:
            yield
        except (Ended, UnreadableFile):
            raise RasterError(self._problem) from None

    def _call(self, method: str, *arguments) -> None:
        with self._failures():
            self._file.call(method, *arguments, size=np.inf)

    def dimension(self, name: str, size: int) -> None:
        self._call("dimension", name, size)

    def variable(
        self,
        name: str,
        dimensions: str,
        kind: str,
        attributes: dict,
        chunks=None,
        fill=None,
        level=1,
    ) -> None:
        self._call("variable", name, dimensions, kind, attributes, chunks, fill, level)

    def set_attribute(self, variable: str, name: str, value: Attribute) -> None:
        self._call("set_attribute", variable, name, value)

    def write(self, name: str, values: np.ndarray, start=None) -> None:
        self._call("write", name, values, start)

    def close(self) -> None:
        try:
            self._call("close")
        finally:
            self._file.close()


def _attribute_type(value: Attribute) -> tuple[gdal.ExtendedDataType, list[int]]:
    """The type and the shape of an attribute."""
    if isinstance(value, str):
        return gdal.ExtendedDataType.CreateString(), []
    if isinstance(value, np.ndarray):
        stored = _TYPES[f"{value.dtype.kind}{value.dtype.itemsize}"]
        return gdal.ExtendedDataType.Create(stored), list(value.shape)
    return gdal.ExtendedDataType.Create(gdal.GDT_Float32), []


def _failures_of_destructors() -> AbstractContextManager:
    """Have GDAL report failures to its error handler in the context.

    Python drops exceptions of destructors, which GDAL from 3.7 on raises where its exceptions are
    enabled.
    """
    return (
        gdal.ExceptionMgr(useExceptions=False) if hasattr(gdal, "ExceptionMgr") else nullcontext()
    )


def can_write_netcdf() -> bool:
    """Return True if GDAL has the driver of NetCDF; conda has it in a package of its own."""
    return gdal.GetDriverByName("netCDF") is not None


@contextmanager
def new_netcdf(path, attributes: Mapping[str, Attribute]) -> Iterator[NetCdfWriter]:
    """Open a new NetCDF-4 file and close it at the end; the parameters are those of the writer.

    It is written in a child process, or in this one where no child can be started.
    """
    file = (NetCdfWriter if trouble() else WriterInChild)(path, attributes)
    try:
        yield file
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    file.close()
