"""The program of a child process that reads files for ``in_child``.

A damaged file can end the process in which HDF5 or GDAL's drivers read it, or keep it forever.
Requests and answers are one line of JSON each, with the bytes of an array behind it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..base.errors import InputError
from .gdal_errors import RasterError
from .hdf5 import Hdf5, UnreadableFile
from .netcdf import NetCdf
from .with_osgeo import OsgeoRaster

READERS = {"h5py": Hdf5, "gdal": NetCdf, "raster": OsgeoRaster}
MEMORY = 8 << 30


def main() -> None:
    """Answer requests on the standard input until it ends.

    What libraries print goes to the standard error, so that the answers stay readable.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory()
    reader: Any = None
    name = ""
    send(answers, True)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            if "open" in request:
                name = Path(request["path"]).name
                reader = READERS[request["open"]](Path(request["path"]))
                send(answers, _description(reader))
            elif "close" in request:
                reader.close()
                send(answers, None)
            else:
                send(answers, _call(reader, request["call"], request["arguments"]))
        except (InputError, RasterError) as error:
            send_error(answers, error)
        except (Exception, MemoryError):  # Libraries raise anything on damage.
            send_error(answers, UnreadableFile(name, "damaged"))


def _limit_memory() -> None:
    """Let a file that states huge arrays fail; only Linux and macOS have such a limit."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, most))


def _call(reader, name: str, arguments: list):
    """The result of a method, or an attribute."""
    member = getattr(reader, name)
    return member(*map(_argument, arguments)) if callable(member) else member


def send(stream: IO[bytes], result) -> None:
    """Write an answer: an array, or what JSON holds."""
    if not isinstance(result, np.ndarray):
        _write(stream, {"value": result})
        return
    values = np.ascontiguousarray(result)
    _write(
        stream, {"dtype": values.dtype.str, "shape": values.shape}, values.reshape(-1).view("u1")
    )


def send_error(stream: IO[bytes], error: Exception) -> None:
    """Write an error as an answer."""
    arguments = [str(error)]
    if isinstance(error, UnreadableFile):
        arguments = [error.name, error.cause, error.remedy]
    _write(stream, {"error": type(error).__name__, "arguments": arguments})


def _write(stream: IO[bytes], head: dict, content=b"") -> None:
    stream.write(json.dumps(head).encode() + b"\n")
    stream.write(content)
    stream.flush()


def _argument(value):
    """An argument, with slices in place of {"slice": [start, stop]}."""
    if isinstance(value, dict):
        return slice(*value["slice"])
    return [_argument(item) for item in value] if isinstance(value, list) else value


def _description(reader) -> dict:
    """The attributes of a raster, none of a NetCDF file."""
    if not isinstance(reader, OsgeoRaster):
        return {}
    return {
        "crs": reader.crs,
        "transform": list(reader.transform),
        "shape": reader.shape,
        "block": reader.block,
        "bands": reader.bands,
    }
