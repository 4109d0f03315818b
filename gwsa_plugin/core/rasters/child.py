"""The program of a child process that reads files for ``in_child``.

A damaged file can end the process that GDAL's drivers of NetCDF and HDF5 read it in, or keep it
forever. Requests and answers are one line of JSON each, with the bytes of an array behind it.
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
from .hdf5 import UnreadableFile
from .netcdf import NetCdf
from .with_osgeo import OsgeoRaster

READERS = {"netcdf": NetCdf, "raster": OsgeoRaster}


def main() -> None:
    """Answer requests on the standard input until it ends.

    What libraries print goes to the standard error, so that the answers stay readable.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    reader: Any = None
    result: Any
    send(answers, True)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            if "open" in request:
                reader = READERS[request["open"]](Path(request["path"]))
                result = _description(reader)
            elif "close" in request:
                reader.close()
                result = reader = None
            elif request["call"] == "list_variables":
                result = reader.variables
            else:
                result = getattr(reader, request["call"])(*map(_argument, request["arguments"]))
        except (InputError, RasterError) as error:
            send_error(answers, error)
        else:
            send(answers, result)


def send(stream: IO[bytes], result) -> None:
    """Write an answer: an array, or what JSON holds."""
    if isinstance(result, np.ndarray):
        values = np.ascontiguousarray(result)
        _write(stream, {"dtype": values.dtype.str, "shape": values.shape}, values.tobytes())
    else:
        _write(stream, {"value": result})


def send_error(stream: IO[bytes], error: Exception) -> None:
    """Write an error as an answer."""
    arguments = [str(error)]
    if isinstance(error, UnreadableFile):
        arguments = [error.name, error.cause, error.remedy]
    _write(stream, {"error": type(error).__name__, "arguments": arguments})


def _write(stream: IO[bytes], head: dict, content: bytes = b"") -> None:
    stream.write(json.dumps(head).encode() + b"\n" + content)
    stream.flush()


def _argument(value):
    """An argument, with slices in place of {"slice": [start, stop]}."""
    if isinstance(value, dict):
        return slice(*value["slice"])
    return [_argument(item) for item in value] if isinstance(value, list) else value


def _description(reader) -> dict:
    """The attributes of a raster, none of a NetCDF file."""
    if isinstance(reader, NetCdf):
        return {}
    return {
        "crs": reader.crs,
        "transform": list(reader.transform),
        "shape": reader.shape,
        "block": reader.block,
        "bands": reader.bands,
    }
