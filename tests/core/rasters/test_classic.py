"""NetCDF 3 is read without GDAL: the same values, and an error for each kind of damage."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal
from scipy.io import netcdf_file

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.rasters.classic import Classic
from gwsa.gwsa_plugin.core.rasters.hdf5 import UnreadableFile
from gwsa.gwsa_plugin.core.rasters.netcdf import open_netcdf
from gwsa.gwsa_plugin.core.rasters.reading import open_raster

VALUES = np.arange(3 * 4 * 5, dtype="f4").reshape(3, 4, 5)


def write(path: Path, records: bool, version: int = 1) -> Path:
    """A file over time, lat and lon; time is the dimension of records or one of fixed length."""
    with netcdf_file(path, "w", version=version) as file:
        file.title = "water"
        file.createDimension("time", None if records else 3)
        file.createDimension("lat", 4)
        file.createDimension("lon", 5)
        for name, kind, dimensions in (
            ("time", "i4", ("time",)), ("lat", "f8", ("lat",)), ("lon", "f4", ("lon",)),
            ("flag", "i1", ("time", "lon")), ("packed", "i2", ("time", "lat", "lon")),
            ("water", "f4", ("time", "lat", "lon")),
        ):  # fmt: skip
            variable = file.createVariable(name, kind, dimensions)
            if len(dimensions) == 1:
                variable[:] = np.arange({"time": 3, "lat": 4, "lon": 5}[name])
        file.variables["flag"][:] = VALUES[:, 0, :]
        file.variables["packed"][:] = VALUES
        file.variables["packed"].scale_factor = 0.5
        file.variables["packed"].add_offset = 3.0
        file.variables["packed"]._FillValue = np.int16(7)
        file.variables["water"][:] = VALUES
        file.variables["water"].Units = "cm"
    return path


@pytest.fixture(params=[True, False], ids=["records", "fixed"])
def path(request, tmp_path):
    return write(tmp_path / "f.nc", request.param)


def test_names_shapes_and_texts(path):
    with open_netcdf(path) as file:
        assert isinstance(file, Classic)
        assert set(file.variables) == {"time", "lat", "lon", "flag", "packed", "water"}
        assert file.dimensions("water") == ("time", "lat", "lon")
        assert file.shape("water") == (3, 4, 5)
        assert (file.unit("water"), file.unit("lat"), file.text("title")) == ("cm", "", "water")
        assert file.text("scale_factor", "packed") == "0.5"


def test_values_windows_and_packing(path):
    packed = np.where(VALUES == 7, np.nan, VALUES * 0.5 + 3)
    window = (slice(1, 3), slice(2, 4), slice(0, 2))
    with open_netcdf(path) as file:
        assert file.read("water").dtype == np.float32
        np.testing.assert_array_equal(file.read("water"), VALUES)
        np.testing.assert_array_equal(file.read("water", *window), VALUES[window])
        np.testing.assert_array_equal(file.fetch("water")([0, 7]), VALUES.flat[[0, 7]])
        np.testing.assert_array_equal(file.read("packed"), packed)
        np.testing.assert_array_equal(file.read("flag"), VALUES[:, 0, :])
        np.testing.assert_array_equal(file.read("time"), [0, 1, 2])


def test_64_bit_offsets(tmp_path):
    with open_netcdf(write(tmp_path / "f.nc", True, version=2)) as file:
        np.testing.assert_array_equal(file.read("water"), VALUES)


def test_64_bit_data(tmp_path):
    """Counts have 8 bytes; the file has a dimension, a scalar and a variable of int64."""

    def name(text):
        return struct.pack(">q", len(text)) + text.encode().ljust(-(-len(text) // 4) * 4, b"\0")

    begin = 400
    header = b"CDF\x05" + struct.pack(">q", 0)
    header += struct.pack(">iq", 10, 1) + name("lat") + struct.pack(">q", 3)
    header += struct.pack(">iq", 0, 0) + struct.pack(">iq", 11, 1) + name("n")
    header += (
        struct.pack(">qq", 1, 0) + struct.pack(">iq", 0, 0) + struct.pack(">iqq", 10, 24, begin)
    )
    content = header.ljust(begin, b"\0") + np.array([1, 2, 2**40], ">i8").tobytes()
    (tmp_path / "f.nc").write_bytes(content)
    with open_netcdf(tmp_path / "f.nc") as file:
        np.testing.assert_array_equal(file.read("n"), [1, 2, 2**40])


def test_the_number_of_records_may_be_unknown(tmp_path):
    """A program that is still writing states -1."""
    path = write(tmp_path / "f.nc", records=True)
    content = bytearray(path.read_bytes())
    content[4:8] = b"\xff" * 4
    path.write_bytes(content)
    with open_netcdf(path) as file:
        np.testing.assert_array_equal(file.read("water"), VALUES)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.95])
def test_a_file_that_is_cut_short_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnreadableFile, match="f.nc is damaged or cut short"), open_netcdf(path):
        pass


def test_text_is_no_variable_of_numbers(tmp_path):
    with netcdf_file(tmp_path / "f.nc", "w") as file:
        file.createDimension("length", 3)
        file.createVariable("word", "c", ("length",))[:] = np.array(list("abc"), "S1")
    with open_netcdf(tmp_path / "f.nc") as file, pytest.raises(InputError, match="is text"):
        file.read("word")


@given(st.data())
def test_no_damage_of_the_header_does_more_than_raise(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("damage") / "f.nc", data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, 700))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        with open_netcdf(path) as file:
            for variable in file.variables:
                file.unit(variable)
                assert file.read(variable).nbytes <= 8 * len(content)
    except InputError:
        pass


def test_gdal_reads_the_same(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_MULTIDIM_RASTER)
    array = dataset.GetRootGroup().OpenMDArray("water")
    with open_netcdf(path) as file:
        np.testing.assert_array_equal(file.read("water"), array.ReadAsArray())


def test_its_rasters_are_read_in_a_child(path):
    name = Path(f'NETCDF:"{path}":water')
    with open_raster(name) as source:
        assert type(source).__name__ == "RasterInChild"
        np.testing.assert_array_equal(source.read(2)[::-1], VALUES[1])
