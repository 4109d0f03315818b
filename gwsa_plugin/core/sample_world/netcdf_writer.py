"""Writing NetCDF-4 with GDAL's multidimensional API: the one NetCDF writer that is always there beside QGIS."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
from osgeo import gdal

_TYPES = {"f4": gdal.GDT_Float32, "f8": gdal.GDT_Float64, "i4": gdal.GDT_Int32}


class NetCdfWriter:
    """A NetCDF-4 file being written. ``None`` that GDAL answers on failure becomes an OSError."""

    def __init__(self, path, attributes: dict):
        options = ["FORMAT=NC4", "CONVENTIONS="]
        self._file = _done(
            gdal.GetDriverByName("netCDF").CreateMultiDimensional(str(path), [], options), path
        )
        self._root = _done(self._file.GetRootGroup(), path)
        self._dimensions = {}
        self._arrays = {}
        for name, value in attributes.items():
            _set_attribute(self._root, name, value)

    def dimension(self, name: str, size: int) -> None:
        kind, direction = {"lat": ("HORIZONTAL_Y", "NORTH"), "lon": ("HORIZONTAL_X", "EAST")}.get(
            name, ("", "")
        )
        self._dimensions[name] = _done(
            self._root.CreateDimension(name, kind, direction, size), name
        )

    def variable(
        self, name: str, dimensions: str, kind: str, attributes: dict, chunks=None, fill=None
    ) -> None:
        """``dimensions``: their names with spaces between. A chunk that is never written reads as ``fill``."""
        names = dimensions.split()
        options = ["COMPRESS=DEFLATE", "ZLEVEL=1"] if chunks else []
        if chunks:
            options.append("BLOCKSIZE=" + ",".join(map(str, chunks)))
        data_type = gdal.ExtendedDataType.Create(_TYPES[kind])
        array = self._root.CreateMDArray(
            name, [self._dimensions[n] for n in names], data_type, options
        )
        self._arrays[name] = _done(array, name)
        if fill is not None:
            array.SetNoDataValueDouble(fill)
        for key, value in attributes.items():
            _set_attribute(array, key, value)

    def write(self, name: str, values: np.ndarray, start=None) -> None:
        """A block of values whose first element is at ``start``, by default the origin."""
        start = list(start or [0] * values.ndim)
        if (
            self._arrays[name].Write(np.ascontiguousarray(values), start, list(values.shape))
            != gdal.CE_None
        ):
            raise OSError(f"writing {name} failed: {gdal.GetLastErrorMsg()}")

    def close(self) -> None:
        self._arrays.clear()
        self._dimensions.clear()
        self._root = self._file = None


@contextmanager
def writing(path, attributes: dict):
    """A NetCdf that is closed at the end."""
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
    attribute = _done(owner.CreateAttribute(name, [], kind), name)
    attribute.Write(value)


def _done(made, what):
    if made is None:
        raise OSError(f"GDAL's netCDF driver did not make {what}: {gdal.GetLastErrorMsg()}")
    return made
