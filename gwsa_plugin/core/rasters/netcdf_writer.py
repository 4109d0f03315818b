"""Writer of NetCDF-4 files based on GDAL's multidimensional API, which is always part of QGIS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from osgeo import gdal

from .gdal_errors import RasterError

_TYPES = {"f4": gdal.GDT_Float32, "f8": gdal.GDT_Float64, "i4": gdal.GDT_Int32}
_AXES = {"lat": ("HORIZONTAL_Y", "NORTH"), "lon": ("HORIZONTAL_X", "EAST")}


class NetCdfWriter:
    """A NetCDF-4 file that is being written.

    Parameters
    ----------
    path : path-like
        The file to write.
    attributes : dict of str to str or float
        Global attributes.

    Raises
    ------
    OSError
        When GDAL cannot create the file, a dimension, a variable or an attribute.
    """

    def __init__(self, path, attributes: dict[str, str | float]):
        driver = gdal.GetDriverByName("netCDF")
        options = ["FORMAT=NC4", "CONVENTIONS="]
        self._file = _require(driver.CreateMultiDimensional(str(path), [], options), path)
        self._root = _require(self._file.GetRootGroup(), path)
        self._dimensions: dict[str, gdal.Dimension] = {}
        self._arrays: dict[str, gdal.MDArray] = {}
        for name, value in attributes.items():
            _set_attribute(self._root, name, value)

    def dimension(self, name: str, size: int) -> None:
        """Add a dimension of ``size`` elements."""
        kind, direction = _AXES.get(name, ("", ""))
        dimension = self._root.CreateDimension(name, kind, direction, size)
        self._dimensions[name] = _require(dimension, name)

    def variable(
        self, name: str, dimensions: str, kind: str, attributes: dict, chunks=None, fill=None
    ) -> None:
        """Add a variable.

        Parameters
        ----------
        name : str
            Name of the variable.
        dimensions : str
            Names of its dimensions, separated by spaces.
        kind : {"f4", "f8", "i4"}
            Type of its values.
        attributes : dict of str to str or float
            Attributes of the variable.
        chunks : tuple of int, optional
            Shape of the compressed chunks; the variable is contiguous without it.
        fill : float, optional
            Fill value. Chunks that are never written are read as this value.
        """
        options = []
        if chunks:
            blocks = ",".join(map(str, chunks))
            options = ["COMPRESS=DEFLATE", "ZLEVEL=1", f"BLOCKSIZE={blocks}"]
        axes = [self._dimensions[axis] for axis in dimensions.split()]
        data_type = gdal.ExtendedDataType.Create(_TYPES[kind])
        array = self._root.CreateMDArray(name, axes, data_type, options)
        self._arrays[name] = _require(array, name)
        if fill is not None:
            array.SetNoDataValueDouble(fill)
        for key, value in attributes.items():
            _set_attribute(array, key, value)

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
            When the block cannot be written.
        """
        start = list(start or [0] * values.ndim)
        block = np.ascontiguousarray(values)
        if self._arrays[name].Write(block, start, list(values.shape)) != gdal.CE_None:
            raise RasterError(f"{name} cannot be written: {gdal.GetLastErrorMsg()}")

    def close(self) -> None:
        """Close the file."""
        self._arrays.clear()
        self._dimensions.clear()
        self._root = self._file = None


@contextmanager
def new_netcdf(path, attributes: dict[str, str | float]) -> Iterator[NetCdfWriter]:
    """Open a new NetCDF-4 file and close it at the end; the parameters are those of the writer."""
    file = NetCdfWriter(path, attributes)
    try:
        yield file
    finally:
        file.close()


def _set_attribute(owner, name: str, value) -> None:
    if isinstance(value, str):
        kind = gdal.ExtendedDataType.CreateString()
    else:
        kind = gdal.ExtendedDataType.Create(gdal.GDT_Float32)
    attribute = _require(owner.CreateAttribute(name, [], kind), name)
    attribute.Write(value)


def _require(created, name):
    """Return an object that GDAL created; OSError when it returned None instead."""
    if created is None:
        raise RasterError(f"{name} cannot be written: {gdal.GetLastErrorMsg()}")
    return created
