"""The blocks of a region of a TIFF file, in every layout that a TIFF file can have."""

from itertools import product

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.fetching.http import Refused
from gwsa.gwsa_plugin.core.fetching.tiff import (
    UnusableTiff,
    blocks_of,
    header_of,
    read_layout,
    spans_of,
)

GRID = Grid(10.0, 50.0, 0.01, 0.01, 300, 400)
VALUES = np.random.default_rng(1).integers(0, 5000, GRID.shape).astype("uint16")
BOX = (11.203, 48.31, 11.857, 48.702)
LAYOUTS = {
    "strips": {"blockysize": 7},
    "rows": {"blockysize": 1},
    "one strip": {"blockysize": 300},
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 32},
}


def tiff(**options):
    profile = {
        "driver": "GTiff", "width": GRID.columns, "height": GRID.rows, "count": 1,
        "dtype": "uint16", "crs": GRID.crs, "nodata": 65535,
        "transform": rasterio.Affine(*GRID.transform), **options,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(VALUES, 1)
            target.scales, target.offsets = (0.1,), (-273.15,)
        return memory.read()


class Reader:
    """Reads a file in memory and counts what is read."""

    def __init__(self, content):
        self.content = content
        self.count = 0

    def __call__(self, start, count):
        self.count += count
        return self.content[start : start + count]


def cropped(content, box=BOX):
    """The file of the blocks of a box, and the number of bytes that were read for it."""
    reader = Reader(content)
    layout = read_layout(reader, "x.tif")
    window = blocks_of(layout, box, reader)
    spans = spans_of([window])
    parts = b"".join(content[start:stop] for start, stop in spans)
    return header_of(layout, window, spans) + parts, reader.count + len(parts)


@pytest.mark.parametrize(
    ("layout", "compression", "big", "order"),
    list(product(LAYOUTS, ("none", "deflate", "lzw"), ("NO", "YES"), ("little", "big"))),
)
def test_the_blocks_have_the_pixels_of_the_box(layout, compression, big, order):
    predictor = {} if compression == "none" else {"predictor": 2}
    content = tiff(compress=compression, bigtiff=big, endianness=order, **LAYOUTS[layout],
                   **predictor)  # fmt: skip
    small, _ = cropped(content)
    with MemoryFile(small) as memory, memory.open() as source:
        grid = Grid(source.transform.c, source.transform.f, GRID.dx, GRID.dy, *source.shape)
        rows, columns = grid.window(BOX)
        found = source.read(1)[rows, columns]
        assert (source.nodata, source.scales, source.offsets) == (65535, (0.1,), (-273.15,))
        assert source.crs == "EPSG:4326" and GRID.aligned_with(grid)
    there = GRID.window(BOX)
    assert np.array_equal(found, VALUES[there])


@pytest.mark.parametrize("layout", ["strips", "rows", "tiles"])
def test_only_the_blocks_of_the_box_are_read(layout):
    content = tiff(compress="deflate", **LAYOUTS[layout])
    _, count = cropped(content)
    # 40 of 300 rows; the tiles of 66 of 400 columns. The first read is of 16 kB.
    assert count - 16384 < len(content) * (0.25 if layout != "tiles" else 0.15)


def test_blocks_that_were_never_written_stay_empty():
    profile = {"width": 400, "height": 300, "count": 1, "dtype": "uint16", "crs": GRID.crs,
               "transform": rasterio.Affine(*GRID.transform), "sparse_ok": True, "nodata": 7,
               "driver": "GTiff", "compress": "deflate", "blockysize": 1}  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(VALUES[140:150], 1, window=((140, 150), (0, 400)))
        small, _ = cropped(memory.read())
    with MemoryFile(small) as memory, memory.open() as source:
        values = source.read(1)
        top = round((GRID.north - source.transform.f) / GRID.dy)
    assert np.array_equal(values[140 - top : 150 - top], VALUES[140:150])
    assert (values[: 140 - top] == 7).all()


@pytest.mark.parametrize(
    "content",
    [b"", b"II*\0", b"II*\0\x08\0\0\0\0\0", b"<html></html>", b"MM\0*" + bytes(30),
     b"II+\0" + bytes(40), tiff()[:300]],
)  # fmt: skip
def test_what_is_no_tiff_is_refused(content):
    with pytest.raises(UnusableTiff, match=r"^x\.tif is not a TIFF file of one band; "):
        read_layout(Reader(content), "x.tif")


def test_flipped_bits_in_the_header_end_in_a_sentence():
    content = tiff(compress="deflate", **LAYOUTS["tiles"])
    first = int.from_bytes(content[4:8], "little")
    for position in range(first, first + 2 + 12 * 14):
        for bit in (0, 3, 7):
            broken = bytearray(content)
            broken[position] ^= 1 << bit
            try:
                small, _ = cropped(bytes(broken))
            except Refused:
                continue
            assert len(small) < 2 * len(content)


def test_a_region_beside_the_file_is_refused():
    reader = Reader(tiff())
    with pytest.raises(Refused, match="does not reach the region"):
        blocks_of(read_layout(reader, "x.tif"), (20.0, 48.0, 21.0, 49.0), reader)
