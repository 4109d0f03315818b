"""Read NetCDF through GDAL's multidimensional API.

GDAL shares its libraries with QGIS. The multidimensional API returns every array in the order of
the file, whereas GDAL's raster view of NetCDF flips tables such as ``time_bounds``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from osgeo import gdal, gdal_array

from ..base.errors import InputError
from .gdal_errors import RasterError, gdal_errors
from .names import is_virtual


class NetCdf:
    """An open NetCDF file.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    name : str
        File name, for messages.

    Raises
    ------
    InputError
        When the file does not exist, is damaged or has another format; when a method is given a
        variable that the file does not have.
    """

    def __init__(self, path: str | Path):
        path = Path(path)
        self.name = path.name
        if is_virtual(path):
            raise InputError(
                f"{self.name} is in an archive, on a server or a part of a file; extract or "
                "download it, and give the path of the file."
            )
        if not path.is_file():
            raise InputError(f"{path} does not exist; check the path.")
        try:
            with gdal_errors(self.name):
                dataset = gdal.OpenEx(
                    str(path),
                    gdal.OF_MULTIDIM_RASTER | gdal.OF_VERBOSE_ERROR,
                    allowed_drivers=["netCDF"],
                )
                self._group = dataset and dataset.GetRootGroup()
        except RasterError:
            raise InputError(
                f"{self.name} is not a readable NetCDF file{_describe_text_file(path)}; "
                "download the NetCDF edition of the product, or download it again if it is cut off."
            ) from None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(self._group.GetMDArrayNames())

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
                return str(stored.Read()).strip() if stored else ""
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
        values = raw if raw.dtype.kind == "f" else raw.astype(np.float64)
        nodata = array.GetNoDataValueAsDouble()
        scale = array.GetScale()
        offset = array.GetOffset()
        if nodata is not None:
            values[raw == nodata] = np.nan
        if scale is not None or offset is not None:
            values = values * (1.0 if scale is None else scale) + (offset or 0.0)
        return values

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """Read as ``read`` does and return a function that gives the values.

        The HDF5 reader has the same method, where the returned function does part of the work.

        Returns
        -------
        callable
            Without an argument it returns the array. With flat indices into it, an integer array,
            it returns the values there.
        """
        values = self.read(variable, *window)
        return lambda places=None: values if places is None else values.reshape(-1)[places]

    def _array(self, variable: str):
        if variable not in self.variables:
            raise InputError(
                f"{self.name} has no variable {variable} "
                f"(it has {', '.join(self.variables) or 'none'}); "
                "give the file as its data centre distributes it."
            )
        return self._group.OpenMDArray(variable)


def _describe_text_file(path: Path) -> str:
    """Quote the first line of a text file that has a NetCDF name; empty for a binary file."""
    with open(path, "rb") as file:
        first = file.readline(60).strip()
    if not first or not first.isascii():
        return ""
    return f" but text that begins with “{first.decode('ascii')}”"
