"""Rasters of the sample world are closed whatever happens."""

import gc
import sys

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.core.sample_world.predictor_files import YearlyRasters

GRID = Grid(70.0, 35.0, 0.01, 0.01, 60, 90)
MONTHS = month_range("2010-11", "2011-02")


def write(folder):
    rng = np.random.default_rng(0)
    with YearlyRasters(folder, "rain", GRID, 0.1, "mm") as rasters:
        for month in MONTHS:
            rasters.write(month, rng.normal(size=GRID.shape))


def test_months_are_in_the_files_of_their_years(tmp_path):
    write(tmp_path)
    for year, bands in ((2010, (11, 12)), (2011, (1, 2))):
        file = gdal.Open(str(tmp_path / f"rain_{year}.tif"))
        for band in bands:
            assert file.GetRasterBand(band).GetDescription() == f"{year}-{band:02d}"
            assert file.GetRasterBand(band).ReadAsArray().std() == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("size", [2_000, 15_000])
def test_a_full_disk_is_one_error_and_leaves_no_file_open(
    tmp_path, room_on_disk, monkeypatch, size
):
    """Errors of files that are closed when memory is freed are printed and lost."""
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    with room_on_disk(size), pytest.raises(RasterError, match=r"rain_2010\.tif cannot be written"):
        write(tmp_path)
    gc.collect()
    assert not lost
