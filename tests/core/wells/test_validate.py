"""Validation against wells whose storage is known, because they are drawn from a known field."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.geotiff import creation, describe_band
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.wells import validate as stage
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
from gwsa.gwsa_plugin.core.wells.tables import Readings, Wells, parse_numbers

COARSE = Grid(76.0, 30.0, 0.25, 0.25, 4, 5)
FACTOR = 6
MONTHS = month_range("2004-01", "2013-12")
YIELD = 0.1


def trend_at(grid: Grid) -> np.ndarray:
    """cm/yr, of which half the variance lies inside coarse cells."""
    x, y = np.meshgrid(grid.longitudes, grid.latitudes)
    return 2 * np.sin(3 * x) * np.cos(2 * y) + 2 * np.sin(25 * x + 17 * y)


def field(grid: Grid) -> np.ndarray:
    """Trend and a season with 5 cm; float32, shape (months, rows, columns)."""
    years = (decimal_years(MONTHS) - 2009)[:, None, None]
    return (trend_at(grid) * years + 5 * np.sin(2 * np.pi * years)).astype(np.float32)


def write_product(folder, grid, values, months=MONTHS):
    folder.mkdir(exist_ok=True)
    for year in np.unique(months.astype("datetime64[Y]")):
        chosen = np.flatnonzero(months.astype("datetime64[Y]") == year)
        with rasterio.open(
            folder / f"GWSA_{year}.tif", "w", **creation(grid, chosen.size)
        ) as target:
            for band, i in enumerate(chosen, start=1):
                target.write(values[i], band)
                describe_band(target, band, months[i], "observed")


@pytest.fixture(scope="module")
def rasters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rasters")
    fine = COARSE.refine(FACTOR)
    values = field(fine)
    blocks = values.reshape(MONTHS.size, COARSE.rows, FACTOR, COARSE.columns, FACTOR).mean(
        axis=(2, 4)
    )
    values[:, :FACTOR, :FACTOR] = np.nan  # the north-western cell is sea
    blocks[:, 0, 0] = np.nan
    write_product(folder / "gwsa_1km", fine, values)
    write_stack(folder / "coarse.tif", MonthlyStack.on_calendar(COARSE, MONTHS, blocks, "GWSA"))
    return YearlyMaps.in_folder(folder / "gwsa_1km"), YearlyMaps.from_files([folder / "coarse.tif"])


def drawn_wells(n=40, seed=0) -> Wells:
    generator = np.random.default_rng(seed)
    west, south, east, north = COARSE.bounds
    longitude = generator.uniform(west + 0.3, east, n)
    return Wells.of(
        [f"W{i}" for i in range(n)], longitude, generator.uniform(south, north, n), YIELD
    )


def readings_of(wells: Wells, product: YearlyMaps, noise=0.0, every=1) -> Readings:
    """Depths, as the field at each well makes them."""
    storage = at_pixels(product, wells.longitude, wells.latitude, MONTHS)
    storage = storage + noise * np.random.default_rng(1).standard_normal(storage.shape)
    depth = 20 - storage / 100 / YIELD
    months, place = np.meshgrid(np.arange(0, MONTHS.size, every), np.arange(len(wells)))
    days = MONTHS.astype("datetime64[D]") + 11
    return Readings.of(
        wells,
        wells.ids[place.ravel()],
        days[months.ravel()],
        depth[months.ravel(), place.ravel()].astype(float),
    )


@pytest.fixture(scope="module")
def validation(rasters):
    wells = drawn_wells()
    wells = replace(wells, region=np.array(["north", "south", "east", ""] * 10, dtype=object))
    return stage.validate_wells(wells, readings_of(wells, rasters[0], noise=2.0), *rasters)


class TestKnownTruth:
    @pytest.mark.parametrize("every", [1, 3])
    def test_noise_free_wells_have_the_trends_that_were_put_in(self, rasters, every):
        wells = drawn_wells()
        found = stage.validate_wells(wells, readings_of(wells, rasters[0], every=every), *rasters)
        fine = rasters[0].grid
        rows = ((fine.north - wells.latitude) / fine.dy).astype(int)
        columns = ((wells.longitude - fine.west) / fine.dx).astype(int)
        assert found.used.all()
        assert found.trend == pytest.approx(trend_at(fine)[rows, columns], abs=1e-3)
        assert found.field_trends["fine"] == pytest.approx(found.trend, abs=1e-3)
        assert found.agreement["fine"].kge == pytest.approx(1, abs=1e-3)

    def test_the_field_with_the_detail_wins(self, validation):
        scores = scores_by_scale(validation)["well"]
        assert (
            scores["fine"].r2 > 0.98 > scores["bilinear"].r2
            and scores["fine"].r2 > scores["coarse"].r2
        )
        assert scores["fine"].rmse < 0.2 < scores["coarse"].rmse
        for rival in ("bilinear", "coarse"):
            estimate, low, high = rmse_gain(validation, rival)
            assert 0 < low < estimate < high
            assert estimate == pytest.approx(scores[rival].rmse - scores["fine"].rmse)

    def test_elevations_are_depths_upside_down(self, rasters):
        wells = drawn_wells(12)
        depths = readings_of(wells, rasters[0])
        as_depth = stage.validate_wells(wells, depths, *rasters)
        heights = replace(depths, level=-3 - depths.level)
        as_height = stage.validate_wells(wells, heights, *rasters, Rules(elevation=True))
        assert as_height.trend == pytest.approx(as_depth.trend)

    def test_trends_are_called_significant_only_where_there_are_any(self, rasters, validation):
        steep = np.abs(validation.trend) > 1
        assert (validation.q[steep] < 0.05).all()
        assert (validation.q >= validation.p).all()

    def test_confined_wells_use_their_storativity(self, rasters):
        wells = drawn_wells(12)
        confined = replace(
            wells,
            confined=np.arange(12) < 6,
            storativity=np.where(np.arange(12) < 3, YIELD, np.nan),
        )
        found = stage.validate_wells(confined, readings_of(wells, rasters[0]), *rasters)
        assert found.exclusions() == {stage.CONFINED: 3}
        assert found.trend[:3] == pytest.approx(found.field_trends["fine"][:3], abs=1e-3)

    def test_a_well_is_compared_in_its_own_months(self, rasters):
        wells = drawn_wells(10)
        readings = readings_of(wells, rasters[0])
        late = (readings.well > 0) | (readings.day >= np.datetime64("2006-01-01"))
        cut = Readings(readings.well[late], readings.day[late], readings.level[late])
        found = stage.validate_wells(wells, cut, *rasters, Rules(min_years=8))
        assert (
            np.isfinite(found.fields["coarse"][0]).sum()
            == np.isfinite(found.storage[0]).sum()
            == 96
        )
        assert np.nanmean(found.fields["bilinear"][0]) == pytest.approx(0, abs=1e-9)


class TestFields:
    def test_pixels_are_those_that_hold_the_points(self, rasters):
        fine = rasters[0].grid
        longitude, latitude = np.meshgrid(fine.longitudes, fine.latitudes)
        values = at_pixels(rasters[0], longitude.ravel(), latitude.ravel(), MONTHS[5:7])
        assert np.array_equal(
            values[1].reshape(fine.shape), rasters[0].read(MONTHS[6]), equal_nan=True
        )

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

    def test_bilinear_shares_the_weight_of_empty_cells(self, rasters):
        """Between the empty north-western cell and its eastern neighbour, the neighbour counts alone."""
        longitude, latitude = [COARSE.longitudes[0] + 0.1], [COARSE.latitudes[0]]
        value = bilinear(rasters[1], longitude, latitude, MONTHS[:1])
        assert value[0, 0] == pytest.approx(float(rasters[1].read(MONTHS[0])[0, 1]))

    def test_global_fields_wrap(self, tmp_path):
        grid = Grid(-180, 90, 45, 45, 4, 8)
        values = np.tile(np.arange(8.0), (1, 4, 1))
        write_stack(
            tmp_path / "world.tif", MonthlyStack.on_calendar(grid, MONTHS[:1], values, "GWSA")
        )
        world = YearlyMaps.from_files([tmp_path / "world.tif"])
        assert bilinear(world, [180.0, -180.0], [0.0, 0.0], MONTHS[:1])[0] == pytest.approx(
            [3.5, 3.5]
        )
        assert at_pixels(world, [np.nan], [np.nan], MONTHS[:1])[0] == pytest.approx(
            [np.nan], nan_ok=True
        )

    def test_millimetres_become_centimetres(self, tmp_path):
        stack = MonthlyStack.on_calendar(
            COARSE, MONTHS[:1], np.full((1, *COARSE.shape), 50.0), "GWSA", unit="mm"
        )
        write_stack(tmp_path / "mm.tif", stack)
        values = at_pixels(YearlyMaps.from_files([tmp_path / "mm.tif"]), [76.6], [29.6], MONTHS[:1])
        assert values[0, 0] == pytest.approx(5)


class TestExclusions:
    def test_every_reason_is_counted(self, rasters):
        wells = drawn_wells(20)
        readings = readings_of(wells, rasters[0])
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
            stage.BAD_YIELD: 2, stage.OUTSIDE: 1, stage.NO_PLACE: 1, stage.NO_FIELD: 1, stage.TWICE: 1,
            stage.NO_YIELD: 1, stage.SHIFTED: 1, stage.NO_READINGS: 1,
            "readings span less than 8 years": 1, "fewer than 24 months with a reading": 1,
        }  # fmt: skip
        assert found.used.sum() == 9
        assert (
            np.isnan(found.trend[~found.used]).all() and np.isnan(found.storage[~found.used]).all()
        )
        assert "of a well that is not listed" in found.dropped

    def test_a_well_listed_twice_counts_once(self, rasters):
        wells = drawn_wells(12)
        readings = readings_of(wells, rasters[0])
        doubled = wells.take(np.r_[np.arange(12), 5])
        found = stage.validate_wells(doubled, readings, *rasters)
        assert found.exclusions() == {stage.REPEATED: 1}

    def test_region_and_period_limit_what_counts(self, rasters):
        wells = drawn_wells(30)
        west, south, east, north = COARSE.bounds
        rules = Rules(
            min_years=4,
            bounds=(west, south, (west + east) / 2, north),
            period=(np.datetime64("2006-03", "M"), None),
        )
        found = stage.validate_wells(wells, readings_of(wells, rasters[0]), *rasters, rules)
        assert found.months[0] == rules.period[0] and found.months[-1] == MONTHS[-1]
        assert np.array_equal(found.used, wells.longitude <= (west + east) / 2)
        assert found.exclusions() == {stage.AWAY: int((~found.used).sum())}

    def test_one_name_at_two_places_is_no_well(self, rasters):
        wells = drawn_wells(12)
        doubled = wells.take(np.r_[np.arange(12), 5])
        doubled.longitude[12] -= 0.2
        assert doubled.merged().longitude[5] != doubled.merged().longitude[5]
        found = stage.validate_wells(doubled, readings_of(wells, rasters[0]), *rasters)
        assert found.exclusions() == {stage.NO_PLACE: 2}

    def test_readings_find_wells_whose_numbers_are_text(self):
        wells = Wells.of([14, 21.0], [76.5, 76.6], 29.5, YIELD)
        readings = Readings.of(
            wells, ["21", " 14", "99"], ["2004-01-02", "2004-01-01", "2004-01-01"], ["3", "2", "1"]
        )
        assert (
            readings.well.tolist() == [0, 1]
            and readings.level.tolist() == [2, 3]
            and readings.unlisted == 1
        )


class TestMistakes:
    def test_wells_without_specific_yield(self, rasters):
        wells = replace(drawn_wells(7), specific_yield=np.full(7, np.nan))
        with pytest.raises(
            InputError, match=r"None of the 7 wells has a specific yield.*YIELD_FIELD"
        ):
            stage.validate_wells(wells, readings_of(drawn_wells(7), rasters[0]), *rasters)

    def test_specific_yield_in_percent(self, rasters):
        wells = replace(drawn_wells(7), specific_yield=np.full(7, 12.0))
        with pytest.raises(InputError, match="percent"):
            stage.validate_wells(wells, readings_of(drawn_wells(7), rasters[0]), *rasters)

    def test_rasters_of_other_years(self, rasters, tmp_path):
        months = month_range("1990-01", "1990-12")
        stack = MonthlyStack.on_calendar(COARSE, months, np.zeros((12, *COARSE.shape)), "GWSA")
        write_stack(tmp_path / "old.tif", stack)
        old, wells = YearlyMaps.from_files([tmp_path / "old.tif"]), drawn_wells(7)
        with pytest.raises(InputError, match="share no month"):
            stage.validate_wells(wells, readings_of(wells, rasters[0]), rasters[0], old)

    def test_a_field_shorter_than_the_span_asked_for(self, rasters):
        wells = drawn_wells(7)
        with pytest.raises(InputError, match="share 10.0 years of the period.*MIN_YEARS"):
            stage.validate_wells(
                wells, readings_of(wells, rasters[0]), *rasters, Rules(min_years=12)
            )

    def test_no_well_inside(self, rasters):
        wells = drawn_wells(7)
        away = replace(wells, longitude=wells.longitude + 40)
        with pytest.raises(InputError, match="None of the 7 wells can be used .*7 outside"):
            stage.validate_wells(away, readings_of(wells, rasters[0]), *rasters)

    def test_readings_of_other_wells(self):
        with pytest.raises(InputError, match="identifier"):
            Readings.of(drawn_wells(3), ["x"], ["2004-01-01"], [1.0])

    def test_cancel(self, rasters):
        class Stop(Progress):
            def is_cancelled(self):
                return True

        wells = drawn_wells(7)
        with pytest.raises(Cancelled):
            stage.validate_wells(wells, readings_of(wells, rasters[0]), *rasters, progress=Stop())


class TestScores:
    def test_score_of_known_numbers(self):
        well = np.array([0.0, 1.0, 2.0, 3.0, np.nan])
        found = score(well, 2 * well + 1)
        assert (found.n, found.r2, found.slope, found.bias) == pytest.approx((4, 1.0, 2.0, 2.5))
        assert found.rmse == pytest.approx(np.sqrt((1 + 4 + 9 + 16) / 4))

    def test_two_wells_have_no_score(self):
        assert np.isnan(score(np.arange(2.0), np.arange(2.0)).r2)

    def test_scales_average_the_wells_of_a_group(self, validation):
        scores = scores_by_scale(validation)
        assert scores["well"]["fine"].n == 40
        assert scores["coarse cell"]["fine"].n == np.unique(validation.cell).size < 40
        assert scores["aquifer"]["fine"].n == 3
        in_north = validation.wells.region == "north"
        assert in_north.sum() == 10

    def test_yields_that_err_well_by_well_lower_r2(self, validation):
        r2, rmse = uncertain_yield(validation, draws=60)["fine"]
        assert r2[0] < r2[1] < r2[2] < scores_by_scale(validation)["well"]["fine"].r2
        assert rmse[1] > scores_by_scale(validation)["well"]["fine"].rmse

    def test_scores_as_json(self, validation, tmp_path):
        write_scores(tmp_path / "scores.json", validation)
        record = json.loads((tmp_path / "scores.json").read_text())
        assert record["n"] == 40 and set(record["bilinear"]) == set(record["coarse"]) >= {
            "n",
            "r2",
            "rmse_cm_per_yr",
        }
        assert record["r2"] > record["coarse"]["r2"]


class TestReport:
    def test_says_the_verdict_first(self, validation, tmp_path):
        write_well_report(tmp_path / "report.html", validation)
        html = (tmp_path / "report.html").read_text(encoding="utf-8")
        lead = html.partition('class="lead">')[2].partition("</p>")[0]
        assert "At 40 wells" in lead and "closer to them than the bilinear field" in lead
        assert html.count("data:image/png") == 4 and "0.44" in html and ">nan<" not in html
        assert [path.name for path in tmp_path.iterdir()] == ["report.html"]

    def test_one_well_is_reported_too(self, rasters, tmp_path):
        wells = drawn_wells(1)
        found = stage.validate_wells(wells, readings_of(wells, rasters[0], noise=1.0), *rasters)
        write_well_report(tmp_path / "report.html", found)
        assert "At 1 well " in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_wells_of_the_sample_world_agree_with_its_truth_within_their_noise(sample_world):
    """A well errs by 0.08 m of level times its yield, about 1 cm, and by a tenth of its yield; its flaws are found."""
    with open(sample_world / "wells.geojson", encoding="utf-8") as file:
        listed = [
            (f["properties"], f["geometry"]["coordinates"]) for f in json.load(file)["features"]
        ]
    wells = Wells.of(
        [properties["well"] for properties, _ in listed], [place[0] for _, place in listed],
        [place[1] for _, place in listed], parse_numbers([properties["specific_yield"] for properties, _ in listed]),
        [properties["confined"] == 1 for properties, _ in listed],
    )  # fmt: skip
    with open(sample_world / "observations.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    readings = Readings.of(
        wells, *([row[name] for row in rows] for name in ("well", "date", "depth_to_water"))
    )
    truth = sample_world / "truth"
    found = stage.validate_wells(
        wells, readings, YearlyMaps.in_folder(truth / "gwsa_1km"), YearlyMaps.from_files([truth / "GWSA.tif"]),
        Rules(min_years=0.75, min_months=9),
    )  # fmt: skip
    fine, coarse = (found.agreement[name].rmse[found.used] for name in ("fine", "coarse"))
    assert found.used.sum() > 15
    assert np.median(fine) < 1.5 and np.median(fine) < 0.8 * np.median(coarse)
    assert {stage.CONFINED, stage.REPEATED} <= set(found.exclusions())
    assert found.dropped[PLACEHOLDER] > 0 and found.dropped[NEGATIVE] > 0


def test_real_jamaican_wells(real_data, tmp_path):
    """Water-table elevations since 1974: most wells pass the checks, and none of their levels is a placeholder."""
    folder = real_data / "wells" / "aquiferx_jamaica"
    with open(folder / "wells.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wells = Wells.of(
        [row["well_id"] for row in rows], parse_numbers([row["long"] for row in rows]),
        parse_numbers([row["lat"] for row in rows]), 0.05,
    )  # fmt: skip
    with open(folder / "data_wte.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    readings = Readings.of(
        wells, *([row[name] for row in rows] for name in ("well_id", "date", "value"))
    )
    grid = Grid(-78.5, 18.75, 0.25, 0.25, 5, 10)
    values = np.random.default_rng(0).standard_normal((MONTHS.size, *grid.shape)).astype(np.float32)
    write_stack(tmp_path / "coarse.tif", MonthlyStack.on_calendar(grid, MONTHS, values, "GWSA"))
    write_product(
        tmp_path / "fine", grid.refine(2), np.kron(values, np.ones((1, 2, 2), np.float32))
    )
    found = stage.validate_wells(
        wells, readings, YearlyMaps.in_folder(tmp_path / "fine"), YearlyMaps.from_files([tmp_path / "coarse.tif"]),
        Rules(elevation=True),
    )  # fmt: skip
    assert found.used.sum() > 100
    assert sum(found.dropped.values()) < 0.1 * len(rows)
    assert np.abs(found.trend[found.used]).max() < 100
