"""Series of products and wells at a place, against rasters and readings that the test made."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps, sigma_maps
from gwsa.gwsa_plugin.core.results.place_series import (
    CELL,
    INTERPOLATED,
    MEAN,
    PIXEL,
    WELL,
    Place,
    Product,
    WellReadings,
    place_name,
    series_at,
    series_over,
    well_series,
)
from gwsa.gwsa_plugin.core.results.place_table import CSV_HEADER, wide_table, write_csv
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer
from gwsa.gwsa_plugin.core.wells.quality_control import Rules

MONTHS = month_range("2010-01", "2012-12")
FINE = Grid.covering((77, 29, 77.5, 29.5), 1 / 60)
COARSE = Grid.covering((77, 29, 78, 30), 0.25)
RULES = Rules()


def field(grid):
    """A trend of -2 cm/yr east of an annual wave that grows to the north; shape (months, ...)."""
    years = decimal_years(MONTHS)[:, None, None]
    season = np.cos(2 * np.pi * years) * (grid.latitudes[:, None] - 28)
    return season - 2 * (grid.longitudes - 76) * (years - 2011.5)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Yearly maps with sigma in which the pixel at 77.2, 29.2 is exact to 1/128 cm."""
    folder = tmp_path_factory.mktemp("maps")
    stack = MonthlyStack.on_calendar(FINE, MONTHS, field(FINE), "GWSA")
    values = stack.values.copy()
    values[:, 0, 0] = np.nan
    source = (*stack.source[:5], FILLED, *stack.source[6:])
    stack = replace(stack, values=values, source=source)
    spread = replace(stack, values=np.abs(values) / 10, variable="SIGMA_GWSA")
    (folder / "sigma").mkdir()
    for year in (2010, 2011, 2012):
        months = np.datetime64(f"{year}-01"), np.datetime64(f"{year}-12")
        write_stack(folder / f"GWSA_{year}.tif", stack.select(*months))
        write_stack(folder / f"sigma/GWSA_SIGMA_{year}.tif", spread.select(*months))
    return folder


@pytest.fixture(scope="module")
def fine(maps):
    return Product("GWSA 1 km", "GWSA", YearlyMaps.in_folder(maps), sigma_maps(maps))


@pytest.fixture(scope="module")
def coarse(tmp_path_factory):
    path = tmp_path_factory.mktemp("coarse") / "gwsa.tif"
    values = field(COARSE)
    values[7] = np.nan
    write_stack(path, MonthlyStack.on_calendar(COARSE, MONTHS, values, "GWSA"))
    return Product("GWSA", "GWSA", YearlyMaps.from_files([path]))


def test_the_series_of_a_fine_map_is_that_of_its_pixel(fine):
    (one,) = series_at(fine, 77.21, 29.19)
    row, column = FINE.window((77.21, 29.19, 77.2101, 29.1901))
    expected = field(FINE)[:, row.start, column.start]
    assert one.kind == PIXEL and one.name == "GWSA 1 km"
    assert (one.months == MONTHS).all()
    np.testing.assert_allclose(one.values, expected, atol=1e-5)
    np.testing.assert_allclose(one.sigma, np.abs(expected) / 10, atol=1e-5)
    assert one.source[5] == FILLED and set(one.source) == {OBSERVED, FILLED}
    assert one.filled.nonzero()[0].tolist() == [5]


def test_longitudes_of_another_turn_are_the_same_place(fine):
    np.testing.assert_array_equal(
        series_at(fine, 77.21 - 360, 29.19)[0].values, series_at(fine, 77.21, 29.19)[0].values
    )


def test_a_coarse_stack_has_its_cell_and_its_interpolation(coarse):
    cell, between = series_at(coarse, 77.5, 29.5)
    assert (cell.kind, between.kind) == (CELL, INTERPOLATED)
    assert np.isnan(cell.values[7]) and cell.source[7] == MISSING
    # On the corner of four cells interpolation is their mean; the field is linear in space.
    exact = field(replace(COARSE, west=77.375, north=29.625, rows=1, columns=1))[:, 0, 0]
    known = np.arange(MONTHS.size) != 7
    np.testing.assert_allclose(between.values[known], exact[known], atol=1e-5)


def test_the_trend_is_found(fine):
    (one,) = series_at(fine, 77.21, 29.19)
    row, column = FINE.window((77.21, 29.19, 77.2101, 29.1901))
    slope = -2 * (FINE.longitudes[column.start] - 76)
    assert one.behaviour.trend.value == pytest.approx(slope, abs=0.01)
    assert one.behaviour.trend.low <= slope <= one.behaviour.trend.high


def square(west, south, side):
    ring = [[0, 0], [side, 0], [side, side], [0, side], [0, 0]]
    corners = [[west + x, south + y] for x, y in ring]
    return Aquifer("square", {"type": "Polygon", "coordinates": [corners]})


BOX = square(77.1, 29.1, 10 / 60)


def test_a_polygon_has_the_mean_of_its_pixels_and_a_smaller_sigma(fine):
    # Ten by ten pixels whose edges are those of the grid.
    (one,) = series_over(fine, BOX)
    rows, columns = FINE.window((77.1001, 29.1001, 77.1 + 9.9 / 60, 29.1 + 9.9 / 60))
    expected = field(FINE)[:, rows, columns].mean(axis=(1, 2))
    assert one.kind == MEAN and one.name == "GWSA 1 km"
    # Rows differ in area by less than a thousandth.
    np.testing.assert_allclose(one.values, expected, atol=2e-3)
    assert (one.sigma > 0).all() and (one.sigma <= np.abs(expected) / 10 + 0.02).all()
    assert one.source[5] == FILLED


def test_a_polygon_elsewhere_has_no_series(fine):
    assert series_over(fine, square(10, 10, 1)) == []


@pytest.mark.parametrize("place", [(77.001, 29.499), (10.0, 29.2), (77.2, 80.0)])
def test_a_place_without_values_has_no_series(fine, place):
    assert series_at(fine, *place) == []


def test_a_month_outside_is_unknown(fine):
    (one,) = series_at(fine, 77.21, 29.19)
    assert np.isnan(one.at(np.datetime64("2009-12"))).all()
    assert one.at(MONTHS[3])[0] == one.values[3]


class Stopped(Progress):
    """Cancelled from the beginning."""

    def is_cancelled(self):
        return True


@pytest.mark.parametrize("read", [series_at, lambda *given: series_over(given[0], BOX, given[-1])])
def test_reading_is_cancelled(fine, read):
    with pytest.raises(Cancelled):
        read(fine, 77.21, 29.19, Stopped())


def readings(depths, coefficient=0.1):
    days = MONTHS[: len(depths)].astype("datetime64[D]") + 14
    return WellReadings(days, np.asarray(depths, dtype=float), coefficient)


def test_a_falling_well_is_falling_storage_with_the_zero_of_the_map(fine):
    (one,) = series_at(fine, 77.21, 29.19)
    # 0.1 x 1 m a year is 10 cm a year.
    well = well_series("W1", readings(5 + np.arange(36) / 12), RULES, one)
    assert well.kind == WELL
    assert well.behaviour.trend.value == pytest.approx(-10, abs=1e-6)
    assert np.nanmean(well.values) == pytest.approx(one.values.mean())


def test_a_well_alone_has_mean_zero_and_gaps():
    depths = 5 + np.sin(np.arange(36))
    depths[10:14] = np.nan
    well = well_series("W1", readings(depths), RULES)
    assert np.nanmean(well.values) == pytest.approx(0)
    assert np.isnan(well.values[10:14]).all() and well.source[11] == MISSING


def test_a_well_that_cannot_be_converted_is_one_sentence():
    with pytest.raises(InputError, match="W1 has no specific yield"):
        well_series("W1", readings([5, 6], np.nan), RULES)
    with pytest.raises(InputError, match=r"W1 has no usable reading \(2 placeholder"):
        well_series("W1", readings([-999, -999]), RULES)


@pytest.fixture
def place(fine, coarse):
    where = (77.21, 29.19)
    place = Place(place_name(*where), *where)
    for key, product in (("fine", fine), ("coarse", coarse)):
        place = place.with_series(key, series_at(product, *where))
    return place


def test_the_csv_has_every_value(place, tmp_path):
    write_csv(tmp_path / "series.csv", [place], ["coarse", "fine"])
    with (tmp_path / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == CSV_HEADER
    assert [row["series"] for row in rows] == ["GWSA"] * 35 + ["GWSA, bilinear"] * 35 + [
        "GWSA 1 km"
    ] * 36
    (one,) = place.series["fine"]
    last = rows[71:] and rows[-36:]
    np.testing.assert_allclose([float(row["value_cm"]) for row in last], one.values, atol=6e-5)
    np.testing.assert_allclose([float(row["sigma_cm"]) for row in last], one.sigma, atol=6e-5)
    assert last[5]["source"] == FILLED and last[5]["month"] == "2010-06"
    assert rows[0]["sigma_cm"] == "" and rows[0]["place"] == "29.1900° N, 77.2100° E"


def test_the_copied_table_has_a_column_for_each_series(place):
    lines = wide_table([place], ["fine", "coarse"]).splitlines()
    assert lines[0].split("\t")[1] == "29.1900° N, 77.2100° E: GWSA 1 km (cm)"
    assert len(lines) == 37
    row = lines[8].split("\t")
    assert row[0] == "2010-08" and row[2] == ""
    assert float(row[1]) == pytest.approx(place.series["fine"][0].values[7], abs=6e-5)
    assert wide_table([], ["fine"]) == ""


def test_places_south_and_west_are_named():
    assert place_name(-77.25, -12.5) == "12.5000° S, 77.2500° W"
    assert place_name(282.75, 0.0) == "0.0000° N, 77.2500° W"
