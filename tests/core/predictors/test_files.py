"""Which file holds which month: names of data services, days of the year, and ambiguous names."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.predictors.catalogue import (
    MONTHLY,
    Catalogue,
    Predictor,
    parse_predictors,
)
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.files import locate, month_bands, months_before
from gwsa.tests.core.predictors.raster_files import COARSE, Log, build_set, write_raster


def months_of_names(folder, pattern, names):
    """Month -> name of its file."""
    for name in names:
        write_raster(folder / name, np.ones((1, *COARSE.shape)), COARSE)
    predictor = Predictor("p", pattern, MONTHLY)
    return {str(month): path.name for month, (path, _) in month_bands(predictor, folder).items()}


@pytest.mark.parametrize(
    ("pattern", "january", "march"),
    [
        ("NDVI_doy{YYYY}{MM}_aid1.tif", "NDVI_doy2004001_aid1.tif", "NDVI_doy2004061_aid1.tif"),
        ("MOD13A3.A{YYYY}{MM}.*.tif", "MOD13A3.A2004001.2020.tif", "MOD13A3.A2004061.2021.tif"),
        ("tas_{MM}_{YYYY}_V.2.1.tif", "tas_01_2004_V.2.1.tif", "tas_03_2004_V.2.1.tif"),
        ("lai_{YYYY}{MM}{DD}.tif", "lai_20040131.tif", "lai_20040315.tif"),
        ("lai_{YYYY}{MM}01.tif", "lai_20040101.tif", "lai_20040301.tif"),
        ("lai.{YYYY}-{MM}.tif", "lai.2004-01.tif", "lai.2004-03.tif"),
        ("rain[mm]_{YYYY}{MM}.tif", "rain[mm]_200401.tif", "rain[mm]_200403.tif"),
    ],
)  # fmt: skip
def test_months_of_the_names_of_data_services(tmp_path, pattern, january, march):
    found = months_of_names(tmp_path, pattern, [january, march, "other_200402.tif"])
    assert found == {"2004-01": january, "2004-03": march}


def test_day_of_the_year_depends_on_leap_years(tmp_path):
    names = ["p_2003060.tif", "p_2004060.tif", "p_2004366.tif"]
    found = months_of_names(tmp_path, "p_{YYYY}{MM}.tif", names)
    assert list(found) == ["2003-03", "2004-02", "2004-12"]


def test_two_files_of_a_month_are_refused(tmp_path):
    names = ["p_2004001.tif", "p_2004017.tif"]
    with pytest.raises(InputError, match=r"p_2004017.tif and p_2004001.tif both hold 2004-01"):
        months_of_names(tmp_path, "p_{YYYY}{MM}.tif", names)


@pytest.mark.parametrize(
    "name", ["p_0000_01.tif", "p_1066_01.tif", "p_2004_13.tif", "p_9999_12.tif"]
)
def test_numbers_that_are_no_year_or_month_are_not_taken_as_one(tmp_path, name):
    assert months_of_names(tmp_path, "p_{YYYY}_{MM}.tif", [name]) == {}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ("p_{MM}.tif", "has {MM} but no {YYYY}"),
        ("p_{YYYY}_{DD}.tif", "has {DD} but no {MM}"),
        ("p_*.tif", r"has \* but no {YYYY}"),
        ("p_{year}.tif", r"has {year} in .* the placeholders are {YYYY} for the year, {MM}"),
    ],
)
def test_placeholders_that_cannot_be_understood_are_refused(files, sentence):
    entry = {"name": "p", "files": files, "kind": "monthly"}
    with pytest.raises(InputError, match=sentence):
        parse_predictors({"predictors": [entry]}, "catalogue.json")


def write_months(folder, months):
    """Rain of a month: its number since 2000."""
    for month in months:
        values = np.full((1, *COARSE.shape), float(int(month.astype(int)) - 360))
        write_raster(folder / f"rain_{month}.tif", values, COARSE)


RAIN = {"name": "rain", "files": "rain_{YYYY}-{MM}.tif", "lags": [0, 1], "means": [2, 3]}


def test_a_missing_month_is_a_gap_and_is_logged(tmp_path):
    months = month_range("2003-07", "2005-12")
    gap = np.datetime64("2004-05")
    write_months(tmp_path, months[months != gap])
    log = Log()
    built = build_set(tmp_path, [RAIN], progress=log)
    assert "no file and no value for 2004-05" in log.line("rain: 29 months 2003-07..2005-12")
    assert built.months.tolist() == months.tolist()
    for scale in ("fine", "coarse"):
        value, lag, two, three = read_features(built, scale, built.months)[:, :, 0, 0].T
        numbers = months.astype(int) - 360.0
        np.testing.assert_array_equal(value, np.where(months == gap, np.nan, numbers))
        np.testing.assert_array_equal(lag[1:], value[:-1])
        # A mean is that of the months with a value.
        at = int(np.flatnonzero(months == gap)[0])
        assert two[at : at + 2].tolist() == [value[at - 1], value[at + 1]]
        assert three[at + 1] == pytest.approx((value[at - 1] + value[at + 1]) / 2)


@pytest.mark.parametrize(
    "lacking",
    [["2004-05", "2004-06"], ["2003-02"], ["2005-12"], ["2004-02", "2004-05", "2004-09"]],
    ids=["two in a row", "at the start", "at the end", "many"],
)
def test_more_missing_months_are_refused(tmp_path, lacking):
    months = month_range("2003-01", "2005-12")
    write_months(tmp_path, months[~np.isin(months, np.array(lacking, dtype="datetime64[M]"))])
    period = (np.datetime64("2003-02"), np.datetime64("2005-12"))
    if lacking == ["2003-02"]:
        (tmp_path / "rain_2003-01.tif").unlink()
    with pytest.raises(InputError, match=rf"{len(lacking)} of the inputs .* rain_{lacking[0]}.tif"):
        build_set(tmp_path, [RAIN], period=period)


def test_months_before_the_period_may_lack_single_months(tmp_path):
    months = month_range("2003-01", "2004-12")
    write_months(
        tmp_path, months[~np.isin(months, np.array(["2003-03", "2003-04", "2003-10"], "M8[M]"))]
    )
    rain = Predictor("rain", "rain_{YYYY}-{MM}.tif", MONTHLY, means=(24,))
    catalogue = Catalogue(tmp_path, (rain,))
    period, found = locate(catalogue, (np.datetime64("2004-01"), np.datetime64("2004-12")))
    before = months_before(catalogue, found, period)
    assert before.tolist() == month_range("2003-05", "2003-12").tolist()
