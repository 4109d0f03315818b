"""Single pixels are those of the whole raster, and only the rows above them are decoded."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.rasters import with_osgeo, with_rasterio
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.core.rasters.one_pixel import read_pixel

from .layouts import DEFLATED, GRID, LAYOUTS, mark_as_big_endian, write

BACKENDS = pytest.mark.parametrize("module", [with_rasterio, with_osgeo], ids=["rasterio", "osgeo"])
LAST = (GRID.rows - 1, GRID.columns - 1)
PIXELS = ((0, 0), (15, 15), (16, 16), (20, 50), LAST)


@BACKENDS
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("nodata", [np.nan, -9999.0])
def test_a_pixel_is_that_of_the_raster(tmp_path, module, layout, nodata):
    path, values = write(tmp_path / "file.tif", LAYOUTS[layout], nodata)
    with module.open_file(path) as source:
        for row, column in (*PIXELS, (2, 3)):
            window = slice(row, row + 1), slice(column, column + 1)
            read = source.read_floats([2, 1], window)
            assert read.dtype == np.float32
            np.testing.assert_array_equal(read[:, 0, 0], values[::-1, row, column])


@BACKENDS
def test_the_rows_below_are_not_decoded(tmp_path, module):
    path, values = write(tmp_path / "file.tif", {**DEFLATED, "zlevel": 1})
    with module.open_file(path) as source:
        place, size = (int(source.tiff_item(1, f"BLOCK_{what}_0_0")) for what in ("OFFSET", "SIZE"))
    damaged = bytearray(path.read_bytes())
    damaged[place + size // 2 : place + size] = bytes(size - size // 2)
    path.write_bytes(damaged)
    with module.open_file(path) as source:
        first = source.read_floats([1], (slice(1, 2), slice(5, 6)))
        assert first[0, 0, 0] == values[0, 1, 5]
        with pytest.raises(RasterError, match=r"file\.tif cannot be read"):
            source.read_floats([1], (slice(15, 16), slice(5, 6)))


@BACKENDS
@pytest.mark.parametrize(
    ("options", "header", "is_quick"),
    [
        (DEFLATED, {}, True),
        ({}, {}, False),
        ({**DEFLATED, "predictor": 2}, {}, False),
        ({**DEFLATED, "interleave": "pixel"}, {}, False),
        (DEFLATED, {"dtype": "float64"}, False),
    ],
)
def test_which_layouts_are_read_quickly(tmp_path, module, options, header, is_quick):
    path, _ = write(tmp_path / "file.tif", options, **header)
    with module.open_file(path) as source:
        assert (read_pixel(source, [1], (slice(5, 6), slice(6, 7))) is not None) == is_quick
        assert read_pixel(source, [1], (slice(5, 7), slice(6, 7))) is None
        assert read_pixel(source, [1], (slice(100, 101), slice(6, 7))) is None


@BACKENDS
def test_a_big_endian_file_is_left_to_gdal(tmp_path, module):
    path, _ = write(tmp_path / "file.tif")
    with module.open_file(path) as source:
        mark_as_big_endian(path)
        assert read_pixel(source, [1], (slice(5, 6), slice(6, 7))) is None


@BACKENDS
def test_a_map_in_an_archive_is_left_to_gdal(tmp_path, module):
    path, values = write(tmp_path / "file.tif")
    with ZipFile(tmp_path / "maps.zip", "w") as archive:
        archive.write(path, "file.tif")
    with module.open_file(Path(f"/vsizip/{tmp_path}/maps.zip/file.tif")) as source:
        assert source.read_floats([1], (slice(5, 6), slice(6, 7)))[0, 0, 0] == values[0, 5, 6]
