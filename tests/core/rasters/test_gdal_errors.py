"""Failures of GDAL are errors of Python, whatever GDAL states about them."""

from contextlib import suppress

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError, gdal_errors
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, new_geotiff

GRID = Grid(70.0, 35.0, 0.5, 0.5, 4, 6)


def test_a_message_that_is_no_text_is_an_error_of_the_raster(tmp_path, gdal_habit):
    """GDAL quotes the XML of a file, and its binding cannot decode what it quotes."""
    path = tmp_path / "map.tif"
    with new_geotiff(path, Header(GRID, ("a",), "cm", {"KEY": "text"})) as target:
        target.write(1, np.zeros(GRID.shape))
    content = path.read_bytes()
    assert b"<Item " in content
    path.write_bytes(content.replace(b"<Item ", b"<It\xffm "))
    # Newer versions of GDAL may open the file without its metadata.
    with suppress(RasterError), gdal_errors("map.tif cannot be read"):
        gdal.Open(str(path))


def test_an_error_of_the_binding_is_an_error_of_the_raster():
    with pytest.raises(RasterError, match=r"^map\.tif cannot be read: "):
        with_error(SystemError("<built-in function Open> returned a result with an exception set"))


def with_error(error):
    with gdal_errors("map.tif cannot be read"):
        raise error
