"""Tests of the validation against wells that are generated from a known field."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.benchmarks.rasters import describe_band, geotiff_profile
from gwsa.gwsa_plugin.core.base.columns import parse_numbers
from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.wells import validate as stage
from gwsa.gwsa_plugin.core.wells.comparison import USED
from gwsa.gwsa_plugin.core.wells.detail import CONFIRMED, score_detail
from gwsa.gwsa_plugin.core.wells.quality_control import NEGATIVE, PLACEHOLDER, Rules
from gwsa.gwsa_plugin.core.wells.report import write_well_report
from gwsa.gwsa_plugin.core.wells.sampling import at_pixels, bilinear
from gwsa.gwsa_plugin.core.wells.scores import (
    rmse_gain,
    score,
    scores_by_scale,
    uncertain_yield,
    write_scores,
)
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells

COARSE = Grid(76.0, 30.0, 0.25, 0.25, 4, 5)
FACTOR = 6
MONTHS = month_range("2004-01", "2013-12")
YIELD = 0.1


def trend_at(grid: Grid) -> np.ndarray:
    """Trend in cm/yr; half of its variance is within coarse cells."""
    x, y = np.meshgrid(grid.longitudes, grid.latitudes)
    return 2 * np.sin(3 * x) * np.cos(2 * y) + 2 * np.sin(25 * x + 17 * y)


def field(grid: Grid) -> np.ndarray:
    """Trend and a season of 5 cm: float32, shape (months, rows, columns)."""
    years = (decimal_years(MONTHS) - 2009)[:, None, None]
    return (trend_at(grid) * years + 5 * np.sin(2 * np.pi * years)).astype(np.float32)


def write_product(folder, grid, values, months=MONTHS):
    folder.mkdir(exist_ok=True)
    for year in np.unique(months.astype("datetime64[Y]")):
        chosen = np.flatnonzero(months.astype("datetime64[Y]") == year)
        with rasterio.open(
            folder / f"GWSA_{year}.tif", "w", **geotiff_profile(grid, chosen.size)
        ) as target:
            for band, i in enumerate(chosen, start=1):
                target.write(values[i], band)
                describe_band(target, band, months[i], "observed")


class CancelledAfter(Progress):
    """Is cancelled after a number of queries."""

    def __init__(self, queries):
        self._left = queries

    def is_cancelled(self):
        self._left -= 1
        return self._left < 0


class Log(Progress):
    """Keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture(scope="module")
def rasters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rasters")
    fine = COARSE.refine(FACTOR)
    values = field(fine)
    blocks = values.reshape(MONTHS.size, COARSE.rows, FACTOR, COARSE.columns, FACTOR).mean(
        axis=(2, 4)
    )
    # The north-western cell is sea.
    values[:, :FACTOR, :FACTOR] = np.nan
    blocks[:, 0, 0] = np.nan
    write_product(folder / "gwsa_1km", fine, values)
    write_stack(folder / "coarse.tif", MonthlyStack.on_calendar(COARSE, MONTHS, blocks, "GWSA"))
    return YearlyMaps.in_folder(folder / "gwsa_1km"), YearlyMaps.from_files([folder / "coarse.tif"])


def random_wells(n=40, seed=0) -> Wells:
    generator = np.random.default_rng(seed)
    west, south, east, north = COARSE.bounds
    longitude = generator.uniform(west + 0.3, east, n)
    return Wells.from_columns(
        [f"W{i}" for i in range(n)], longitude, generator.uniform(south, north, n), YIELD
    )


def readings_from_field(wells: Wells, product: YearlyMaps, noise=0.0, every=1) -> Readings:
    """Depths that correspond to the field at each well."""
    storage = at_pixels(product, wells.longitude, wells.latitude, MONTHS)
    storage = storage + noise * np.random.default_rng(1).standard_normal(storage.shape)
    depth = 20 - storage / 100 / YIELD
    months, well = np.meshgrid(np.arange(0, MONTHS.size, every), np.arange(len(wells)))
    days = MONTHS.astype("datetime64[D]") + 11
    return Readings.from_columns(
        wells,
        wells.ids[well.ravel()],
        days[months.ravel()],
        depth[months.ravel(), well.ravel()].astype(float),
    )


@pytest.fixture(scope="module")
def comparison(rasters):
    wells = random_wells()
    wells = replace(wells, region=np.array(["north", "south", "east", ""] * 10, dtype=object))
    return stage.validate_wells(wells, readings_from_field(wells, rasters[0], noise=2.0), *rasters)


class TestKnownTruth:
    @pytest.mark.parametrize("every", [1, 3])
    def test_wells_without_noise_have_the_trends_of_the_field(self, rasters, every):
        wells = random_wells()
        found = stage.validate_wells(
            wells, readings_from_field(wells, rasters[0], every=every), *rasters
        )
        fine = rasters[0].grid
        rows = ((fine.north - wells.latitude) / fine.dy).astype(int)
        columns = ((wells.longitude - fine.west) / fine.dx).astype(int)
        assert found.used.all()
        assert found.trend == pytest.approx(trend_at(fine)[rows, columns], abs=1e-3)
        assert found.field_trends["fine"] == pytest.approx(found.trend, abs=1e-3)
        assert found.agreement["fine"].kge == pytest.approx(1, abs=1e-3)

    def test_the_true_field_has_the_best_scores(self, comparison):
        scores = scores_by_scale(comparison)["well"]
        assert scores["fine"].r2 > 0.98 > scores["bilinear"].r2
        assert scores["fine"].r2 > scores["coarse"].r2
        assert scores["fine"].rmse < 0.2 < scores["coarse"].rmse
        for rival in ("bilinear", "coarse"):
            estimate, low, high = rmse_gain(comparison, rival)
            assert 0 < low < estimate < high
            assert estimate == pytest.approx(scores[rival].rmse - scores["fine"].rmse)

    def test_elevations_give_the_same_trends_as_depths(self, rasters):
        wells = random_wells(12)
        depths = readings_from_field(wells, rasters[0])
        as_depth = stage.validate_wells(wells, depths, *rasters)
        heights = replace(depths, level=-3 - depths.level)
        as_height = stage.validate_wells(wells, heights, *rasters, Rules(elevation=True))
        assert as_height.trend == pytest.approx(as_depth.trend)

    def test_large_trends_are_significant(self, rasters, comparison):
        large = np.abs(comparison.trend) > 1
        assert (comparison.q[large] < 0.05).all()
        assert (comparison.q >= comparison.p).all()

    def test_confined_wells_use_their_storativity(self, rasters):
        wells = random_wells(12)
        confined = replace(
            wells,
            confined=np.arange(12) < 6,
            storativity=np.where(np.arange(12) < 3, YIELD, np.nan),
        )
        found = stage.validate_wells(confined, readings_from_field(wells, rasters[0]), *rasters)
        assert found.exclusions() == {stage.CONFINED: 3}
        assert found.trend[:3] == pytest.approx(found.field_trends["fine"][:3], abs=1e-3)

    def test_well_and_fields_are_compared_in_the_same_months(self, rasters):
        wells = random_wells(10)
        readings = readings_from_field(wells, rasters[0])
        late = (readings.well > 0) | (readings.day >= np.datetime64("2006-01-01"))
        cut = Readings(readings.well[late], readings.day[late], readings.level[late])
        found = stage.validate_wells(wells, cut, *rasters, Rules(min_years=8))
        assert np.isfinite(found.storage[0]).sum() == 96
        assert np.isfinite(found.fields["coarse"][0]).sum() == 96
        assert np.nanmean(found.fields["bilinear"][0]) == pytest.approx(0, abs=1e-9)


class TestFields:
    def test_pixels_are_those_that_contain_the_points(self, rasters):
        fine = rasters[0].grid
        longitude, latitude = np.meshgrid(fine.longitudes, fine.latitudes)
        values = at_pixels(rasters[0], longitude.ravel(), latitude.ravel(), MONTHS[5:7])
        np.testing.assert_array_equal(values[1].reshape(fine.shape), rasters[0].read(MONTHS[6]))

    @given(st.floats(0.5, 4.49), st.floats(0.5, 3.49))
    @settings(max_examples=25, deadline=None)
    def test_bilinear_reproduces_a_plane(self, tmp_path_factory, x, y):
        plane = 3 * COARSE.longitudes[None, :] - 7 * COARSE.latitudes[:, None]
        path = tmp_path_factory.getbasetemp() / "plane.tif"
        if not path.exists():
            write_stack(path, MonthlyStack.on_calendar(COARSE, MONTHS[:1], plane[None], "GWSA"))
        longitude, latitude = COARSE.west + x * COARSE.dx, COARSE.north - y * COARSE.dy
        value = bilinear(YearlyMaps.from_files([path]), [longitude], [latitude], MONTHS[:1])
        assert value[0, 0] == pytest.approx(3 * longitude - 7 * latitude, abs=1e-4)

    def test_bilinear_distributes_the_weight_of_empty_cells(self, rasters):
        """The north-western cell is empty, so that its eastern neighbour has all the weight."""
        longitude, latitude = [COARSE.longitudes[0] + 0.1], [COARSE.latitudes[0]]
        value = bilinear(rasters[1], longitude, latitude, MONTHS[:1])
        assert value[0, 0] == pytest.approx(float(rasters[1].read(MONTHS[0])[0, 1]))

    def test_fields_of_others_are_checked_where_they_are_read(self, tmp_path):
        values = np.random.default_rng(0).normal(size=(2, *COARSE.shape))
        values[1, 0] = -9999
        write_stack(
            tmp_path / "x.tif", MonthlyStack.on_calendar(COARSE, MONTHS[:2], values, "GWSA")
        )
        field = YearlyMaps.from_files([tmp_path / "x.tif"])
        longitude, latitude = np.meshgrid(COARSE.longitudes, COARSE.latitudes)
        with pytest.raises(InputError, match=r"^x\.tif has the value -9999 \(5 .* band 2004-02"):
            at_pixels(field, longitude.ravel(), latitude.ravel(), MONTHS[:2])

    def test_fields_in_an_unknown_unit_are_refused(self, tmp_path):
        inches = MonthlyStack.on_calendar(COARSE, MONTHS[:1], np.ones((1, 4, 5)), "GWSA", "inches")
        write_stack(tmp_path / "x.tif", inches)
        field = YearlyMaps.from_files([tmp_path / "x.tif"])
        with pytest.raises(InputError, match=r"^x\.tif is in inches"):
            at_pixels(field, np.array([76.5]), np.array([29.5]), MONTHS[:1])

    def test_fields_that_are_south_up_are_read_at_their_places(self, tmp_path):
        values = np.arange(20.0).reshape(1, 4, 5)
        path = tmp_path / "x.tif"
        write_stack(path, MonthlyStack.on_calendar(COARSE, MONTHS[:1], values[:, ::-1], "GWSA"))
        with rasterio.open(path, "r+") as target:
            target.transform = rasterio.Affine(0.25, 0, 76.0, 0, 0.25, 29.0)
        longitude, latitude = np.meshgrid(COARSE.longitudes, COARSE.latitudes)
        field = YearlyMaps.from_files([path])
        found = at_pixels(field, longitude.ravel(), latitude.ravel(), MONTHS[:1])
        np.testing.assert_array_equal(found.reshape(values.shape), values)

    def test_global_fields_wrap(self, tmp_path):
        grid = Grid(-180, 90, 45, 45, 4, 8)
        values = np.tile(np.arange(8.0), (1, 4, 1))
        stack = MonthlyStack.on_calendar(grid, MONTHS[:1], values, "GWSA")
        write_stack(tmp_path / "world.tif", stack)
        world = YearlyMaps.from_files([tmp_path / "world.tif"])
        at_edge = bilinear(world, [180.0, -180.0], [0.0, 0.0], MONTHS[:1])
        assert at_edge[0] == pytest.approx([3.5, 3.5])
        assert np.isnan(at_pixels(world, [np.nan], [np.nan], MONTHS[:1])).all()

    def test_millimetres_are_converted_to_centimetres(self, tmp_path):
        values = np.full((1, *COARSE.shape), 50.0)
        stack = MonthlyStack.on_calendar(COARSE, MONTHS[:1], values, "GWSA", unit="mm")
        write_stack(tmp_path / "mm.tif", stack)
        values = at_pixels(YearlyMaps.from_files([tmp_path / "mm.tif"]), [76.6], [29.6], MONTHS[:1])
        assert values[0, 0] == pytest.approx(5)


class TestExclusions:
    def test_every_reason_is_counted(self, rasters):
        wells = random_wells(20)
        readings = readings_from_field(wells, rasters[0])
        longitude, latitude = wells.longitude.copy(), wells.latitude.copy()
        longitude[0], latitude[1] = 10.0, np.nan
        longitude[2], latitude[2] = COARSE.longitudes[0], COARSE.latitudes[0]
        longitude[4], latitude[4] = longitude[3], latitude[3]
        specific_yield = wells.specific_yield.copy()
        specific_yield[5:8] = np.nan, 0.0, 0.9
        level = readings.level.copy()
        level[readings.well == 4] = level[readings.well == 3]
        level[(readings.well == 8) & (readings.day > np.datetime64("2009-01-01"))] += 40
        short = (readings.well == 9) & (readings.day > np.datetime64("2010-01-01"))
        few = (readings.well == 10) & (np.arange(readings.well.size) % 10 != 0)
        keep = ~(short | few | (readings.well == 11))
        wells = replace(
            wells, longitude=longitude, latitude=latitude, specific_yield=specific_yield
        )
        readings = Readings(readings.well[keep], readings.day[keep], level[keep], unlisted=7)
        found = stage.validate_wells(wells, readings, *rasters)
        assert found.exclusions() == {
            stage.BAD_YIELD: 2,
            stage.OUTSIDE_FIELD: 1,
            stage.NO_LOCATION: 1,
            stage.NO_FIELD: 1,
            stage.DUPLICATE: 1,
            stage.NO_YIELD: 1,
            stage.SHIFTED: 1,
            stage.NO_READINGS: 1,
            "readings span less than 8 years": 1,
            "fewer than 24 months with a reading": 1,
        }
        assert found.used.sum() == 9
        assert np.isnan(found.trend[~found.used]).all()
        assert np.isnan(found.storage[~found.used]).all()
        assert found.dropped_readings[stage.UNLISTED] == 7

    def test_lost_readings_are_not_called_short(self, rasters):
        wells = random_wells(8)
        readings = readings_from_field(wells, rasters[0])
        level = readings.level.copy()
        day = readings.day.copy()
        level[readings.well == 0] *= -1
        level[readings.well == 1] = -999
        day[readings.well == 2] = np.datetime64("NaT")
        day[readings.well == 3] -= np.timedelta64(9000, "D")
        found = stage.validate_wells(
            wells, Readings(readings.well, day, level), *rasters
        ).status.tolist()
        assert found[:5] == [
            "most readings left out: negative depth",
            "most readings left out: placeholder such as -999",
            "most readings left out: without date or number",
            "no readings in the compared months",
            "used",
        ]

    def test_a_well_without_identifier_is_excluded(self, rasters):
        wells = random_wells(4)
        readings = readings_from_field(wells, rasters[0])
        wells = replace(wells, ids=np.array(["W0", "", "W2", ""], dtype=object))
        found = stage.validate_wells(wells, readings, *rasters)
        assert found.exclusions() == {stage.NO_ID: 2}

    def test_exchanged_coordinates_are_refused(self, rasters):
        wells = random_wells(10)
        readings = readings_from_field(wells, rasters[0])
        exchanged = replace(wells, longitude=wells.latitude, latitude=wells.longitude)
        with pytest.raises(InputError, match="exchanged in 10 of 10 wells: W0 at 29.*LONGITUDE_FI"):
            stage.validate_wells(exchanged, readings, *rasters)

    def test_a_few_exchanged_coordinates_are_warned_of(self, rasters):
        wells = random_wells(10)
        readings = readings_from_field(wells, rasters[0])
        longitude, latitude = wells.longitude.copy(), wells.latitude.copy()
        longitude[3], latitude[3] = latitude[3], longitude[3]
        log = Log()
        wells = replace(wells, longitude=longitude, latitude=latitude)
        found = stage.validate_wells(wells, readings, *rasters, progress=log)
        assert found.exclusions() == {stage.OUTSIDE_FIELD: 1}
        assert "exchanged in 1 of 10 wells: W3" in log.warnings[0]

    def test_wells_elsewhere_are_not_called_exchanged(self, rasters):
        wells = random_wells(30)
        readings = readings_from_field(wells, rasters[0])
        longitude, latitude = wells.longitude.copy(), wells.latitude.copy()
        longitude[:12], latitude[:12] = latitude[:12], longitude[:12].copy()
        longitude[12:20] = 10.0
        log = Log()
        wells = replace(wells, longitude=longitude, latitude=latitude)
        found = stage.validate_wells(wells, readings, *rasters, progress=log)
        assert found.exclusions() == {stage.OUTSIDE_FIELD: 20}
        assert not any("exchanged" in warning for warning in log.warnings)

    def test_a_well_listed_twice_counts_once(self, rasters):
        wells = random_wells(12)
        readings = readings_from_field(wells, rasters[0])
        doubled = wells.take(np.r_[np.arange(12), 5])
        found = stage.validate_wells(doubled, readings, *rasters)
        assert found.exclusions() == {stage.REPEATED: 1}

    def test_wells_outside_the_region_and_months_outside_the_period_are_excluded(self, rasters):
        wells = random_wells(30)
        west, south, east, north = COARSE.bounds
        rules = Rules(
            min_years=4,
            bounds=(west, south, (west + east) / 2, north),
            period=(np.datetime64("2006-03", "M"), None),
        )
        found = stage.validate_wells(wells, readings_from_field(wells, rasters[0]), *rasters, rules)
        assert found.months[0] == rules.period[0] and found.months[-1] == MONTHS[-1]
        assert np.array_equal(found.used, wells.longitude <= (west + east) / 2)
        assert found.exclusions() == {stage.OUTSIDE_REGION: int((~found.used).sum())}

    @pytest.mark.parametrize("west", [177.5, -182.5])
    def test_a_field_and_a_region_beyond_180(self, tmp_path, west):
        coarse = Grid(177.0, -15.0, 0.25, 0.25, 4, 20)
        values = np.broadcast_to(np.arange(MONTHS.size)[:, None, None], (MONTHS.size, 4, 20))
        values = (values * (1 + 0.1 * np.sin(np.arange(20)))).astype(np.float32)
        stack = MonthlyStack.on_calendar(coarse, MONTHS, values, "GWSA")
        write_stack(tmp_path / "coarse.tif", stack)
        maps = YearlyMaps.from_files([tmp_path / "coarse.tif"])
        wells = Wells.from_columns("abcd", [178.1, -179.1, 180.9, 175.0], -15.6, YIELD)
        readings = readings_from_field(wells, maps)
        rules = Rules(bounds=(west, -16.0, west + 4, -15.0))
        found = stage.validate_wells(wells, readings, maps, maps, rules)
        assert found.status.tolist() == [USED, USED, stage.DUPLICATE, stage.OUTSIDE_REGION]
        np.testing.assert_allclose(found.wells.longitude, [178.1, 180.9, 180.9, 175.0])
        np.testing.assert_allclose(found.trend[:2], found.field_trends["fine"][:2], atol=0.01)

    def test_one_identifier_at_two_locations_is_excluded(self, rasters):
        wells = random_wells(12)
        doubled = wells.take(np.r_[np.arange(12), 5])
        doubled.longitude[12] -= 0.2
        assert np.isnan(doubled.merge_records().longitude[5])
        found = stage.validate_wells(doubled, readings_from_field(wells, rasters[0]), *rasters)
        assert found.exclusions() == {stage.NO_LOCATION: 2}

    def test_identifiers_as_numbers_and_as_text_are_equal(self):
        wells = Wells.from_columns([14, 21.0], [76.5, 76.6], 29.5, YIELD)
        days = ["2004-01-02", "2004-01-01", "2004-01-01"]
        readings = Readings.from_columns(wells, ["21", " 14", "99"], days, ["3", "2", "1"])
        assert readings.well.tolist() == [0, 1]
        assert readings.level.tolist() == [2, 3]
        assert readings.unlisted == 1

    @pytest.mark.parametrize(
        ("longitude", "latitude", "inside"),
        [
            (76.40, 29.50, True),
            (76.39, 29.50, False),
            (76.90, 29.50, True),
            (76.91, 29.50, False),
            (76.60, 29.30, True),
            (76.60, 29.29, False),
            (76.60, 29.70, True),
            (76.60, 29.71, False),
        ],
    )
    def test_wells_on_and_just_outside_each_edge_of_the_region(
        self, rasters, longitude, latitude, inside
    ):
        wells = Wells.from_columns(["tested", "kept"], [longitude, 76.60], [latitude, 29.50], YIELD)
        rules = Rules(bounds=(76.4, 29.3, 76.9, 29.7))
        readings = readings_from_field(wells, rasters[0])
        found = stage.validate_wells(wells, readings, *rasters, rules)
        assert found.used.tolist() == [inside, True]
        assert found.exclusions() == ({} if inside else {stage.OUTSIDE_REGION: 1})

    def test_exactly_the_minimum_of_months_is_enough(self, rasters):
        wells = random_wells(2)
        readings = readings_from_field(wells, rasters[0])
        # Both wells span ten years: the first one has 30 months with a reading, the other 29.
        month = np.tile(np.arange(MONTHS.size), 2)
        keep = month % 4 == 3
        keep[np.flatnonzero(keep & (readings.well == 1))[10]] = False
        readings = Readings(readings.well[keep], readings.day[keep], readings.level[keep])
        found = stage.validate_wells(wells, readings, *rasters, Rules(min_months=30))
        assert np.bincount(readings.well).tolist() == [30, 29]
        assert found.status.tolist() == ["used", "fewer than 30 months with a reading"]

    def test_exactly_the_minimum_of_years_is_enough(self, rasters):
        wells = random_wells(2)
        readings = readings_from_field(wells, rasters[0])
        # The first well has readings of 2004-01..2011-12, the other one of a month fewer.
        month = np.tile(np.arange(MONTHS.size), 2)
        keep = month < np.where(readings.well == 0, 96, 95)
        readings = Readings(readings.well[keep], readings.day[keep], readings.level[keep])
        found = stage.validate_wells(wells, readings, *rasters, Rules(min_years=8))
        assert found.status.tolist() == ["used", "readings span less than 8 years"]

    def test_fields_of_exactly_the_minimum_of_years_are_enough(self, rasters):
        wells = random_wells(2)
        readings = readings_from_field(wells, rasters[0])
        found = stage.validate_wells(wells, readings, *rasters, Rules(min_years=10))
        assert found.used.all()


class TestMistakes:
    def test_wells_without_specific_yield(self, rasters):
        wells = replace(random_wells(7), specific_yield=np.full(7, np.nan))
        with pytest.raises(
            InputError, match=r"None of the 7 wells has a specific yield.*YIELD_FIELD"
        ):
            stage.validate_wells(wells, readings_from_field(random_wells(7), rasters[0]), *rasters)

    def test_specific_yield_in_percent(self, rasters):
        wells = replace(random_wells(7), specific_yield=np.full(7, 12.0))
        with pytest.raises(InputError, match="percent"):
            stage.validate_wells(wells, readings_from_field(random_wells(7), rasters[0]), *rasters)

    def test_rasters_of_other_years(self, rasters, tmp_path):
        months = month_range("1990-01", "1990-12")
        stack = MonthlyStack.on_calendar(COARSE, months, np.zeros((12, *COARSE.shape)), "GWSA")
        write_stack(tmp_path / "old.tif", stack)
        old, wells = YearlyMaps.from_files([tmp_path / "old.tif"]), random_wells(7)
        with pytest.raises(InputError, match="have no month in common"):
            stage.validate_wells(wells, readings_from_field(wells, rasters[0]), rasters[0], old)

    def test_fields_shorter_than_the_minimum_span(self, rasters):
        wells = random_wells(7)
        with pytest.raises(InputError, match="have 10.0 years of the period in common.*MIN_YEARS"):
            stage.validate_wells(
                wells, readings_from_field(wells, rasters[0]), *rasters, Rules(min_years=12)
            )

    def test_no_well_inside(self, rasters):
        wells = random_wells(7)
        away = replace(wells, longitude=wells.longitude + 40)
        with pytest.raises(InputError, match="None of the 7 wells can be used .*7 outside"):
            stage.validate_wells(away, readings_from_field(wells, rasters[0]), *rasters)

    def test_readings_of_other_wells(self):
        with pytest.raises(InputError, match="identifier"):
            Readings.from_columns(random_wells(3), ["x"], ["2004-01-01"], [1.0])

    def test_cancel(self, rasters):
        class Stop(Progress):
            def is_cancelled(self):
                return True

        wells = random_wells(7)
        with pytest.raises(Cancelled):
            stage.validate_wells(
                wells, readings_from_field(wells, rasters[0]), *rasters, progress=Stop()
            )


class TestScores:
    def test_score_of_known_numbers(self):
        well = np.array([0.0, 1.0, 2.0, 3.0, np.nan])
        found = score(well, 2 * well + 1)
        assert (found.n, found.r2, found.slope, found.bias) == pytest.approx((4, 1.0, 2.0, 2.5))
        assert found.rmse == pytest.approx(np.sqrt((1 + 4 + 9 + 16) / 4))

    def test_two_wells_are_not_scored(self):
        assert np.isnan(score(np.arange(2.0), np.arange(2.0)).r2)

    def test_wells_are_averaged_by_cell_and_aquifer(self, comparison):
        scores = scores_by_scale(comparison)
        assert scores["well"]["fine"].n == 40
        assert scores["coarse cell"]["fine"].n == np.unique(comparison.coarse_cell).size < 40
        assert scores["aquifer"]["fine"].n == 3
        in_north = comparison.wells.region == "north"
        assert in_north.sum() == 10

    def test_random_errors_of_the_yields_lower_r2(self, comparison):
        r2, rmse = uncertain_yield(comparison, draws=60)["fine"]
        assert r2[0] < r2[1] < r2[2] < scores_by_scale(comparison)["well"]["fine"].r2
        assert rmse[1] > scores_by_scale(comparison)["well"]["fine"].rmse

    def test_scores_as_json(self, comparison, tmp_path):
        write_scores(tmp_path / "scores.json", comparison, score_detail(comparison, 28.0))
        record = json.loads((tmp_path / "scores.json").read_text())
        assert record["n"] == 40
        assert set(record["bilinear"]) == set(record["coarse"])
        assert set(record["coarse"]) >= {"n", "r2", "rmse_cm_per_yr"}
        assert record["r2"] > record["coarse"]["r2"]
        assert record["detail"]["verdict"] == CONFIRMED
        assert 0 < record["detail"]["lower"] < record["detail"]["gain"]


class TestReport:
    @pytest.mark.slow
    def test_report_starts_with_the_verdict(self, comparison, tmp_path):
        write_well_report(tmp_path / "report.html", comparison, score_detail(comparison, 28.0))
        html = (tmp_path / "report.html").read_text(encoding="utf-8")
        lead = html.partition('class="lead">')[2].partition("</p>")[0]
        assert lead.startswith("1 km detail: confirmed. The map is closer to the wells")
        assert "At 40 wells" in lead and "closer to them than the bilinear field" in lead
        assert html.count("data:image/png") == 4 and "0.44" in html and ">nan<" not in html
        assert [path.name for path in tmp_path.iterdir()] == ["report.html"]

    @pytest.mark.slow
    def test_report_of_one_well(self, rasters, tmp_path):
        wells = random_wells(1)
        found = stage.validate_wells(
            wells, readings_from_field(wells, rasters[0], noise=1.0), *rasters
        )
        write_well_report(tmp_path / "report.html", found, score_detail(found, 28.0))
        html = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "At 1 well " in html and "only 1 usable wells" not in html
        assert "1 km detail: not testable with these inputs." in html

    @pytest.mark.parametrize("queries", [0, 2, 4])
    def test_a_report_can_be_cancelled_before_each_section(self, comparison, tmp_path, queries):
        detail = score_detail(comparison, 28.0)
        with pytest.raises(Cancelled):
            write_well_report(tmp_path / "r.html", comparison, detail, CancelledAfter(queries))
        assert not list(tmp_path.iterdir())

    def test_identifiers_with_dollar_signs_are_no_formulas(self, rasters, tmp_path):
        wells = replace(random_wells(1), ids=np.array(["$W_1_$"], dtype=object))
        found = stage.validate_wells(wells, readings_from_field(wells, rasters[0]), *rasters)
        write_well_report(tmp_path / "report.html", found, score_detail(found, 28.0))
        assert "data:image/png" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_wells_of_the_sample_world_agree_with_its_truth_within_their_noise(sample_world):
    """The noise is 0.08 m of level, about 1 cm of storage, and 10 % of the specific yield."""
    with open(sample_world / "wells.geojson", encoding="utf-8") as file:
        listed = [
            (f["properties"], f["geometry"]["coordinates"]) for f in json.load(file)["features"]
        ]
    wells = Wells.from_columns(
        [properties["well"] for properties, _ in listed],
        longitude=[location[0] for _, location in listed],
        latitude=[location[1] for _, location in listed],
        specific_yield=parse_numbers([properties["specific_yield"] for properties, _ in listed]),
        confined=[properties["confined"] == 1 for properties, _ in listed],
    )
    with open(sample_world / "observations.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    readings = Readings.from_columns(
        wells, *([row[name] for row in rows] for name in ("well", "date", "depth_to_water"))
    )
    truth = sample_world / "truth"
    product = YearlyMaps.in_folder(truth / "gwsa_1km")
    coarse = YearlyMaps.from_files([truth / "GWSA.tif"])
    rules = Rules(min_years=0.75, min_months=9)
    found = stage.validate_wells(wells, readings, product, coarse, rules)
    fine_rmse = np.median(found.agreement["fine"].rmse[found.used])
    coarse_rmse = np.median(found.agreement["coarse"].rmse[found.used])
    assert found.used.sum() > 15
    assert fine_rmse < min(1.5, 0.8 * coarse_rmse)
    assert {stage.CONFINED, stage.REPEATED} <= set(found.exclusions())
    assert found.dropped_readings[PLACEHOLDER] > 0 and found.dropped_readings[NEGATIVE] > 0


@pytest.mark.slow
def test_real_jamaican_wells(real_data, tmp_path):
    """Water-table elevations since 1974: most wells and readings pass the checks."""
    folder = real_data / "wells" / "aquiferx_jamaica"
    with open(folder / "wells.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wells = Wells.from_columns(
        [row["well_id"] for row in rows],
        longitude=parse_numbers([row["long"] for row in rows]),
        latitude=parse_numbers([row["lat"] for row in rows]),
        specific_yield=0.05,
    )
    with open(folder / "data_wte.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    readings = Readings.from_columns(
        wells, *([row[name] for row in rows] for name in ("well_id", "date", "value"))
    )
    grid = Grid(-78.5, 18.75, 0.25, 0.25, 5, 10)
    values = np.random.default_rng(0).standard_normal((MONTHS.size, *grid.shape)).astype(np.float32)
    write_stack(tmp_path / "coarse.tif", MonthlyStack.on_calendar(grid, MONTHS, values, "GWSA"))
    write_product(
        tmp_path / "fine", grid.refine(2), np.kron(values, np.ones((1, 2, 2), np.float32))
    )
    product = YearlyMaps.in_folder(tmp_path / "fine")
    coarse = YearlyMaps.from_files([tmp_path / "coarse.tif"])
    found = stage.validate_wells(wells, readings, product, coarse, Rules(elevation=True))
    assert found.used.sum() > 100
    assert sum(found.dropped_readings.values()) < 0.1 * len(rows)
    assert np.abs(found.trend[found.used]).max() < 100
