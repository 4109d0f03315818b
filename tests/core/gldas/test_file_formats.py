"""Forms of GLDAS: 1.0° files, subsets by GES DISC and OPeNDAP, single rows, GeoTIFF stacks."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from gwsa.benchmarks.rasters import describe_band, geotiff_profile
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import BASELINE, month_range
from gwsa.gwsa_plugin.core.gldas.anomalies import GldasOptions, gldas_anomalies
from gwsa.gwsa_plugin.core.gldas.file_names import find_files, problem_message
from gwsa.gwsa_plugin.core.gldas.granule import UnusableGranule, read_header
from gwsa.gwsa_plugin.core.gldas.land_storage import VARIABLES
from gwsa.tests.core.gldas.gldas_layouts import LAT, LON, Log, file_name, write_granule

MONTHS = month_range(*BASELINE)
FIELDS = (
    np.random.default_rng(3)
    .uniform(1, 100, (MONTHS.size, len(VARIABLES), LAT.size, LON.size))
    .astype("f4")
)
# No land in the south-western cell.
FIELDS[:, :, 0, 0] = -9999
COARSE_LAT = 20.5 + np.arange(4)
COARSE_LON = 70.5 + np.arange(5)


def write_record(folder, file_name=file_name, **grid):
    folder.mkdir()
    for month, fields in zip(MONTHS, FIELDS):
        write_granule(folder / file_name(month), fields, **grid)
    return folder


@pytest.fixture(scope="module")
def quarter_degree(tmp_path_factory):
    return write_record(tmp_path_factory.mktemp("gldas") / "quarter")


@pytest.fixture(scope="module")
def one_degree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gldas") / "one"
    return write_record(
        folder, lambda month: file_name(month).replace("025", "10"), lat=COARSE_LAT, lon=COARSE_LON
    )


def soil_anomaly():
    """cm, north first."""
    soil = np.where(FIELDS == -9999, np.nan, FIELDS).astype(float)[:, :4].sum(axis=1)[:, ::-1] / 10
    return soil - soil.mean(axis=0)


def test_coarse_files_are_regridded_to_quarter_degree_cells(one_degree):
    stack = gldas_anomalies(one_degree).stacks["SMS"]
    assert stack.grid == Grid(70.0, 24.0, 0.25, 0.25, 16, 20)
    expected = np.kron(soil_anomaly(), np.ones((1, 4, 4)))
    np.testing.assert_allclose(stack.values, expected, atol=1e-4)


def test_region_of_coarse_files_is_complete_output_cells(one_degree):
    stack = gldas_anomalies(
        one_degree, region=(71.3, 21.6, 72.1, 22.2), options=GldasOptions(margin_km=0)
    ).stacks["SMS"]
    assert stack.grid.bounds == pytest.approx((71.25, 21.5, 72.25, 22.25))
    expected = np.kron(soil_anomaly(), np.ones((1, 4, 4)))[:, 7:10, 5:9]
    np.testing.assert_allclose(stack.values, expected, atol=1e-4)


def test_coarse_files_keep_their_grid_on_request(one_degree):
    stack = gldas_anomalies(one_degree, options=GldasOptions(cell=1.0)).stacks["SMS"]
    assert stack.grid == Grid(70.0, 24.0, 1.0, 1.0, 4, 5)
    np.testing.assert_allclose(stack.values, soil_anomaly(), atol=1e-4)


def test_larger_cells_have_the_area_weighted_mean(quarter_degree):
    stack = gldas_anomalies(
        quarter_degree, region=(70, 20, 71, 21), options=GldasOptions(cell=1.0, margin_km=0)
    ).stacks["SMS"]
    assert stack.grid == Grid(70.0, 21.0, 1.0, 1.0, 1, 1)
    soil, areas = soil_anomaly()[:, :, :4], Grid(70.0, 21.0, 0.25, 0.25, 4, 4).cell_areas()
    land = np.isfinite(soil[0])
    np.testing.assert_allclose(
        stack.values[:, 0, 0], np.average(soil[:, land], axis=1, weights=areas[land]), atol=1e-4
    )


@pytest.mark.parametrize("region", [None, (70, 20, 71, 21)])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (GldasOptions(cell=0), "does not divide 180"),
        (GldasOptions(cell=0.7), "does not divide 180"),
        (GldasOptions(gaussian_km=-1), "radius of -1 km is not possible"),
        (GldasOptions(gaussian_km=20_000), "radius of 20000 km is not possible"),
        (GldasOptions(margin_km=-1), "margin of -1 km is not possible"),
        (GldasOptions(margin_km=6_000), "margin of 6000 km is not possible"),
    ],
)
def test_impossible_options_are_refused_before_reading(region, options, message):
    with pytest.raises(InputError, match=message):
        gldas_anomalies("nowhere", region, options)


@pytest.mark.parametrize(
    "cut",
    [
        "{}.SUB.nc4",
        "{}.nc4",
        "{}.dap.nc4",
        "{}.dap.nc4?dap4.ce=SWE_inst[0][320:323]",
        "GLDAS_NOAH025_M.2.1_{stem}_subsetted.nc4",
        "{stem}_subsetted.nc4",
        "{stem} (1).nc4",
        "{stem}(2).nc4",
        "{}.1",
        "{} (1)",
        "2004/{}",
        "GES DISC/years/{stem}.SUB.nc4",
        "{lower}",
        "{}.dap.nc4@dap4.ce=%2Flat[320:323];%2Flon[1000:1004]",
        "HTTP_services.cgi?FILENAME=%2Fdata%2FGLDAS%2FGLDAS_NOAH025_M.2.1%2F2000%2F{0}&FORMAT=bmM0Lw&"
        "LABEL={0}.SUB.nc4&SHORTNAME=GLDAS_NOAH025_M&SERVICE=L34RS_LDAS&VERSION=1.02",
    ],
)
def test_names_of_subsetters_are_recognised(tmp_path, cut):
    for month in MONTHS:
        name = file_name(month)
        path = tmp_path / cut.format(name, stem=name[: -len(".nc4")], lower=name.lower())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for ending in (".xml", ".md5", ".part", ".crdownload"):
        (tmp_path / (file_name(MONTHS[0]) + ending)).touch()
    files = find_files(tmp_path)
    assert list(files.paths) == list(MONTHS) and not files.problems and not files.strangers


def test_two_files_of_a_month_are_named_with_their_folders(tmp_path):
    for month in MONTHS:
        (tmp_path / file_name(month)).touch()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / file_name("2005-03")).touch()
    (tmp_path / file_name("2005-04").replace(".nc4", " (1).nc4")).touch()
    problems = find_files(tmp_path).problems
    text = problem_message(tmp_path, problems)
    again = "again/GLDAS_NOAH025_M.A200503.021.nc4"
    assert f"more than one file for 2005-03: GLDAS_NOAH025_M.A200503.021.nc4, {again};" in text
    assert "GLDAS_NOAH025_M.A200504.021 (1).nc4, GLDAS_NOAH025_M.A200504.021.nc4" in text


def test_files_that_look_like_gldas_and_are_not_understood_are_named(quarter_degree, tmp_path):
    folder = tmp_path / "gldas"
    shutil.copytree(quarter_degree, folder)
    (folder / "GLDASp4_landmask_025d.nc4").touch()
    log = Log()
    gldas_anomalies(folder, progress=log)
    assert "without the name of a GLDAS month are not read: GLDASp4_landmask_025d.nc4." in (
        "\n".join(log.lines)
    )
    (folder / file_name("2006-02")).rename(folder / "GLDAS_NOAH025_M_2006-02.nc4")
    named = r"no file \(not understood: GLDAS_NOAH025_M_2006-02.nc4, GLDASp4.*\) for 2006-02 "
    with pytest.raises(InputError, match=named):
        gldas_anomalies(folder)


@pytest.mark.parametrize(
    "name", ["gldas_2004_2009.nc", "GLDAS_200401.nc4", "soil.h5", "GLDAS.A2004.021.nc44"]
)
def test_a_folder_of_other_netcdf_files_names_them(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"has no GLDAS files, only {name} \(a file of several"):
        gldas_anomalies(tmp_path)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("GLDAS_VIC10_M.A200401.021.nc4", "VIC 2.1, not Noah 2.1"),
        ("GLDAS_NOAH025_M.A200401.020.nc4", "NOAH 2.0, not Noah 2.1"),
        ("GLDAS_CLSM025_DA1_D.A20040101.022.nc4", "GLDAS 2.2, which assimilates GRACE"),
        ("GLDAS_NOAH025_3H.A20040101.0000.021.nc4", "not monthly means"),
    ],
)
def test_another_product_is_refused_with_both_named(tmp_path, name, problem):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"{problem}.*: {name}"):
        gldas_anomalies(tmp_path)


@pytest.mark.parametrize(("rows", "columns"), [(1, 5), (4, 1), (1, 1)])
def test_single_row_or_column_has_the_cell_size_in_the_name(tmp_path, rows, columns):
    write_granule(
        tmp_path / file_name("2004-01"),
        FIELDS[0][:, :rows, :columns],
        lat=LAT[:rows],
        lon=LON[:columns],
    )
    coarse = tmp_path / file_name("2004-01").replace("025", "10")
    write_granule(
        coarse, FIELDS[0][:, :rows, :columns], lat=COARSE_LAT[:rows], lon=COARSE_LON[:columns]
    )
    assert read_header(tmp_path / file_name("2004-01")).grid == Grid(
        70, 20 + rows / 4, 0.25, 0.25, rows, columns
    )
    assert read_header(coarse).grid == Grid(70, 20 + rows, 1, 1, rows, columns)


def test_columns_across_the_dateline_are_refused(tmp_path):
    path = tmp_path / file_name("2004-01")
    write_granule(path, FIELDS[0], lon=np.array([179.625, 179.875, -179.875, -179.625, -179.375]))
    with pytest.raises(UnusableGranule, match="^not on a regular grid from west to east$"):
        read_header(path)


GLOBAL_LON = -177.5 + 5 * np.arange(72)
GLOBAL_FIELDS = np.random.default_rng(8).uniform(1, 100, (72, 6, 4, 72)).astype("f4")
GLOBAL_FIELDS[:, :, 1, 70] = -9999


@pytest.fixture(scope="module")
def around_the_globe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gldas")
    for month, fields in zip(MONTHS, GLOBAL_FIELDS):
        write_granule(
            folder / file_name(month), fields, lat=-12.5 + 5 * np.arange(4), lon=GLOBAL_LON
        )
    return folder


@pytest.mark.parametrize("radius", [0, 400])
def test_a_region_across_180_degrees_has_both_sides(around_the_globe, radius):
    """Cells from 165 to 185 degrees; the second of them has no land in one row."""
    options = GldasOptions(cell=5.0, margin_km=0, gaussian_km=radius)
    stacks = {
        bounds: gldas_anomalies(around_the_globe, bounds, options).stacks["SMS"]
        for bounds in ((165, -15, 185, 5), (-180, -15, 180, 5))
    }
    region, globe = stacks.values()
    assert region.grid.bounds == (165, -15, 185, 5)
    assert region.tags["GWSA_REGION"] == "165 -15 185 5"
    columns = [69, 70, 71, 0]
    np.testing.assert_allclose(region.values, globe.values[:, :, columns], atol=1e-5)
    assert np.isnan(region.values[:, 2, 1]).all()


def test_files_of_one_side_of_180_degrees_are_found_in_a_region_across_it(tmp_path):
    east = write_record(tmp_path / "east", lon=-179.875 + 0.25 * np.arange(5))
    options = GldasOptions(margin_km=0)
    stack = gldas_anomalies(east, (179.0, 20.0, 180.5, 21.0), options).stacks["SMS"]
    assert stack.grid.bounds == (180.0, 20.0, 180.5, 21.0)
    np.testing.assert_allclose(stack.values, soil_anomaly()[:, :, :2], atol=1e-4)


def write_variable_stack(
    folder, name, *, months=MONTHS, unit="kg m-2", factor=1.0, file="GLDAS_{}_monthly.tif"
):
    """Write one variable as a GeoTIFF; -9999 is not tagged as nodata."""
    layer = np.where(FIELDS == -9999, FIELDS, FIELDS * np.float32(factor))[
        :, VARIABLES.index(name), ::-1
    ]
    grid = Grid(70.0, 21.0, 0.25, 0.25, LAT.size, LON.size)
    profile = geotiff_profile(grid, months.size, nodata=None)
    with rasterio.open(folder / file.format(name), "w", **profile) as target:
        target.units = (unit,) * months.size
        for band, month in enumerate(months, start=1):
            target.write(layer[list(MONTHS).index(month)], band)
            describe_band(target, band, month, "observed")


@pytest.fixture(scope="module")
def variable_stacks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiffs")
    for name in VARIABLES:
        write_variable_stack(folder, name)
    return folder


@pytest.fixture
def tiffs(variable_stacks, tmp_path, gdal_backend):
    """A copy that a test may modify."""
    return Path(shutil.copytree(variable_stacks, tmp_path / "tiffs"))


def test_geotiff_stacks_give_the_same_anomalies_as_netcdf(tiffs, quarter_degree):
    write_variable_stack(tiffs, "SWE_inst", unit="cm", factor=0.1)
    for one, other in zip(
        gldas_anomalies(tiffs).stacks.values(), gldas_anomalies(quarter_degree).stacks.values()
    ):
        assert one.grid.same_as(other.grid) and one.source == other.source
        np.testing.assert_allclose(one.values, other.values, atol=1e-4)


def test_region_of_geotiff_stacks(tiffs):
    stack = gldas_anomalies(
        tiffs, region=(70.3, 20.3, 70.7, 20.6), options=GldasOptions(margin_km=0)
    ).stacks["SMS"]
    assert stack.grid.bounds == pytest.approx((70.25, 20.25, 70.75, 20.75))
    np.testing.assert_allclose(stack.values, soil_anomaly()[:, 1:3, 1:3], atol=1e-4)


def test_variables_without_a_geotiff_or_with_two_are_named(tiffs):
    (tiffs / "GLDAS_SWE_inst_monthly.tif").unlink()
    (tiffs / "GLDAS_CanopInt_inst_monthly.tif").unlink()
    write_variable_stack(tiffs, "SoilMoi0_10cm_inst", file="{}_again.tif")
    with pytest.raises(InputError) as caught:
        gldas_anomalies(tiffs)
    text = str(caught.value)
    assert (
        "SoilMoi0_10cm_inst: GLDAS_SoilMoi0_10cm_inst_monthly.tif, SoilMoi0_10cm_inst_again.tif"
        in text
    )
    assert "SWE_inst: no file" in text and "CanopInt_inst: no file" in text


def test_missing_bands_of_geotiffs_are_named(tiffs):
    write_variable_stack(tiffs, "SWE_inst", months=np.delete(MONTHS, [3, 10, 11]))
    with pytest.raises(InputError, match=r"has no band for 2004-04, 2004-11\.\.2004-12 "):
        gldas_anomalies(tiffs)


@pytest.mark.parametrize("name", ["SoilMoi0_10cm_inst", "SWE_inst"])
def test_damaged_geotiff_is_named(tiffs, name):
    path = tiffs / f"GLDAS_{name}_monthly.tif"
    with rasterio.open(path) as source:
        start = int(source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=5))
    content = bytearray(path.read_bytes())
    content[start : start + 8] = b"\x55" * 8
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"The band of {MONTHS[4]} in {path.name} is damaged"):
        gldas_anomalies(tiffs)


def test_reading_geotiffs_can_be_cancelled(tiffs):
    for stop_after in (0, MONTHS.size):
        with pytest.raises(Cancelled):
            gldas_anomalies(tiffs, progress=Log(stop_after))


def test_geotiff_in_another_unit_is_named(tiffs):
    write_variable_stack(tiffs, "SWE_inst", unit="m3 m-3")
    with pytest.raises(InputError, match="GLDAS_SWE_inst_monthly.tif is in m3 m-3"):
        gldas_anomalies(tiffs)


@pytest.mark.parametrize("value", [1e20, -3000.0, 65535.0 * 1e4, np.inf])
def test_fill_values_of_netcdf_that_are_not_declared_are_named(quarter_degree, tmp_path, value):
    folder = tmp_path / "gldas"
    shutil.copytree(quarter_degree, folder)
    fields = FIELDS[3].copy()
    fields[VARIABLES.index("SWE_inst"), 2, 3] = value
    write_granule(folder / file_name(MONTHS[3]), fields)
    text = rf"SWE_inst with {value:.6g} kg m-2, which is no storage: {file_name(MONTHS[3])}"
    with pytest.raises(InputError, match=re.escape(text)):
        gldas_anomalies(folder)


def test_fill_values_of_geotiffs_that_are_not_declared_are_named(tiffs, monkeypatch):
    fields = FIELDS.copy()
    fields[4, VARIABLES.index("SWE_inst"), 2, 3] = 1e20
    monkeypatch.setattr(sys.modules[__name__], "FIELDS", fields)
    write_variable_stack(tiffs, "SWE_inst")
    named = r"GLDAS_SWE_inst_monthly.tif has the value 1e\+20 \(1 value in band 2004-05\), a fill"
    with pytest.raises(InputError, match=named):
        gldas_anomalies(tiffs)
