"""Windows of whole blocks are read as GDAL reads them, or left to it."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.numba_modules import load_numba_module
from gwsa.gwsa_plugin.core.rasters import whole_blocks, with_osgeo, with_rasterio
from gwsa.gwsa_plugin.core.rasters.decompress import libdeflate
from gwsa.gwsa_plugin.core.rasters.whole_blocks import read_blocks

from .layouts import DEFLATED, GRID, mark_as_big_endian, write

BACKENDS = pytest.mark.parametrize("module", [with_rasterio, with_osgeo], ids=["rasterio", "osgeo"])
pytestmark = pytest.mark.skipif(
    libdeflate() is None or load_numba_module("rasters.predictor_numba") is None,
    reason="numba or libdeflate is not installed",
)
# The last blocks of the rows and of the columns extend beyond the raster.
ALL = (slice(0, GRID.rows), slice(0, GRID.columns))
WINDOWS = [ALL, (slice(0, 16), slice(16, 48)), (slice(32, GRID.rows), slice(48, GRID.columns))]


@BACKENDS
@pytest.mark.parametrize("nodata", [np.nan, -9999.0])
@pytest.mark.parametrize("window", WINDOWS)
def test_blocks_are_those_of_gdal(tmp_path, module, nodata, window):
    path, values = write(tmp_path / "file.tif", DEFLATED, nodata)
    with module.open_file(path) as source:
        read = read_blocks(source, [2, 1], window)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, values[(slice(None, None, -1), *window)])
        np.testing.assert_array_equal(read, source.read_floats([2, 1], window))


def test_windows_that_cut_blocks_are_left_to_gdal(tmp_path):
    path, _ = write(tmp_path / "file.tif")
    with with_osgeo.open_file(path) as source:
        for rows, columns in ((slice(0, 8), ALL[1]), (ALL[0], slice(1, 32)), (ALL[0], slice(0, 0))):
            assert read_blocks(source, [1], (rows, columns)) is None
        assert read_blocks(source, [1], (slice(0, 48), slice(0, 16))) is None


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({}, {}),
        ({**DEFLATED, "predictor": 2}, {}),
        ({**DEFLATED, "compress": "LZW"}, {}),
        ({**DEFLATED, "interleave": "pixel"}, {}),
        (DEFLATED, {"dtype": "float64"}),
        (DEFLATED, {"scale": 0.01}),
    ],
)
def test_other_files_are_left_to_gdal(tmp_path, options, header):
    path, _ = write(tmp_path / "file.tif", options, **header)
    with with_osgeo.open_file(path) as source:
        assert read_blocks(source, [1], ALL) is None


def test_a_big_endian_file_is_left_to_gdal(tmp_path):
    path, _ = write(tmp_path / "file.tif")
    with with_osgeo.open_file(path) as source:
        mark_as_big_endian(path)
        assert read_blocks(source, [1], ALL) is None


def test_damaged_blocks_are_left_to_gdal(tmp_path):
    path, _ = write(tmp_path / "file.tif")
    with with_osgeo.open_file(path) as source:
        place, size = (int(source.tiff_item(1, f"BLOCK_{what}_0_0")) for what in ("OFFSET", "SIZE"))
    damaged = bytearray(path.read_bytes())
    damaged[place + size // 2] ^= 0xFF
    path.write_bytes(damaged)
    with with_osgeo.open_file(path) as source:
        assert read_blocks(source, [1], ALL) is None
        assert read_blocks(source, [1], (slice(0, 16), slice(16, 48))) is not None


def test_without_the_libraries_gdal_reads(tmp_path, monkeypatch):
    path, _ = write(tmp_path / "file.tif")
    with with_osgeo.open_file(path) as source:
        monkeypatch.setattr(whole_blocks, "load_numba_module", lambda name: None)
        assert read_blocks(source, [1], ALL) is None
        monkeypatch.undo()
        monkeypatch.setattr(whole_blocks, "libdeflate", lambda: None)
        assert read_blocks(source, [1], ALL) is None
