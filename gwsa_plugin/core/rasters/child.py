"""The program of a child process that reads files for ``in_child``.

A damaged file can end the process in which HDF5 or GDAL's drivers read it, or keep it forever.
A request opens or closes a file, calls a method of its reader, or a function of the core with it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ..base.errors import InputError
from .gdal_errors import RasterError
from .hdf5 import Hdf5, UnreadableFile
from .messages import receive, send
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
    send(answers, {"value": True})
    with suppress(EOFError):
        _answer_all(answers)


def _answer_all(answers: IO[bytes]) -> None:
    reader: Any = None
    name = ""
    while True:
        request = receive(sys.stdin.buffer)
        try:
            value = None
            if "open" in request:
                name = Path(request["path"]).name
                reader = READERS[request["open"]](Path(request["path"]))
                value = _description(reader)
            elif "close" in request:
                reader.close()
            elif "function" in request:
                value = _function(request["function"])(reader, *request["arguments"])
            else:
                value = _call(reader, request["call"], request["arguments"])
            send(answers, {"value": value})
        except (InputError, RasterError) as error:
            _send_error(answers, error)
        except (Exception, MemoryError):  # Libraries raise anything on damage.
            _send_error(answers, UnreadableFile(name, "damaged"))


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
    return member(*arguments) if callable(member) else member


def _function(name: list[str]):
    """A function by its module in the core, such as "gldas.granule", and its name."""
    module, function = name
    return getattr(import_module(f"...{module}", __name__), function)


def _send_error(answers: IO[bytes], error: Exception) -> None:
    arguments = [str(error)]
    if isinstance(error, UnreadableFile):
        arguments = [error.name, error.cause, error.remedy]
    send(answers, {"error": type(error).__name__, "arguments": arguments})


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
