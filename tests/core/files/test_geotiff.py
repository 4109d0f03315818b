"""Overviews of large maps: what is in them, what they cost, and that neither GDAL's cache nor its version shows."""

import numpy as np
import pytest
import rasterio
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.compute.threads import TaskProgress
from gwsa.gwsa_plugin.core.downscaling.maps.predict_tile import LERC_ERROR_CM, MapOptions
from gwsa.gwsa_plugin.core.files.geotiff import LARGEST_PLAIN, OVERVIEWS, Header, new_geotiff

SIDE = 240
LARGE = Grid(0.0, 40.0, 1 / 120, 1 / 120, 720, 2160)
SMALL = LARGE.sub(slice(0, 480), slice(0, 480))
ENCODINGS = {"lerc": MapOptions().encoding, "exact": MapOptions(exact=True).encoding}
BOUNDS = {"lerc": LERC_ERROR_CM, "exact": 0}


@pytest.fixture(scope="module")
def month():
    """As rough as a map; the east is sea, and there is a lake in the land."""
    random = np.random.default_rng(1)
    field = random.normal(0, 0.02, LARGE.shape).cumsum(axis=0).cumsum(axis=1) + random.normal(
        0, 0.3, LARGE.shape
    )
    field[:, 700:] = np.nan
    field[101:333, 203:406] = np.nan
    return field.astype(np.float32)


def write(path, grid, field, encoding, progress: Progress = SILENT, overviews=True):
    """A raster of two bands; of the second nothing is written."""
    header = Header(grid, ("2010-01", "2010-02"), "cm", {})
    with new_geotiff(path, header, SIDE, {**encoding, "sparse_ok": True}) as target:
        for top in range(0, grid.rows, SIDE):
            for left in range(0, grid.columns, SIDE):
                block = field[top : top + SIDE, left : left + SIDE]
                if np.isfinite(block).any():
                    target.write(1, block, (top, left))
        if overviews:
            target.add_overviews(progress)
    return path


def means(field, factor):
    """Of the pixels of each square that have a value."""
    rows, columns = (-(-size // factor) for size in field.shape)
    padded = np.full((rows * factor, columns * factor), np.nan)
    padded[: field.shape[0], : field.shape[1]] = field
    squares = (
        padded.reshape(rows, factor, columns, factor).swapaxes(1, 2).reshape(rows, columns, -1)
    )
    count = np.isfinite(squares).sum(axis=2)
    return np.where(count, np.nansum(squares, axis=2) / np.maximum(count, 1), np.nan)


@pytest.mark.parametrize("kind", ENCODINGS)
def test_overviews_are_means_of_what_is_there(month, tmp_path, kind):
    path = write(tmp_path / "map.tif", LARGE, month, ENCODINGS[kind])
    with rasterio.open(path) as source:
        assert source.overviews(1) == list(OVERVIEWS) == source.overviews(2)
        below = source.read(1)
    for level, step in enumerate((5, 3, 4)):  # each is made of the one below
        with rasterio.open(path, overview_level=level) as source:
            found, nothing = source.read()
        np.testing.assert_allclose(
            found, means(below, step), rtol=1e-5, atol=1.01 * BOUNDS[kind] + 1e-5
        )
        assert np.isnan(nothing).all()
        below = found
    inland = np.s_[6:, :10]
    np.testing.assert_allclose(
        found[inland], means(month, 60)[inland], atol=4 * BOUNDS[kind] + 1e-4
    )


@pytest.mark.parametrize("kind", ENCODINGS)
def test_overviews_cost_little_and_nothing_at_sea(month, tmp_path, kind):
    with_them, without = (
        write(tmp_path / f"{wanted}.tif", LARGE, month, ENCODINGS[kind], overviews=wanted)
        for wanted in (True, False)
    )
    assert with_them.stat().st_size < 1.07 * without.stat().st_size
    source = gdal.Open(str(with_them))
    assert (
        source.GetRasterBand(2).GetOverview(0).GetMetadataItem("BLOCK_OFFSET_0_0", "TIFF") is None
    )


def test_a_small_raster_has_none(month, tmp_path):
    assert max(SMALL.shape) <= LARGEST_PLAIN < max(LARGE.shape)
    with rasterio.open(write(tmp_path / "map.tif", SMALL, month, {})) as source:
        assert source.overviews(1) == []


@pytest.mark.parametrize("kind", ENCODINGS)
def test_the_same_bytes_however_small_the_cache_of_gdal(month, tmp_path, kind):
    before = gdal.GetCacheMax()
    ample = write(tmp_path / "ample.tif", LARGE, month, ENCODINGS[kind]).read_bytes()
    gdal.SetCacheMax(1 << 20)
    try:
        assert write(tmp_path / "small.tif", LARGE, month, ENCODINGS[kind]).read_bytes() == ample
    finally:
        gdal.SetCacheMax(before)


def test_overviews_can_be_cancelled(month, tmp_path, gdal_habit):
    with pytest.raises(Cancelled):
        write(tmp_path / "map.tif", LARGE, month, {}, TaskProgress(lambda: True))


def test_no_room_for_overviews_is_an_error(month, tmp_path, gdal_habit, room_on_disk):
    whole, bands = (
        write(tmp_path / f"{wanted}.tif", LARGE, month, {}, overviews=wanted)
        for wanted in (True, False)
    )
    size = (whole.stat().st_size + bands.stat().st_size) // 2
    with pytest.raises(OSError, match=r"map\.tif cannot be written: ."), room_on_disk(size):
        write(tmp_path / "map.tif", LARGE, month, {})
