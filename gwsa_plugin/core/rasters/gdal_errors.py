"""Failures of GDAL as exceptions, in whatever way the rest of QGIS has set up GDAL's binding.

``gdal.UseExceptions`` is a setting of the process, which QGIS and its plugins may change. The error
handler is that of the current thread only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import clear_frames

from osgeo import gdal


class RasterError(OSError):
    """GDAL failed to read or to write a raster; the message is GDAL's after what was attempted."""


@contextmanager
def gdal_errors(problem: str) -> Iterator[None]:
    """Raise RasterError after a block of GDAL calls if any of them failed.

    GDAL reports failures to an error handler or, where its Python exceptions are enabled, raises
    RuntimeError. Its binding raises SystemError where a message is not in UTF-8, such as one that
    quotes a damaged file. The block must contain nothing but GDAL calls, so that every such error
    is GDAL's.

    Parameters
    ----------
    problem : str
        Begins the message, such as "soil.tif cannot be written".
    """
    failures: list[str] = []

    def note(kind: int, _number: int, text: str) -> None:
        if kind >= gdal.CE_Failure:
            failures.append(text)

    # GDAL's "last error" is not enough, because a warning after the failure replaces it.
    gdal.PushErrorHandler(note)
    try:
        yield
    except (RuntimeError, SystemError) as error:
        is_text = isinstance(error, RuntimeError)
        failures.append(str(error) if is_text else "what GDAL states about it is no text")
        # The frames of the binding hold the dataset, which would stay open as long as the exception
        # exists, and its errors would be noted by a later block.
        clear_frames(error.__traceback__)
    finally:
        gdal.PopErrorHandler()
    if failures:
        raise RasterError(f"{problem}: {failures[0]}")
