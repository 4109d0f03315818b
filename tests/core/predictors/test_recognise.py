"""Predictors that are recognised in files with known layouts, and the catalogue of them."""

import json

import numpy as np
import pytest
import rasterio

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.predictors.catalogue import (
    EVAPOTRANSPIRATION,
    PRECIPITATION,
    Predictor,
    read_catalogue,
)
from gwsa.gwsa_plugin.core.predictors.predictor_facts import (
    CLIMATOLOGY,
    MONTHLY_FILES,
    ONE_FILE,
    STATIC,
    YEARLY_FILES,
    YEARLY_VALUES,
    facts_text,
    read_facts,
)
from gwsa.gwsa_plugin.core.predictors.recognise import find_land, raster_files, recognise
from gwsa.gwsa_plugin.core.predictors.write_catalogue import (
    with_absolute_files,
    write_catalogue,
)

GRID = Grid(76.0, 30.0, 0.5, 0.5, 2, 2)


@pytest.fixture
def write(tmp_path):
    """write("a/b.tif", bands=1, months=(), unit="", scale=1) writes a raster of ones."""

    def write(name, bands=1, months=(), unit="", scale=1.0):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = len(months) or bands
        with rasterio.open(path, "w", **geotiff_profile(GRID, bands)) as target:
            target.write(np.ones((bands, *GRID.shape), np.float32))
            target.units = [unit] * bands
            target.scales = [scale] * bands
            if len(months):
                target.descriptions = [str(month) for month in months]
        return path

    return write


@pytest.fixture
def found(tmp_path):
    """Function that recognises all rasters of the folder: name -> Recognised."""

    def found():
        return {item.predictor.name: item for item in recognise(raster_files(tmp_path))}

    return found


def year(number):
    return month_range(f"{number}-01", f"{number}-12")


def test_single_band_without_siblings_is_static(write, found):
    write("elevation.tif", unit="m")
    write("landcover_2015.tif")
    write("dem_200002.tif")
    items = found()
    assert sorted(items) == ["dem_200002", "elevation", "landcover_2015"]
    assert {item.facts.layout for item in items.values()} == {STATIC}
    assert items["elevation"].predictor.unit == "m"
    assert not any(item.facts.problem for item in items.values())


@pytest.mark.parametrize(
    ("first", "others", "pattern"),
    [
        ("ndvi_200401.tif", ["ndvi_200402.tif", "ndvi_200403.tif"], "ndvi_{YYYY}{MM}.tif"),
        ("ndvi.2004-01.tif", ["ndvi.2004-02.tif"], "ndvi.{YYYY}-{MM}.tif"),
        ("ndvi_20040101.tif", ["ndvi_20040201.tif"], "ndvi_{YYYY}{MM}01.tif"),
        (
            "2004/ndvi_200412.tif",
            ["2005/ndvi_200501.tif", "2005/ndvi_200502.tif"],
            "{YYYY}/ndvi_{YYYY}{MM}.tif",
        ),
        ("2004/ndvi_12.tif", ["2005/ndvi_01.tif"], "{YYYY}/ndvi_{MM}.tif"),
        ("v2011/ndvi_201001.tif", ["v2011/ndvi_201002.tif"], "v2011/ndvi_{YYYY}{MM}.tif"),
        ("ndvi/2004_01.tif", ["ndvi/2004_02.tif"], "ndvi/{YYYY}_{MM}.tif"),
        ("ndvi_20040131.tif", ["ndvi_20040229.tif"], "ndvi_{YYYY}{MM}{DD}.tif"),
        ("ndvi.2004-01-15.tif", ["ndvi.2004-02-14.tif"], "ndvi.{YYYY}-{MM}-{DD}.tif"),
        ("ndvi_01_2004_V.2.1.tif", ["ndvi_02_2004_V.2.1.tif"], "ndvi_{MM}_{YYYY}_V.2.1.tif"),
        ("ndvi_doy2004032_aid1.tif", ["ndvi_doy2004061_aid1.tif"], "ndvi_doy{YYYY}{MM}_aid1.tif"),
        ("ndvi.A2004032.tif", ["ndvi.A2004001.tif"], "ndvi.A{YYYY}{MM}.tif"),
    ],
)
def test_files_of_months_are_one_predictor(write, tmp_path, first, others, pattern):
    for name in (first, *others):
        write(name)
    (item,) = recognise([tmp_path / first])
    assert item.predictor.files == (tmp_path / pattern).as_posix()
    assert item.predictor.name in ("ndvi", "ndvi_V_2_1", "ndvi_aid1")
    assert item.facts.layout == MONTHLY_FILES
    assert item.facts.months.size == len(others) + 1
    assert item.facts.problem == ""


@pytest.mark.parametrize("named", [False, True], ids=["twelve-bands", "named-bands"])
def test_files_of_years_are_one_predictor(write, found, named):
    for number in (2004, 2005):
        write(f"ppt_{number}.tif", 12, year(number) if named else ())
    (item,) = found().values()
    assert item.predictor.files.endswith("/ppt_{YYYY}.tif")
    assert item.facts.layout == YEARLY_FILES
    assert item.facts.months.tolist() == month_range("2004-01", "2005-12").tolist()


def test_one_file_of_twelve_bands_with_a_year_is_monthly(write, found):
    write("ppt_2004.tif", 12)
    (item,) = found().values()
    assert item.predictor.files.endswith("/ppt_{YYYY}.tif")
    assert item.facts.months.tolist() == year(2004).tolist()


def test_bands_with_months_are_monthly(write, found):
    write("lai_2004-2010.tif", months=month_range("2004-03", "2010-02"))
    (item,) = found().values()
    assert item.facts.layout == ONE_FILE
    assert item.facts.months.size == 72
    assert item.predictor.files.endswith("/lai_2004-2010.tif")


def test_yearly_values_and_climatologies_are_monthly(write, found):
    write("irrigation_2004.tif")
    write("irrigation_2005.tif")
    write("clay_mean.tif", 12)
    items = found()
    assert items["irrigation"].facts.layout == YEARLY_VALUES
    assert items["irrigation"].facts.months.size == 24
    assert items["clay_mean"].facts.layout == CLIMATOLOGY
    for item in items.values():
        assert item.predictor.monthly
        assert item.facts.problem == ""


def test_bands_without_a_meaning_are_a_problem(write, found):
    write("composite.tif", 3)
    write("rain_2004.tif", 5)
    write("rain_2005.tif", 5)
    for item in found().values():
        assert "bands" in item.facts.problem and item.facts.problem.endswith(".")


def test_unreadable_and_missing_files_have_a_problem(tmp_path, write):
    (tmp_path / "broken.tif").write_bytes(b"no raster")
    broken, gone = recognise([tmp_path / "broken.tif", tmp_path / "gone.tif"])
    assert "cannot be opened" in broken.facts.problem
    assert "There is no file" in gone.facts.problem


def test_missing_months_are_a_problem(write, found):
    for month in ("200401", "200402", "200405"):
        write(f"ndvi_{month}.tif")
    (item,) = found().values()
    assert "lacks 2004-03..2004-04" in item.facts.problem


def test_a_single_missing_month_is_stated(write, found):
    for month in ("200401", "200402", "200404"):
        write(f"ndvi_{month}.tif")
    (item,) = found().values()
    assert item.facts.problem == ""
    assert "2004-01 to 2004-04, without 2004-03" in facts_text(item.predictor, item.facts)


def test_unit_and_scale_are_those_of_the_file(write, found):
    write("ndvi_2004.tif", 12, unit="1", scale=0.0001)
    facts = found()["ndvi"].facts
    assert (facts.unit, facts.scale, facts.offset) == ("1", 0.0001, 0.0)


def test_roles_follow_names_and_units(write, found):
    write("chirps_ppt_2004.tif", 12, unit="mm/month")
    write("gleam-aet-2004.tif", 12, unit="mm")
    write("potential_evapotranspiration_2004.tif", 12, unit="mm")
    write("runoff_2004.tif", 12, unit="m3 s-1")
    items = found()
    roles = {name: item.predictor.role for name, item in items.items() if item.predictor.files}
    assert roles == {
        "chirps_ppt": PRECIPITATION,
        "gleam_aet": EVAPOTRANSPIRATION,
        "potential_evapotranspiration": "",
        "runoff": "",
    }
    assert items["water_surplus"].predictor.difference == ("chirps_ppt", "gleam_aet")
    assert 24 in items["chirps_ppt"].predictor.means


def test_a_role_is_given_once(write, found):
    write("rain_2004.tif", 12)
    write("precip_2004.tif", 12)
    roles = sorted(item.predictor.role for item in found().values())
    assert roles == ["", PRECIPITATION]


def test_known_predictors_are_not_found_again(write, tmp_path):
    paths = [write("rain_2004.tif", 12), write("aet_2004.tif", 12), write("sub/rain.tif")]
    first = [item.predictor for item in recognise(paths[:1])]
    second = [item.predictor for item in recognise(paths, first)]
    assert [item.name for item in second] == ["aet", "rain_2", "water_surplus"]


def test_land_masks_and_predictor_sets_are_left_out(write, tmp_path):
    write("land.tif")
    write("dem.tif")
    write("set/fine/dem.tif")
    (tmp_path / "set" / "predictors.json").touch()
    assert [path.name for path in raster_files(tmp_path)] == ["dem.tif"]
    assert find_land(tmp_path) == tmp_path / "land.tif"


def test_folder_without_rasters_is_refused(tmp_path):
    with pytest.raises(InputError, match="contains no raster"):
        raster_files(tmp_path)


def test_catalogue_is_written_relative_to_its_folder_and_read_back(write, tmp_path):
    write("data/dem.tif", unit="m")
    write("data/rain_2004.tif", 12, unit="mm")
    write("data/aet_2004.tif", 12, unit="mm")
    items = recognise(raster_files(tmp_path / "data"))
    path = tmp_path / "made" / "catalogue.json"
    catalogue = write_catalogue(path, [item.predictor for item in items], tmp_path / "land.tif")
    assert catalogue == read_catalogue(path)
    assert [item.files for item in catalogue.with_files] == [
        "../data/aet_{YYYY}.tif",
        "../data/dem.tif",
        "../data/rain_{YYYY}.tif",
    ]
    assert catalogue.land.resolve() == tmp_path / "land.tif"
    assert with_absolute_files(catalogue) == [item.predictor for item in items]
    assert read_facts(catalogue.predictors[0], path.parent).months.size == 12


def test_every_key_of_a_catalogue_is_kept(tmp_path):
    entries = [
        {"name": "lc", "files": "lc.tif", "classes": [1, 2], "source": "somewhere", "nodata": 0},
        {"name": "runoff", "files": "{YYYY}.tif", "role": "", "scale": 0.1, "lags": [0, 3]},
    ]
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps({"predictors": entries}))
    catalogue = read_catalogue(path)
    assert write_catalogue(path, with_absolute_files(catalogue)) == catalogue


def test_contradictions_are_refused_and_the_file_is_kept(tmp_path):
    path = tmp_path / "catalogue.json"
    path.write_text("before")
    twice = [Predictor("dem", "/a.tif"), Predictor("dem", "/b.tif")]
    with pytest.raises(InputError, match="twice"):
        write_catalogue(path, twice)
    assert path.read_text() == "before"


def test_the_sample_world_is_recognised_as_its_own_catalogue(sample_world):
    folder = sample_world / "predictors"
    own = {item.name: item for item in read_catalogue(folder / "catalogue.json").predictors}
    found = {item.predictor.name: item for item in recognise(raster_files(folder))}
    assert set(found) == set(own)
    for name, item in found.items():
        assert (item.predictor.kind, item.predictor.role, item.predictor.unit) == (
            own[name].kind,
            own[name].role,
            own[name].unit,
        )
        assert item.predictor.group == own[name].group
        assert item.facts.problem == ""
