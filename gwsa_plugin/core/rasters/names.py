"""Names of rasters that are no paths of the file system, such as /vsizip/ and /vsicurl/.

They are carried as ``Path``, which merges double slashes and, on Windows, turns all slashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from osgeo import gdal

from .gdal_errors import RasterError, gdal_errors

VIRTUAL = re.compile(r"[\\/]vsi[a-z0-9]+[\\/?]|[A-Za-z][A-Za-z0-9_]+:")
ADDRESS = re.compile(r"\b(https?|ftp):/(?!/)")
# Archives and compressed files by their absolute paths, which begin with another slash.
ARCHIVE = re.compile(r"/vsi(zip|tar|gzip|7z|rar)/(?=[^/{])")
SUBDATASET = re.compile(r'[A-Za-z][A-Za-z0-9_]+:"(.+)"')
BLOCK = 1 << 20


def is_virtual(path: Path) -> bool:
    """Return True for a name that only GDAL understands: /vsi.../ or a subdataset."""
    return bool(VIRTUAL.match(str(path)))


def gdal_name(path: Path) -> str:
    """Return the name under which GDAL opens a raster.

    Parameters
    ----------
    path : Path
        A path, or a name that only GDAL understands.
    """
    if not is_virtual(path):
        return str(path)
    name = ADDRESS.sub(r"\1://", path.as_posix())
    absolute = ARCHIVE.sub(r"/vsi\1//", name)
    return absolute if absolute != name and gdal.VSIStatL(absolute) else name


def raster_exists(path: Path) -> bool:
    """Return True if there is a file of this name, in an archive or on a server too."""
    if not is_virtual(path):
        return path.exists()
    return gdal.VSIStatL(file_name(path)) is not None


def first_bytes(path: Path, count: int = 2048) -> bytes:
    """Return the bytes with which a file begins, none when it cannot be read."""
    try:
        if not is_virtual(path):
            if not path.is_file():
                return b""
            with path.open("rb") as file:
                return file.read(count)
        with gdal_errors(path.name):
            stream = gdal.VSIFOpenL(file_name(path), "rb")
            if stream is None:
                return b""
            content = gdal.VSIFReadL(1, count, stream)
            gdal.VSIFCloseL(stream)
            return bytes(content or b"")
    except OSError:
        return b""


def read_blocks(path: Path) -> Iterator[bytes]:
    """Read the bytes of a file, also of one in an archive or on a server.

    Parameters
    ----------
    path : Path
        A path, or a name that only GDAL understands; of a subdataset its file is read.

    Yields
    ------
    bytes
        A part of the file.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    if not is_virtual(path):
        with path.open("rb") as file:
            yield from iter(lambda: file.read(BLOCK), b"")
        return
    problem = f"{path.name} cannot be read"
    with gdal_errors(problem):
        stream = gdal.VSIFOpenL(file_name(path), "rb")
    if stream is None:
        raise RasterError(problem)
    try:
        while block := gdal.VSIFReadL(1, BLOCK, stream):
            yield bytes(block)
    finally:
        gdal.VSIFCloseL(stream)


def file_name(path: Path) -> str:
    """Return the name of the file of a subdataset, or that of the raster itself."""
    name = gdal_name(path)
    inside = SUBDATASET.match(name)
    return inside[1] if inside else name


def as_text(stored: str | bytes) -> str:
    """Return a text of a file in which bytes that are no UTF-8 are replaced by U+FFFD."""
    if isinstance(stored, str):
        stored = stored.encode("utf-8", "surrogateescape")
    return stored.decode("utf-8", "replace")
