import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import decimal_years, month_range
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.polygon_series import polygon_series
from gwsa.gwsa_plugin.core.results.storage_trends import storage_trends
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer

GRID = Grid(70.0, 34.0, 0.5, 0.5, 16, 16)
MONTHS = month_range("2004-01", "2013-12")
YEARS = decimal_years(MONTHS) - decimal_years(MONTHS).mean()
FOOTPRINT = {"GWSA_FOOTPRINT_KM": "250"}


def box(west, south, east, north, name="box"):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Aquifer(name, {"type": "Polygon", "coordinates": [ring]})


MIDDLE = box(73, 29, 75, 31, "middle")


def trends_of(folder, values, sigma_cm=None, polygons=(MIDDLE,), grid=GRID):
    months = MONTHS[: len(values)]
    write_stack(folder / "a.tif", MonthlyStack.on_calendar(grid, months, values, "GWSA"), FOOTPRINT)
    sigma = None
    if sigma_cm is not None:
        stack = MonthlyStack.on_calendar(grid, months, np.full(values.shape, sigma_cm), "GWSA")
        write_stack(folder / "s.tif", stack)
        sigma = YearlyMaps.from_files([folder / "s.tif"])
    return storage_trends(
        polygon_series(YearlyMaps.from_files([folder / "a.tif"]), list(polygons), sigma)
    )


def test_slope_amplitude_and_month_of_the_maximum_are_found(tmp_path):
    peak = decimal_years(np.datetime64("2004-09")) % 1
    wave = 4.0 * np.cos(2 * np.pi * (decimal_years(MONTHS) - peak))
    values = np.broadcast_to((-1.5 * YEARS + wave)[:, None, None], (MONTHS.size, *GRID.shape))
    found = trends_of(tmp_path, values)
    assert found.slope[0] == pytest.approx(-1.5, abs=1e-4)
    assert found.amplitude[0] == pytest.approx(4.0, rel=1e-4)
    assert found.peak_month[0] == pytest.approx(9.0, abs=0.02)
    assert found.p[0] < 1e-6
    assert np.isnan(found.error[0])


def test_noise_of_months_gives_the_error_of_a_regression_line(tmp_path):
    values = np.random.default_rng(5).normal(size=(MONTHS.size, 1, 1)) + np.zeros(GRID.shape)
    found = trends_of(tmp_path, values, sigma_cm=2.0)
    # A polygon of two degrees keeps most of the noise.
    upper = 2.0 / np.sqrt(YEARS @ YEARS)
    assert 0.7 * upper < found.noise[0] < upper
    assert found.detail[0] == pytest.approx(0.0, abs=1e-6)


def test_interval_holds_the_true_slope_in_nine_of_ten_noisy_series(tmp_path):
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(40):
        values = rng.normal(size=(MONTHS.size, 1, 1)) + np.zeros(GRID.shape)
        found = trends_of(tmp_path, values, sigma_cm=1.0)
        lower, upper = (limit[0] for limit in found.interval)
        held += lower <= 0.0 <= upper
    assert 30 <= held <= 40


def test_trends_that_leak_enter_the_error(tmp_path):
    field = np.zeros(GRID.shape)
    field[6:10, 6:10] = -5.0
    even = trends_of(tmp_path, YEARS[:, None, None] * np.full(GRID.shape, -5.0), 0.1)
    patch = trends_of(tmp_path, YEARS[:, None, None] * field, 0.1)
    assert even.leakage[0] == pytest.approx(0.0, abs=1e-4)
    assert 1.0 < patch.leakage[0] < 4.0


def test_region_of_one_footprint_has_no_interval(tmp_path):
    small = Grid(73.0, 31.5, 0.5, 0.5, 5, 5)
    values = np.random.default_rng(5).normal(size=(MONTHS.size, 5, 5))
    found = trends_of(tmp_path, values, 1.0, grid=small)
    assert np.isnan(found.error[0])
    assert np.isfinite(found.slope[0])


def test_polygon_at_the_edge_of_the_maps_has_no_interval(tmp_path):
    values = np.random.default_rng(5).normal(size=(MONTHS.size, *GRID.shape))
    found = trends_of(tmp_path, values, 1.0, (box(70, 33.5, 70.5, 34), MIDDLE))
    assert np.isnan(found.error).tolist() == [True, False]


def test_short_series_has_no_trend(tmp_path):
    found = trends_of(tmp_path, np.ones((12, *GRID.shape)))
    assert np.isnan(found.slope[0])
