"""Paths of predictor files: absolute ones, those of layers, those relative to a catalogue."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..rasters.names import is_virtual


def absolute_path(path) -> Path:
    """Return a path without ``..``; links are kept, because their names can contain the month."""
    path = Path(path)
    return path if is_virtual(path) else Path(os.path.normpath(path.absolute()))


def relative_path(file: str, folder: Path) -> str:
    """Return a path relative to a folder; unchanged on another drive, in archives, on servers."""
    if is_virtual(Path(file)):
        return Path(file).as_posix()
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return Path(file).as_posix()


def layer_file(source: str) -> Path:
    """Return the file of a raster layer of QGIS, also of a variable (``NETCDF:"a.nc":ppt``)."""
    variable = re.fullmatch(r'(?:NETCDF|HDF5):"?(.+?)"?:[^:]*', source)
    return Path(variable[1] if variable else source.split("|")[0])
