"""Whether the content of a fetched file is what it should be."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ..base.errors import InputError
from ..rasters.gdal_errors import RasterError
from ..rasters.netcdf import open_netcdf
from ..rasters.reading import open_raster
from .http import Refused
from .remote_file import NETCDF, TEXT, TIFF, ZIP

# Beginnings of files: NetCDF-4, classic NetCDF with its variants; TIFF and BigTIFF; ZIP.
SIGNATURES = {
    NETCDF: (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05"),
    TIFF: (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ZIP: (b"PK\x03\x04",),
}
PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<error")
# Values that are read at once.
AT_ONCE = 1 << 22
# What the libraries raise that read rasters and archives.
DAMAGES = (RasterError, BadZipFile, zlib.error, EOFError)
NAMES = {NETCDF: "NetCDF", TIFF: "TIFF", ZIP: "ZIP"}


def look_at_beginning(beginning: bytes, form: str, name: str) -> None:
    """Raise Refused if a file does not begin as it should.

    Servers answer with the page of a login, or of an error, as if it were the file.

    Parameters
    ----------
    beginning : bytes
        The first bytes of the file, however few.
    form : str
        What the file should be.
    name : str
        Name of the file, for the message.
    """
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(text.startswith(page) for page in PAGES):
        raise Refused(
            f"A web page came instead of {name}, most likely that of a login; check the login, "
            "or open the address of the source in a browser."
        )
    if form in SIGNATURES and not any(
        signature.startswith(beginning[: len(signature)]) for signature in SIGNATURES[form]
    ):
        raise Refused(f"{name} came, but it is not a {NAMES[form]} file; run it again later.")


def find_damage(path: Path, form: str, name: str) -> str:
    """Read all of a file and return what is wrong with it.

    Compressed data have checksums of their own, which this tests.

    Parameters
    ----------
    path : Path
        The file.
    form : str
        What it should be.
    name : str
        Its final name, for the message.

    Returns
    -------
    str
        Empty if nothing is wrong.
    """
    try:
        if form == NETCDF:
            _read_netcdf(path)
        elif form == TIFF:
            _read_raster(path)
        elif form == TEXT:
            _read_text(path)
        elif form == ZIP:
            _read_zip(path)
    except InputError as error:
        return f"{name} came damaged ({str(error).replace(path.name, name).rstrip('.')})"
    except UnicodeError:
        return f"{name} came damaged (it is not text in UTF-8)"
    except DAMAGES:
        return f"{name} came damaged (parts of it cannot be read)"
    return ""


def _read_netcdf(path: Path) -> None:
    with open_netcdf(path) as file:
        if not file.variables:
            raise InputError(f"{path.name} contains no variable.")
        for variable in file.variables:
            for window in _windows(file.shape(variable), file.chunk(variable)):
                file.read(variable, *window)


def _windows(shape: tuple[int, ...], chunk: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Windows that cover a variable, of complete chunks, so that none is decompressed twice."""
    if prod(shape) <= AT_ONCE:
        chunk = shape
    elif max(chunk) == 1:
        # The file is not chunked.
        chunk = (1, *shape[1:])
    sides = [
        [slice(start, min(start + step, size)) for start in range(0, size, max(step, 1))]
        for size, step in zip(shape, chunk)
    ]
    return product(*sides)


def _read_raster(path: Path) -> None:
    with open_raster(path) as source:
        for index, _ in enumerate(source.bands, start=1):
            source.read(index)


def _read_text(path: Path) -> None:
    with open(path, encoding="utf-8") as stream:
        while stream.read(AT_ONCE):
            pass


def _read_zip(path: Path) -> None:
    with ZipFile(path) as archive:
        if archive.testzip():
            raise BadZipFile
