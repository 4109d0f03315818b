"""The choice of the backend: rasterio where it shares the GDAL of QGIS, else GDAL's own binding."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from osgeo import gdal

from . import with_osgeo
from .raster import Backend


@lru_cache(maxsize=1)
def backend() -> Backend:
    """Return the module that reads, resamples and rasterises."""
    if not _rasterio_shares_gdal():
        return with_osgeo
    from . import with_rasterio

    return with_rasterio


def gdal_version() -> str:
    """Return the version of GDAL."""
    return gdal.__version__


def _rasterio_shares_gdal() -> bool:
    """Return True when rasterio can be imported and has the version of GDAL that QGIS has.

    A wheel brings a GDAL of its own, and two of them in one process are not safe (rasterio's page
    on installing). Its folder of libraries is therefore looked for before anything is imported.
    """
    try:
        place = find_spec("rasterio")
        if place is None or not place.origin or _brings_libraries(Path(place.origin).parent):
            return False
        import rasterio

        return rasterio.__gdal_version__ == gdal.__version__
    except Exception:
        # A rasterio that does not fit to this Python, numpy or GDAL is as good as none.
        return False


def _brings_libraries(package: Path) -> bool:
    """Return True for a package of a wheel that contains shared libraries.

    The folders are those of auditwheel and delvewheel, and of delocate on macOS.
    """
    return (package.parent / "rasterio.libs").exists() or (package / ".dylibs").exists()
