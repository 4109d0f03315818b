"""Stacks of other programs: one file or a folder, units, scales, fill values, orientation."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from osgeo import gdal, osr

from gwsa.gwsa_plugin.core.base import memory
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, read_stack, write_stack
from gwsa.tests.core.gldas.gldas_layouts import Log

pytestmark = pytest.mark.usefixtures("gdal_backend")
GRID = Grid(70.0, 32.0, 0.25, 0.25, 6, 5)
MONTHS = month_range("2004-01", "2005-12")
VALUES = np.random.default_rng(5).uniform(-40, 40, (24, *GRID.shape)).astype(np.float32)


@dataclass
class Bands:
    """What another program states of the bands of a file; empty for what it does not."""

    names: list = field(default_factory=list)
    units: list = field(default_factory=list)
    scales: list = field(default_factory=list)
    tags: dict = field(default_factory=dict)
    transform: tuple = GRID.transform.to_gdal()
    nodata: float | None = None


def tiff(path, values, bands):
    count, rows, columns = values.shape
    file = gdal.GetDriverByName("GTiff").Create(str(path), columns, rows, count, gdal.GDT_Float32)
    file.SetGeoTransform(bands.transform)
    lonlat = osr.SpatialReference()
    lonlat.ImportFromEPSG(4326)
    file.SetProjection(lonlat.ExportToWkt())
    file.SetMetadata(bands.tags)
    for number in range(1, count + 1):
        band = file.GetRasterBand(number)
        if bands.nodata is not None:
            band.SetNoDataValue(bands.nodata)
        band.SetDescription(dict(enumerate(bands.names, 1)).get(number, ""))
        band.SetUnitType(dict(enumerate(bands.units, 1)).get(number, ""))
        if number <= len(bands.scales) and bands.scales[number - 1] != 1:
            band.SetScale(bands.scales[number - 1])
        band.WriteArray(values[number - 1])
    return path


NAMES = [str(month) for month in MONTHS]


def refusal(path, variable="TWSA"):
    with pytest.raises(InputError) as found:
        read_stack(path, variable)
    assert str(found.value).endswith(".")
    return str(found.value)


@pytest.mark.parametrize(
    "fill", [-9999, -3000, 1e20, 32767, 255, -3.4028235e38, np.inf, -np.inf, 0]
)
def test_undeclared_fill_values_are_refused(tmp_path, fill):
    values = VALUES.copy()
    values[:, 0] = fill
    assert refusal(tiff(tmp_path / "twsa.tif", values, Bands(NAMES))).startswith("twsa.tif has the")


def test_a_fill_value_of_millimetres_is_named_as_it_is_stored(tmp_path):
    values = VALUES * 10
    values[:, 0] = -9999
    text = refusal(tiff(tmp_path / "twsa.tif", values, Bands(NAMES, ["mm"] * 24)))
    assert "-a_nodata -9999." in text and "120 values in 24 bands" in text


def test_declared_fill_values_are_no_values(tmp_path):
    values = VALUES.copy()
    values[:, 0] = -9999
    found = read_stack(tiff(tmp_path / "twsa.tif", values, Bands(NAMES, nodata=-9999)), "TWSA")
    assert np.isnan(found.values[:, 0]).all()
    np.testing.assert_array_equal(found.values[:, 1:], VALUES[:, 1:])


@pytest.mark.parametrize(
    ("unit", "factor"), [("", 1), ("cm EWH", 1), ("mm w.e.", 10), ("Meters", 0.01), ("kg/m^2", 10)]
)
def test_units_are_converted_and_the_line_states_them(tmp_path, unit, factor):
    path = tiff(tmp_path / "twsa.tif", VALUES * np.float32(factor), Bands(NAMES, [unit] * 24))
    log = Log()
    found = read_stack(path, "TWSA (twsa.tif)", log)
    np.testing.assert_allclose(found.values, VALUES, rtol=1e-5)
    assert found.unit == "cm"
    stated = unit or "cm (no unit is stated)"
    assert log.lines == [
        f"24 months 2004-01..2005-12 of TWSA in {stated} from twsa.tif; cells of 0.25°."
    ]


def test_a_unit_in_the_metadata_is_read(tmp_path):
    path = tiff(tmp_path / "twsa.tif", VALUES * 10, Bands(NAMES, tags={"units": "mm"}))
    np.testing.assert_allclose(read_stack(path, "TWSA").values, VALUES, rtol=1e-5)


@pytest.mark.parametrize("unit", ["inches", "furlong", "percent"])
def test_unknown_units_are_refused(tmp_path, unit):
    text = refusal(tiff(tmp_path / "twsa.tif", VALUES, Bands(NAMES, [unit] * 24)))
    assert text.startswith(f"twsa.tif is in {unit}") and "cm, mm, m or kg m-2" in text


def test_no_dimension_is_kept(tmp_path):
    path = tiff(tmp_path / "x.tif", VALUES, Bands(NAMES, ["unitless"] * 24))
    assert read_stack(path).unit == "1"


def test_bands_of_two_units_or_partly_scaled_are_refused(tmp_path):
    mixed = Bands(NAMES, ["cm"] * 23 + ["mm"])
    assert "Band 24 of x.tif has the unit “mm”" in refusal(tiff(tmp_path / "x.tif", VALUES, mixed))
    partly = Bands(NAMES, scales=[0.1] * 20 + [1.0] * 4)
    text = refusal(tiff(tmp_path / "x.tif", VALUES, partly))
    assert "Band 21 of x.tif states no scale, while band 1 does" in text


def test_south_up_and_longitudes_to_360_are_read_as_they_lie(tmp_path):
    upward = Bands(NAMES, transform=(430.0, 0.25, 0, 30.5, 0, 0.25))
    found = read_stack(tiff(tmp_path / "x.tif", VALUES[:, ::-1], upward), "TWSA")
    assert found.grid.same_as(GRID)
    np.testing.assert_array_equal(found.values, VALUES)


def test_tiles_of_a_file_that_is_turned_are_left_out(tmp_path):
    stack = read_stack(tiff(tmp_path / "x.tif", VALUES, Bands(NAMES)), "TWSA")
    tiles = np.arange(30, dtype=np.int32).reshape(GRID.shape)
    write_stack(tmp_path / "own.tif", type(stack)(**{**vars(stack), "tiles": tiles}))
    assert read_stack(tmp_path / "own.tif").tiles is not None
    file = gdal.Open(str(tmp_path / "own.tif"), gdal.GA_Update)
    file.SetGeoTransform((70.0, 0.25, 0, 30.5, 0, 0.25))
    file = None
    assert read_stack(tmp_path / "own.tif").tiles is None


def folder_of_months(tmp_path, left_out=(5,), **more):
    """One file a month, without those of ``left_out``."""
    folder = tmp_path / "months"
    folder.mkdir()
    for number, month in enumerate(NAMES):
        if number not in left_out:
            name = f"TWSA_{month.replace('-', '_')}.tif"
            tiff(folder / name, VALUES[number : number + 1], Bands(**more))
    (folder / "readme.txt").write_text("not a raster")
    return folder


def test_a_folder_of_months_is_a_stack(tmp_path):
    folder = folder_of_months(tmp_path)
    log = Log()
    found = read_stack(folder, None, log)
    assert found.variable == "TWSA"
    assert (found.months == MONTHS).all()
    assert found.source == (*[OBSERVED] * 5, MISSING, *[OBSERVED] * 18)
    np.testing.assert_array_equal(np.delete(found.values, 5, 0), np.delete(VALUES, 5, 0))
    assert np.isnan(found.values[5]).all()
    assert log.lines == [
        "23 months 2004-01..2005-12 without 2004-06 of TWSA in cm (no unit is stated) from 23 "
        "files in months; cells of 0.25°."
    ]


def test_a_folder_of_years_is_a_stack(tmp_path):
    for year, part in ((2004, VALUES[:12]), (2005, VALUES[12:])):
        tiff(tmp_path / f"twsa_{year}.tif", part, Bands(tags={"GWSA_VARIABLE": "TWSA"}))
    log = Log()
    found = read_stack(tmp_path, None, log)
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.variable == "TWSA"
    assert sum("taken as January to December" in line for line in log.lines) == 2


def test_filled_months_are_counted(tmp_path):
    stack = read_stack(tiff(tmp_path / "x.tif", VALUES, Bands(NAMES)), "TWSA")
    source = (*[FILLED] * 3, *[OBSERVED] * 21)
    write_stack(tmp_path / "own.tif", type(stack)(**{**vars(stack), "source": source}))
    log = Log()
    read_stack(tmp_path / "own.tif", progress=log)
    assert log.lines[0].endswith("of TWSA in cm from own.tif, 3 of them filled; cells of 0.25°.")


@pytest.mark.parametrize(
    ("name", "bands", "sentence"),
    [
        ("TWSA_2004_05b.tif", Bands(["2004-05"]), "TWSA_2004_05b.tif and TWSA_2004_05.tif both"),
        ("TWSA_2006_01.tif", Bands(units=["mm"]), "TWSA_2006_01.tif has the unit “mm”"),
        ("TWSA_2006_01.tif", Bands(scales=[0.1]), "TWSA_2004_01.tif states no scale, while TWSA_"),
        ("TWSA_2006_01.tif", Bands(transform=(70.1, 0.25, 0, 32, 0, -0.25)), "another grid"),
        ("SMS_2006_01.tif", Bands(tags={"GWSA_VARIABLE": "SMS"}), "unnamed variable"),
        ("TWSA_mean.tif", Bands(), "months of TWSA_mean.tif are unknown"),
    ],
)
def test_files_that_are_not_of_the_series_are_refused(tmp_path, name, bands, sentence):
    folder = folder_of_months(tmp_path)
    tiff(folder / name, VALUES[:1], bands)
    assert sentence in refusal(folder)


def test_a_folder_without_rasters_is_refused(tmp_path):
    assert f"The folder {tmp_path.name} contains no raster" in refusal(tmp_path)


def test_one_month_and_no_value_are_stated(tmp_path):
    for values, text in ((VALUES[:1], "1 month 2004-01 of"), (VALUES[:1] * np.nan, "No month of")):
        log = Log()
        read_stack(tiff(tmp_path / "TWSA_2004-01.tif", values, Bands()), None, log)
        assert log.lines[0].startswith(text + " TWSA in cm")


def test_the_variable_in_a_name_is_recognised(tmp_path):
    for name, variable in (("gee_twsa", "TWSA"), ("x", "x"), ("TWSA_minus_SMS", "TWSA_minus_SMS")):
        path = tiff(tmp_path / f"{name}.tif", VALUES, Bands(NAMES))
        found = read_stack(path)
        assert found.variable == variable
        write_stack(tmp_path / "own.tif", found)
        # The name of a file is no variable: a later stage would refuse it.
        tags = gdal.Open(str(tmp_path / "own.tif")).GetMetadata()
        assert tags.get("GWSA_VARIABLE") == (variable if variable == "TWSA" else None)


def test_complex_numbers_are_refused(tmp_path):
    path = tmp_path / "x.tif"
    file = gdal.GetDriverByName("GTiff").Create(str(path), 5, 6, 1, gdal.GDT_CFloat32)
    file.SetGeoTransform(GRID.transform.to_gdal())
    lonlat = osr.SpatialReference()
    lonlat.ImportFromEPSG(4326)
    file.SetProjection(lonlat.ExportToWkt())
    file = None
    assert "holds complex numbers" in refusal(path)


def test_mascons_are_to_be_imported(tmp_path):
    path = tmp_path / "CSR_mascons.nc"
    file = gdal.GetDriverByName("netCDF").CreateMultiDimensional(str(path))
    root = file.GetRootGroup()
    sides = [root.CreateDimension(name, None, None, 4) for name in ("time", "lat", "lon")]
    kind = gdal.ExtendedDataType.Create(gdal.GDT_Float32)
    thickness = root.CreateMDArray("lwe_thickness", sides, kind)
    text = gdal.ExtendedDataType.CreateString()
    thickness.CreateAttribute("units", [], text).Write("cm")
    thickness.Write(np.ones((4, 4, 4), dtype=np.float32))
    del thickness, sides, root, file  # Dimensions keep the file open, too.
    for given in (path, f'NETCDF:"{path}":lwe_thickness'):
        text = refusal(given)
        assert text.startswith("CSR_mascons.nc is a file of GRACE mascons; import it with gwsa:imp")


def test_a_stack_that_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "large.tif"
    tiff(path, VALUES, Bands(names=list(map(str, MONTHS))))
    size = VALUES.nbytes
    monkeypatch.setattr(memory, "available_memory", lambda: 5 * size)
    read_stack(path)
    monkeypatch.setattr(memory, "available_memory", lambda: 3 * size)
    with pytest.raises(InputError, match=r"^Reading large\.tif, 24 months of 6 x 5 cells, needs"):
        read_stack(path)
