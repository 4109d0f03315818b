"""The import of small files with known values and of real files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range, name_runs
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import read_stack, write_stack
from gwsa.gwsa_plugin.core.grace.land_mask import read_land
from gwsa.gwsa_plugin.core.grace.regional_mean import regional_mean
from gwsa.gwsa_plugin.core.grace.twsa import TwsaOptions, import_twsa
from gwsa.gwsa_plugin.core.rasters.netcdf import NetCdf
from gwsa.gwsa_plugin.core.rasters.netcdf_writer import new_netcdf
from gwsa.gwsa_plugin.core.sample_world.grace_files import write_land_mask as write_sample_mask
from gwsa.gwsa_plugin.core.sample_world.grace_files import write_mascons as write_sample_mascons
from gwsa.tests.core.grace.mascon_layouts import (
    CSR,
    CSR_CROP,
    RECORD,
    Layout,
    Log,
    expected,
    truth,
    write_mascons,
    write_mask,
)

# Region, land and period


def test_a_region_is_snapped_outward_and_read_alone(tmp_path):
    stack = import_twsa(
        write_mascons(tmp_path / "f.nc", CSR_CROP),
        TwsaOptions(bounds=(70.6, 20.3, 71.1, 20.9), margin_km=0),
    ).twsa
    assert stack.grid.bounds == (70.5, 20.25, 71.25, 21.0)
    np.testing.assert_allclose(stack.values, expected(stack), atol=2e-5)


# 20 x 20 cells of a quarter of a degree, in which each tile of 2 x 2 cells has its own series.
WIDE = Layout(np.arange(70.125, 75, 0.25), np.arange(20.125, 25, 0.25))
BLOCK = np.arange(20) // 2
TILES = 10 * BLOCK[::-1, None] + BLOCK
REGION = (72.0, 22.0, 73.1, 22.9)


@pytest.fixture(scope="module")
def tiled(tmp_path_factory):
    """A file of ``WIDE`` with tiles."""
    random = np.random.default_rng(3)
    values = random.normal(size=(RECORD.size, 10, 10)).repeat(2, axis=1).repeat(2, axis=2)
    return write_mascons(tmp_path_factory.mktemp("tiled") / "f.nc", WIDE, values)


def test_a_margin_is_kept_around_the_region(tiled):
    """50 km are 0.45 degrees of latitude and 0.49 degrees of longitude."""
    options = TwsaOptions(bounds=REGION, margin_km=50, sigma_cm=2.0)
    found = import_twsa(tiled, options)
    stack = found.twsa
    assert stack.grid.bounds == (71.5, 21.5, 73.75, 23.5)
    assert stack.tags["GWSA_REGION"] == "72 22 73.25 23"
    assert stack.region.bounds == (72.0, 22.0, 73.25, 23.0)
    assert found.sigma.grid == stack.grid and found.sigma.tags == stack.tags
    inner = import_twsa(tiled, replace(options, margin_km=0))
    assert inner.twsa.grid.bounds == (72.0, 22.0, 73.25, 23.0)
    np.testing.assert_array_equal(stack.crop(stack.region).values, inner.twsa.values)


def test_the_mean_of_the_region_is_without_the_margin(tiled):
    wide = import_twsa(tiled, TwsaOptions(bounds=REGION, sigma_cm=2.0)).without_margin()
    inner = import_twsa(tiled, TwsaOptions(bounds=REGION, sigma_cm=2.0, margin_km=0))
    assert wide.twsa.grid.same_as(inner.twsa.grid)
    np.testing.assert_array_equal(
        regional_mean(wide.twsa, wide.sigma).mean, regional_mean(inner.twsa, inner.sigma).mean
    )


def test_the_margin_ends_where_the_file_ends(tiled):
    assert import_twsa(tiled, TwsaOptions(bounds=REGION)).twsa.grid.bounds == (70, 20, 75, 25)


def test_without_a_region_there_is_no_tag(tiled):
    stack = import_twsa(tiled).twsa
    assert "GWSA_REGION" not in stack.tags and stack.region == stack.grid


def test_the_margin_ends_at_180_degrees(tmp_path):
    layout = Layout(np.arange(-179.75, 180, 0.5), np.arange(10.25, 12, 0.5))
    write_mascons(tmp_path / "f.nc", layout)
    options = TwsaOptions(bounds=(178.0, 10.5, 180.0, 11.5), cell=0.5, margin_km=200)
    stack = import_twsa(tmp_path / "f.nc", options).twsa
    assert stack.grid.bounds == (176.0, 10.0, 180.0, 12.0)
    assert stack.region.bounds == (178.0, 10.5, 180.0, 11.5)


@pytest.mark.parametrize("first", [0.25, -179.75], ids=["0..360", "-180..180"])
def test_a_region_across_180_degrees_has_both_sides(tmp_path, first):
    layout = Layout(np.arange(first, first + 360, 0.5), np.arange(-20.75, -10, 0.5))
    path = write_mascons(tmp_path / "f.nc", layout)
    mask = write_mask(tmp_path / "mask.nc", lambda lat, lon: (lon > 178) | (lon < -179), 0.5)
    options = TwsaOptions(
        bounds=(177.0, -18.0, 182.0, -15.0), cell=0.5, margin_km=100, land_mask=mask
    )
    stack = import_twsa(path, options).twsa
    assert stack.grid.bounds == (176.0, -19.0, 183.0, -14.0)
    assert stack.tags["GWSA_REGION"] == "177 -18 182 -15"
    assert stack.region.bounds == (177.0, -18.0, 182.0, -15.0)
    land = (stack.grid.longitudes > 178) & (stack.grid.longitudes < 181)
    np.testing.assert_array_equal(np.isfinite(stack.values[0, 0]), land)
    np.testing.assert_allclose(stack.values[:, :, land], expected(stack)[:, :, land], atol=2e-5)
    write_stack(tmp_path / "twsa.tif", stack)
    again = read_stack(tmp_path / "twsa.tif")
    assert again.grid.same_as(stack.grid) and again.region.bounds == stack.region.bounds


def test_a_crop_across_180_degrees_stays_in_one_piece(tmp_path):
    layout = Layout(np.arange(176.25, 184, 0.5) % 360, np.arange(-20.75, -18, 0.5))
    layout = replace(layout, longitudes=(layout.longitudes + 180) % 360 - 180)
    stack = import_twsa(write_mascons(tmp_path / "f.nc", layout), TwsaOptions(cell=0.5)).twsa
    assert stack.grid.bounds == (176.0, -21.0, 184.0, -18.0)
    np.testing.assert_allclose(stack.values, expected(stack), atol=2e-5)


def test_a_land_mask_of_the_region_alone_leaves_no_margin(tiled, tmp_path):
    """A mask that does not cover the margin is no error."""
    grid = Grid.covering(REGION, 0.25)
    with new_netcdf(tmp_path / "mask.nc", {}) as file:
        for axis, values in (("lat", grid.latitudes), ("lon", grid.longitudes)):
            file.dimension(axis, values.size)
            file.variable(axis, axis, "f4", {})
            file.write(axis, values.astype("f4"))
        file.variable("land_mask", "lat lon", "f4", {})
        file.write("land_mask", np.ones(grid.shape, dtype="f4"))
    options = TwsaOptions(bounds=REGION, land_mask=tmp_path / "mask.nc")
    assert import_twsa(tiled, options).twsa.grid.same_as(grid)


def test_land_in_the_margin_does_not_make_a_region_of_land(tiled, tmp_path):
    mask = write_mask(tmp_path / "mask.nc", lambda lat, lon: (lat > 23.5) & (lon < 75))
    with pytest.raises(InputError, match="The region has no land in mask.nc"):
        import_twsa(tiled, TwsaOptions(bounds=REGION, land_mask=mask))


def test_an_impossible_margin_is_refused(tiled):
    with pytest.raises(InputError, match="margin of -1 km is not possible"):
        import_twsa(tiled, TwsaOptions(bounds=REGION, margin_km=-1))


def test_tiles_are_found_by_their_series(tiled, tmp_path):
    log = Log()
    found = import_twsa(tiled, progress=log).twsa.tiles
    assert "400 cells with values are in 100 mascon tiles" in log
    assert found.dtype == np.int32
    # One number for one tile, whatever the numbers are.
    pairs = np.unique(np.stack([found.ravel(), TILES.ravel()]), axis=1)
    assert pairs.shape[1] == 100


def test_cells_off_the_land_are_in_no_tile(tiled, tmp_path):
    mask = write_mask(tmp_path / "mask.nc", lambda lat, lon: (lat > 22.3) & (lon < 75))
    stack = import_twsa(tiled, TwsaOptions(land_mask=mask)).twsa
    np.testing.assert_array_equal(stack.tiles >= 0, stack.valid)


def test_cells_that_all_differ_have_no_tiles(tmp_path):
    log = Log()
    assert import_twsa(write_mascons(tmp_path / "f.nc", CSR_CROP), progress=log).twsa.tiles is None
    assert "so there are no mascon tiles" in log


def test_a_region_outside_the_file_is_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    with pytest.raises(InputError, match="f.nc holds nothing in the region 10, 20, 15, 25"):
        import_twsa(tmp_path / "f.nc", TwsaOptions(bounds=(10, 20, 15, 25)))


def test_cells_off_the_land_are_empty(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    mask = write_mask(tmp_path / "mask.nc", lambda lat, lon: (lat > 20.5) & (lon < 71))
    stack = import_twsa(tmp_path / "f.nc", TwsaOptions(land_mask=mask)).twsa
    land = (stack.grid.latitudes[:, None] > 20.5) & (stack.grid.longitudes < 71)
    np.testing.assert_array_equal(
        np.isfinite(stack.values), np.broadcast_to(land, stack.values.shape)
    )


def test_a_region_without_land_is_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    mask = write_mask(tmp_path / "mask.nc", lambda lat, lon: (lat > 50) & (lon < 71))
    with pytest.raises(InputError, match="no land in mask.nc"):
        import_twsa(tmp_path / "f.nc", TwsaOptions(land_mask=mask))


def test_a_file_without_a_mask_is_no_land_mask(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    with pytest.raises(InputError, match="f.nc has no land mask variable"):
        import_twsa(tmp_path / "f.nc", TwsaOptions(land_mask=tmp_path / "f.nc"))


def test_the_period_has_every_month_and_the_baseline_is_that_of_the_record(tmp_path):
    kept = np.setdiff1d(RECORD, [np.datetime64("2009-05", "M")])
    attributes = {**CSR, "months_missing": "2009-05"}
    values = truth(CSR_CROP.latitudes, CSR_CROP.longitudes, RECORD)[np.isin(RECORD, kept)]
    write_mascons(tmp_path / "f.nc", replace(CSR_CROP, months=kept, attributes=attributes), values)
    period = (np.datetime64("2009-01", "M"), np.datetime64("2010-04", "M"))
    log = Log()
    stack = import_twsa(tmp_path / "f.nc", TwsaOptions(period=period), log).twsa
    np.testing.assert_array_equal(stack.months, month_range(*period))
    assert [str(m) for m in stack.months_with_source("missing")] == [
        "2009-05",
        "2010-03",
        "2010-04",
    ]
    assert np.isnan(stack.values[4]).all()
    baseline = values[(kept >= np.datetime64("2004-01")) & (kept <= np.datetime64("2009-12"))].mean(
        axis=0
    )
    january = values[kept == np.datetime64("2009-01", "M")][0] - baseline
    np.testing.assert_allclose(stack.values[0], january[::-1], atol=2e-5)
    assert "has 71 of the 72 months of the baseline" in log


def test_a_period_without_any_solution_is_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    with pytest.raises(
        InputError, match="covers 2003-11 to 2010-02 and has no solution in 2012-01..2012-12"
    ):
        import_twsa(
            tmp_path / "f.nc",
            TwsaOptions(period=(np.datetime64("2012-01", "M"), np.datetime64("2012-12", "M"))),
        )


def test_a_record_without_the_baseline_is_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", replace(CSR_CROP, months=month_range("2018-10", "2020-12")))
    with pytest.raises(InputError, match="no solution in 2004-01..2009-12, the baseline"):
        import_twsa(tmp_path / "f.nc")


# Sigma where the product states none


def test_a_constant_sigma_holds_where_there_is_a_value(tmp_path):
    found = import_twsa(write_mascons(tmp_path / "f.nc", CSR_CROP), TwsaOptions(sigma_cm=2.0))
    assert set(np.unique(found.sigma.values)) == {np.float32(2.0)}


def test_without_any_sigma_there_is_none_and_a_warning(tmp_path):
    log = Log()
    assert import_twsa(write_mascons(tmp_path / "f.nc", CSR_CROP), progress=log).sigma is None
    assert "there is no sigma output" in log
    assert "CSR RL06.3" in log
    assert "also those of the ocean" in log


# Files that must be refused


def test_time_bounds_upside_down_are_refused(tmp_path):
    from osgeo import gdal

    write_mascons(tmp_path / "f.nc", CSR_CROP)
    file = gdal.OpenEx(str(tmp_path / "f.nc"), gdal.OF_MULTIDIM_RASTER | gdal.OF_UPDATE)
    bounds = file.GetRootGroup().OpenMDArray("time_bounds")
    bounds.Write(np.ascontiguousarray(bounds.ReadAsArray()[::-1]))
    del bounds, file
    with pytest.raises(
        InputError, match="time of solution 1, 2003-11-16T00:00, lies outside its time_bounds"
    ):
        import_twsa(tmp_path / "f.nc")


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "GRD.nc").write_text("header:\n  dimensions:\n")
    with pytest.raises(
        InputError, match="GRD.nc is not a readable NetCDF file but text that begins with “header:”"
    ):
        import_twsa(tmp_path / "GRD.nc")


def test_a_truncated_file_is_refused(tmp_path):
    content = write_mascons(tmp_path / "f.nc", CSR_CROP).read_bytes()
    (tmp_path / "cut.nc").write_bytes(content[: len(content) // 2])
    with pytest.raises(
        InputError, match=r"cut.nc is cut short \([\d,]+ of [\d,]+ bytes\); download it again"
    ):
        import_twsa(tmp_path / "cut.nc")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="none.nc does not exist"):
        import_twsa(tmp_path / "none.nc")


def test_another_netcdf_is_refused(tmp_path):
    write_mask(tmp_path / "mask.nc", lambda lat, lon: lat > lon)
    with pytest.raises(
        InputError,
        match=r"mask.nc has no variable that is known .* \(it has .*LO_val.*\); name one",
    ):
        import_twsa(tmp_path / "mask.nc")


def test_a_file_in_metres_is_refused(tmp_path):
    layout = replace(CSR_CROP, latitudes=np.arange(6) * 1000.0 + 4e6)
    with pytest.raises(InputError, match=r"lat in f.nc is not in degrees \(it has 4e\+06 to"):
        import_twsa(write_mascons(tmp_path / "f.nc", layout))


def test_a_cell_that_does_not_divide_the_globe_is_refused(tmp_path):
    write_mascons(tmp_path / "f.nc", CSR_CROP)
    with pytest.raises(InputError, match="does not divide 180"):
        import_twsa(tmp_path / "f.nc", TwsaOptions(cell=0.7))


def test_cancelling_stops_the_reading(tmp_path):
    class Cancelling(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        import_twsa(write_mascons(tmp_path / "f.nc", CSR_CROP), progress=Cancelling())


# The real files

REAL_GAPS = (
    "2002-06..2002-07, 2003-06, 2011-01, 2011-06, 2012-03, 2012-05, 2012-10, 2013-03, "
    "2013-08..2013-09, 2014-02, 2014-07, 2014-12, 2015-06, 2015-10..2015-11, 2016-04, "
    "2016-09..2016-10, 2017-02, 2017-07..2018-05, 2018-08..2018-09"
)


def test_the_real_record_has_the_gaps_it_states(real_data):
    import rasterio

    path = real_data / "grace/DERIVED_CSR_SH_G300_TWSA_nwindia_0.25deg.nc"
    mask = real_data / "grace/CSR_GRACE_GRACE-FO_RL06_Mascons_v02_LandMask.nc"
    log = Log()
    found = import_twsa(path, TwsaOptions(land_mask=mask), log)
    assert f"34 months between them have none: {REAL_GAPS}." in log
    moved = {str(one.moved_from): str(one.month) for one in found.solutions if one.moved_from}
    assert moved == {"2011-10": "2011-11", "2015-04": "2015-05"}
    assert found.twsa.source.count("observed") == 231
    baseline = (found.twsa.months >= np.datetime64("2004-01")) & (
        found.twsa.months <= np.datetime64("2009-12")
    )
    assert np.abs(found.twsa.values[baseline].mean(axis=0)).max() < 1e-4
    with rasterio.open(f'NETCDF:"{path}":lwe_thickness') as source:
        raw = source.read([1, 231])
    first, last = found.twsa.values[0], found.twsa.values[-1]
    np.testing.assert_allclose(last - first, raw[1] - raw[0], atol=1e-4)


def test_the_real_land_mask_has_its_land(real_data):
    globe = Grid.covering((-180, -90, 180, 90), 0.25)
    mask = NetCdf(real_data / "grace/CSR_GRACE_GRACE-FO_RL06_Mascons_v02_LandMask.nc")
    land = read_land(mask, globe)
    assert land.sum() == 365_326
    places = {
        (-60, -10): True,
        (25, 25): True,
        (135, -25): True,
        (-30, 30): False,
        (80, -30): False,
        (-150, 0): False,
    }
    for (longitude, latitude), is_land in places.items():
        rows, columns = globe.window((longitude, latitude, longitude + 0.1, latitude + 0.1))
        assert land[rows.start, columns.start] == is_land


def test_the_ascii_edition_is_refused(real_data):
    with pytest.raises(InputError, match="not a readable NetCDF file but text"):
        import_twsa(real_data / "grace/GRD-3_2002095-2002120_GRAC_UTCSR_BA01_0600_LND_v04.nc")


# The sample file, in the layout of RL06.3

MISSION_GAPS = REAL_GAPS.replace("2012-03, ", "")


@pytest.mark.slow
def test_the_sample_file_gives_the_months_of_the_mission(tmp_path):
    """A global file of 192 solutions with values in a region only."""
    grid = Grid.covering((74, 26, 76, 27.5), 0.25)
    values = np.random.default_rng(1).normal(size=(192, *grid.shape)).astype("f4")
    write_sample_mascons(tmp_path / "csr.nc", grid, values)
    land = np.ones(grid.shape, dtype=bool)
    land[0, 0] = False
    write_sample_mask(tmp_path / "mask.nc", grid, land)
    log = Log()
    options = TwsaOptions(
        land_mask=tmp_path / "mask.nc",
        bounds=grid.bounds,
        period=tuple(np.array(["2002-01", "2020-12"], "M8[M]")),
        margin_km=0,
    )
    stack = import_twsa(tmp_path / "csr.nc", options, log).twsa
    assert f"33 months between them have none: {MISSION_GAPS}." in log
    assert stack.months.size == 228
    assert name_runs(stack.months_with_source("missing")) == f"2002-01..2002-03, {MISSION_GAPS}"
    assert stack.grid.same_as(grid)
    observed = np.array(stack.source) == "observed"
    baseline = (stack.months[observed] >= np.datetime64("2004-01")) & (
        stack.months[observed] <= np.datetime64("2009-12")
    )
    np.testing.assert_allclose(
        stack.values[observed][:, land],
        (values - values[baseline].mean(axis=0))[:, land],
        atol=1e-5,
    )
    assert np.isnan(stack.values[:, 0, 0]).all()


def test_an_import_that_does_not_fit_into_memory_is_refused_before_it_is_read(tiled, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * RECORD.size * 400)
    with pytest.raises(InputError, match="^Importing 76 months of 20 x 20 cells needs about"):
        import_twsa(tiled)
