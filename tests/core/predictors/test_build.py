"""Build a predictor set: alignment, missing files, encodings, rebuilds and reproducible bytes."""

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform
from scipy.ndimage import map_coordinates

from gwsa.benchmarks.rasters import geotiff_profile
from gwsa.gwsa_plugin.core.base.affine import Affine
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.base.tiles import Tile
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.predictors.build import Inputs, build_predictors
from gwsa.gwsa_plugin.core.predictors.catalogue import (
    EVAPOTRANSPIRATION,
    PRECIPITATION,
    ROLES,
    RUNOFF,
    read_catalogue,
)
from gwsa.gwsa_plugin.core.predictors.climatologies import read_climatologies
from gwsa.gwsa_plugin.core.predictors.features import PixelSelection, read_features
from gwsa.gwsa_plugin.core.predictors.files import locate
from gwsa.gwsa_plugin.core.predictors.predictor_set import PredictorSet
from gwsa.tests.core.gdal_cache import gdal_cache

FACTOR = 6
COARSE = Grid(14.0, 46.0, 0.25, 0.25, 4, 6)
FINE = COARSE.refine(FACTOR)
MONTHS = month_range("2003-11", "2004-12")
UTM = "EPSG:32633"
# Rounding error of the plane, whose values range over less than 180.
ROUNDING = 180 / 60_000


class Log(Progress):
    def __init__(self):
        self.lines, self.warnings = [], []
        self.info, self.warn = self.lines.append, self.warnings.append


def plane(longitude, latitude):
    """Linear in the coordinates: interpolation and averages give the value of the centre."""
    return 100 * (longitude - 14) + 30 * (latitude - 45)


def plane_on(grid):
    return plane(*np.meshgrid(grid.longitudes, grid.latitudes)).astype(np.float32)


def write(path, bands, grid=FINE, **options):
    path.parent.mkdir(exist_ok=True)
    names = options.pop("names", ())
    options = {"predictor": 1, **options}
    with rasterio.open(path, "w", **{**geotiff_profile(grid, len(bands)), **options}) as target:
        target.write(np.asarray(bands, dtype=target.dtypes[0]))
        for band, name in enumerate(names, start=1):
            target.set_band_description(band, str(name))
    return path


def write_utm(path, metres, value=plane, **options):
    """The plane on a UTM grid that is larger than the region."""
    west = 380_000
    north = 5_120_000
    size = {"height": 160_000 // metres, "width": 200_000 // metres}
    grid = {"crs": UTM, "transform": rasterio.Affine(metres, 0, west, 0, -metres, north), **size}
    x, y = np.meshgrid(
        west + metres * (np.arange(size["width"]) + 0.5),
        north - metres * (np.arange(size["height"]) + 0.5),
    )
    longitude, latitude = transform(UTM, "EPSG:4326", x.ravel(), y.ravel())
    return write(
        path, [value(np.array(longitude), np.array(latitude)).reshape(x.shape)], **grid, **options
    )


@pytest.fixture
def grid_file(tmp_path):
    path = tmp_path / "gwsa.tif"
    write_stack(
        path, MonthlyStack.on_calendar(COARSE, MONTHS[:1], np.zeros((1, *COARSE.shape)), "GWSA")
    )
    return path


@pytest.fixture
def build(tmp_path, grid_file):
    """build(entries, …) -> the set; the input rasters are in tmp_path / "in"."""
    (tmp_path / "in").mkdir()

    def run(
        entries,
        land_mask=None,
        period=(None, None),
        progress=None,
        output="set",
        factor=FACTOR,
        replaces=False,
    ):
        catalogue = tmp_path / "in" / "catalogue.json"
        catalogue.write_text(json.dumps({"format": 1, "predictors": entries}))
        inputs = Inputs(catalogue, grid_file, land_mask)
        return build_predictors(
            inputs, tmp_path / output, period, factor, progress or Log(), replaces
        )

    return run


def rain(folder, year, grid=FINE, **options):
    """Rain of a month: its number since 2000, everywhere."""
    months = month_range(f"{year}-01", f"{year}-12").astype(int) - 360
    return write(
        folder / f"rain_{year}.tif", months[:, None, None] * np.ones(grid.shape), grid, **options
    )


ELEVATION = {"name": "elevation", "files": "elevation.tif", "group": "topography", "unit": "m"}
RAIN = {"name": "rain", "files": "rain_{YYYY}.tif", "lags": [0, 2]}


@pytest.mark.usefixtures("gdal_backend")
def test_aligned_rasters_are_copied_and_averaged(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    for year in (2003, 2004):
        rain(tmp_path / "in", year)
    predictors = build([ELEVATION, RAIN], period=(MONTHS[0], MONTHS[-1]))
    assert predictors.features == ("elevation", "rain", "rain_lag2")
    assert predictors.months.tolist() == MONTHS.tolist()
    assert predictors.grid.same_as(FINE) and predictors.coarse_grid.same_as(COARSE)
    assert predictors.land().all()
    fine = read_features(predictors, "fine", MONTHS)
    coarse = read_features(predictors, "coarse", MONTHS)
    np.testing.assert_allclose(fine[3, 0], plane_on(FINE), rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(coarse[3, 0], plane_on(COARSE), atol=0.01)
    for values in (fine, coarse):
        assert (values[:, 1] == (MONTHS.astype(int) - 360)[:, None, None]).all()
        assert (values[:, 2] == values[:, 1] - 2).all()
    with rasterio.open(tmp_path / "set/coarse/rain_2004.tif") as source:
        assert max(source.block_shapes[0]) <= 64, "training reads windows of eight by eight cells"


def test_difference_has_an_entry_but_no_raster(build, tmp_path):
    write(
        tmp_path / "in" / "elevation.tif",
        [np.where(FINE.longitudes < 14.3, 1, 2) * np.ones(FINE.shape)],
    )
    rain(tmp_path / "in", 2004)
    holed = np.where(FINE.longitudes < 14.05, np.nan, FINE.latitudes[:, None])
    write(tmp_path / "in" / "evaporation_2004.tif", [holed] * 12)
    surplus = {
        "name": "surplus",
        "group": "hydrology",
        "unit": "mm",
        "difference": ["rain", "evaporation"],
    }
    entries = [ELEVATION, {**surplus, "lags": [0, 1], "means": [3]}, RAIN]
    entries.append({"name": "evaporation", "files": "evaporation_{YYYY}.tif", "means": [2, 4]})
    log = Log()
    predictors = build(entries, progress=log)
    names = {path.name for path in (tmp_path / "set").rglob("*.tif")}
    yearly = {"rain_2004.tif", "evaporation_2004.tif"}
    assert names == {"land.tif", "elevation.tif", *yearly, "climatologies.tif"}
    described = json.loads((tmp_path / "set" / "predictors.json").read_text())["predictors"]
    written = {entry["name"]: entry for entry in described}
    added = {"kind": "monthly", "role": "", "lags": [0, 1], "means": [3]}
    assert written["surplus"] == {**surplus, **added}
    assert written["evaporation"]["means"] == [2, 4]
    at = {name: place for place, name in enumerate(predictors.features)}
    for scale in ("fine", "coarse"):
        values = read_features(predictors, scale, predictors.months)
        difference = values[:, at["rain"]] - values[:, at["evaporation"]]
        np.testing.assert_array_equal(values[:, at["surplus"]], difference)
        np.testing.assert_array_equal(values[1:, at["surplus_lag1"]], difference[:-1])
        np.testing.assert_allclose(
            values[7, at["surplus_mean3"]], difference[5:8].mean(axis=0), rtol=1e-6
        )
    assert np.isfinite(values[:, at["surplus"]]).all(), (
        "the cell has a difference although some of its pixels have none"
    )
    assert any(
        "The first 3 of 12 months have means over fewer than 4 months" in line for line in log.lines
    )
    assert any("files from 2003-10 on" in line for line in log.lines)


def test_lags_and_means_reach_back_before_the_period_where_there_are_files(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    for year in (2002, 2003, 2004):
        rain(tmp_path / "in", year)
    write(
        tmp_path / "in" / "sun.tif",
        np.ones((15, *FINE.shape)),
        names=month_range("2003-10", "2004-12").astype(str),
    )
    sun = {"name": "sun", "files": "sun.tif", "kind": "monthly"}
    entries = [ELEVATION, {**RAIN, "means": [24]}, sun]
    log = Log()
    predictors = build(
        entries, period=(np.datetime64("2004-02"), np.datetime64("2004-04")), progress=log
    )
    assert [str(month) for month in predictors.before] == [
        "2003-10",
        "2003-11",
        "2003-12",
        "2004-01",
    ]
    values = read_features(predictors, "fine", predictors.months)[:, :, 0, 0]
    number = predictors.months.astype(int) - 360
    np.testing.assert_array_equal(values[:, 1:3].T, [number, number - 2])
    np.testing.assert_allclose(values[:, 3], [np.mean(np.arange(45, last + 1)) for last in number])
    assert any(
        "The first 3 of 3 months have means over fewer than 24 months" in line for line in log.lines
    )
    assert not any("no value of rain_lag2" in line for line in log.lines)


def test_months_outside_the_period_are_marked_missing(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    rain(tmp_path / "in", 2004)
    build([ELEVATION, RAIN], period=(np.datetime64("2004-03"), np.datetime64("2004-05")))
    with rasterio.open(tmp_path / "set" / "fine" / "rain_2004.tif") as written:
        assert written.descriptions[2] == "2004-03" and written.count == 12
        words = [written.tags(band)["GWSA_SOURCE"] for band in written.indexes]
        in_reach = [0, 1, 2, 3, 4]
        assert [i for i, word in enumerate(words) if word == "observed"] == in_reach
        assert (written.read(6) == written.nodata).all()
        assert (written.read(3) * written.scales[2] + written.offsets[2] == 50).all()


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize("metres", [250, 1200, 2500, 9000])
def test_other_projections_and_resolutions_are_in_the_right_position(build, tmp_path, metres):
    write_utm(tmp_path / "in" / "elevation.tif", metres)
    values = read_features(build([ELEVATION]), "fine", MONTHS[:1])[0, 0]
    a_pixel_off = 100 * FINE.dx
    assert np.abs(values - plane_on(FINE)).max() < 0.1 * a_pixel_off


@pytest.mark.usefixtures("gdal_backend")
def test_grid_shifted_by_half_a_pixel_is_interpolated(build, tmp_path):
    shifted = Grid(
        FINE.west - FINE.dx / 2,
        FINE.north + FINE.dy / 2,
        FINE.dx,
        FINE.dy,
        FINE.rows + 1,
        FINE.columns + 1,
    )
    write(tmp_path / "in" / "elevation.tif", [plane_on(shifted)], shifted)
    values = read_features(build([ELEVATION]), "fine", MONTHS[:1])[0, 0]
    np.testing.assert_allclose(values, plane_on(FINE), atol=1e-3 + ROUNDING)


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4258"])
def test_longitudes_from_0_to_360_and_rows_from_the_south(build, tmp_path, crs):
    grid = Grid(373.0, 47.0, 0.125, 0.125, 20, 24)
    south_up = rasterio.Affine(0.125, 0, 373.0, 0, 0.125, 44.5)
    field = plane(*np.meshgrid(grid.longitudes - 360, grid.latitudes))[::-1]
    write(tmp_path / "in" / "elevation.tif", [field], grid, transform=south_up, crs=crs)
    values = read_features(build([ELEVATION]), "fine", MONTHS[:1])[0, 0]
    np.testing.assert_allclose(values, plane_on(FINE), atol=1e-3 + ROUNDING)


@pytest.mark.usefixtures("gdal_backend")
def test_undeclared_nodata_is_not_interpolated(build, tmp_path):
    def holes(longitude, latitude):
        return np.where(longitude < 14.8, 0, 13000)

    write_utm(tmp_path / "in" / "lst.tif", 1000, holes, dtype="uint16", nodata=None)
    entry = {"name": "lst", "files": "lst.tif", "scale": 0.02, "offset": -273.15, "nodata": 0}
    values = read_features(build([entry]), "fine", MONTHS[:1])[0, 0]
    known = np.isfinite(values)
    assert not known[:, FINE.longitudes < 14.75].any() and known[:, FINE.longitudes > 14.85].all()
    np.testing.assert_allclose(values[known], 13000 * 0.02 - 273.15, atol=1e-3)


@pytest.mark.usefixtures("gdal_backend")
def test_scale_of_the_catalogue_replaces_that_of_the_file(build, tmp_path):
    path = write(
        tmp_path / "in" / "elevation.tif", [np.full(FINE.shape, 8)], dtype="int16", nodata=-1
    )
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets = [0.5], [1]
    assert (read_features(build([ELEVATION]), "coarse", MONTHS[:1]) == 5).all()
    assert (
        read_features(build([{**ELEVATION, "scale": 10, "offset": 0}]), "coarse", MONTHS[:1]) == 80
    ).all()


@pytest.mark.usefixtures("gdal_backend")
def test_classes_are_codes_on_the_fine_grid_and_fractions_on_the_coarse(build, tmp_path):
    codes = np.random.default_rng(5).choice([2, 7, 255], FINE.shape, p=[0.5, 0.4, 0.1])
    write(tmp_path / "in" / "cover.tif", [codes], dtype="uint8", nodata=255)
    mask = write(tmp_path / "in" / "mask.tif", [np.ones(FINE.shape)], dtype="uint8", nodata=None)
    entry = {"name": "cover", "files": "cover.tif", "classes": [2, 7]}
    predictors = build([entry], land_mask=mask)
    assert predictors.features == ("cover_2", "cover_7")
    fine, coarse = (read_features(predictors, scale, MONTHS[:1])[0] for scale in ("fine", "coarse"))
    assert (np.isnan(fine[0]) == (codes == 255)).all()
    assert (fine[0][codes != 255] == (codes == 2)[codes != 255]).all()
    np.testing.assert_allclose(coarse.sum(axis=0), 1, rtol=1e-6)
    cell = codes[:FACTOR, :FACTOR]
    assert abs(coarse[0, 0, 0] - (cell == 2).sum() / (cell != 255).sum()) < 0.01


def test_values_off_the_land_are_ignored(build, tmp_path):
    east = np.broadcast_to(FINE.longitudes > 14.9, FINE.shape)
    write(tmp_path / "in" / "elevation.tif", [np.where(east, 10, 7777)])
    mask = write(tmp_path / "in" / "mask.tif", [east], dtype="uint8", nodata=None)
    predictors = build([ELEVATION], land_mask=mask)
    tile = Tile(slice(3, 5), slice(1, 9))
    assert (predictors.land() == east).all() and (predictors.land(tile) == east[tile]).all()
    assert np.nanmax(read_features(predictors, "fine", MONTHS[:1])) == 10
    coarse = read_features(predictors, "coarse", MONTHS[:1])[0, 0]
    assert np.isnan(coarse[:, :3]).all() and (coarse[:, 3:] == 10).all()


def test_land_without_a_mask_is_where_most_static_predictors_are(build, tmp_path):
    entries = []
    for name, reach in (("one", 15.0), ("two", 14.5), ("three", 16.0)):
        write(
            tmp_path / "in" / f"{name}.tif",
            [np.where(FINE.longitudes < reach, 1, np.nan) * np.ones(FINE.shape)],
        )
        entries.append({"name": name, "files": f"{name}.tif"})
    assert (build(entries).land() == (FINE.longitudes < 15.0)).all()


@pytest.mark.usefixtures("gdal_backend")
@pytest.mark.parametrize("layout", ["month files", "bands"])
def test_layouts_of_monthly_files(build, tmp_path, layout):
    months = month_range("2004-01", "2004-03")
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    bands = [np.full(FINE.shape, i) for i in range(3)]
    if layout == "bands":
        files = "rain.tif"
        write(tmp_path / "in" / files, bands[::-1], names=months[::-1])
    else:
        files = "{YYYY}/rain_{YYYY}{MM}.tif"
        for month, band in zip(months, bands):
            write(tmp_path / "in" / "2004" / f"rain_{str(month).replace('-', '')}.tif", [band])
    predictors = build([ELEVATION, {"name": "rain", "files": files, "kind": "monthly"}])
    assert predictors.months.tolist() == months.tolist()
    assert read_features(predictors, "coarse", months)[:, 1, 0, 0].tolist() == [0, 1, 2]


def test_all_missing_files_are_named_at_once(build, tmp_path):
    for year in (2003, 2005):
        rain(tmp_path / "in", year)
    write(tmp_path / "in" / "snow.tif", [plane_on(FINE)] * 2, names=["2003-01", "2005-12"])
    entries = [ELEVATION, RAIN, {"name": "ndvi", "files": "ndvi_{YYYY}{MM}.tif"}]
    entries.append({"name": "snow", "files": "snow.tif", "kind": "monthly"})
    with pytest.raises(InputError) as caught:
        build(entries)
    for part in (
        "elevation.tif", "rain_2004.tif", "ndvi_{YYYY}{MM}.tif for 2003-01..2005-12",
        "snow.tif (lacks 2003-02..2005-11)",
    ):  # fmt: skip
        assert part in str(caught.value)
    assert not (tmp_path / "set").exists()


def test_period_without_files_is_refused(build, tmp_path):
    rain(tmp_path / "in", 2003)
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    with pytest.raises(InputError, match="rain_1990.tif"):
        build([ELEVATION, RAIN], period=(np.datetime64("1990-01"), np.datetime64("1990-06")))
    with pytest.raises(InputError, match="rain 2003-01..2003-12"):
        build([ELEVATION, RAIN], period=(np.datetime64("2010-01"), None))


@pytest.mark.usefixtures("gdal_backend")
def test_unusable_rasters_are_refused(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)], crs=None)
    with pytest.raises(InputError, match="elevation.tif has no coordinate reference system"):
        build([ELEVATION])
    elsewhere = Grid(100.0, 10.0, 0.25, 0.25, 4, 4)
    write(tmp_path / "in" / "elevation.tif", [plane_on(elsewhere)], elsewhere)
    with pytest.raises(InputError, match="elevation.tif does not overlap the grid"):
        build([ELEVATION])
    write(tmp_path / "in" / "elevation.tif", [np.full(FINE.shape, np.nan)])
    mask = write(tmp_path / "in" / "mask.tif", [np.ones(FINE.shape)], dtype="uint8", nodata=None)
    with pytest.raises(InputError, match="elevation .* no value on the land"):
        build([ELEVATION], land_mask=mask)
    (tmp_path / "in" / "elevation.tif").write_text("no raster")
    with pytest.raises(InputError, match="elevation.tif cannot be opened"):
        build([ELEVATION])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gwsa.tif", "in"]


CLIMATOLOGY = {"name": "season", "files": "season.tif", "kind": "monthly"}


def write_climatology(folder):
    bands = [np.full(FINE.shape, month) for month in range(1, 13)]
    return write(folder / "season.tif", bands)


def test_values_of_a_year_and_a_climatology_are_those_of_their_months(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    write_climatology(tmp_path / "in")
    for year in (2003, 2004):
        write(tmp_path / "in" / f"use_{year}.tif", [np.full(FINE.shape, year)])
    entries = [ELEVATION, CLIMATOLOGY, {"name": "use", "files": "use_{YYYY}.tif"}]
    predictors = build(entries, period=(None, np.datetime64("2004-02")))
    assert predictors.months.tolist() == month_range("2003-01", "2004-02").tolist()
    values = read_features(predictors, "coarse", ["2003-12", "2004-01", "2004-02"])[:, 1:, 0, 0]
    assert values.tolist() == [[12, 2003], [1, 2004], [2, 2004]]


def test_climatologies_alone_need_a_period(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    write_climatology(tmp_path / "in")
    with pytest.raises(InputError, match="state the first and the last month"):
        build([ELEVATION, CLIMATOLOGY])
    period = (np.datetime64("2004-11"), np.datetime64("2005-01"))
    assert build([ELEVATION, CLIMATOLOGY], period=period).months.size == 3


def test_yearly_file_needs_twelve_bands_or_names(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    write(tmp_path / "in" / "rain_2004.tif", [plane_on(FINE)] * 9)
    with pytest.raises(InputError, match="rain_2004.tif has 9 bands that name no month"):
        build([ELEVATION, RAIN])


def test_same_bytes_from_every_build(build, tmp_path):
    write_utm(tmp_path / "in" / "elevation.tif", 900)
    rain(tmp_path / "in", 2004)
    for output in ("one", "two"):
        build([ELEVATION, RAIN], output=output)
    files = sorted(
        path.relative_to(tmp_path / "one")
        for path in (tmp_path / "one").rglob("*")
        if path.is_file()
    )
    assert len(files) == 8
    for file in files:
        if file.name != "run.json":
            assert (tmp_path / "one" / file).read_bytes() == (
                tmp_path / "two" / file
            ).read_bytes(), file
    origin = json.loads((tmp_path / "one" / "predictors.json").read_text())["provenance"]
    assert "rain_2004.tif" in origin["GWSA_INPUTS"] and str(tmp_path) not in json.dumps(origin)


@pytest.mark.slow
def test_same_bytes_for_any_cache_size(sample_world, tmp_path):
    """GDAL's block cache is by default a fraction of the memory of the machine."""
    folder = sample_world / "predictors"
    content = json.loads((folder / "catalogue.json").read_text())
    names = ("elevation", "water_table_depth", "lai", "radiation")
    entries = [
        {**entry, "files": str(folder / entry["files"])}
        for entry in content["predictors"]
        if entry["name"] in names
    ]
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps({"predictors": entries, "land": str(folder / "land.tif")}))
    inputs = Inputs(catalogue, sample_world / "truth" / "GWSA.tif", outside=True)
    for output, megabytes in (("large", 512), ("again", 512), ("small", 1)):
        with gdal_cache(megabytes):
            build_predictors(inputs, tmp_path / output)
    rasters = sorted(path.relative_to(tmp_path / "large") for path in tmp_path.rglob("large/*/*"))
    assert len(rasters) > len(names)
    for raster in rasters:
        expected = (tmp_path / "large" / raster).read_bytes()
        for output in ("again", "small"):
            assert (tmp_path / output / raster).read_bytes() == expected, (output, raster)


@pytest.mark.usefixtures("gdal_backend")
def test_integers_keep_their_numbers_and_other_values_are_rounded(build, tmp_path):
    rng = np.random.default_rng(8)
    tail = 10 ** rng.normal(0, 1.5, FINE.shape)
    numbers = rng.integers(-30_000, 30_000, FINE.shape)
    write(tmp_path / "in" / "tail.tif", [tail])
    write(tmp_path / "in" / "relief.tif", [plane_on(FINE)])
    path = write(tmp_path / "in" / "numbers.tif", [numbers], dtype="int16", nodata=-32768)
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets = [0.1], [3.7]
    log = Log()
    predictors = build(
        [{"name": name, "files": f"{name}.tif"} for name in ("tail", "relief", "numbers")],
        progress=log,
    )
    fine, coarse = (read_features(predictors, scale, MONTHS[:1])[0] for scale in ("fine", "coarse"))
    stated = json.loads((tmp_path / "set" / "predictors.json").read_text())["predictors"]
    assert [entry["error"] for entry in stated] == [0, 2.0**-9, 0]
    assert (fine[0] == tail.astype(np.float32)).all()
    error = np.abs(fine[1].astype(float) - plane_on(FINE)).max()
    assert 0 < error <= stated[1]["error"] + np.spacing(np.float32(180))
    assert (fine[2] == numbers.astype(np.float32) * np.float32(0.1) + np.float32(3.7)).all()
    np.testing.assert_allclose(coarse[1], plane_on(COARSE), atol=0.01)
    for entry, kind in zip(stated, ("float32", "int16", "int16")):
        with rasterio.open(tmp_path / "set" / entry["files"]) as written:
            assert written.dtypes[0] == kind and written.scales[0] == entry["scale"]
            assert written.offsets[0] == entry["offset"]
    assert any("error of at most: relief 0.00195312" in line for line in log.lines)
    assert any("float32" in line and line.endswith(": tail.") for line in log.lines)


def test_integers_outside_int16_are_rounded_or_stay_float32(build, tmp_path):
    numbers = np.random.default_rng(9).integers(0, 4, FINE.shape) * 20_000
    write(tmp_path / "in" / "large.tif", [numbers], dtype="uint16", nodata=None)
    lowest = np.where(numbers == 0, -32768, numbers // 3)
    # Nearby numbers show that the lowest one is no fill value.
    lowest.flat[:2] = -32760, -32768
    write(tmp_path / "in" / "lowest.tif", [lowest], dtype="int16", nodata=None)
    predictors = build([{"name": name, "files": f"{name}.tif"} for name in ("large", "lowest")])
    assert (read_features(predictors, "fine", MONTHS[:1])[0] == [numbers, lowest]).all()


EVAPORATION = {"name": "evaporation", "files": "evaporation_{YYYY}.tif", "unit": "mm"}


@pytest.fixture
def rebuild(build, tmp_path):
    """A set of three years in "set", and a function that builds it again.

    rebuild(...) returns the log and the names of the rasters that were written again, and checks
    that all files equal those of a fresh build.
    """
    write_utm(tmp_path / "in" / "elevation.tif", 900)
    for year in (2003, 2004, 2005):
        rain(tmp_path / "in", year)
        evaporate(tmp_path / "in", year)
    first = [ELEVATION, RAIN, EVAPORATION], (np.datetime64("2003-01"), np.datetime64("2005-12"))
    build(first[0], period=first[1])

    def again(entries=first[0], period=first[1], **options):
        before = file_states(tmp_path / "set")
        log = Log()
        build(entries, period=period, progress=log, **options)
        shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
        build(entries, period=period, output="fresh", **options)
        for path in (tmp_path / "fresh").rglob("*"):
            if path.is_file() and path.name != "run.json":
                name = path.relative_to(tmp_path / "fresh")
                assert path.read_bytes() == (tmp_path / "set" / name).read_bytes(), name
        after = file_states(tmp_path / "set")
        return log.lines, {name for name in after if before.get(name) != after[name]}

    return again


def file_states(folder):
    """Inode and time of each raster under a folder, which change when it is written again."""
    files = [path for path in folder.glob("*/*.tif") if path.name != "land.tif"]
    return {
        f"{path.parent.name}/{path.stem}": (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in files
    }


def both(*names):
    return {f"{scale}/{name}" for scale in ("fine", "coarse") for name in names}


def evaporate(folder, year, largest=60.0):
    """Random floats; the range of all years is wider than that of each year."""
    bands = np.random.default_rng(year).uniform(0, largest, (12, *FINE.shape))
    write(folder / f"evaporation_{year}.tif", bands)


def test_rebuild_keeps_unchanged_rasters(rebuild):
    lines, written = rebuild()
    assert not written and "7 of 7 rasters are unchanged and kept." in lines


def test_changed_file_is_read_again(rebuild, tmp_path):
    evaporate(tmp_path / "in", 2004, 59.0)
    lines, written = rebuild()
    assert written == both("evaporation_2004") and "6 of 7 rasters are unchanged and kept." in lines


def test_wider_range_changes_the_encoding_of_all_years(rebuild, tmp_path):
    evaporate(tmp_path / "in", 2004, 200.0)
    lines, written = rebuild()
    assert written == both("evaporation_2003", "evaporation_2004", "evaporation_2005")
    assert "4 of 7 rasters are unchanged and kept." in lines


def test_longer_period_adds_years_and_shorter_one_rewrites_the_last(rebuild, tmp_path):
    evaporate(tmp_path / "in", 2006)
    entries = [ELEVATION, EVAPORATION]
    lines, written = rebuild(entries, period=(np.datetime64("2003-01"), np.datetime64("2006-12")))
    assert written == both("evaporation_2006") and "4 of 5 rasters are unchanged and kept." in lines
    _, written = rebuild(entries, period=(np.datetime64("2003-01"), np.datetime64("2006-06")))
    assert written == both("evaporation_2006")


def test_changed_entry_rewrites_only_its_predictor(rebuild, tmp_path):
    _, written = rebuild([ELEVATION, {**RAIN, "scale": 2}, EVAPORATION])
    assert written == both("rain_2003", "rain_2004", "rain_2005")
    _, written = rebuild(
        [ELEVATION, {**RAIN, "scale": 2, "lags": [1], "means": [3], "group": "climate"}]
    )
    assert not written, "rasters do not depend on lags"
    write(tmp_path / "in" / "sand.tif", [plane_on(FINE)])
    _, written = rebuild([{"name": "sand", "files": "sand.tif"}, {**RAIN, "scale": 2}])
    assert written == both("sand")


def test_roles_are_in_the_set_and_do_not_rewrite_rasters(rebuild, tmp_path):
    assert PredictorSet.open(tmp_path / "set").by_role(PRECIPITATION) is None
    roles = [{**RAIN, "role": PRECIPITATION}, {**EVAPORATION, "role": EVAPOTRANSPIRATION}]
    lines, written = rebuild([ELEVATION, *roles])
    assert not written and "7 of 7 rasters are unchanged and kept." in lines
    predictors = PredictorSet.open(tmp_path / "set")
    assert predictors.by_role(PRECIPITATION).name == "rain"
    assert predictors.by_role(EVAPOTRANSPIRATION).name == "evaporation"
    assert predictors.by_role(RUNOFF) is None


def test_set_keeps_the_stated_absence_of_a_role(build, tmp_path):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    rain(tmp_path / "in", 2004)
    entry = {**RAIN, "name": PRECIPITATION}
    assert build([ELEVATION, entry]).by_role(PRECIPITATION).name == PRECIPITATION
    assert build([ELEVATION, {**entry, "role": ""}]).by_role(PRECIPITATION) is None


@pytest.mark.slow
def test_other_land_or_grid_rewrites_everything(rebuild, tmp_path):
    east = np.broadcast_to(FINE.longitudes > 14.9, FINE.shape)
    mask = write(tmp_path / "in" / "mask.tif", [east], dtype="uint8", nodata=None)
    lines, written = rebuild(land_mask=mask)
    assert len(written) == 14 and "0 of 7 rasters are unchanged and kept." in lines
    with pytest.raises(InputError, match="set has a predictor set on another grid; .* REPLACE"):
        rebuild(land_mask=mask, factor=3)
    _, written = rebuild(land_mask=mask, factor=3, replaces=True)
    assert len(written) == 14


def test_a_set_on_another_grid_is_refused_before_any_work(build, tmp_path, monkeypatch):
    write_utm(tmp_path / "in" / "elevation.tif", 900)
    build([ELEVATION])
    before = file_states(tmp_path / "set")
    monkeypatch.setattr("gwsa.gwsa_plugin.core.predictors.build._land", None)
    with pytest.raises(InputError, match="set has a predictor set on another grid; .* REPLACE"):
        build([ELEVATION], factor=3)
    assert file_states(tmp_path / "set") == before


def test_climatologies_are_means_over_the_months_of_the_set(rebuild, tmp_path):
    """They are those that are computed for a set without them, and are kept if nothing changes."""
    path = tmp_path / "set" / "climatologies.tif"
    before = path.stat().st_mtime_ns
    rebuild()
    assert path.stat().st_mtime_ns == before
    rebuild(period=(np.datetime64("2003-07"), np.datetime64("2005-06")))
    with rasterio.open(path) as source:
        assert source.descriptions == ("mean_rain", "mean_evaporation")
        assert source.units == (None, "mm"), "rain has no unit"
    predictors = PredictorSet.open(tmp_path / "set")
    tile = Tile.full(predictors.grid.shape)
    land = PixelSelection(tile, predictors.land())
    read = read_climatologies(predictors, land, SILENT)
    computed = read_climatologies(replace(predictors, climatologies=False), land, SILENT)
    np.testing.assert_array_equal(read, computed)
    values = read_features(predictors, "fine", predictors.months)[:, :, predictors.land()]
    rain = values[:, predictors.features.index("rain")]
    np.testing.assert_allclose(read[0], rain.mean(axis=0, dtype=float), rtol=1e-6)


def test_a_set_without_monthly_predictors_has_no_climatologies(rebuild, tmp_path):
    rebuild([ELEVATION], period=(None, None))
    assert not (tmp_path / "set" / "climatologies.tif").exists()
    assert not PredictorSet.open(tmp_path / "set").climatologies


def test_damaged_climatologies_are_refused_and_built_again(rebuild, tmp_path):
    path = tmp_path / "set" / "climatologies.tif"
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(InputError, match="climatologies.tif of the predictor set set is not as it"):
        PredictorSet.open(tmp_path / "set")
    path.write_bytes(content[:-10] + bytes(10))
    rebuild()
    assert path.read_bytes() == content


def test_rasters_that_a_new_set_lacks_are_removed(rebuild, tmp_path):
    """Files of others are kept, and those that describe a removed raster go with it."""
    folder = tmp_path / "set"
    (folder / "fine" / "rain_2004.tif.aux.xml").write_text("statistics")
    (folder / "fine" / "rain_2004.qml").write_text("style")
    (folder / "fine" / "rain_notes.txt").write_text("mine")
    (folder / "fine" / "mine.tif").write_text("mine")
    rebuild([ELEVATION, EVAPORATION], period=(np.datetime64("2003-01"), np.datetime64("2004-12")))
    evaporation = both("evaporation_2003", "evaporation_2004")
    assert set(file_states(folder)) == {*both("elevation"), *evaporation, "fine/mine"}
    assert {path.name for path in (folder / "fine").iterdir()} == {
        "elevation.tif", "evaporation_2003.tif", "evaporation_2004.tif", "land.tif", "mine.tif",
        "rain_notes.txt",
    }  # fmt: skip


def test_deleted_or_foreign_rasters_are_written_again(rebuild, tmp_path):
    (tmp_path / "set" / "coarse" / "rain_2003.tif").unlink()
    with rasterio.open(tmp_path / "set" / "fine" / "elevation.tif", "r+") as target:
        target.update_tags(GWSA_VERSION="0.0.9")
    (tmp_path / "set" / "fine" / "evaporation_2005.tif").write_text("no raster")
    _, written = rebuild()
    assert written == both("rain_2003", "elevation", "evaporation_2005")


def test_log_counts_missing_lags_and_warns_of_leaks(build, tmp_path):
    rain(tmp_path / "in", 2004)
    write(tmp_path / "in" / "latitude.tif", [plane_on(FINE)])
    entries = [
        {**RAIN, "group": "hydrology", "source": "GLDAS Noah v2.1 (Rodell et al. 2004)"},
        {"name": "latitude", "files": "latitude.tif"},
    ]
    log = Log()
    build(entries, progress=log)
    assert any("The first 2 of 12 months have no value of rain_lag2" in line for line in log.lines)
    assert any(line.startswith("rain is from GLDAS") for line in log.warnings)
    assert any(line.startswith("latitude identifies the place") for line in log.warnings)


@pytest.mark.parametrize(
    "role, warned",
    [(EVAPOTRANSPIRATION, True), (RUNOFF, True), (PRECIPITATION, False), ("", False)],
)
def test_fluxes_of_gldas_cause_a_warning_in_any_group(build, tmp_path, role, warned):
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])
    rain(tmp_path / "in", 2004)
    log = Log()
    build([ELEVATION, {**RAIN, "role": role, "group": "climate", "source": "GLDAS"}], progress=log)
    explained = [
        "is the change of its storage; use another source" in line for line in log.warnings
    ]
    assert explained == [True] * warned


def test_cancelled_build_leaves_no_files(build, tmp_path):
    rain(tmp_path / "in", 2004)
    write(tmp_path / "in" / "elevation.tif", [plane_on(FINE)])

    class Impatient(Log):
        def is_cancelled(self):
            return len(list(tmp_path.glob(".set*"))) > 0

    with pytest.raises(Cancelled):
        build([ELEVATION, RAIN], progress=Impatient())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gwsa.tif", "in"]


def test_the_shipped_catalogue():
    path = Path(__file__).parents[3] / "resources" / "catalogue" / "catalogue.json"
    predictors = read_catalogue(path).predictors
    rasters = read_catalogue(path).with_files
    assert Counter(item.group for item in rasters) == {
        "topography": 3, "soil": 4, "climate": 5, "hydrology": 4, "vegetation": 3,
    }  # fmt: skip
    assert Counter(item.kind for item in rasters) == {"static": 8, "monthly": 11}
    assert all(item.unit and item.source and "gldas" not in item.source.lower() for item in rasters)
    assert [item.name for item in predictors if item not in rasters] == ["water_surplus"]
    stated = [
        entry["role"] for entry in json.loads(path.read_text())["predictors"] if "role" in entry
    ]
    assert stated == [item.role for item in predictors if item.role] == list(ROLES)
    with pytest.raises(InputError) as caught:
        locate(read_catalogue(path), MONTHS[[0, -1]])
    assert all(item.name in str(caught.value) for item in rasters), (
        "a new user sees every required file"
    )


@pytest.mark.slow
def test_sample_and_shipped_catalogue_have_the_same_predictors(sample_world):
    """Names, kinds, roles, units, means and differences agree; lags may differ."""
    shipped = Path(__file__).parents[3] / "resources" / "catalogue" / "catalogue.json"
    both = [
        read_catalogue(path).predictors
        for path in (shipped, sample_world / "predictors" / "catalogue.json")
    ]
    kept = [
        {
            item.name: (item.kind, item.role, item.unit, item.means, item.difference)
            for item in items
        }
        for items in both
    ]
    assert kept[0] == kept[1]


def test_real_rasters_of_croatia(build, real_data, tmp_path):
    """MODIS temperatures with undeclared nodata (0) and a DEM on a shifted grid, both in UTM 33."""
    source = real_data / "predictors" / "croatia_1km"
    days = sorted(source.glob("LST2006_*.tif"))
    assert len(days) == 13
    for day in days:  # the second of the two days in January replaces the first
        shutil.copy(day, tmp_path / "in" / f"lst_2006{day.name[8:10]}.tif")
    shutil.copy(source / "HRdem_1km.tif", tmp_path / "in" / "elevation.tif")
    lst = {
        "name": "lst",
        "files": "lst_{YYYY}{MM}.tif",
        "scale": 0.02,
        "offset": -273.15,
        "nodata": 0,
    }
    predictors = build([ELEVATION, lst], factor=30)
    assert predictors.months.tolist() == month_range("2006-01", "2006-12").tolist()
    fine, coarse = (
        read_features(predictors, scale, predictors.months) for scale in ("fine", "coarse")
    )
    assert np.nanmin(fine[:, 1]) > -35 and np.nanmax(fine[:, 1]) < 60, "0 means no value, not 0 K"
    assert np.nanmean(coarse[6, 1]) - np.nanmean(coarse[1, 1]) > 12
    for name, values in (
        ("elevation.tif", fine[0, 0]),
        ("lst_200607.tif", (fine[6, 1] + 273.15) / 0.02),
    ):
        here, half_a_cell_off = (
            misfit(tmp_path / "in" / name, values, predictors.grid, shift) for shift in (0, 0.5)
        )
        assert here < 0.1 * half_a_cell_off


def misfit(path, values, grid, shift):
    """RMS difference to the source, interpolated at pixel centres moved by ``shift`` pixels."""
    with rasterio.open(path) as source:
        stored, affine = source.read(1).astype(float), source.transform
    stored[stored == 0] = np.nan
    longitude, latitude = np.meshgrid(grid.longitudes, grid.latitudes)
    x, y = map(np.array, transform("EPSG:4326", UTM, longitude.ravel(), latitude.ravel()))
    columns, rows = ~affine * (x, y)
    expected = map_coordinates(
        stored, [rows - 0.5 + shift, columns - 0.5 + shift], order=1, cval=np.nan
    )
    return np.sqrt(np.nanmean((values.ravel() - expected) ** 2))


@pytest.mark.slow
def test_the_sample_world(sample_world, tmp_path):
    """19 predictors, one in a metric projection and one of 0.05°, on the coarse grid of GWSA."""
    catalogue = sample_world / "predictors" / "catalogue.json"
    stack = sample_world / "truth" / "GWSA.tif"
    period = np.array(["2010-01", "2010-12"], dtype="datetime64[M]")
    predictors = build_predictors(Inputs(catalogue, stack), tmp_path / "set", period)
    assert (predictors.months[[0, -1]] == period).all() and predictors.before.size == 23
    months = predictors.months[[0, 11]]
    fine, coarse = (read_features(predictors, scale, months) for scale in ("fine", "coarse"))
    with rasterio.open(catalogue.parent / "land.tif") as source:
        assert (predictors.land() == (source.read(1) == 1)).all()
    places = {
        name: predictors.features.index(name)
        for name in ("elevation", "water_table_depth", "radiation")
    }
    missing = np.isnan(fine[0][:, predictors.land()]).mean(axis=1)
    assert missing[places["elevation"]] == 0 and missing[places["water_table_depth"]] < 0.01
    with rasterio.open(catalogue.parent / "radiation_2010.tif") as source:
        means = (
            source.read(12)[: 8 * 5, : 8 * 5].reshape(8, 5, 8, 5).mean(axis=(1, 3))
            * source.scales[11]
        )
        assert (
            Grid.from_transform(Affine(*source.transform[:6]), source.shape)
            .coarsen(5)
            .same_as(predictors.coarse_grid)
        )
    inland = predictors.land().reshape(8, 30, 8, 30).all(axis=(1, 3))
    np.testing.assert_allclose(coarse[1, places["radiation"]][inland], means[inland], rtol=0.02)


@pytest.mark.parametrize("place", ["fine/rain_2004.tif", "coarse/rain_2004.tif"])
@pytest.mark.parametrize("damage", ["cut off", "changed", "unrecorded"])
def test_a_damaged_raster_is_not_kept(rebuild, tmp_path, place, damage):
    path = tmp_path / "set" / place
    if damage == "cut off":
        os.truncate(path, path.stat().st_size - 100)
    elif damage == "changed":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    else:
        contents = json.loads((tmp_path / "set" / "predictors.json").read_text())
        del contents["rasters"][place]
        (tmp_path / "set" / "predictors.json").write_text(json.dumps(contents))
    lines, written = rebuild()
    assert written == {"fine/rain_2004", "coarse/rain_2004"}
    assert "6 of 7 rasters are unchanged and kept." in lines


def test_a_set_with_a_raster_that_is_not_its_own_is_refused(rebuild, tmp_path):
    path = tmp_path / "set" / "fine" / "rain_2004.tif"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(InputError, match=r"fine/rain_2004\.tif of .* set is not as it was built"):
        PredictorSet.open(tmp_path / "set")
    path.unlink()
    with pytest.raises(InputError, match=r"rain_2004\.tif of .* is missing; build the set again"):
        PredictorSet.open(tmp_path / "set")


def test_a_raster_whose_content_has_changed_is_found(rebuild, tmp_path):
    PredictorSet.open(tmp_path / "set").require_undamaged(SILENT)
    path = tmp_path / "set" / "coarse" / "rain_2004.tif"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    damaged = PredictorSet.open(tmp_path / "set")
    with pytest.raises(InputError, match=r"^coarse/rain_2004\.tif of .* is not as it was built"):
        damaged.require_undamaged(SILENT)
