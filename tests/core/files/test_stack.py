from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.nan_mean import nan_mean
from gwsa.gwsa_plugin.core.files.packed_tiles import TILES_DOMAIN, pack_tiles, unpack_tiles
from gwsa.gwsa_plugin.core.files.stack import (
    FILLED,
    MISSING,
    OBSERVED,
    MonthlyStack,
    read_stack,
    write_stack,
)
from gwsa.gwsa_plugin.core.files.stack_tags import CARRIED_TAGS, region_tag
from gwsa.tests.core.gldas.gldas_layouts import Log

GRID = Grid(70.0, 32.0, 0.25, 0.25, 3, 4)
MONTHS = month_range("2003-11", "2010-02")


@pytest.fixture
def stack(gdal_backend):
    """Noise with a missing cell, a missing month and a filled month."""
    values = np.random.default_rng(1).normal(0, 10, (MONTHS.size, *GRID.shape)).astype("float32")
    values[:, 0, 0] = np.nan
    values[5] = np.nan
    source = [OBSERVED] * MONTHS.size
    source[5], source[6] = MISSING, FILLED
    return MonthlyStack(GRID, MONTHS, values, tuple(source))


def write_yearly(path, values, descriptions=None, crs="EPSG:4326", **options):
    """A plain GeoTIFF, as another tool might write it."""
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "nodata": np.nan,
        "count": len(values),
        "height": GRID.rows,
        "width": GRID.columns,
        "crs": crs,
        "transform": GRID.transform,
        **options,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(values.astype(profile["dtype"]))
        if descriptions:
            target.descriptions = descriptions
    return path


def test_written_stack_is_read_unchanged(stack, tmp_path):
    path = tmp_path / "twsa.tif"
    write_stack(path, stack.tagged(GWSA_BASELINE="2004-01..2009-12"))
    found = read_stack(path)
    assert found.grid.same_as(GRID)
    assert (found.months == stack.months).all()
    np.testing.assert_array_equal(found.values, stack.values)
    assert found.source == stack.source
    assert (found.variable, found.unit) == ("TWSA", "cm")
    assert found.tags == {"GWSA_BASELINE": "2004-01..2009-12"}


def test_rasterio_reads_months_units_and_sources(stack, tmp_path):
    path = tmp_path / "twsa.tif"
    write_stack(path, stack, {"GWSA_STAGE": "test"})
    with rasterio.open(path) as source:
        assert source.descriptions == tuple(map(str, MONTHS))
        assert set(source.units) == {"cm"}
        assert np.isnan(source.nodata)
        assert source.tags(7)["GWSA_SOURCE"] == FILLED
        assert source.tags()["GWSA_STAGE"] == "test"
        assert source.profile["interleave"] == "band"
    assert [item.name for item in tmp_path.iterdir()] == ["twsa.tif"]


TILES = np.int32([[-1, 0, 0, 7], [3, 3, 0, 7], [3, 3, 40_000, -1]])


def test_tiles_and_carried_tags_are_read_as_they_were_written(stack, tmp_path):
    tags = {
        **{name: f"{name} text" for name in CARRIED_TAGS},
        **region_tag(GRID),
        "GWSA_FOOTPRINT_KM": "250",
        "GWSA_PRODUCT": "not carried",
    }
    path = tmp_path / "twsa.tif"
    write_stack(path, replace(stack, tiles=TILES, tags=tags))
    found = read_stack(path)
    np.testing.assert_array_equal(found.tiles, TILES)
    assert found.tiles.dtype == np.int32
    assert set(found.tags) == set(CARRIED_TAGS)
    with rasterio.open(path) as source:
        # They are not among the tags that programs show.
        assert not {name for name in source.tags() if "TILE" in name}
        assert TILES_DOMAIN in source.tag_namespaces()
    assert [item.name for item in tmp_path.iterdir()] == ["twsa.tif"]


def test_files_without_tiles_have_none(stack, tmp_path):
    write_stack(tmp_path / "twsa.tif", stack)
    assert read_stack(tmp_path / "twsa.tif").tiles is None


def test_tiles_of_another_shape_are_ignored(stack, tmp_path):
    """Another program has cropped the file and kept the metadata."""
    path = tmp_path / "twsa.tif"
    write_stack(path, replace(stack, tiles=TILES[:2]))
    assert read_stack(path).tiles is None


def test_tiles_of_the_globe_fit_into_the_metadata(tmp_path):
    rows, columns = np.indices((720, 1440))
    tiles = (rows // 4 * 360 + (columns + 7 * rows // 4 % 4) // 4 % 360).astype(np.int32)
    packed = pack_tiles(tiles)
    assert sum(map(len, packed.values())) < 1_000_000
    np.testing.assert_array_equal(unpack_tiles(packed, tiles.shape), tiles)
    grid = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
    months = MONTHS[:1]
    globe = MonthlyStack.on_calendar(grid, months, np.ones((1, *grid.shape)), "TWSA")
    write_stack(tmp_path / "globe.tif", replace(globe, tiles=tiles))
    np.testing.assert_array_equal(read_stack(tmp_path / "globe.tif").tiles, tiles)
    assert [item.name for item in tmp_path.iterdir()] == ["globe.tif"]


def test_tiles_follow_the_cells(stack):
    stack = replace(stack, tiles=TILES)
    part = GRID.subgrid(slice(1, 3), slice(2, 4))
    np.testing.assert_array_equal(stack.crop(part).tiles, TILES[1:3, 2:4])
    shifted = replace(GRID, west=GRID.west + 0.5)
    np.testing.assert_array_equal(
        stack.on(shifted).tiles, [[0, 7, -1, -1], [0, 7, -1, -1], [40_000, -1, -1, -1]]
    )
    first_year = stack.select(MONTHS[0], MONTHS[11])
    np.testing.assert_array_equal(first_year.anomaly((MONTHS[2], MONTHS[6])).tiles, TILES)


def test_the_region_is_the_part_without_margin(stack):
    assert stack.region == GRID
    inner = GRID.subgrid(slice(0, 2), slice(1, 3))
    assert stack.tagged(**region_tag(inner)).region.same_as(inner)
    cropped = stack.crop(GRID.subgrid(slice(1, 3), slice(0, 3))).tagged(**region_tag(inner))
    assert cropped.region.same_as(GRID.subgrid(slice(1, 2), slice(1, 3)))


def test_a_stack_outside_its_region_is_an_error(stack):
    """Another program has cropped the file to a part of the margin."""
    inner, margin = GRID.subgrid(slice(0, 2), slice(1, 3)), GRID.subgrid(slice(2, 3), slice(0, 4))
    with pytest.raises(InputError, match="no cell in the region of its tag GWSA_REGION"):
        stack.crop(margin).tagged(**region_tag(inner)).region  # noqa: B018


def test_a_file_outside_its_region_is_refused_by_name(stack, tmp_path):
    inner, margin = GRID.subgrid(slice(0, 2), slice(1, 3)), GRID.subgrid(slice(2, 3), slice(0, 4))
    write_stack(tmp_path / "moved.tif", stack.crop(margin).tagged(**region_tag(inner)))
    with pytest.raises(InputError, match="^moved.tif has no cell in the region"):
        read_stack(tmp_path / "moved.tif")


def test_a_source_that_is_not_known_is_refused_by_name(stack, tmp_path):
    path = tmp_path / "stack.tif"
    write_stack(path, stack)
    with rasterio.open(path, "r+") as file:
        file.update_tags(2, GWSA_SOURCE="doubtful")
    with pytest.raises(InputError, match="Band 2 of stack.tif has the tag GWSA_SOURCE=doubtful"):
        read_stack(path)


def test_a_file_that_is_cut_before_its_georeference_is_refused_as_damaged(tmp_path):
    grid = Grid(70.0, 31.0, 0.25, 0.25, 4, 4)
    months = month_range("2004-01", "2010-12")
    path = tmp_path / "cut.tif"
    write_stack(path, MonthlyStack.on_calendar(grid, months, np.ones((84, 4, 4)), "GWSA"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    with pytest.raises(InputError, match="cut.tif cannot be read completely; it is damaged"):
        read_stack(path)


def test_equal_stacks_give_equal_bytes(stack, tmp_path):
    for name in ("one.tif", "other.tif"):
        write_stack(tmp_path / name, stack)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "other.tif").read_bytes()


@given(st.data())
def test_on_calendar_has_every_month(data):
    places = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=20, unique=True))
    months = np.datetime64("2002-04") + np.array(places)
    values = np.arange(len(places), dtype=float)[:, None, None] + np.ones(GRID.shape)
    stack = MonthlyStack.on_calendar(GRID, months, values, "TWSA")
    assert (stack.months == month_range(months.min(), months.max())).all()
    for month, given_values in zip(months, values):
        np.testing.assert_array_equal(stack.values[stack.months == month][0], given_values)
    assert set(stack.months_with_source(OBSERVED)) == set(months)
    assert np.isnan(stack.values[np.isin(stack.source, [MISSING])]).all()


def test_on_calendar_crops_and_pads_to_the_period():
    months = np.array(["2005-01", "2005-03"], dtype="datetime64[M]")
    stack = MonthlyStack.on_calendar(
        GRID, months, np.ones((2, *GRID.shape)), "TWSA", period=("2005-02", "2005-05")
    )
    assert stack.source == (MISSING, OBSERVED, MISSING, MISSING)


def test_anomaly_has_zero_mean_over_the_baseline(stack):
    anomaly = stack.anomaly()
    mean = nan_mean(anomaly.select(np.datetime64("2004-01"), np.datetime64("2009-12")).values)
    np.testing.assert_allclose(mean[np.isfinite(mean)], 0, atol=1e-5)
    assert np.isnan(mean).sum() == 1
    # One mean per cell keeps the differences between months.
    np.testing.assert_allclose(
        anomaly.values[20] - anomaly.values[9], stack.values[20] - stack.values[9], atol=1e-5
    )
    assert anomaly.tags["GWSA_BASELINE"] == "2004-01..2009-12"


def test_anomaly_without_baseline_months_is_refused(stack):
    late = stack.select(np.datetime64("2010-01"), np.datetime64("2010-02"))
    with pytest.raises(InputError, match="TWSA.*2004-01 to 2009-12"):
        late.anomaly()


def test_select_outside_the_stack_is_refused_with_its_period(stack):
    with pytest.raises(InputError, match="2003-11 to 2010-02.*2015-01"):
        stack.select(np.datetime64("2015-01"), np.datetime64("2015-12"))


def test_crop_selects_the_cells_of_the_grid(stack):
    part = stack.crop(GRID.subgrid(slice(1, 3), slice(2, 4)))
    np.testing.assert_array_equal(part.values, stack.values[:, 1:3, 2:4])


def test_yearly_file_without_descriptions_takes_the_year_from_its_name(tmp_path):
    values = np.arange(12.0)[:, None, None] * np.ones(GRID.shape)
    found = read_stack(write_yearly(tmp_path / "GWSA_2008.tif", values))
    assert (found.months == month_range("2008-01", "2008-12")).all()
    np.testing.assert_array_equal(found.values, values)


def test_bands_in_any_order_are_sorted_by_month(tmp_path):
    values = np.array([3.0, 1.0])[:, None, None] * np.ones(GRID.shape)
    found = read_stack(write_yearly(tmp_path / "x.tif", values, ("2008-03", "2008-01")))
    assert found.source == (OBSERVED, MISSING, OBSERVED)
    assert found.values[:, 0, 0][[0, 2]].tolist() == [1.0, 3.0]


def test_nodata_scale_offset_and_unit_are_applied(tmp_path):
    values = np.full((1, *GRID.shape), 50)
    values[..., :2] = -9999
    path = write_yearly(tmp_path / "x_2008-01.tif", values, dtype="int16", nodata=-9999)
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets, target.units = (0.1,), (1.0,), ("mm",)
    found = read_stack(path)
    assert np.isnan(found.values[0, :, :2]).all()
    np.testing.assert_allclose(found.values[0, :, 2:], 0.6, rtol=1e-6)  # (50 * 0.1 + 1) mm
    assert found.unit == "cm"


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("x.tif", {}, r"months of x\.tif are unknown"),
        (
            "x.tif",
            {"descriptions": ("2008-01", "2008-01")},
            r"x\.tif has more than one band for 2008-01",
        ),
        ("x.tif", {"descriptions": ("2008-01", "snow")}, r"Band 2 of x\.tif has no month"),
        ("x_2008.tif", {"crs": None}, r"x_2008\.tif has no coordinate reference system"),
        ("x_2008.tif", {"crs": "EPSG:32643"}, r"x_2008\.tif is in EPSG:32643; warp it"),
    ],
)
def test_rasters_that_are_not_stacks_are_refused_by_name(tmp_path, name, arguments, sentence):
    path = write_yearly(tmp_path / name, np.ones((2, *GRID.shape)), **arguments)
    with pytest.raises(InputError, match=sentence):
        read_stack(path)


def test_file_that_is_not_a_raster_is_refused_by_name(tmp_path):
    path = tmp_path / "notes.tif"
    with pytest.raises(InputError, match=r"notes\.tif does not exist"):
        read_stack(path)
    path.write_text("not a raster")
    with pytest.raises(InputError, match=r"notes\.tif cannot be opened as a raster"):
        read_stack(path)


def test_truncated_file_is_refused_by_name(stack, tmp_path):
    path = tmp_path / "twsa.tif"
    write_stack(path, stack)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"twsa\.tif cannot be read completely"):
        read_stack(path)


def test_failed_write_leaves_no_file(stack, tmp_path):
    broken = replace(stack, values=stack.values[:3])
    with pytest.raises(IndexError):
        write_stack(tmp_path / "twsa.tif", broken)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.3, 0.7, 0.99, 0.9999])
def test_full_disk_raises_os_error_and_leaves_no_file(
    stack, tmp_path, gdal_habit, room_on_disk, fraction
):
    write_stack(tmp_path / "complete.tif", stack)
    size = (tmp_path / "complete.tif").stat().st_size
    with (
        pytest.raises(OSError, match=r"twsa\.tif cannot be written: ."),
        room_on_disk(int(fraction * size)),
    ):
        write_stack(tmp_path / "twsa.tif", stack)
    assert [item.name for item in tmp_path.iterdir()] == ["complete.tif"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists open files of Linux")
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_a_file_that_cannot_be_written_is_closed(
    stack, tmp_path, gdal_habit, room_on_disk, fraction
):
    """Also as long as the exception exists, which holds the frames that it came through."""
    write_stack(tmp_path / "complete.tif", stack)
    size = (tmp_path / "complete.tif").stat().st_size
    with pytest.raises(OSError) as found, room_on_disk(int(fraction * size)):
        write_stack(tmp_path / "twsa.tif", stack)
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    opened = [str(link.readlink()) for link in links if link.is_symlink()]
    assert found.value and not [name for name in opened if name.startswith(str(tmp_path))]


def test_write_can_be_cancelled_at_every_band(stack, tmp_path):
    for bands in (0, 1, MONTHS.size - 1):
        with pytest.raises(Cancelled):
            write_stack(tmp_path / "twsa.tif", stack, progress=Log(stop_after=bands))
    assert list(tmp_path.iterdir()) == []
