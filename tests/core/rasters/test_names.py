"""Rasters in archives, on servers and in other files, under the names that GDAL gives them."""

import gzip
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.provenance import sha256
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, read_stack, write_stack
from gwsa.gwsa_plugin.core.predictors.paths import absolute_path, relative_path
from gwsa.gwsa_plugin.core.rasters.names import gdal_name, is_virtual, raster_exists
from gwsa.gwsa_plugin.core.rasters.reading import assign_crs, open_lonlat, open_raster

pytestmark = pytest.mark.usefixtures("gdal_backend")
GRID = Grid(70.0, 30.0, 1.0, 1.0, 3, 4)
INSIDE = "in here/stack.tif"


@pytest.fixture
def stack(tmp_path):
    values = np.random.default_rng(1).normal(size=(3, *GRID.shape)).astype(np.float32)
    months = month_range("2004-01", "2004-03")
    write_stack(tmp_path / "stack.tif", MonthlyStack.on_calendar(GRID, months, values, "TWSA"))
    return tmp_path / "stack.tif"


@pytest.fixture
def archives(stack, tmp_path):
    """Name of the stack in archives of several kinds."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(stack, INSIDE)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(stack, INSIDE)
    with stack.open("rb") as source, gzip.open(tmp_path / "stack.tif.gz", "wb") as target:
        shutil.copyfileobj(source, target)
    return [
        f"/vsizip/{tmp_path}/a.zip/{INSIDE}",
        f"/vsizip//{tmp_path}/a.zip/{INSIDE}",
        f"/vsizip/{{{tmp_path}/a.zip}}/{INSIDE}",
        f"/vsitar/{tmp_path}/a.tar.gz/{INSIDE}",
        f"/vsigzip/{tmp_path}/stack.tif.gz",
    ]


def test_a_stack_in_an_archive_is_that_of_the_file(stack, archives):
    expected = read_stack(stack)
    for name in archives:
        found = read_stack(Path(name))
        np.testing.assert_array_equal(found.values, expected.values)
        assert sha256(Path(name)) == sha256(stack)
        assert raster_exists(Path(name)) and not raster_exists(Path(f"{name}.absent"))
        with pytest.raises(InputError, match="does not exist"):
            open_raster(Path(f"{name}.absent"))


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Address of a server of ``tmp_path``, another process: rasterio keeps the lock of Python."""
    monkeypatch.setenv("NO_PROXY", "*")
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        yield re.search(r"http://[\d.]+:\d+", server.stdout.readline())[0]
        server.terminate()


def test_a_stack_on_a_server_is_that_of_the_file(stack, address):
    name = Path(f"/vsicurl/{address}/stack.tif")
    np.testing.assert_array_equal(read_stack(name).values, read_stack(stack).values)
    assert sha256(name) == sha256(stack)


def test_a_variable_of_a_netcdf_file_is_read(stack, tmp_path):
    path = tmp_path / "soil.nc"
    gdal.Translate(str(path), str(stack), format="netCDF", bandList=[1])
    name = Path(f'NETCDF:"{path}":Band1')
    with open_raster(name) as source:
        assert np.isfinite(source.read(1)).all() and source.crs
    assert sha256(name) == sha256(path)


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/https://example.org/a b/x.tif",
        "/vsizip//vsicurl/https://example.org/a.zip/x.tif",
        "/vsis3/bucket/x.tif",
        'NETCDF:"/data/x.nc":twsa',
    ],
)
def test_names_keep_their_address(name):
    path = Path(name)
    assert is_virtual(path)
    assert gdal_name(path) == name.replace("/vsizip//vsicurl", "/vsizip/vsicurl")
    assert absolute_path(path) == path and relative_path(name, Path("/data")) == path.as_posix()


@pytest.mark.parametrize("name", ["/data/x.tif", "C:\\data\\x.tif", "x.tif", "data/vsizip/x.tif"])
def test_paths_are_unchanged(name):
    assert not is_virtual(Path(name)) and gdal_name(Path(name)) == str(Path(name))


def test_the_crs_of_a_layer_is_used_where_the_file_has_none(stack, tmp_path):
    path = tmp_path / "plain.tif"
    with_crs = gdal.Open(str(stack))
    plain = gdal.GetDriverByName("GTiff").CreateCopy(str(path), with_crs)
    plain.SetProjection("")
    del plain, with_crs
    with pytest.raises(InputError, match="plain.tif has no .*gdal_translate -a_srs EPSG:4326"):
        read_stack(path)
    assign_crs(path, "EPSG:4326")
    np.testing.assert_array_equal(read_stack(path).values, read_stack(stack).values)
    assign_crs(path, "EPSG:32643")
    with pytest.raises(InputError, match="EPSG:32643"), open_lonlat(path):
        pass
    assign_crs(path, "")
    with pytest.raises(InputError, match="has no coordinate reference system"):
        read_stack(path)
    assign_crs(stack, "EPSG:32643")
    read_stack(stack)
