"""The program of a child process that has files open for ``in_child`` and the writers.

A damaged file, or a disk that fails, can end the process in which HDF5 or GDAL's drivers have it
open, or keep it forever. A request opens or closes a file, calls a method of its reader or writer,
or a function of the core with it.
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
from .geotiff_tags import OpenTags
from .hdf5 import Hdf5, UnreadableFile
from .messages import receive, send
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
    send(answers, {"value": True})
    with suppress(EOFError):
        _answer_all(answers)


def _answer_all(answers: IO[bytes]) -> None:
    file: Any = None
    name = ""
    while True:
        request = receive(sys.stdin.buffer)
        try:
            value = None
            if "open" in request:
                path = Path(request["path"])
                name = path.name
                file = KINDS[request["open"]](path, *request["arguments"])
                value = _description(file)
            elif "close" in request:
                file.close()
            elif "function" in request:
                value = _function(request["function"])(file, *request["arguments"])
            else:
                value = _call(file, request["call"], request["arguments"])
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


def _call(file, name: str, arguments: list):
    """The result of a method, or an attribute."""
    member = getattr(file, name)
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
