"""Rasters are read where users let GDAL use several threads, with which GDAL 3.6 crashes."""

import os
import subprocess
import sys

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.rasters.gdal_options import one_gdal_thread

BANDS, SIDE = 12, 96
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from gwsa.gwsa_plugin.core.rasters import with_osgeo, with_rasterio
path, vrt = map(Path, sys.argv[1:])
bands, window = [1, 5, 12], (slice(3, 60), slice(3, 60))
for _ in range(10):
    for name in (path, vrt):
        for backend in (with_osgeo, with_rasterio):
            with backend.open_file(name) as source:
                values = source.read_floats(bands, window)
            assert values.mean(axis=(1, 2)).tolist() == bands
    stored = np.empty((3, 57, 57), "f4")
    with_osgeo.read_stored(path, bands, window, stored)
    assert stored.mean(axis=(1, 2)).tolist() == bands
"""


@pytest.fixture
def path(tmp_path):
    """GeoTIFF with 12 bands of 36 blocks; each has its number."""
    path = tmp_path / "map.tif"
    options = ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "COMPRESS=DEFLATE", "INTERLEAVE=BAND"]
    driver = gdal.GetDriverByName("GTiff")
    file = driver.Create(str(path), SIDE, SIDE, BANDS, gdal.GDT_Float32, options)
    file.SetGeoTransform((70, 0.1, 0, 30, 0, -0.1))
    for number in range(1, BANDS + 1):
        file.GetRasterBand(number).WriteArray(np.full((SIDE, SIDE), number, "f4"))
    return path


def test_some_bands_are_read_where_gdal_has_several_threads(path):
    vrt = path.with_suffix(".vrt")
    gdal.BuildVRT(str(vrt), [str(path)]).FlushCache()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path), str(vrt)],
        env={**os.environ, "GDAL_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_option_is_restored():
    gdal.SetThreadLocalConfigOption("GDAL_NUM_THREADS", "3")
    try:
        with one_gdal_thread():
            assert gdal.GetConfigOption("GDAL_NUM_THREADS") == "1"
        assert gdal.GetConfigOption("GDAL_NUM_THREADS") == "3"
    finally:
        gdal.SetThreadLocalConfigOption("GDAL_NUM_THREADS", None)
