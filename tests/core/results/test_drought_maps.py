"""Tests of the maps of the drought index."""

import tracemalloc

import numpy as np
import pytest
import rasterio

from gwsa.gwsa_plugin.core.base.errors import Cancelled
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.base.tiles import squares
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results import drought_maps
from gwsa.gwsa_plugin.core.results.drought_index import (
    IndexOptions,
    drought_index,
    reference_months,
)
from gwsa.gwsa_plugin.core.results.drought_maps import write_index_maps

MONTHS = month_range("2009-04", "2015-10")
GRID = Grid(70.0, 30.0, 0.25, 0.25, 7, 9)
OPTIONS = IndexOptions()


@pytest.fixture
def maps(tmp_path):
    """A stack with sea in the west, a missing and a filled month."""
    values = np.random.default_rng(0).normal(scale=5, size=(MONTHS.size, *GRID.shape))
    values[:, :, :3] = np.nan
    values[10] = np.nan
    source = [OBSERVED] * MONTHS.size
    source[10], source[20] = MISSING, FILLED
    stack = MonthlyStack.on_calendar(GRID, MONTHS, values, "GWSA", source=source)
    path = tmp_path / "gwsa.tif"
    write_stack(path, stack.tagged(GWSA_FOOTPRINT_KM="250"))
    return YearlyMaps.from_files([path])


def write(maps, stack=None, folder=None, options=OPTIONS, progress=SILENT):
    used = reference_months(maps.months, maps.source, options)
    return write_index_maps(maps, used, options, {"GWSA_STAGE": "x"}, stack, folder, progress)


def expected(maps):
    with maps.opened() as read:
        values = read(maps.months)
    used = reference_months(maps.months, maps.source, OPTIONS)
    return drought_index(maps.months, values, used, OPTIONS).values


def test_stack_has_the_index_of_each_pixel(maps, tmp_path):
    write(maps, stack=tmp_path / "out" / "ggdi.tif")
    with rasterio.open(tmp_path / "out" / "ggdi.tif") as source:
        assert source.descriptions == tuple(map(str, MONTHS))
        sources = tuple(source.tags(band)["GWSA_SOURCE"] for band in source.indexes)
        assert sources == maps.source
        tags = source.tags()
        assert (tags["GWSA_VARIABLE"], tags["GWSA_UNIT"]) == ("GGDI", "1")
        assert (tags["GWSA_STAGE"], tags["GWSA_FOOTPRINT_KM"]) == ("x", "250")
        np.testing.assert_allclose(source.read(), expected(maps), atol=drought_maps.STEP / 2)


def test_yearly_files_have_twelve_bands_and_the_same_values(maps, tmp_path):
    (tmp_path / "GGDI_1999.tif").touch()
    paths = write(maps, stack=tmp_path / "ggdi.tif", folder=tmp_path)
    assert [path.name for path in paths] == [f"GGDI_{year}.tif" for year in range(2009, 2016)]
    with rasterio.open(tmp_path / "ggdi.tif") as source:
        stack = dict(zip(source.descriptions, source.read()))
    for path in paths:
        with rasterio.open(path) as source:
            assert source.count == 12
            for band in source.indexes:
                month = source.descriptions[band - 1]
                if month in stack:
                    np.testing.assert_array_equal(source.read(band), stack[month])
                else:
                    assert source.tags(band)["GWSA_SOURCE"] == MISSING
                    assert np.isnan(source.read(band)).all()


def test_tiles_do_not_change_the_result(maps, tmp_path, monkeypatch):
    write(maps, stack=tmp_path / "one.tif")
    monkeypatch.setattr(drought_maps, "SIDE", 16)
    monkeypatch.setattr(drought_maps, "squares", lambda shape, side: squares(shape, 4))
    write(maps, stack=tmp_path / "two.tif")
    with rasterio.open(tmp_path / "one.tif") as one, rasterio.open(tmp_path / "two.tif") as two:
        np.testing.assert_array_equal(one.read(), two.read())


def test_two_runs_write_the_same_bytes(maps, tmp_path):
    for name in ("one", "two"):
        write(maps, stack=tmp_path / f"{name}.tif", folder=tmp_path / name)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


class Stopped(Progress):
    def is_cancelled(self):
        return True


def test_cancelled_run_leaves_nothing(maps, tmp_path):
    with pytest.raises(Cancelled):
        write(maps, tmp_path / "out" / "g.tif", tmp_path / "out" / "years", progress=Stopped())
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


@pytest.mark.slow
def test_memory_does_not_depend_on_the_size_of_the_maps(tmp_path):
    months = month_range("2010-01", "2014-12")
    peaks = []
    for columns in (480, 1920):
        grid = Grid(0.0, 30.0, 0.01, 0.01, 120, columns)
        values = np.random.default_rng(1).normal(size=(months.size, *grid.shape)).astype("f4")
        path = tmp_path / f"{columns}.tif"
        write_stack(path, MonthlyStack.on_calendar(grid, months, values, "GWSA"))
        del values
        tracemalloc.start()
        write(YearlyMaps.from_files([path]), stack=tmp_path / f"ggdi_{columns}.tif")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
