"""Predictors in NetCDF files: variables, time axes, longitudes, latitudes, packing."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import netcdf_file

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.predictors.catalogue import PRECIPITATION
from gwsa.gwsa_plugin.core.predictors.features import read_features
from gwsa.gwsa_plugin.core.predictors.paths import layer_file
from gwsa.gwsa_plugin.core.predictors.predictor_facts import ONE_FILE, STATIC, YEARLY_FILES
from gwsa.gwsa_plugin.core.predictors.recognise import raster_files, recognise
from gwsa.gwsa_plugin.core.predictors.write_catalogue import write_catalogue
from gwsa.gwsa_plugin.core.rasters import hdf5
from gwsa.gwsa_plugin.core.rasters.netcdf_raster import NetCdfRaster
from gwsa.tests.core.predictors.netcdf_files import coordinates, write_classic, write_hdf5
from gwsa.tests.core.predictors.raster_files import COARSE, FINE, Log, build_set, write_raster

GRID = Grid(13.5, 46.5, 0.125, 0.125, 16, 20)
LAYERS = ("time", "lat", "lon")


def rain_on(grid, months):
    """Linear in the coordinates, so that interpolation gives the value of a centre, and in time."""
    longitude, latitude = np.meshgrid(grid.longitudes, grid.latitudes)
    plane = 20 * (longitude % 360 - 13) + 30 * (latitude - 44)
    return (plane + months.astype(int)[:, None, None] - 400).astype(np.float32)


def terraclimate(folder, year, write=write_classic):
    months = month_range(f"{year}-01", f"{year}-12")
    packed = np.rint(rain_on(GRID, months) * 10).astype(np.int32)
    stated = {"scale_factor": 0.1, "add_offset": 0.0, "_FillValue": np.int32(-2147483648)}
    return write(
        folder / f"TerraClimate_ppt_{year}.nc",
        coordinates(GRID, months),
        {"ppt": (LAYERS, packed, {**stated, "units": "mm"})},
    )


@pytest.fixture(params=["h5py", "gdal"])
def netcdf_reader(request, monkeypatch):
    if request.param == "gdal":
        monkeypatch.setattr(hdf5, "usable", lambda: False)


def require_rain(built, months, atol=0.11):
    """The first feature is the rain, in all months, at 1 km and in the cells."""
    for scale, grid in (("fine", built.grid), ("coarse", built.coarse_grid)):
        found = read_features(built, scale, months)[:, 0]
        np.testing.assert_allclose(found, rain_on(grid, months), atol=atol)


@pytest.mark.usefixtures("gdal_backend")
def test_yearly_packed_files_without_a_crs(tmp_path):
    for year in (2004, 2005):
        terraclimate(tmp_path, year)
    log = Log()
    entry = {"name": "rain", "files": "TerraClimate_ppt_{YYYY}.nc", "variable": "ppt"}
    built = build_set(tmp_path, [{**entry, "unit": "mm"}], progress=log)
    months = month_range("2004-01", "2005-12")
    assert built.months.tolist() == months.tolist()
    require_rain(built, months)
    assert log.line("rain: ") == (
        "rain: 24 months 2004-01..2005-12 from variable ppt of 2 NetCDF files in mm, "
        "cells of 14 km."
    )


@pytest.mark.usefixtures("gdal_backend", "netcdf_reader")
@pytest.mark.parametrize("time_unit", ["hours since 1900-01-01", "seconds since 1970-01-01"])
def test_one_file_with_ascending_latitudes_from_0_to_360(tmp_path, time_unit):
    """ERA5-Land: valid_time, latitude, longitude; a conversion from m to mm in the catalogue."""
    months = month_range("2003-05", "2004-08")
    globe = Grid(-0.5, 47.0, 1 / 8, 1 / 8, 24, 2880)
    values = rain_on(globe, months)[:, ::-1] / 1000
    values[:, :, 900:1800] = np.nan
    axes = coordinates(globe, months, ("valid_time", "latitude", "longitude"), time_unit)
    axes["latitude"] = (globe.latitudes[::-1].astype(np.float32), "degrees_north")
    axes["longitude"] = (globe.longitudes % 360, "degrees_east")
    order = np.argsort(axes["longitude"][0])
    axes["longitude"] = (axes["longitude"][0][order].astype(np.float32), "degrees_east")
    dimensions = tuple(axes)
    variables = {
        "tp": (dimensions, values[:, :, order], {"units": "m", "_FillValue": np.float32(np.nan)}),
        "e": (dimensions, -values[:, :, order], {"units": "m"}),
    }
    write_hdf5(tmp_path / "era5.nc", axes, variables)
    entry = {"name": "rain", "files": "era5.nc", "kind": "monthly", "scale": 1000, "unit": "mm"}
    built = build_set(tmp_path, [{**entry, "variable": "tp"}])
    require_rain(built, months, atol=0.05)
    with pytest.raises(InputError, match=r'holds e, tp; state .* "variable": "e"'):
        build_set(tmp_path, [entry])
    with pytest.raises(InputError, match=r"has no variable ro \(it has e, latitude"):
        build_set(tmp_path, [{**entry, "variable": "ro"}])


def test_dimensions_in_another_order(tmp_path):
    months = month_range("2004-01", "2004-12")
    values = rain_on(GRID, months).transpose(2, 1, 0)
    write_classic(
        tmp_path / "r.nc", coordinates(GRID, months), {"r": (("lon", "lat", "time"), values, {})}
    )
    built = build_set(tmp_path, [{"name": "rain", "files": "r.nc", "kind": "monthly"}])
    require_rain(built, months, atol=0.05)


def test_static_variable(tmp_path):
    months = month_range("2004-01", "2004-01")
    axes = coordinates(GRID, months)
    del axes["time"]
    values = rain_on(GRID, months)[0]
    write_classic(tmp_path / "e.nc", axes, {"elev": (("lat", "lon"), values, {"units": "m"})})
    require_rain(build_set(tmp_path, [{"name": "e", "files": "e.nc"}]), months, atol=0.05)


def test_undeclared_fill_value_of_a_variable_is_refused(tmp_path):
    months = month_range("2004-01", "2004-12")
    values = rain_on(GRID, months)
    values[3, 5:7, 6:9] = -9999
    write_classic(tmp_path / "r.nc", coordinates(GRID, months), {"r": (LAYERS, values, {})})
    entry = {"name": "rain", "files": "r.nc", "kind": "monthly"}
    with pytest.raises(InputError, match=r"rain \(r.nc\) has the value -9999 .* in band 2004-04"):
        build_set(tmp_path, [entry])
    built = build_set(tmp_path, [{**entry, "nodata": -9999}])
    assert np.nanmin(read_features(built, "fine", months)) > 0


@pytest.mark.parametrize("write", [write_classic, write_hdf5])
def test_scale_of_the_file_is_not_applied_again(tmp_path, write):
    terraclimate(tmp_path, 2004, write)
    entry = {"name": "ppt", "files": "TerraClimate_ppt_{YYYY}.nc", "scale": 0.1}
    with pytest.raises(InputError, match=r'"scale": 0.1 of ppt .* is applied already; remove it'):
        build_set(tmp_path, [entry])


def test_times_at_the_ends_of_months_have_bounds(tmp_path):
    months = month_range("2004-01", "2004-12")
    axes = coordinates(GRID, months + 1)
    ends = np.stack(
        [axes["time"][0] - np.diff([*axes["time"][0], axes["time"][0][-1] + 31])] * 2, 1
    )
    ends = np.stack([coordinates(GRID, months)["time"][0], axes["time"][0]], axis=1)
    axes["bnds"] = (np.arange(2), "1")
    path = write_classic(
        tmp_path / "r.nc",
        axes,
        {"r": (LAYERS, rain_on(GRID, months), {}), "time_bnds": (("time", "bnds"), ends, {})},
    )
    entry = {"name": "rain", "files": "r.nc", "kind": "monthly", "variable": "r"}
    assert build_set(tmp_path, [entry]).months[0] == np.datetime64("2004-02")
    state_bounds(path)
    require_rain(build_set(tmp_path, [entry]), months, atol=0.05)


def state_bounds(path):
    with netcdf_file(str(path), "a") as file:
        file.variables["time"].bounds = "time_bnds"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("daily", "r in r.nc has 31 times in 2004-01; give monthly sums or means"),
        ("uneven", "The latitudes of r in r.nc are not evenly spaced; regrid it"),
        ("calendar", "calendar 360_day"),
        ("metres", "lat in r.nc is not in degrees"),
        ("levels", "has the dimensions time, level, lat, lon"),
    ],
)
def test_variables_that_are_no_monthly_map_are_refused(tmp_path, change, sentence):
    months = month_range("2004-01", "2004-12")
    axes = coordinates(GRID, months)
    values = rain_on(GRID, months)
    dimensions = LAYERS
    if change == "daily":
        axes["time"] = (axes["time"][0][0] + np.arange(40), axes["time"][1])
        values = np.repeat(values[:1], 40, axis=0)
    if change == "uneven":
        axes["lat"] = (GRID.latitudes + 0.05 * np.sin(np.arange(GRID.rows)), "degrees_north")
    if change == "metres":
        axes["lat"] = (GRID.latitudes * 111_000, "degrees_north")
    if change == "levels":
        axes["level"] = ([1000.0, 850.0], "hPa")
        values = np.stack([values, values], axis=1)
        dimensions = ("time", "level", "lat", "lon")
    path = write_classic(tmp_path / "r.nc", axes, {"r": (dimensions, values, {})})
    if change == "calendar":
        with netcdf_file(str(path), "a") as file:
            file.variables["time"].calendar = "360_day"
    entry = {"name": "rain", "files": "r.nc", "kind": "monthly", "variable": "r"}
    with pytest.raises(InputError, match=sentence):
        build_set(tmp_path, [entry])
    assert not (tmp_path / "set").exists()


def test_variable_of_a_geotiff_and_grib_are_refused(tmp_path):
    write_raster(tmp_path / "p.tif", np.ones((1, *COARSE.shape)), COARSE)
    with pytest.raises(InputError, match='p.tif is no NetCDF file, and "variable" of p is x'):
        build_set(tmp_path, [{"name": "p", "files": "p.tif", "variable": "x"}])
    (tmp_path / "era5.grib").write_bytes(b"GRIB" + bytes(100))
    with pytest.raises(InputError, match="era5.grib is in GRIB; download the NetCDF edition"):
        build_set(tmp_path, [{"name": "p", "files": "era5.grib"}])


@pytest.mark.usefixtures("gdal_backend")
def test_crs_of_the_catalogue(tmp_path):
    """The advice of the message about a missing CRS works where it is given."""
    write_raster(tmp_path / "e.tif", rain_on(FINE, np.array(["2004-01"], "M8[M]")), crs=None)
    with pytest.raises(InputError, match='state it in the catalogue, for example "crs": "EPSG'):
        build_set(tmp_path, [{"name": "e", "files": "e.tif"}])
    built = build_set(tmp_path, [{"name": "e", "files": "e.tif", "crs": "EPSG:4326"}])
    require_rain(built, np.array(["2004-01"], "M8[M]"), atol=0.05)
    with pytest.raises(InputError, match='"crs": "EPSG:4", which is no coordinate reference'):
        build_set(tmp_path, [{"name": "e", "files": "e.tif", "crs": "EPSG:4"}])


def found(folder):
    return {item.predictor.name: item for item in recognise(raster_files(folder))}


def test_yearly_files_are_recognised(tmp_path):
    for year in (2004, 2005):
        terraclimate(tmp_path, year)
    (item,) = found(tmp_path).values()
    assert item.predictor.name == item.predictor.variable == "ppt"
    assert item.predictor.files.endswith("/TerraClimate_ppt_{YYYY}.nc")
    assert (item.predictor.role, item.predictor.unit) == (PRECIPITATION, "mm")
    assert item.facts.months.tolist() == month_range("2004-01", "2005-12").tolist()
    assert item.facts.layout == YEARLY_FILES and item.facts.problem == ""


def test_each_variable_of_a_file_is_recognised_and_written(tmp_path):
    months = month_range("2003-05", "2004-08")
    axes = coordinates(GRID, months)
    rain = rain_on(GRID, months)
    variables = {
        "pr": (LAYERS, rain, {"units": "mm"}),
        "aet": (LAYERS, rain / 2, {"units": "mm"}),
        "depth": (("lat", "lon"), rain[0], {"units": "m"}),
        "crs": ((), np.int32(0), {}),
    }
    write_classic(tmp_path / "all.nc", axes, variables)
    items = found(tmp_path)
    assert {name: item.predictor.variable for name, item in items.items()} == {
        "pr": "pr",
        "aet": "aet",
        "depth": "depth",
        "water_surplus": "",
    }
    assert items["depth"].facts.layout == STATIC and items["pr"].facts.layout == ONE_FILE
    known = [items["pr"].predictor]
    more = recognise([tmp_path / "all.nc"], known)
    assert {item.predictor.name for item in more} == {"aet", "depth", "water_surplus"}
    path = tmp_path / "catalogue.json"
    catalogue = write_catalogue(path, [item.predictor for item in items.values()])
    assert {item.variable for item in catalogue.predictors} == {"pr", "aet", "depth", ""}
    entries = json.loads(path.read_text())["predictors"]
    built = build_set(tmp_path, entries)
    fine = read_features(built, "fine", months)
    place = built.features.index("pr")
    np.testing.assert_allclose(fine[:, place], rain_on(FINE, months), atol=0.05)


def test_names_of_programs_are_not_those_of_variables(tmp_path):
    months = month_range("2004-01", "2004-12")
    for name, variable in (("lai_2004.nc", "Band1"), ("sm_2004.nc", "data")):
        variables = {variable: (LAYERS, rain_on(GRID, months), {})}
        write_classic(tmp_path / name, coordinates(GRID, months), variables)
    assert set(found(tmp_path)) == {"lai_2004", "sm_2004"}


def test_grib_and_daily_values_are_a_problem(tmp_path):
    (tmp_path / "era5.grib").write_bytes(b"GRIB" + bytes(100))
    days = np.datetime64("2004-01-01") + np.arange(40)
    values = np.ones((40, *GRID.shape), np.float32)
    write_classic(tmp_path / "d.nc", coordinates(GRID, days), {"d": (LAYERS, values, {})})
    problems = {name: item.facts.problem for name, item in found(tmp_path).items()}
    assert "in GRIB" in problems["era5"] and "31 times in 2004-01" in problems["d"]


def test_real_files_of_bangladesh(real_data, tmp_path):
    """Latitudes from the south, no CRS, a grid that is off by a part of a cell."""
    folder = real_data / "bangladesh"
    items = found(folder)
    assert {"NDVI", "aet", "pr", "twsa"} <= set(items)
    assert items["pr"].facts.months.size == 182
    assert not any(item.facts.problem for item in items.values())
    inside = Grid(88.0, 26.0, 0.25, 0.25, 12, 12)
    rain = items["pr"].predictor
    entry = {"name": "rain", "files": rain.files, "variable": "pr", "kind": "monthly"}
    built = build_set(tmp_path, [entry], coarse=inside)
    months = month_range("2004-01", "2004-12")
    cells = read_features(built, "coarse", months)[:, 0]
    raster = NetCdfRaster(Path(rain.files), "pr")
    bands = np.searchsorted(items["pr"].facts.months, months) + 1
    south_up = raster.read_floats(bands.tolist())
    rows = np.rint((inside.latitudes - raster.transform.f) / raster.transform.e - 0.5).astype(int)
    left = np.rint((inside.longitudes - raster.transform.c) / raster.transform.a - 0.5).astype(int)
    nearest = south_up[:, rows][:, :, left]
    known = np.isfinite(nearest) & np.isfinite(cells)
    assert known.mean() > 0.9
    assert np.corrcoef(nearest[known], cells[known])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("/a/b.tif", "/a/b.tif"),
        ("/a/b.gpkg|layername=c", "/a/b.gpkg"),
        ('NETCDF:"/a/b c.nc":ppt', "/a/b c.nc"),
        ("NETCDF:/a/b.nc:ppt", "/a/b.nc"),
        ('NETCDF:"C:/a/b.nc":ppt', "C:/a/b.nc"),
        ("NETCDF:C:/a/b.nc:ppt", "C:/a/b.nc"),
    ],
)
def test_file_of_a_layer(source, path):
    assert layer_file(source) == Path(path)


def test_longitudes_that_go_on_at_zero_within_a_row(tmp_path):
    months = month_range("2004-01", "2004-12")
    crop = Grid(-10.0, 46.5, 0.125, 0.125, 16, 240)
    axes = coordinates(crop, months)
    axes["lon"] = (crop.longitudes % 360, "degrees_east")
    values = rain_on(crop, months)
    write_classic(tmp_path / "r.nc", axes, {"r": (LAYERS, values, {})})
    built = build_set(tmp_path, [{"name": "rain", "files": "r.nc", "kind": "monthly"}])
    require_rain(built, months, atol=0.05)
