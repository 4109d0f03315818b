"""One sentence for each error that ends a run."""

from __future__ import annotations

import re
from pathlib import Path
from traceback import extract_tb

from ..gwsa_plugin.core.base.errors import Cancelled, InputError
from ..gwsa_plugin.dependencies import CHECK, MissingLibrary


def error_message(error: Exception) -> str:
    """Return a sentence with the cause of an error and what to do.

    Parameters
    ----------
    error : Exception
        Any error of a run.
    """
    if isinstance(error, (InputError, MissingLibrary)):
        return str(error)
    if isinstance(error, Cancelled):
        return str(error) or "Cancelled; no output was written."
    if isinstance(error, MemoryError):
        return "The memory of this machine is used up; choose a smaller region or period."
    if isinstance(error, OSError):
        return _file_error_message(error)
    if isinstance(error, ImportError):
        return f"A Python library cannot be loaded ({error}); see {CHECK}."
    # Plain errors of Python are mistakes of GWSA: what users give is refused as InputError.
    *_, place = extract_tb(error.__traceback__)
    return (
        f"An unexpected error stopped the run ({type(error).__name__}: {error}, in "
        f"{Path(place.filename).name}, line {place.lineno}); please report it with the log: the "
        "plugin manager of QGIS shows where."
    )


def _file_error_message(error: OSError) -> str:
    """The file, the cause and what to check; errors of libraries have neither file nor number."""
    from ..gwsa_plugin.core.rasters.gdal_errors import RasterError

    file = error.filename2 or error.filename
    # The lines after the first state where GDAL's source reports it.
    cause = str(error).partition("\n")[0].rstrip(" .")
    is_raster = isinstance(error, RasterError)
    if is_raster and "cannot be written" not in cause:
        # What GDAL adds is no part of a sentence.
        cause = re.sub("(cannot be read): .*", r"\1", cause, flags=re.DOTALL)
        return f"{cause}; the file may be damaged or cut off, so copy or download it again."
    if error.errno is None and not is_raster:
        return f"{cause}; a library that QGIS loads reports this, see {CHECK}."
    if file:
        cause = f"{file} cannot be read or written ({error.strerror})"
    return (
        f"{cause}; check that its folder exists and is writable, that the disk is not full, and "
        "that no other program has the file open."
    )
