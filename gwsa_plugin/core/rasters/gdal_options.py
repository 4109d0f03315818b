"""Options of GDAL for the calls of one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from osgeo import gdal


@contextmanager
def thread_options(options: Mapping[str, str]) -> Iterator[None]:
    """Set configuration options of GDAL for the current thread, and restore them at the end."""
    before = {name: gdal.GetThreadLocalConfigOption(name) for name in options}
    for name, value in options.items():
        gdal.SetThreadLocalConfigOption(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            gdal.SetThreadLocalConfigOption(name, value)


def one_gdal_thread() -> AbstractContextManager[None]:
    """Open a file in the context, so that GDAL decodes its blocks in the thread that reads them.

    Where users set GDAL_NUM_THREADS, GDAL 3.6 damages the memory of the process, which then
    crashes, when it reads some of the bands of a compressed GeoTIFF.
    """
    return thread_options({"GDAL_NUM_THREADS": "1"})
