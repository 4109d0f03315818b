"""Cloud-Optimised GeoTIFFs, made from complete GeoTIFFs by GDAL's COG driver.

Tiles and overviews are in the order in which a reader over the network needs them. All bands of a
pixel are beside each other, which is the only layout of the driver before GDAL 3.11.

References
----------
OGC 21-026, OGC Cloud Optimized GeoTIFF Standard, 2023.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from osgeo import gdal

from ..base.progress import Progress
from .gdal_errors import RasterError, gdal_errors
from .gdal_options import one_gdal_thread
from .gdal_progress import gdal_progress
from .read_back import require_copy

# Pixels along the side of a tile. With twelve bands of float32 it has 3 MB before compression.
SIDE = 256
OPTIONS = {
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "FLOATING_POINT",
    # As for all maps: level 6 takes three times the time and saves 2 %.
    "LEVEL": "1",
    "BLOCKSIZE": str(SIDE),
    # Means of the pixels that have a value, by powers of two.
    "OVERVIEWS": "IGNORE_EXISTING",
    "RESAMPLING": "AVERAGE",
    "SPARSE_OK": "YES",
    "BIGTIFF": "IF_SAFER",
}


def write_cog(source: Path, target: Path, progress: Progress) -> None:
    """Write a Cloud-Optimised GeoTIFF with the bands, tags and descriptions of a GeoTIFF.

    Parameters
    ----------
    source : Path
        A complete GeoTIFF of float32. Tiles without any value are left out of the copy.
    target : Path
        The new file. After an exception it is incomplete and must be deleted.
    progress : Progress
        Shows the fraction done.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    options = [f"{name}={value}" for name, value in OPTIONS.items()]
    problem = f"{target.name} cannot be written"
    file = copy = None
    try:
        with gdal_errors(problem), one_gdal_thread():
            file = gdal.Open(str(source))
        driver = gdal.GetDriverByName("COG")
        if "INTERLEAVE" in driver.GetMetadataItem("DMD_CREATIONOPTIONLIST"):
            options.append("INTERLEAVE=PIXEL")
        with gdal_progress(progress, show=True) as callback, gdal_errors(problem):
            copy = driver.CreateCopy(str(target), file, options=options, callback=callback)
        if copy is None:
            raise RasterError(problem)
        with gdal_errors(problem):
            copy.FlushCache()
            copy = None
    finally:
        # An open file cannot be deleted on Windows.
        with suppress(RasterError), gdal_errors(problem):
            copy = file = None
    require_copy(source, target)
