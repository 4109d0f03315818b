"""The readers of NetCDF-4 through h5py and GDAL return the same values."""

import os
import signal
import sys
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.gldas.granule import UnusableGranule, read_granule, read_header
from gwsa.gwsa_plugin.core.gldas.land_storage import OFF_LAND, VARIABLES
from gwsa.gwsa_plugin.core.rasters import decompress as decompression
from gwsa.gwsa_plugin.core.rasters import hdf5, netcdf
from gwsa.gwsa_plugin.core.rasters.child_process import OpenFile
from gwsa.gwsa_plugin.core.rasters.decompress import DamagedChunk, decompress
from gwsa.gwsa_plugin.core.rasters.in_child import NetCdfInChild
from gwsa.gwsa_plugin.core.rasters.netcdf import NetCdf, open_netcdf
from gwsa.tests.core.gldas.gldas_layouts import LAT, LON, file_name, write_granule

VALUES = np.random.default_rng(2).uniform(-50, 50, (1, 6, 8)).astype("<f4")
VALUES[0, 2:4] = -9999
WINDOW = (slice(0, 1), slice(1, 4), slice(2, 7))
LAYOUTS = {
    "one chunk, shuffled": {"chunks": (1, 6, 8), "compression": "gzip", "shuffle": True},
    "one chunk": {"chunks": (1, 6, 8), "compression": "gzip"},
    "chunks": {"chunks": (1, 3, 4), "compression": "gzip", "shuffle": True},
    "checksum": {"chunks": (1, 6, 8), "compression": "gzip", "fletcher32": True},
    "plain": {},
}

needs_h5py = pytest.mark.skipif(not hdf5.usable(), reason="no h5py that shares GDAL's HDF5")
needs_libdeflate = pytest.mark.skipif(decompression.libdeflate() is None, reason="no libdeflate")


@pytest.fixture(params=LAYOUTS)
def path(request, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "layout.nc4"
    with h5py.File(path, "w") as file:
        for name, size in zip(("time", "lat", "lon"), VALUES.shape):
            file[name] = np.arange(size, dtype="f4")
            file[name].make_scale(name)
        array = file.create_dataset("water", data=VALUES, fillvalue=-9999, **LAYOUTS[request.param])
        array.attrs["_FillValue"] = np.float32([-9999])
        array.attrs["units"] = np.bytes_("kg m-2")
        packed = file.create_dataset("packed", data=(VALUES * 2).astype("i2"))
        packed.attrs.update({"scale_factor": 0.5, "add_offset": 3.0})
        for variable in (array, packed):
            for axis, name in enumerate(("time", "lat", "lon")):
                variable.dims[axis].attach_scale(file[name])
    return path


@pytest.fixture(params=[True, False], ids=["libdeflate", "HDF5 alone"])
def decompressor(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(hdf5, "libdeflate", lambda: None)
    elif decompression.libdeflate() is None:
        pytest.skip("no libdeflate")


@needs_h5py
def test_both_readers_return_the_same(path, decompressor):
    one = hdf5.Hdf5(path)
    other = NetCdf(path)
    for name in ("water", "packed"):
        assert one.shape(name) == other.shape(name)
        assert one.unit(name) == other.unit(name)
        for window in ((), WINDOW):
            np.testing.assert_array_equal(one.read(name, *window), other.read(name, *window))
            indices = np.array([0, 3, 7, 14])
            np.testing.assert_array_equal(
                one.fetch(name, *window)(indices), other.fetch(name, *window)(indices)
            )


@needs_h5py
def test_values_can_be_decoded_after_the_file_is_closed(path, decompressor):
    file = hdf5.Hdf5(path)
    decode = file.fetch("water")
    file.close()
    np.testing.assert_array_equal(decode(), np.where(VALUES == -9999, np.nan, VALUES))


@needs_h5py
def test_both_readers_return_the_same_from_the_official_granule(real_data):
    path = real_data / "gldas" / "GLDAS_NOAH025_3H.A20150101.0000.021.nc4"
    one = hdf5.Hdf5(path)
    other = NetCdf(path)
    for name in ("SWE_inst", "SoilMoi40_100cm_inst", "lat"):
        np.testing.assert_array_equal(one.read(name), other.read(name))
    assert set(one.variables) >= set(other.variables)
    assert one.text("title") == other.text("title")
    assert one.text("begin_date", "time") == "20150101"


@needs_h5py
def test_damaged_file_is_refused_by_name(tmp_path):
    path = tmp_path / "cut.nc4"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(InputError, match=r"cut\.nc4"):
        hdf5.Hdf5(path)


def shuffle(values: np.ndarray) -> bytes:
    """HDF5's shuffle filter."""
    return values.view("u1").reshape(-1, 4).T.tobytes()


@needs_libdeflate
def test_chunk_is_decompressed():
    values = VALUES.ravel()
    for stored, is_shuffled in ((shuffle(values), True), (values.tobytes(), False)):
        chunk = zlib.compress(stored)
        np.testing.assert_array_equal(decompress(chunk, values.size, is_shuffled), values)
        np.testing.assert_array_equal(
            decompress(chunk, values.size, is_shuffled, np.array([5, 2])), values[[5, 2]]
        )


@needs_libdeflate
def test_damaged_chunk_is_detected():
    chunk = zlib.compress(shuffle(VALUES.ravel()))
    truncated = chunk[:-9]
    overwritten = chunk[:20] + b"\x55" * 20 + chunk[40:]
    too_short = zlib.compress(b"short")
    for damaged in (truncated, overwritten, b"", too_short):
        with pytest.raises(DamagedChunk):
            decompress(damaged, VALUES.size, shuffled=True)


@needs_libdeflate
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=50))
def test_decompression_inverts_compression(numbers):
    values = np.array(numbers, dtype="<f4")
    chunk = zlib.compress(shuffle(values))
    np.testing.assert_array_equal(decompress(chunk, values.size, shuffled=True), values)


@pytest.fixture
def granule(tmp_path):
    path = tmp_path / file_name("2007-07")
    fields = np.random.default_rng(3).uniform(0, 9, (len(VARIABLES), LAT.size, LON.size))
    fields[:, 1, 2] = OFF_LAND
    write_granule(path, fields.astype("f4"))
    return path


def test_a_granule_read_in_a_child_is_that_read_here(granule, monkeypatch):
    window = slice(1, 4), slice(0, 5)
    first = read_header(granule)
    cells = np.arange(15).reshape(3, 5) % 4 > 0
    for land in (None, cells):
        with monkeypatch.context() as patched:
            patched.setattr(netcdf, "trouble", lambda: "files are read here")
            here = read_granule(granule, window, first, land)
        there = read_granule(granule, window, first, land)
        assert there.header == here.header == first
        assert there.land.sum() == 14
        np.testing.assert_array_equal(there.land, here.land)
        assert there.storage.dtype == np.float32
        np.testing.assert_array_equal(there.storage, here.storage)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_granule_that_ends_its_reader_is_a_damaged_file(granule, monkeypatch):
    run = OpenFile.run

    def run_killed(self, *request, **options):
        os.kill(self._child._process.pid, signal.SIGSEGV)
        return run(self, *request, **options)

    monkeypatch.setattr(OpenFile, "run", run_killed)
    with pytest.raises(UnusableGranule, match="damaged, so that its reader crashes"):
        read_granule(granule, (slice(0, 4), slice(0, 5)))


@pytest.fixture
def asked_again():
    """Whether h5py is usable is found out once; here before and after the test as well."""
    hdf5.trouble.cache_clear()
    yield
    hdf5.trouble.cache_clear()


@pytest.mark.parametrize(
    "library", ["h5py.libs/libhdf5.so", "h5py/.dylibs/libhdf5.dylib", "h5py/hdf5_hl.dll"]
)
def test_h5py_from_a_wheel_is_not_imported(library, tmp_path, monkeypatch, asked_again):
    (tmp_path / "h5py").mkdir()
    (tmp_path / library).parent.mkdir(exist_ok=True)
    (tmp_path / library).touch()
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path / "h5py")])
    monkeypatch.setattr(hdf5, "find_spec", lambda name: found)
    monkeypatch.setattr(hdf5, "import_module", lambda name: pytest.fail("imported"))
    assert hdf5.trouble() == "it brings an HDF5 library beside that of QGIS"


def test_h5py_is_not_usable_where_it_is_not_installed(monkeypatch, asked_again):
    monkeypatch.setattr(hdf5, "find_spec", lambda name: None)
    assert not hdf5.usable()


@pytest.mark.parametrize("error", [ImportError, AttributeError, SystemError, ValueError])
def test_a_broken_h5py_is_not_used(monkeypatch, asked_again, error, path):
    def broken(name):
        raise error("undefined symbol")

    monkeypatch.setattr(hdf5, "import_module", broken)
    assert hdf5.trouble() == f"its import fails ({error.__name__}: undefined symbol)"
    with open_netcdf(path) as file:
        assert isinstance(file, NetCdfInChild)
        np.testing.assert_array_equal(file.read("lat"), np.arange(6))
