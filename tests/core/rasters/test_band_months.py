"""The months of bands: descriptions, metadata, names of files, and what is refused."""

import numpy as np
import pytest
from osgeo import gdal

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.rasters.reading import band_months, open_raster
from gwsa.tests.core.gldas.gldas_layouts import Log

pytestmark = pytest.mark.usefixtures("gdal_backend")
YEAR = month_range("2004-01", "2004-12")


def tiff(path, bands, names=(), tags=None, band_tags=()):
    """A GeoTIFF of 2 x 2 pixels with names and metadata of bands."""
    file = gdal.GetDriverByName("GTiff").Create(str(path), 2, 2, bands)
    file.SetMetadata(tags or {})
    for number, name in enumerate(names, start=1):
        file.GetRasterBand(number).SetDescription(name)
    for number, items in enumerate(band_tags, start=1):
        file.GetRasterBand(number).SetMetadata(items)
    return path


def months_in(path, log=None):
    with open_raster(path) as source:
        return band_months(source, path, *([log] if log else []))


@pytest.mark.parametrize(
    "names",
    [
        [str(month) for month in YEAR],
        [f"{month}-16" for month in YEAR],
        [str(month).replace("-", "") + "01_lwe_thickness_csr" for month in YEAR],
        [month.item().strftime("%b %Y") for month in YEAR],
        [f"2004-{number}" for number in range(1, 13)],
        [month.astype("M8[D]").item().strftime("doy%Y%j_aid0001") for month in YEAR],
        [f"0000-10 cm {month}" for month in YEAR],
    ],
    ids=lambda names: names[0],
)
def test_descriptions_name_the_months(tmp_path, names):
    kept = np.delete(np.arange(12), 5)
    path = tiff(tmp_path / "soil_1999.tif", 11, [names[i] for i in kept])
    np.testing.assert_array_equal(months_in(path), YEAR[kept])


@pytest.mark.parametrize("key", ["time#units", "time#Units"])
def test_times_of_netcdf_are_read_after_an_export(tmp_path, key):
    days = [{"NETCDF_DIM_time": str(day), "NETCDF_VARNAME": "twsa"} for day in (107, 129.5, 227.5)]
    tags = {key: "days since 2002-01-01T00:00:00Z"}
    path = tiff(tmp_path / "twsa_2002.tif", 3, ["twsa"] * 3, tags, days)
    assert months_in(path).tolist() == np.array(["2002-04", "2002-05", "2002-08"], "M8").tolist()


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_times_in_a_calendar_of_other_days_are_not_read(tmp_path, calendar):
    """In 150 years without leap days they would be wrong by more than a month."""
    days = [{"NETCDF_DIM_time": "56226"}]
    tags = {"time#units": "days since 1850-01-01", "time#calendar": calendar}
    with pytest.raises(InputError, match="its band names none"):
        months_in(tiff(tmp_path / "twsa.tif", 1, ["twsa"], tags, days))
    tags["time#calendar"] = "proleptic_gregorian"
    path = tiff(tmp_path / "twsa.tif", 1, ["twsa"], tags, days)
    assert months_in(path) == np.datetime64("2003-12")


def test_times_of_grib_and_tags_of_dates_are_read(tmp_path):
    items = [{"GRIB_VALID_TIME": "1072915200 sec UTC"}, {"time": "2004-02-15 00:00"}]
    path = tiff(tmp_path / "x.tif", 2, ["0[-] SFC", "twsa"], None, items)
    np.testing.assert_array_equal(months_in(path), YEAR[:2])


@pytest.mark.parametrize(
    ("name", "month"),
    [("gwsa_2004-07", "2004-07"), ("TWSA_2004_01", "2004-01"), ("TWSA.20041115", "2004-11"),
     ("NDVI_doy2004032_aid0001", "2004-02")],
)  # fmt: skip
@pytest.mark.parametrize("description", ["", "AET"])
def test_a_single_band_has_the_month_in_the_name_of_its_file(tmp_path, name, month, description):
    path = tiff(tmp_path / f"{name}.tif", 1, [description])
    assert months_in(path) == np.datetime64(month)


def test_the_band_goes_before_the_file(tmp_path):
    path = tiff(tmp_path / "made_2024-05.tif", 1, ["2004-07"])
    assert months_in(path) == np.datetime64("2004-07")


def test_twelve_unnamed_bands_are_a_year_and_the_log_states_it(tmp_path):
    path = tiff(tmp_path / "GWSA_2004.tif", 12)
    log = Log()
    np.testing.assert_array_equal(months_in(path, log), YEAR)
    assert "taken as January to December 2004" in " ".join(log.lines)


def test_names_of_months_belong_to_the_year_of_the_file(tmp_path):
    names = [month.item().strftime("%B") for month in YEAR if month != YEAR[5]]
    path = tiff(tmp_path / "TWSA_2004.tif", 11, names)
    np.testing.assert_array_equal(months_in(path), np.delete(YEAR, 5))


@pytest.mark.parametrize(
    ("name", "bands", "names", "sentence"),
    [
        # June has no solution, or the year begins in April.
        ("TWSA_2004", 11, (), "months of TWSA_2004.tif are unknown: its 11 bands name none"),
        ("twsa_2002", 9, (), "its 9 bands name none"),
        ("twsa_2002_2017", 12, (), "its 12 bands name none"),
        ("twsa_2004-07", 12, (), "its 12 bands name none"),
        ("twsa", 12, (), "its 12 bands name none"),
        ("twsa_2004", 1, (), "its band names none"),
        ("twsa_2004-01_2009-12", 1, ("mean",), "its band names none"),
        ("twsa_2004", 12, ["Oct", "Nov", "Dec"]
         + ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep"], "its 12 bands name"),
        ("twsa_2004", 2, ("0000-10 cm", "0010-40 cm"), "its 2 bands name none"),
        ("twsa", 2, ("2004-01", "mean"), "Band 2 of twsa.tif has no month"),
        ("twsa", 2, ("2004-01", "2004-13"), "Band 2 of twsa.tif has no month"),
        ("twsa", 2, ("2004-01", "9999-12"), "Band 2 of twsa.tif has no month"),
        ("twsa", 1, ("2004-01..2009-12",), r"Band 1 of twsa.tif names several months \(2004-01, 2"),
        ("twsa", 2, ("2004-01", "2004-01"), "more than one band for 2004-01"),
    ],
)  # fmt: skip
def test_what_names_no_month_is_refused_with_an_example(tmp_path, name, bands, names, sentence):
    path = tiff(tmp_path / f"{name}.tif", bands, names)
    with pytest.raises(InputError, match=sentence) as found:
        months_in(path)
    assert "2004-01" in str(found.value)


def test_the_time_of_writing_is_no_month(tmp_path):
    path = tiff(tmp_path / "twsa.tif", 1, (), {"TIFFTAG_DATETIME": "2004:07:01 00:00:00"})
    with pytest.raises(InputError, match="unknown"):
        months_in(path)
