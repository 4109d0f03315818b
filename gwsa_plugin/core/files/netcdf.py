"""NetCDF through GDAL's multidimensional API.

It is the reader that shares QGIS's own libraries, and unlike GDAL's raster view of a NetCDF file it returns every array
in the file's own order: tables such as ``time_bounds`` come out upside down there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from osgeo import gdal

from ..base.errors import InputError


class NetCdf:
    """An open file. Arrays are named as in the file; ``name`` is the file's own, for messages."""

    def __init__(self, path):
        """Raises InputError for a file that is absent, damaged or of another format."""
        path = Path(path)
        self.name = path.name
        if not path.is_file():
            raise InputError(f"{path} does not exist; check the path.")
        try:
            with _gdal_exceptions():
                dataset = gdal.OpenEx(
                    str(path), gdal.OF_MULTIDIM_RASTER, allowed_drivers=["netCDF"]
                )
                self._group = dataset.GetRootGroup()
        except RuntimeError:
            raise InputError(
                f"{self.name} is not a readable NetCDF file{_how_it_begins(path)}; "
                "download the NetCDF edition of the product, or download it again if it was cut short."
            ) from None

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self._group.GetMDArrayNames())

    def dimensions(self, variable: str) -> tuple[str, ...]:
        return tuple(dimension.GetName() for dimension in self._array(variable).GetDimensions())

    def shape(self, variable: str) -> tuple[int, ...]:
        return tuple(dimension.GetSize() for dimension in self._array(variable).GetDimensions())

    def chunk(self, variable: str) -> tuple[int, ...]:
        """The block that is compressed as one, along each dimension; 1 where the file is not chunked."""
        return tuple(max(int(size), 1) for size in self._array(variable).GetBlockSize())

    def text(self, attribute: str, variable: str | None = None) -> str:
        """An attribute of the file or of a variable as text; empty when there is none."""
        owner = self._array(variable) if variable else self._group
        try:
            with _gdal_exceptions():
                return str(owner.GetAttribute(attribute).Read()).strip()
        except RuntimeError:
            return ""

    def unit(self, variable: str) -> str:
        """The unit of a variable; CSR writes the attribute as ``Units``, which CF readers do not see."""
        return (
            self._array(variable).GetUnit().strip()
            or self.text("Units", variable)
            or self.text("units", variable)
        )

    def read(self, variable: str, *window: slice) -> np.ndarray:
        """A variable, or a ``window`` of it (one slice with start and stop a dimension), as floats.

        NaN where the file says there is no value; scale and offset are applied.
        """
        array = self._array(variable)
        window = window or tuple(slice(0, size) for size in self.shape(variable))
        try:
            with _gdal_exceptions():
                raw = array.ReadAsArray(
                    [part.start for part in window], [part.stop - part.start for part in window]
                )
        except RuntimeError as error:
            raise InputError(
                f"{variable} in {self.name} cannot be read ({error}); download the file again."
            ) from None
        values = raw if raw.dtype.kind == "f" else raw.astype(np.float64)
        nodata, scale, offset = array.GetNoDataValueAsDouble(), array.GetScale(), array.GetOffset()
        if nodata is not None:
            values[raw == nodata] = np.nan
        if scale is not None or offset is not None:
            values = values * (1.0 if scale is None else scale) + (offset or 0.0)
        return values

    def fetch(self, variable: str, *window: slice) -> Callable[..., np.ndarray]:
        """A call that gives what ``read`` gives, or at flat places in it if given some; here it is all read before."""
        values = self.read(variable, *window)
        return lambda places=None: values if places is None else values.reshape(-1)[places]

    def _array(self, variable: str):
        if variable not in self.variables:
            raise InputError(
                f"{self.name} has no variable {variable} (it has {', '.join(self.variables) or 'none'}); "
                "give the file as its centre distributes it."
            )
        return self._group.OpenMDArray(variable)


@contextmanager
def _gdal_exceptions():
    """GDAL's errors as RuntimeError, whatever the rest of QGIS has chosen, and its choice restored."""
    chosen = gdal.GetUseExceptions()
    gdal.UseExceptions()
    try:
        yield
    finally:
        if not chosen:
            gdal.DontUseExceptions()


def _how_it_begins(path: Path) -> str:
    """A text file under a NetCDF name is told by its first line."""
    with open(path, "rb") as file:
        first = file.readline(60).strip()
    return (
        f" but text that begins with “{first.decode('ascii')}”" if first.isascii() and first else ""
    )
