"""Blocks that are encoded here are those that GDAL and zlib decode."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.rasters import encoded_blocks
from gwsa.gwsa_plugin.core.rasters.encoded_blocks import encode_blocks, read_blocks, save_blocks
from gwsa.gwsa_plugin.core.rasters.gdal_errors import RasterError
from gwsa.gwsa_plugin.core.rasters.geotiff import Header, new_geotiff
from gwsa.gwsa_plugin.core.rasters.geotiff_blocks import append_blocks

deflate_numba = pytest.importorskip("gwsa.gwsa_plugin.core.rasters.deflate_numba")

SIDE = 64
# Smaller than a block, as tiles at the edge are.
GRID = Grid(70.0, 35.0, 0.01, 0.01, 40, 56)
ENCODING = {"compress": "DEFLATE", "predictor": 3, "zlevel": 1, "sparse_ok": True}
STEP = 1 / 128


def header(step=STEP):
    return Header(GRID, ("",) * 3, "", {}, step=step)


def smooth_field():
    """A map with sea, an aquifer of one value and signs that change."""
    rows, columns = np.indices(GRID.shape)
    field = (10 * np.sin(rows / 9) * np.cos(columns / 7)).astype(np.float32)
    field += np.random.default_rng(0).normal(0, 0.3, GRID.shape).astype(np.float32)
    field[:10, :20] = np.nan
    field[20:30, 20:] = -3.25
    return field


def as_read(folder, blocks, step):
    """The values of three bands that GDAL reads from a file of these blocks."""
    path = folder / "map.tif"
    with new_geotiff(path, header(step), SIDE, ENCODING):
        pass
    append_blocks(path, enumerate(blocks))
    return gdal.Open(str(path)).ReadAsArray()


@pytest.mark.parametrize("step", [STEP, 0.0])
def test_gdal_reads_the_values(tmp_path, step):
    field = smooth_field()
    blocks = encode_blocks(header(step), SIDE, ENCODING, [(1, field), (3, -field)])
    assert blocks[1] == b""
    expected = np.rint(field / np.float32(STEP)) * np.float32(STEP) if step else field
    values = as_read(tmp_path, blocks, step)
    np.testing.assert_array_equal(values, [expected, np.full(GRID.shape, np.nan), -expected])


def test_values_are_those_without_numba(tmp_path, monkeypatch):
    field = smooth_field()
    compiled = encode_blocks(header(), SIDE, ENCODING, [(2, field)])
    monkeypatch.setattr(encoded_blocks, "_compiled", lambda: None)
    by_gdal = encode_blocks(header(), SIDE, ENCODING, [(2, field)])
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    np.testing.assert_array_equal(
        as_read(tmp_path / "one", compiled, STEP), as_read(tmp_path / "two", by_gdal, STEP)
    )
    assert len(compiled[1]) < 1.2 * len(by_gdal[1])


def test_bands_without_values_are_empty():
    nothing = np.full(GRID.shape, np.nan, dtype=np.float32)
    assert encode_blocks(header(), SIDE, ENCODING, [(1, nothing)]) == [b""] * 3


def test_blocks_are_read_back(tmp_path):
    blocks = [b"one", b"", b"three"]
    with open(tmp_path / "tile.blocks", "wb") as file:
        save_blocks(blocks, file)
    assert read_blocks(tmp_path / "tile.blocks") == blocks


def test_damaged_blocks_are_found(tmp_path):
    path = tmp_path / "tile.blocks"
    with open(path, "wb") as file:
        save_blocks([b"one", b"", b"three"], file)
    content = path.read_bytes()
    cut = [content[:size] for size in range(len(content))]
    flipped = [
        content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :] for at in range(len(content))
    ]
    for damaged in (*cut, *flipped, content + b"more", bytes(4), bytes(20)):
        path.write_bytes(damaged)
        with pytest.raises(RasterError, match=r"tile\.blocks cannot be written: what is read"):
            read_blocks(path)


def inflated(content):
    """What zlib decompresses from ``deflate``."""
    return zlib.decompress(deflate_numba.deflate(content).tobytes(), wbits=-15)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 255)), min_size=1, max_size=20),
    st.integers(0, 2**32 - 1),
    st.integers(0, 200),
)
def test_runs_among_noise_are_restored(runs, seed, noise):
    parts = [np.repeat(byte, 8 * count if byte % 2 else count) for count, byte in runs]
    parts.append(np.random.default_rng(seed).integers(0, 256, noise))
    content = np.concatenate(parts).astype(np.uint8)
    content = content[: content.size - content.size % 8]
    if content.size:
        assert inflated(content) == content.tobytes()


@pytest.mark.parametrize("groups", [1, 2, 32, 33, 34, 65, 1000])
def test_runs_of_all_lengths_are_restored(groups):
    content = np.concatenate([np.arange(8), np.full(8 * groups, 7)]).astype(np.uint8)
    assert inflated(content) == content.tobytes()


def test_codes_are_not_longer_than_the_format_allows():
    """Frequencies like Fibonacci numbers need codes as long as there are symbols."""
    counts = [1, 1]
    while len(counts) < 24:
        counts.append(counts[-1] + counts[-2])
    content = np.repeat(np.arange(len(counts)), counts).astype(np.uint8)
    content = np.random.default_rng(0).permutation(content)[: content.size - content.size % 8]
    assert inflated(content) == content.tobytes()


def test_noise_becomes_hardly_longer():
    content = np.random.default_rng(0).integers(0, 256, 1 << 16).astype(np.uint8)
    assert deflate_numba.deflate(content).size < 1.01 * content.size
