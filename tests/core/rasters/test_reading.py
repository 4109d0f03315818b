from contextlib import suppress

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.rasters.reading import open_lonlat, open_raster

pytestmark = pytest.mark.usefixtures("gdal_backend")


@pytest.mark.parametrize("opener", [open_raster, open_lonlat])
def test_file_with_several_rasters_is_refused(tmp_path, opener):
    path = tmp_path / "fine" / "soil.nc"
    path.parent.mkdir()
    file = gdal.GetDriverByName("netCDF").CreateMultiDimensional(str(path))
    root = file.GetRootGroup()
    sides = [root.CreateDimension(name, None, None, 4) for name in ("lat", "lon")]
    for name in ("sand", "clay"):
        root.CreateMDArray(name, sides, gdal.ExtendedDataType.Create(gdal.GDT_Float32)).Write(
            np.ones((4, 4), dtype=np.float32)
        )
    del root, file
    with pytest.raises(InputError, match=r"^fine/soil\.nc holds several rasters"), opener(path):
        pass


def test_absent_raster_is_refused_with_its_folder(tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path.name}/soil\.tif does not exist"):
        open_raster(tmp_path / "soil.tif")


def test_texts_of_a_damaged_file_are_no_unicode_error(tmp_path):
    path = tmp_path / "GWSA_2009.tif"
    stack = MonthlyStack.on_calendar(
        Grid(70, 30, 1, 1, 3, 3), month_range("2004-01", "2004-02"), np.ones((2, 3, 3)), "GWSA"
    )
    write_stack(path, stack)
    content = path.read_bytes()
    assert content.count(b"GWSA_SOURCE") and content.count(b"2004-02")
    for text in (b"GWSA_SOURCE", b"2004-02"):
        path.write_bytes(content.replace(text, b"\xff" + text[1:]))
        with suppress(InputError, OSError):
            read_stack(path)


@pytest.mark.parametrize("place", [(70, 0, 0, 31, 0, 0), (float("nan"), 0.25, 0, 31, 0, -0.25)])
def test_cells_without_size_or_place_are_refused_before_qgis_tries_them(tmp_path, place):
    path = tmp_path / "flat.tif"
    file = gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 1, gdal.GDT_Float32)
    file.SetGeoTransform(place)
    file = None
    with pytest.raises(InputError, match=r"^flat\.tif has a georeference that gives its cells no"):
        open_raster(path)
