"""The writer of GeoTIFFs: properties of bands, overviews, reproducible bytes and full disks."""

from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.compute.threads import TaskProgress
from gwsa.gwsa_plugin.core.downscaling.maps.encoding import ENCODINGS, EXACT, LERC, ROUNDED
from gwsa.gwsa_plugin.core.files.stack import OBSERVED, MonthlyStack
from gwsa.gwsa_plugin.core.gapfill.fill import write_flags
from gwsa.gwsa_plugin.core.rasters.geotiff import (
    MAX_SIDE_WITHOUT_OVERVIEWS,
    OVERVIEWS,
    Header,
    encode_geotiff,
    new_geotiff,
)
from gwsa.gwsa_plugin.core.rasters.geotiff_tags import update_tags
from gwsa.tests.core.gdal_cache import gdal_cache

SIDE = 240
LARGE = Grid(0.0, 40.0, 1 / 120, 1 / 120, 720, 2160)
SMALL = LARGE.subgrid(slice(0, 480), slice(0, 480))


@pytest.fixture(scope="module")
def month():
    """A field as rough as a map, without values in the east (sea) and in a lake."""
    random = np.random.default_rng(1)
    field = random.normal(0, 0.02, LARGE.shape).cumsum(axis=0).cumsum(axis=1) + random.normal(
        0, 0.3, LARGE.shape
    )
    field[:, 700:] = np.nan
    field[101:333, 203:406] = np.nan
    return field.astype(np.float32)


def write(path, grid, field, encoding, progress: Progress = SILENT, overviews=True):
    """Write a raster of two bands, of which the second is empty."""
    header = Header(grid, ("2010-01", "2010-02"), "cm", {}, step=encoding.step)
    with new_geotiff(path, header, SIDE, {**encoding.options, "sparse_ok": True}) as target:
        for top in range(0, grid.rows, SIDE):
            for left in range(0, grid.columns, SIDE):
                block = field[top : top + SIDE, left : left + SIDE]
                if np.isfinite(block).any():
                    target.write(1, block, (top, left))
        if overviews:
            target.add_overviews(progress)
    return path


def means(field, factor):
    """Mean of each square of ``factor`` x ``factor`` pixels over those with a value."""
    rows, columns = (-(-size // factor) for size in field.shape)
    padded = np.full((rows * factor, columns * factor), np.nan)
    padded[: field.shape[0], : field.shape[1]] = field
    squares = (
        padded.reshape(rows, factor, columns, factor).swapaxes(1, 2).reshape(rows, columns, -1)
    )
    count = np.isfinite(squares).sum(axis=2)
    return np.where(count, np.nansum(squares, axis=2) / np.maximum(count, 1), np.nan)


@pytest.mark.parametrize("kind", ENCODINGS)
def test_overviews_are_means_of_pixels_with_a_value(month, tmp_path, kind):
    path = write(tmp_path / "map.tif", LARGE, month, ENCODINGS[kind])
    with rasterio.open(path) as source:
        assert source.overviews(1) == list(OVERVIEWS) == source.overviews(2)
        below = source.read(1)
    # Each overview is computed from the one before.
    for level, step in enumerate((5, 3, 4)):
        with rasterio.open(path, overview_level=level) as source:
            found, nothing = source.read()
        np.testing.assert_allclose(
            found, means(below, step), rtol=1e-5, atol=1.01 * ENCODINGS[kind].error + 1e-5
        )
        assert np.isnan(nothing).all()
        below = found
    inland = np.s_[6:, :10]
    np.testing.assert_allclose(
        found[inland], means(month, 60)[inland], atol=4 * ENCODINGS[kind].error + 1e-4
    )


@pytest.mark.parametrize("kind", ENCODINGS)
def test_overviews_are_small_and_sparse(month, tmp_path, kind):
    with_them, without = (
        write(tmp_path / f"{wanted}.tif", LARGE, month, ENCODINGS[kind], overviews=wanted)
        for wanted in (True, False)
    )
    # Means of rounded values have more digits than these.
    largest = 1.12 if kind == ROUNDED else 1.07
    assert with_them.stat().st_size < largest * without.stat().st_size
    source = gdal.Open(str(with_them))
    assert (
        source.GetRasterBand(2).GetOverview(0).GetMetadataItem("BLOCK_OFFSET_0_0", "TIFF") is None
    )


@pytest.mark.parametrize("kind", ENCODINGS)
def test_values_are_within_the_error_of_the_encoding(month, tmp_path, kind):
    encoding = ENCODINGS[kind]
    with rasterio.open(write(tmp_path / "map.tif", SMALL, month, encoding)) as source:
        found, nothing = source.read()
        compression = source.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"]
    expected = month[: SMALL.rows, : SMALL.columns]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    rounding = np.spacing(np.nanmax(np.abs(expected)))
    assert np.nanmax(np.abs(found - expected)) <= encoding.error + rounding
    assert np.isnan(nothing).all()
    if kind == ROUNDED:
        assert compression == "DEFLATE", "every GDAL reads it"
        land = found[np.isfinite(found)]
        assert (land * 128 == np.rint(land * 128)).all()
        assert np.nanmax(np.abs(found - expected)) > encoding.error / 2


@pytest.mark.usefixtures("gdal_backend")
def test_a_compression_that_gdal_lacks_is_refused_and_never_left_out(month, tmp_path, monkeypatch):
    lacking = ENCODINGS[LERC]._replace(options={"compress": "LERX_ZSTD"})
    with pytest.raises(OSError, match="map.tif cannot be written: .* lacks the compression"):
        write(tmp_path / "map.tif", SMALL, month, lacking)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="LERX_ZSTD; choose another ENCODING, such as rounded"):
        lacking.require()
    for encoding in ENCODINGS.values():
        encoding.require()


def test_small_raster_has_no_overviews(month, tmp_path):
    assert max(SMALL.shape) <= MAX_SIDE_WITHOUT_OVERVIEWS < max(LARGE.shape)
    with rasterio.open(write(tmp_path / "map.tif", SMALL, month, ENCODINGS[ROUNDED])) as source:
        assert source.overviews(1) == []


@pytest.mark.parametrize("kind", ENCODINGS)
def test_same_bytes_for_any_cache_size(month, tmp_path, kind):
    with gdal_cache(512):
        large = write(tmp_path / "large.tif", LARGE, month, ENCODINGS[kind]).read_bytes()
    with gdal_cache(1):
        assert write(tmp_path / "small.tif", LARGE, month, ENCODINGS[kind]).read_bytes() == large


@pytest.mark.slow
def test_flags_have_the_same_bytes_for_any_cache_size(tmp_path):
    grid = Grid(-180.0, 90.0, 0.25, 0.25, 600, 1440)
    months = month_range("2010-01", "2010-06")
    random = np.random.default_rng(2)
    filled = MonthlyStack(
        grid, months, np.zeros((months.size, 1, 1), np.float32), (OBSERVED,) * months.size
    )
    result = SimpleNamespace(
        filled=filled,
        marks=random.integers(0, 2, (50, months.size)).astype(np.uint8),
        cells=random.integers(0, 50, grid.shape),
    )
    written = []
    for number, megabytes in enumerate((512, 512, 1)):
        path = tmp_path / f"{number}" / "FLAGS.tif"
        with gdal_cache(megabytes):
            write_flags(path, result, {})
        written.append(path.read_bytes())
    assert written[0] == written[1] == written[2]
    with rasterio.open(path) as source:
        assert source.dtypes[0] == "uint8" and source.nodata == 255
        assert (source.read(3) == result.marks[:, 2][result.cells]).all()


def test_header_and_windows_are_read_back(tmp_path):
    header = Header(
        SMALL,
        ("2010-01", "2010-02"),
        "mm",
        {"GWSA_VARIABLE": "rain"},
        ("observed", "missing"),
        dtype="int16",
        nodata=-32768,
        scale=0.5,
        offset=3.0,
    )
    numbers = np.arange(300 * 200).reshape(300, 200).astype(np.int16)
    path = tmp_path / "rain.tif"
    with new_geotiff(path, header, 64) as target:
        target.write(2, numbers, (100, 50))
        target.write_tag("GWSA_STAGE", "buildpredictors")
    with rasterio.open(path) as source:
        assert source.dtypes == ("int16",) * 2 and source.nodatavals == (-32768,) * 2
        assert source.scales == (0.5,) * 2 and source.offsets == (3.0,) * 2
        assert source.units == ("mm",) * 2 and source.descriptions == header.names
        assert [source.tags(band)["GWSA_SOURCE"] for band in (1, 2)] == ["observed", "missing"]
        assert source.tags()["GWSA_VARIABLE"] == "rain"
        assert source.tags()["GWSA_STAGE"] == "buildpredictors"
        first, second = source.read()
    assert (first == -32768).all()
    assert (second[100:400, 50:250] == numbers).all()
    second[100:400, 50:250] = -32768
    assert (second == -32768).all()


def test_overviews_can_be_cancelled(month, tmp_path, gdal_habit):
    with pytest.raises(Cancelled):
        write(tmp_path / "map.tif", LARGE, month, ENCODINGS[EXACT], TaskProgress(lambda: True))


def test_no_room_for_overviews_is_an_error(month, tmp_path, gdal_habit, room_on_disk):
    complete, bands = (
        write(tmp_path / f"{wanted}.tif", LARGE, month, ENCODINGS[EXACT], overviews=wanted)
        for wanted in (True, False)
    )
    size = (complete.stat().st_size + bands.stat().st_size) // 2
    with pytest.raises(OSError, match=r"map\.tif cannot be written: ."), room_on_disk(size):
        write(tmp_path / "map.tif", LARGE, month, ENCODINGS[EXACT])


def block_places(path) -> list:
    """Place and size in the file of all blocks, overviews included."""
    file = gdal.Open(str(path))
    bands = [file.GetRasterBand(number) for number in range(1, file.RasterCount + 1)]
    rasters = [
        raster
        for band in bands
        for raster in [band, *map(band.GetOverview, range(band.GetOverviewCount()))]
    ]
    names = [f"BLOCK_{kind}_{x}_{y}" for kind in ("OFFSET", "SIZE") for x in (0, 1) for y in (0, 1)]
    return [raster.GetMetadataItem(name, "TIFF") for raster in rasters for name in names]


class TestUpdateTags:
    @pytest.mark.parametrize("kind", ENCODINGS)
    def test_pixels_and_properties_of_bands_stay(self, month, tmp_path, kind):
        path = write(tmp_path / "map.tif", LARGE, month, ENCODINGS[kind])
        places = block_places(path)
        with rasterio.open(path) as source:
            pixels = source.read()
        update_tags(path, {"GWSA_DETAIL": "refuted", "TIFFTAG_IMAGEDESCRIPTION": "GWSA 2010"})
        assert block_places(path) == places and any(places)
        with rasterio.open(path) as source:
            np.testing.assert_array_equal(source.read(), pixels)
            assert source.descriptions == ("2010-01", "2010-02")
            assert source.units == ("cm", "cm") and np.isnan(source.nodata)
            assert source.overviews(1) == list(OVERVIEWS)
            assert source.tags()["GWSA_DETAIL"] == "refuted"
            assert source.tags()["TIFFTAG_IMAGEDESCRIPTION"] == "GWSA 2010"
        assert [file.name for file in tmp_path.iterdir()] == ["map.tif"]

    def test_equal_updates_give_equal_bytes(self, month, tmp_path):
        paths = [write(tmp_path / f"{i}.tif", SMALL, month, ENCODINGS[LERC]) for i in range(2)]
        for path in (*paths, paths[0]):
            update_tags(path, {"GWSA_DETAIL": "refuted"})
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_a_file_that_cannot_be_opened_is_named(self, tmp_path):
        path = tmp_path / "map.tif"
        path.write_bytes(b"II*\0 cut off")
        with pytest.raises(OSError, match=r"map\.tif cannot be written"):
            update_tags(path, {"GWSA_DETAIL": "refuted"})

    def test_none_deletes_a_tag(self, month, tmp_path):
        path = write(tmp_path / "map.tif", SMALL, month, ENCODINGS[EXACT])
        update_tags(path, {"GWSA_DETAIL": "refuted", "GWSA_DETAIL_GAIN": "-0.04"})
        update_tags(path, {"GWSA_DETAIL": "untested", "GWSA_DETAIL_GAIN": None})
        with rasterio.open(path) as source:
            assert source.tags()["GWSA_DETAIL"] == "untested"
            assert "GWSA_DETAIL_GAIN" not in source.tags()


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_bands_encoded_in_memory_are_those_of_a_file(month, tmp_path, encoding):
    field = month[:480, 480:960]
    options = {**encoding.options, "sparse_ok": True}
    header = Header(SMALL, ("2010-01", "2010-02"), "cm", {}, step=encoding.step)
    encoded = encode_geotiff(header, SIDE, options, [(1, field)])
    (tmp_path / "memory.tif").write_bytes(encoded)
    write(tmp_path / "file.tif", SMALL, field, encoding, overviews=False)
    with rasterio.open(tmp_path / "memory.tif") as one, rasterio.open(tmp_path / "file.tif") as two:
        np.testing.assert_array_equal(one.read(), two.read())
        assert (one.descriptions, one.block_shapes) == (two.descriptions, two.block_shapes)
    assert not gdal.ReadDir("/vsimem/")


def test_an_interrupted_encoding_leaves_nothing_in_memory(month):
    def fields():
        yield 1, month[:480, :480]
        raise Cancelled

    header = Header(SMALL, ("2010-01", "2010-02"), "cm", {})
    with pytest.raises(Cancelled):
        encode_geotiff(header, SIDE, {"compress": "DEFLATE"}, fields())
    assert not gdal.ReadDir("/vsimem/")
