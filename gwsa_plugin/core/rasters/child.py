"""The program of a child process that has files open for ``in_child`` and the writers.

A damaged file, or a disk that fails, can end the process in which HDF5 or GDAL's drivers have it
open, or keep it forever. Requests and answers are one line of JSON each, with the bytes of arrays
behind it.
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
from .geotiff_tags import OpenTags
from .hdf5 import Hdf5, UnreadableFile
from .netcdf import NetCdf
from .netcdf_writer import NetCdfWriter
from .with_osgeo import OsgeoRaster

KINDS = {
    "h5py": Hdf5,
    "gdal": NetCdf,
    "raster": OsgeoRaster,
    "new NetCDF": NetCdfWriter,
    "tags": OpenTags,
}
MEMORY = 8 << 30


def main() -> None:
    """Answer requests on the standard input until it ends.

    What libraries print goes to the standard error, so that the answers stay readable.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory()
    file: Any = None
    name = ""
    send(answers, True)
    requests = sys.stdin.buffer
    for line in requests:
        request = _decoded(json.loads(line), requests)
        try:
            if "open" in request:
                path = Path(request["arguments"][0])
                name = path.name
                file = KINDS[request["open"]](path, *request["arguments"][1:])
                send(answers, _description(file))
            elif "close" in request:
                file.close()
                send(answers, None)
            else:
                send(answers, _call(file, request["call"], request["arguments"]))
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


def _call(file, name: str, arguments: list):
    """The result of a method, or an attribute."""
    member = getattr(file, name)
    return member(*arguments) if callable(member) else member


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


def _decoded(value, stream: IO[bytes]):
    """A value of a request, with the slices and arrays that JSON cannot hold."""
    if isinstance(value, list):
        return [_decoded(item, stream) for item in value]
    if not isinstance(value, dict):
        return value
    if "/slice" in value:
        return slice(*value["/slice"])
    if "/array" in value:
        values = np.empty(value["/array"][1], value["/array"][0])
        values.reshape(-1).view("u1")[:] = np.frombuffer(stream.read(values.nbytes), "u1")
        return values
    return {name: _decoded(item, stream) for name, item in value.items()}


def _description(file) -> dict:
    """The attributes of a raster, none of other files."""
    if not isinstance(file, OsgeoRaster):
        return {}
    return {
        "crs": file.crs,
        "transform": list(file.transform),
        "shape": file.shape,
        "block": file.block,
        "bands": file.bands,
    }
