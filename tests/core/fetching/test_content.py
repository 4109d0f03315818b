"""Whether content is what it should be."""

import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.fetching import content
from gwsa.gwsa_plugin.core.fetching.content import find_damage, look_at_beginning
from gwsa.gwsa_plugin.core.fetching.http import Refused
from gwsa.gwsa_plugin.core.fetching.remote_file import NETCDF, TEXT, TIFF, ZIP
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.tests.core.grace.mascon_layouts import CSR_CROP, write_classic, write_mascons
from gwsa.tests.servers.faults import LOGIN_PAGE, with_flipped_bit

BEGINNINGS = {
    NETCDF: (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05"),
    TIFF: (b"II*\x00", b"MM\x00*", b"II+\x00"),
    ZIP: (b"PK\x03\x04",),
}
PAGES = (
    LOGIN_PAGE,
    b"\xef\xbb\xbf<!DOCTYPE HTML>",
    b"\n\n  <HTML><head>",
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    b"<Error>Only one auth mechanism allowed</Error>",
)


@pytest.mark.parametrize(
    ("form", "beginning"), [(form, one) for form, all_ in BEGINNINGS.items() for one in all_]
)
def test_a_file_begins_as_its_format_does(form, beginning):
    for length in range(1, len(beginning) + 1):
        look_at_beginning(beginning[:length], form, "file")
    look_at_beginning(beginning + bytes(500), form, "file")


@pytest.mark.parametrize("form", [NETCDF, TIFF, TEXT, ZIP])
@pytest.mark.parametrize("page", PAGES)
def test_a_web_page_is_no_file(form, page):
    with pytest.raises(Refused, match="A web page came instead of file.nc"):
        look_at_beginning(page, form, "file.nc")


@pytest.mark.parametrize("form", [NETCDF, TIFF, ZIP])
@pytest.mark.parametrize("content", [b"{}", b"Not found", b"\x89PNG\r\n", bytes(8)])
def test_another_format_is_no_file(form, content):
    with pytest.raises(Refused, match="file.nc came, but it is not a"):
        look_at_beginning(content, form, "file.nc")


def test_a_text_begins_as_it_likes():
    look_at_beginning(b"year,month\n", TEXT, "file.csv")


@pytest.fixture(params=["NetCDF-4", "classic NetCDF"])
def netcdf(request, tmp_path):
    write = write_mascons if request.param == "NetCDF-4" else write_classic
    return write(tmp_path / ".mascons.nc.part", CSR_CROP)


def test_a_sound_netcdf_file_has_no_damage(netcdf):
    assert find_damage(netcdf, NETCDF, "mascons.nc") == ""


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.98])
def test_a_shortened_netcdf_file_is_damaged(netcdf, kept):
    content = netcdf.read_bytes()
    netcdf.write_bytes(content[: int(len(content) * kept)])
    damage = find_damage(netcdf, NETCDF, "mascons.nc")
    assert damage.startswith("mascons.nc came damaged (") and ".part" not in damage


@pytest.mark.parametrize("place", [0.1, 0.4, 0.6, 0.9])
def test_a_flipped_bit_in_compressed_values_is_found(place, tmp_path):
    h5py = pytest.importorskip("h5py")
    shape = (CSR_CROP.months.size, CSR_CROP.latitudes.size, CSR_CROP.longitudes.size)
    path = tmp_path / "mascons.nc"
    write_mascons(
        path, replace(CSR_CROP, chunks=shape), np.random.default_rng(1).normal(size=shape)
    )
    with h5py.File(path) as file:
        chunk = file["lwe_thickness"].id.get_chunk_info(0)
    flipped = with_flipped_bit(path.read_bytes(), chunk.byte_offset + int(place * chunk.size))
    path.write_bytes(flipped)
    assert "came damaged" in find_damage(path, NETCDF, "mascons.nc")


def test_a_shortened_raster_is_damaged(tmp_path):
    values = np.random.default_rng(1).normal(size=(1, 64, 64)).astype("f4")
    months = np.array(["2010-01"], "M8[M]")
    stack = MonthlyStack.on_calendar(Grid(77.0, 31.0, 0.25, 0.25, 64, 64), months, values, "TWSA")
    write_stack(tmp_path / "map.tif", stack)
    path = (tmp_path / "map.tif").rename(tmp_path / ".map.tif.part")
    assert find_damage(path, TIFF, "map.tif") == ""
    content = path.read_bytes()
    for kept in (0.3, 0.6, 0.9):
        path.write_bytes(content[: int(kept * len(content))])
        damage = find_damage(path, TIFF, "map.tif")
        assert damage.startswith("map.tif came damaged (") and str(tmp_path) not in damage


def test_a_text_in_another_encoding_is_damaged(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("Grundwasser über\n", encoding="utf-8")
    assert find_damage(path, TEXT, "table.csv") == ""
    path.write_bytes("Grundwasser über\n".encode("latin-1"))
    assert "table.csv came damaged" in find_damage(path, TEXT, "table.csv")


def test_a_damaged_archive_is_found(tmp_path):
    path = tmp_path / "shapes.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("shapes.txt", "polygon " * 1000)
    assert find_damage(path, ZIP, "shapes.zip") == ""
    content = path.read_bytes()
    path.write_bytes(with_flipped_bit(content, 50))
    assert "shapes.zip came damaged" in find_damage(path, ZIP, "shapes.zip")
    path.write_bytes(content[: len(content) // 2])
    assert "shapes.zip came damaged" in find_damage(path, ZIP, "shapes.zip")


@pytest.mark.parametrize(
    ("shape", "chunk"),
    [((252, 720, 1440), (36, 103, 206)), ((3, 2000, 2000), (1, 1, 1)), ((5,), (2,)), ((), ())],
)
def test_every_value_is_read_once_in_complete_chunks(shape, chunk):
    windows = list(content._windows(shape, chunk))
    counts = [math.prod(min(side.stop, size) - side.start for side, size in zip(window, shape))
              for window in windows]  # fmt: skip
    assert sum(counts) == math.prod(shape)
    assert max(counts) <= max(content.AT_ONCE, math.prod(chunk))
    assert all(side.start % step == 0 for window in windows for side, step in zip(window, chunk))
