"""A raster that is joined from encoded tiles is the raster that is written in one piece."""

import os
from contextlib import suppress

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters.encoded_blocks import read_blocks
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, can_compress, new_geotiff
from gwsa.gwsa_plugin.core.rasters.geotiff_blocks import (
    append_blocks,
    blocks_of_geotiff,
    require_blocks,
)

# Tiles at the right and lower edge are smaller than a block.
GRID = Grid(70.0, 35.0, 0.01, 0.01, 40, 56)
SIDE = 16
BANDS = 3
ENCODINGS = {
    "none": {},
    "plain": {"compress": "DEFLATE"},
    "deflate": {"compress": "DEFLATE", "predictor": 3},
    "lerc": {"compress": "LERC_ZSTD", "max_z_error": 0.005, "predictor": 1},
}


def fields():
    """Values of which one tile and one band have none."""
    values = np.random.default_rng(0).normal(size=(BANDS, *GRID.shape)).astype(np.float32)
    values[:, 16:32, :16] = np.nan
    values[1] = np.nan
    return values


def corners():
    return [(top, left) for top in range(0, 40, SIDE) for left in range(0, 56, SIDE)]


def write(path, values, encoding, place=GRID, names=("",) * BANDS):
    with new_geotiff(path, Header(place, names, "cm", {"A": "b"}), SIDE, encoding) as target:
        for band, field in enumerate(values, start=1):
            target.write(band, field)


def blocks_of(path):
    with open(path, "rb") as file:
        return blocks_of_geotiff(file)


def numbered(folder, encoding):
    """Yield the blocks of the tiles of ``fields``, each from a file of its own."""
    for place, (top, left) in enumerate(corners()):
        window = slice(top, min(top + SIDE, 40)), slice(left, min(left + SIDE, 56))
        part = folder / f"{top}_{left}.tif"
        write(part, fields()[(slice(None), *window)], encoding, GRID.subgrid(*window))
        for band, block in enumerate(blocks_of(part)):
            yield band * len(corners()) + place, block


def joined(folder, encoding):
    """Join the tiles of ``fields`` and return the file and its checksums."""
    path = folder / "joined.tif"
    write(path, [], encoding, names=("one", "two", "three"))
    return path, append_blocks(path, numbered(folder, encoding))


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("layout", ["NO", "YES"])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_a_joined_raster_is_that_written_at_once(tmp_path, name, layout, order):
    options = ENCODINGS[name]
    if not can_compress(options.get("compress", "NONE")):
        pytest.skip("this GDAL lacks the compression")
    if order == "BIG" and "predictor" in options:
        pytest.skip("GDAL writes other values in this order of bytes")
    encoding = {**options, "sparse_ok": True, "bigtiff": layout, "endianness": order}
    path, checksums = joined(tmp_path, encoding)
    require_blocks(path, checksums)
    write(tmp_path / "once.tif", fields(), encoding)
    file, once = gdal.Open(str(path)), gdal.Open(str(tmp_path / "once.tif"))
    np.testing.assert_array_equal(file.ReadAsArray(), once.ReadAsArray())
    assert [file.GetRasterBand(number).GetDescription() for number in (1, 2, 3)] == [
        "one", "two", "three",
    ]  # fmt: skip
    # The absent tile takes no room, so that the sizes are about equal.
    assert abs(path.stat().st_size - (tmp_path / "once.tif").stat().st_size) < 300


def test_tags_and_overviews_can_be_added(tmp_path):
    path, checksums = joined(tmp_path, {"compress": "DEFLATE", "sparse_ok": True})
    file = gdal.Open(str(path), gdal.GA_Update)
    file.SetMetadataItem("C", "d")
    file.BuildOverviews("AVERAGE", [2])
    file = None
    require_blocks(path, checksums)
    file = gdal.Open(str(path))
    assert file.GetMetadataItem("A") == "b" and file.GetMetadataItem("C") == "d"
    np.testing.assert_array_equal(file.ReadAsArray(), fields())
    overview = file.GetRasterBand(1).GetOverview(0).ReadAsArray()
    assert overview[0, 0] == pytest.approx(fields()[0, :2, :2].mean(), abs=1e-6)


def test_positions_beyond_the_layout_are_refused(tmp_path):
    """Files of more than 4 GB need BigTIFF; this one is of that size without taking it."""
    encoding = {"sparse_ok": True, "bigtiff": "NO"}
    for name in ("tile.tif", "map.tif"):
        write(tmp_path / name, [], encoding, GRID.subgrid(slice(0, 16), slice(0, 16)))
    write(tmp_path / "tile.tif", fields()[:, :16, :16], encoding, GRID.subgrid(*[slice(0, 16)] * 2))
    os.truncate(tmp_path / "map.tif", 2**32 - 2)
    with pytest.raises(RasterError, match="map.tif cannot be written: it is too large"):
        append_blocks(tmp_path / "map.tif", enumerate(blocks_of(tmp_path / "tile.tif")))


def test_a_block_with_other_bytes_is_found(tmp_path):
    path, checksums = joined(tmp_path, {**ENCODINGS["deflate"], "sparse_ok": True})
    require_blocks(path, checksums)
    with pytest.raises(RasterError, match=r"joined\.tif cannot be written: what is read"):
        require_blocks(path, {number: checksums[number] for number in list(checksums)[1:]})
    with pytest.raises(RasterError, match=r"joined\.tif cannot be written: what is read"):
        require_blocks(path, {**checksums, max(checksums) + 1: 1})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RasterError, match=r"joined\.tif cannot be written: what is read"):
        require_blocks(path, checksums)
    os.truncate(path, len(content) // 2)
    with pytest.raises(RasterError, match=r"joined\.tif cannot be written: what is read"):
        require_blocks(path, checksums)


@pytest.mark.parametrize("layout", ["NO", "YES"])
def test_a_damaged_header_is_found(tmp_path, layout):
    encoding = {**ENCODINGS["deflate"], "sparse_ok": True, "bigtiff": layout}
    path, checksums = joined(tmp_path, encoding)
    content = path.read_bytes()
    # Its directory, and the arrays that follow it.
    header = range(900)
    for at in header:
        path.write_bytes(content[:at])
        with pytest.raises(RasterError, match=r"joined\.tif cannot be written: what is read"):
            require_blocks(path, checksums)
    for at in header:
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        # What does not concern the blocks is not looked at.
        with suppress(RasterError):
            require_blocks(path, checksums)


def test_blocks_that_cannot_be_read_are_no_error_of_the_raster(tmp_path):
    write(tmp_path / "map.tif", [], {"sparse_ok": True})
    absent = map(read_blocks, [tmp_path / "absent.blocks"])
    with pytest.raises(FileNotFoundError, match=r"absent\.blocks"):
        append_blocks(tmp_path / "map.tif", enumerate(absent))
