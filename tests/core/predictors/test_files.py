"""Which file holds which month: names of data services, days of the year, and ambiguous names."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.predictors.catalogue import MONTHLY, Predictor, parse_predictors
from gwsa.gwsa_plugin.core.predictors.files import month_bands
from gwsa.tests.core.predictors.raster_files import COARSE, write_raster


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
