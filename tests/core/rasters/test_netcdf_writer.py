"""NetCDF files that are written on a disk without room."""

from collections import namedtuple

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.rasters import netcdf_writer
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf

Usage = namedtuple("Usage", "free")
ROW = 4000


def write_rows(path, rows):
    """Write rows of 4000 bytes, one after another."""
    with new_netcdf(path, {"title": "rows"}) as file:
        file.dimension("row", rows)
        file.dimension("column", ROW // 4)
        file.variable("x", "row column", "f4", {})
        for row in range(rows):
            file.write("x", np.full((1, ROW // 4), row, np.float32), (row, 0))


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Function that gives the disk so much room for what is written from now on."""

    def give(room):
        def usage(folder):
            return Usage(room - sum(file.stat().st_size for file in tmp_path.iterdir()))

        monkeypatch.setattr(netcdf_writer.shutil, "disk_usage", usage)

    return give


def test_a_file_ends_while_there_is_room_to_close_it(disk, tmp_path):
    """At a full disk, the libraries crash when they close it."""
    disk(netcdf_writer.MOST_DESCRIPTION + 10 * ROW)
    with pytest.raises(OSError, match=r"x\.nc cannot be written: its disk is full"):
        write_rows(tmp_path / "x.nc", 20)
    assert (tmp_path / "x.nc").stat().st_size < netcdf_writer.MOST_DESCRIPTION + 10 * ROW


def test_a_file_that_has_room_is_written(disk, tmp_path):
    disk(netcdf_writer.MOST_DESCRIPTION + 50 * ROW)
    write_rows(tmp_path / "x.nc", 20)
    with open_netcdf(tmp_path / "x.nc") as file:
        assert file.read("x")[:, 0].tolist() == list(range(20))
