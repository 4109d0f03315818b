"""The size of GDAL's block cache."""

from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal


@contextmanager
def gdal_cache(megabytes: int) -> Iterator[None]:
    """Limit the size of GDAL's block cache."""
    before = gdal.GetCacheMax()
    gdal.SetCacheMax(megabytes << 20)
    try:
        yield
    finally:
        gdal.SetCacheMax(before)
