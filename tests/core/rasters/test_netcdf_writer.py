"""NetCDF files that are written on a disk without room, or one that ends the process."""

import os
import signal
import sys
from collections import namedtuple

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.rasters import netcdf_writer
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf

Usage = namedtuple("Usage", "free")
ROW = 4000


def write_rows(path, rows, before_close=lambda file: None):
    """Write rows of 4000 bytes, one after another."""
    with new_netcdf(path, {"title": "rows"}) as file:
        file.dimension("row", rows)
        file.dimension("column", ROW // 4)
        file.variable("x", "row column", "f4", {})
        for row in range(rows):
            file.write("x", np.full((1, ROW // 4), row, np.float32), (row, 0))
        before_close(file)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Function that gives the disk so much room for what this process writes from now on."""
    monkeypatch.setattr(netcdf_writer, "trouble", lambda: "no child")

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


def write_all_kinds(path):
    """Write each kind of attribute, variable and block."""
    attributes = {
        "text": "cm, \N{GREEK SMALL LETTER ALPHA}",
        "number": 1.5,
        "one": np.array(2.25),
        "flags": np.arange(3, dtype="i2"),
        "dtype": "a name",
    }
    with new_netcdf(path, attributes) as file:
        file.dimension("lat", 4)
        file.dimension("lon", 6)
        file.variable("lat", "lat", "f8", {"units": "degrees_north"})
        file.write("lat", np.arange(4.0))
        file.variable("crs", "", "i4", {"axis": np.array(6378137.0)})
        file.write("crs", np.array(0, dtype="i4"))
        file.variable("x", "lat lon", "f4", {"units": "cm"}, (2, 3), np.nan, 4)
        file.write("x", np.arange(6, dtype="f4").reshape(3, 2).T, (2, 3))
        file.set_attribute("x", "long_name", "water")


def test_a_child_writes_the_same_bytes(tmp_path, monkeypatch):
    write_all_kinds(tmp_path / "there.nc")
    monkeypatch.setattr(netcdf_writer, "trouble", lambda: "no child")
    write_all_kinds(tmp_path / "here.nc")
    assert (tmp_path / "there.nc").read_bytes() == (tmp_path / "here.nc").read_bytes()
    with open_netcdf(tmp_path / "there.nc") as file:
        assert file.read("x")[2:, 3:].tolist() == [[0, 2, 4], [1, 3, 5]]
        assert np.isnan(file.read("x")[:2]).all()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("then", ["close", "write"])
def test_a_crash_while_a_file_is_written_is_one_sentence(tmp_path, then):
    def crash(file):
        os.kill(file._file._child._process.pid, signal.SIGSEGV)
        if then == "write":
            file.write("x", np.zeros((1, 4), dtype="f4"))

    with pytest.raises(OSError, match=r"^x\.nc cannot .* the process that writes it ended$"):
        write_rows(tmp_path / "x.nc", 20, crash)
    write_rows(tmp_path / "x.nc", 20)
    with open_netcdf(tmp_path / "x.nc") as file:
        assert file.read("x")[:, 0].tolist() == list(range(20))


def test_an_error_between_two_blocks_is_kept(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_rows(tmp_path / "x.nc", 20, lambda file: 1 / 0)
    with pytest.raises(OSError, match=r"^x\.nc cannot be written: "):
        write_rows(tmp_path / "x.nc", 20, lambda file: file.dimension("row", 20))
