"""Opening NetCDF and HDF5 files: each trouble has a sentence of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.gwsa_plugin.core.rasters.hdf5 import UnreadableFile
from gwsa.gwsa_plugin.core.rasters.in_child import NetCdfInChild
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf

h5py = pytest.importorskip("h5py")
VALUES = np.arange(48.0).reshape(2, 4, 6)
needs_h5py = pytest.mark.skipif(not hdf5.usable(), reason="no h5py that shares GDAL's HDF5")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a preloaded library")


@pytest.fixture(params=["h5py", "GDAL"])
def reader(request, monkeypatch):
    """Run a test with h5py and as if it were not installed."""
    if request.param == "GDAL":
        monkeypatch.setattr(hdf5, "trouble", lambda: "it is not installed")
    elif not hdf5.usable():
        pytest.skip("no h5py that shares GDAL's HDF5")


@pytest.fixture
def path(tmp_path):
    """NetCDF-4 over time, lat and lon."""
    path = tmp_path / "f.nc"
    with h5py.File(path, "w") as file:
        for name, size in zip(("time", "lat", "lon"), VALUES.shape):
            file[name] = np.arange(size, dtype="f4")
            file[name].make_scale(name)
        file["water"] = VALUES
        for axis, name in enumerate(("time", "lat", "lon")):
            file["water"].dims[axis].attach_scale(file[name])
    return path


def run_python(code, *arguments, **environment):
    """Run Python in a process of its own, which the plugin's package is known to."""
    package = Path(__file__).parents[3] / "build" / "import"
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(package), **environment},
    )


def test_dimensions_shape_and_values(path, reader):
    with open_netcdf(path) as file:
        assert file.dimensions("water") == ("time", "lat", "lon")
        assert file.shape("water") == VALUES.shape
        assert file.chunk("water") == (1, 1, 1)
        window = (slice(1, 2), slice(0, 4), slice(2, 5))
        np.testing.assert_array_equal(file.read("water", *window), VALUES[1:2, :, 2:5])


@pytest.mark.parametrize("name", [".f.nc4.part", "f.nc4.1", "f (1).hdf5", "f"])
def test_a_file_of_any_name_is_read(path, reader, name):
    renamed = path.rename(path.with_name(name))
    with open_netcdf(renamed) as file:
        assert file.dimensions("water") == ("time", "lat", "lon")
        np.testing.assert_array_equal(file.read("water"), VALUES)


def test_a_variable_that_a_file_does_not_have_is_named(path, reader):
    with open_netcdf(path) as file, pytest.raises(InputError, match=r"f.nc has no variable snow"):
        file.read("snow")


def test_dimensions_without_scales_are_named_by_their_sizes(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        for name, size in zip(("time", "lat", "lon"), VALUES.shape):
            file[name] = np.arange(size, dtype="f4")
        file["water"] = VALUES
    with open_netcdf(tmp_path / "f.h5") as file:
        assert file.dimensions("water") == ("time", "lat", "lon")


@pytest.mark.parametrize("attribute", ["_FillValue", "missing_value"])
def test_both_names_of_a_fill_value_are_known(path, attribute, reader):
    with h5py.File(path, "a") as file:
        file["water"].attrs[attribute] = np.array([VALUES[0, 0, 1]])
    with open_netcdf(path) as file:
        assert np.argwhere(np.isnan(file.read("water"))).tolist() == [[0, 0, 1]]


@needs_h5py
@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda content: b"", "empty (0 bytes)"),
        (lambda content: content[:3000], "cut short (3,000 of "),
        (lambda content: content[:40] + b"\xff" * 400 + content[440:], "damaged"),
        (lambda content: b"<!DOCTYPE html>\n", "text that begins with “<!DOCTYPE html>”"),
        (lambda content: b"\x00\xfe" * 500, "not a readable NetCDF file"),
    ],
    ids=["empty", "cut", "overwritten", "web page", "other"],
)
def test_each_trouble_has_its_own_cause(path, damage, cause):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UnreadableFile) as caught, open_netcdf(path):
        pass
    assert cause in caught.value.cause
    assert str(caught.value).startswith(f"f.nc is {caught.value.cause}; ")


@linux
def test_a_file_that_another_process_writes_is_named(path, reader):
    code = """
        import fcntl, sys
        file = open(sys.argv[1], "r+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        print("locked", flush=True)
        sys.stdin.read()
    """
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        other.stdout.readline()
        cause = "open for writing in another program; close it"
        with pytest.raises(UnreadableFile, match=cause), open_netcdf(path):
            pass
    finally:
        other.communicate()


@linux
@pytest.mark.parametrize("with_h5py", [True, False], ids=["h5py", "GDAL"])
def test_a_file_system_without_locks_is_read(path, tmp_path, with_h5py):
    (tmp_path / "flock.c").write_text(
        "#include <errno.h>\nint flock(int fd, int op) { errno = ENOLCK; return -1; }\n"
    )
    library = tmp_path / "flock.so"
    compiler = ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "flock.c")]
    try:
        subprocess.run(compiler, check=True)
    except OSError:
        pytest.skip("no gcc")
    code = """
        import sys
        from gwsa.gwsa_plugin.core.rasters import hdf5, netcdf
        if sys.argv[2] == "False":
            hdf5.trouble = lambda: "it is not installed"
        with netcdf.open_netcdf(sys.argv[1]) as file:
            print(file.read("water").sum())
    """
    done = run_python(code, path, with_h5py, LD_PRELOAD=str(library))
    assert done.stdout.split() == [str(VALUES.sum())], done.stderr


@linux
def test_gdal_prints_no_diagnostics_of_hdf5_in_another_thread(path):
    code = """
        import sys, threading
        from gwsa.gwsa_plugin.core.rasters.netcdf import NetCdf
        from pathlib import Path
        NetCdf(Path(sys.argv[1])).read("water")
        def read():
            print(NetCdf(Path(sys.argv[1])).read("water").sum())
        for _ in range(2):
            thread = threading.Thread(target=read)
            thread.start()
            thread.join()
    """
    done = run_python(code, path)
    assert done.stdout.split() == [str(VALUES.sum())] * 2
    assert "HDF5-DIAG" not in done.stderr


def test_gdal_reads_hdf5_where_h5py_cannot_be_used(path, monkeypatch):
    monkeypatch.setattr(hdf5, "trouble", lambda: "it is not installed")
    with open_netcdf(path) as file:
        assert isinstance(file, NetCdfInChild)


def test_dimensions_of_different_sizes_need_no_list_of_references(path, reader):
    """Reading the list can end the process in a damaged file."""
    if hdf5.trouble():
        pytest.skip("GDAL needs the list")
    with h5py.File(path, "a") as file:
        del file["water"].attrs["DIMENSION_LIST"]
    with open_netcdf(path) as file:
        assert file.dimensions("water") == ("time", "lat", "lon")


def test_dimensions_of_one_size_are_not_confused(tmp_path, reader):
    with h5py.File(tmp_path / "f.nc", "w") as file:
        for name, size in (("time", 2), ("lat", 4), ("lon", 4)):
            file[name] = np.arange(size, dtype="f4")
            file[name].make_scale(name)
        file["water"] = np.zeros((4, 2, 4))
        for axis, name in enumerate(("lon", "time", "lat")):
            file["water"].dims[axis].attach_scale(file[name])
    with open_netcdf(tmp_path / "f.nc") as file:
        assert file.dimensions("water") == ("lon", "time", "lat")


def test_a_file_in_an_archive_is_refused():
    archived = "/vsizip/a.zip/f.nc"
    with (
        pytest.raises(InputError, match="f.nc is in an archive, on a server .*; extract or"),
        open_netcdf(archived),
    ):
        pass
