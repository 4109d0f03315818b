"""The two readers of NetCDF give the same values, and only an h5py that shares GDAL's HDF5 is used."""

import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.files import hdf5, inflate
from gwsa.gwsa_plugin.core.files.inflate import Damaged, unpack
from gwsa.gwsa_plugin.core.files.netcdf import NetCdf

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


def shuffled(values: np.ndarray) -> bytes:
    return values.tobytes() if values.size == 0 else values.view("u1").reshape(-1, 4).T.tobytes()


needs_h5py = pytest.mark.skipif(not hdf5.usable(), reason="no h5py that shares GDAL's HDF5")


@pytest.fixture(params=LAYOUTS)
def path(request, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "layout.nc4"
    with h5py.File(path, "w") as file:
        for name, size in zip(("time", "lat", "lon"), VALUES.shape):
            file[name] = np.arange(size, dtype="f4")
            file[name].make_scale(name)
        array = file.create_dataset("water", data=VALUES, fillvalue=-9999, **LAYOUTS[request.param])
        array.attrs["_FillValue"], array.attrs["units"] = np.float32([-9999]), np.bytes_("kg m-2")
        packed = file.create_dataset("packed", data=(VALUES * 2).astype("i2"))
        packed.attrs.update({"scale_factor": 0.5, "add_offset": 3.0})
        for variable in (array, packed):
            for axis, name in enumerate(("time", "lat", "lon")):
                variable.dims[axis].attach_scale(file[name])
    return path


@needs_h5py
def test_both_readers_say_the_same(path):
    one, other = hdf5.Hdf5(path), NetCdf(path)
    for name in ("water", "packed"):
        assert one.shape(name) == other.shape(name) and one.unit(name) == other.unit(name)
        for window in ((), WINDOW):
            np.testing.assert_array_equal(one.read(name, *window), other.read(name, *window))
            places = np.array([0, 3, 7, 14])
            np.testing.assert_array_equal(
                one.fetch(name, *window)(places), other.fetch(name, *window)(places)
            )
    later = one.fetch("water")
    one.close()
    np.testing.assert_array_equal(later(), np.where(VALUES == -9999, np.nan, VALUES))


@needs_h5py
def test_both_readers_give_the_official_granule_alike(real_data):
    path = real_data / "gldas" / "GLDAS_NOAH025_3H.A20150101.0000.021.nc4"
    one, other = hdf5.Hdf5(path), NetCdf(path)
    for name in ("SWE_inst", "SoilMoi40_100cm_inst", "lat"):
        np.testing.assert_array_equal(one.read(name), other.read(name))
    assert set(one.variables) >= set(other.variables)
    assert one.text("title") == other.text("title") and one.text("begin_date", "time") == "20150101"


@needs_h5py
def test_a_damaged_file_is_refused_by_name(tmp_path):
    path = tmp_path / "cut.nc4"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(InputError, match=r"cut\.nc4"):
        hdf5.Hdf5(path)


@pytest.fixture(params=["libdeflate", "zlib"])
def library(request, monkeypatch):
    if request.param == "zlib":
        monkeypatch.setattr(inflate, "libdeflate", lambda: None)
    elif inflate.libdeflate() is None:
        pytest.skip("no libdeflate")


def test_a_chunk_is_unpacked_by_either_library(library):
    values = VALUES.ravel()
    for packed, is_shuffled in ((shuffled(values), True), (values.tobytes(), False)):
        packed = zlib.compress(packed)
        np.testing.assert_array_equal(unpack(packed, values.size, is_shuffled), values)
        np.testing.assert_array_equal(
            unpack(packed, values.size, is_shuffled, np.array([5, 2])), values[[5, 2]]
        )


def test_damage_is_noticed_by_either_library(library):
    packed = zlib.compress(shuffled(VALUES.ravel()))
    for broken in (
        packed[:-9],
        packed[:20] + b"\x55" * 20 + packed[40:],
        b"",
        zlib.compress(b"short"),
    ):
        with pytest.raises(Damaged):
            unpack(broken, VALUES.size, True)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=50))
def test_unpacking_undoes_packing(numbers):
    values = np.array(numbers, dtype="<f4")
    np.testing.assert_array_equal(
        unpack(zlib.compress(shuffled(values)), values.size, True), values
    )


@pytest.mark.parametrize(
    "own", ["h5py.libs/libhdf5.so", "h5py/.dylibs/libhdf5.dylib", "h5py/hdf5_hl.dll"]
)
def test_a_wheel_that_brings_its_own_hdf5_is_not_imported(own, tmp_path, monkeypatch):
    (tmp_path / "h5py").mkdir()
    (tmp_path / own).parent.mkdir(exist_ok=True)
    (tmp_path / own).touch()
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path / "h5py")])
    monkeypatch.setattr(hdf5, "find_spec", lambda name: found)
    monkeypatch.setattr(hdf5, "import_module", lambda name: pytest.fail("imported"))
    assert hdf5.usable.__wrapped__() is False


def test_without_h5py_there_is_none_to_use(monkeypatch):
    monkeypatch.setattr(hdf5, "find_spec", lambda name: None)
    assert hdf5.usable.__wrapped__() is False
