"""Files that crash or hang GDAL are read in a child, and end in one sentence."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.rasters import child_process, hdf5
from gwsa.gwsa_plugin.core.rasters.hdf5 import UnreadableFile
from gwsa.gwsa_plugin.core.rasters.in_child import NetCdfInChild, RasterInChild, is_risky
from gwsa.gwsa_plugin.core.rasters.netcdf import NetCdf, open_netcdf
from gwsa.gwsa_plugin.core.rasters.reading import open_raster, read_bands
from gwsa.gwsa_plugin.core.rasters.with_osgeo import OsgeoRaster

h5py = pytest.importorskip("h5py")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")
VALUES = np.arange(48.0, dtype="f4").reshape(2, 4, 6)


@pytest.fixture
def path(tmp_path):
    """NetCDF-4 over time, lat and lon."""
    path = tmp_path / "f.nc"
    with h5py.File(path, "w") as file:
        for name, size in zip(("time", "lat", "lon"), VALUES.shape):
            file[name] = np.arange(size, dtype="f4")
            file[name].make_scale(name)
        file["water"] = VALUES
        file["water"].attrs["units"] = "cm"
        for axis, name in enumerate(("time", "lat", "lon")):
            file["water"].dims[axis].attach_scale(file[name])
    return path


@pytest.fixture
def without_h5py(monkeypatch):
    monkeypatch.setattr(hdf5, "trouble", lambda: "it is not installed")


def child_of(file) -> int:
    return file._file._child._process.pid


def test_the_child_returns_what_gdal_reads_here(path):
    here, there = NetCdf(path), NetCdfInChild(path, "gdal")
    window = (slice(1, 2), slice(0, 4), slice(2, 5))
    assert there.variables == here.variables
    assert there.has("water") and not there.has("snow")
    for method in ("dimensions", "shape", "chunk", "unit"):
        assert getattr(there, method)("water") == getattr(here, method)("water")
    assert there.text("units", "water") == "cm"
    np.testing.assert_array_equal(there.read("water", *window), here.read("water", *window))
    np.testing.assert_array_equal(there.fetch("water")(np.array([3])), VALUES.flat[[3]])
    with pytest.raises(InputError, match="f.nc has no variable snow"):
        there.read("snow")
    there.close()


def test_a_raster_in_the_child_is_that_of_gdal(path):
    name = Path(f'NETCDF:"{path}":water')
    with RasterInChild(name) as there, OsgeoRaster(name) as here:
        assert there.bands == here.bands or np.isnan(there.bands[0].nodata)
        for fact in ("crs", "transform", "shape", "block"):
            assert getattr(there, fact) == getattr(here, fact)
        assert there.tags() == here.tags()
        assert there.tags(2) == here.tags(2)
        window = (slice(0, 2), slice(1, 5))
        np.testing.assert_array_equal(there.read(1, window), here.read(1, window))
        np.testing.assert_array_equal(there.read(1, None, (2, 3)), here.read(1, None, (2, 3)))
        np.testing.assert_array_equal(
            there.read_floats([2, 1], window), here.read_floats([2, 1], window)
        )


def test_a_child_is_used_again(path):
    first = NetCdfInChild(path, "gdal")
    pid = child_of(first)
    first.close()
    second = NetCdfInChild(path, "gdal")
    assert child_of(second) == pid
    third = NetCdfInChild(path, "gdal")
    assert child_of(third) != pid
    second.close()
    third.close()


@posix
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_while_reading_is_one_sentence(path, without_h5py, number):
    with open_netcdf(path) as file:
        os.kill(child_of(file), number)
        with pytest.raises(UnreadableFile, match=r"^f.nc is damaged, so that its reader crashes"):
            file.read("water")
    with open_netcdf(path) as file:
        np.testing.assert_array_equal(file.read("water"), VALUES)


@posix
def test_a_child_that_ended_is_an_error_again(path):
    file = NetCdfInChild(path, "gdal")
    os.kill(child_of(file), signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(UnreadableFile, match=r"^f.nc is damaged, so that its reader crashes"):
            file.shape("water")
    file.close()


@posix
def test_a_crash_while_a_raster_is_read_is_one_sentence(path):
    with open_raster(Path(f'NETCDF:"{path}":water')) as source:
        os.kill(child_of(source), signal.SIGSEGV)
        with pytest.raises(OSError, match="is damaged"):
            read_bands(source)


@posix
def test_a_child_that_does_not_answer_is_ended(path, monkeypatch):
    monkeypatch.setattr(child_process, "ANSWER_SECONDS", 0.3)
    file = NetCdfInChild(path, "gdal")
    os.kill(child_of(file), signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(UnreadableFile, match="or does not end"):
        file.unit("water")
    assert time.monotonic() - started < 5
    file.close()


@posix
def test_children_are_ended_after_a_time_without_threads(path, monkeypatch):
    """A machine that is out of threads for a moment leaves later requests their limit."""
    monkeypatch.setattr(child_process, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(child_process, "_watched_in", None)
    with monkeypatch.context() as patch:
        patch.setattr(child_process.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            NetCdfInChild(path, "gdal")
    assert not child_process._asked
    file = NetCdfInChild(path, "gdal")
    os.kill(child_of(file), signal.SIGSTOP)
    with pytest.raises(UnreadableFile, match="or does not end"):
        file.unit("water")
    file.close()


def no_thread(thread):
    raise RuntimeError("can't start new thread")


@posix
def test_an_idle_child_that_was_killed_is_replaced(path):
    file = NetCdfInChild(path, "gdal")
    pid = child_of(file)
    file.close()
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    file = NetCdfInChild(path, "gdal")
    np.testing.assert_array_equal(file.read("water"), VALUES)
    file.close()


def test_without_a_child_the_file_is_read_here_with_a_warning(
    path, without_h5py, monkeypatch, request
):
    child_process._end_idle()
    monkeypatch.setattr(child_process, "find_python", lambda: None)
    child_process.trouble.cache_clear()
    request.addfinalizer(child_process.trouble.cache_clear)
    with (
        pytest.warns(RuntimeWarning, match="written by QGIS itself"),
        open_netcdf(path) as file,
    ):
        assert isinstance(file, NetCdf)
        np.testing.assert_array_equal(file.read("water"), VALUES)
    with open_raster(Path(f'NETCDF:"{path}":water')) as source:
        np.testing.assert_array_equal(source.read(1)[::-1], VALUES[0])


@pytest.mark.parametrize(
    ("start", "risky"),
    [
        (b"\x89HDF\r\n\x1a\n", True), (b"CDF\x01", True), (b"GRIB", True), (b"II*\0", False),
        (b'<VRTDataset>NETCDF:"f.nc":water', True), (b"<VRTDataset>f.tif", False), (b"", False),
    ],
)  # fmt: skip
def test_risky_files_are_known_by_their_first_bytes(tmp_path, start, risky):
    (tmp_path / "f.tif").write_bytes(start)
    assert is_risky(tmp_path / "f.tif") is risky


def test_no_file_is_not_risky(tmp_path):
    assert not is_risky(tmp_path / "f.nc")
    assert not is_risky(tmp_path)
