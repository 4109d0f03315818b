"""Comparisons of products whose bias, r, RMSE and trend difference are known."""

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
from gwsa.gwsa_plugin.core.files.stack import FILLED, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results import comparison_grid, comparison_windows
from gwsa.gwsa_plugin.core.results.comparison import CompareOptions, Product, common_months, compare
from gwsa.gwsa_plugin.core.results.comparison_scores import (
    BIAS,
    CORRELATION,
    OFFSET,
    RESIDUAL_CORRELATION,
    RMSE,
    TREND,
    UNITS,
    Periods,
    anomalies,
    score_cells,
)
from gwsa.gwsa_plugin.core.results.comparison_windows import _percentiles
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer
from gwsa.tests.core.results.products import GRID, MONTHS, Lines, product, repeated, storage

YEARS = decimal_years(MONTHS) - 2008
BASELINE = np.datetime64("2010-01") > MONTHS
EVERY = np.ones(MONTHS.size, dtype=bool)


def one_cell(values) -> np.ndarray:
    """A series as the only cell, shape (months, 1)."""
    return np.asarray(values, dtype=np.float64)[:, None]


def compared(first, other, folder=None, options=CompareOptions(), polygons=(), scores=tuple(UNITS)):
    """Compare, and read the maps."""
    paths = {name: folder / f"{name.replace(' ', '_')}.tif" for name in scores} if folder else {}
    log = Lines()
    result = compare(first, other, options, paths, polygons, progress=log)
    maps = {}
    for name, path in paths.items():
        with rasterio.open(path) as source:
            maps[name] = source.read(1)
    return result, maps, log.text


class TestCells:
    def test_scores_of_a_trend_and_a_scaled_season(self):
        """A season of 1.5 times the amplitude and a trend of 0.4 cm/yr more."""
        season = np.sin(2 * np.pi * YEARS)
        periods = Periods(MONTHS, BASELINE, 24)
        first, other, offset = anomalies(
            one_cell(3 * season + 0.4 * YEARS + 7), one_cell(2 * season), periods
        )
        scores = score_cells(first, other, MONTHS)
        zero = 0.4 * YEARS[BASELINE].mean() + 7
        difference = season + 0.4 * YEARS + 7 - zero
        assert offset[0] == pytest.approx(zero, abs=1e-3)
        assert scores[BIAS][0] == pytest.approx(difference.mean(), abs=1e-3)
        assert scores[RMSE][0] == pytest.approx(np.sqrt((difference**2).mean()), abs=1e-3)
        r = np.corrcoef(3 * season + 0.4 * YEARS, 2 * season)[0, 1]
        assert scores[CORRELATION][0] == pytest.approx(r, abs=1e-9)
        assert scores[TREND][0] == pytest.approx(0.4, abs=1e-9)

    @given(
        bias=st.floats(-50, 50), scale=st.floats(0.1, 5), trend=st.floats(-3, 3),
        seed=st.integers(0, 99),
    )  # fmt: skip
    @settings(max_examples=25, deadline=None)
    def test_an_offset_has_no_effect_and_a_scale_none_on_r(self, bias, scale, trend, seed):
        noise = np.random.default_rng(seed).standard_normal((2, MONTHS.size))
        periods = Periods(MONTHS, EVERY, 24)
        first, other = one_cell(noise[0] + trend * YEARS), one_cell(noise[1])
        plain = score_cells(*anomalies(first, other, periods)[:2], MONTHS)
        moved = score_cells(*anomalies(first + bias, other, periods)[:2], MONTHS)
        for name in UNITS:
            assert moved[name][0] == pytest.approx(plain[name][0], abs=1e-5)
        scaled = score_cells(*anomalies(scale * first, other, periods)[:2], MONTHS)
        assert scaled[CORRELATION][0] == pytest.approx(plain[CORRELATION][0], abs=1e-9)
        back = score_cells(*anomalies(other, first, periods)[:2], MONTHS)
        assert back[TREND][0] == pytest.approx(-plain[TREND][0], abs=1e-9)
        assert back[CORRELATION][0] == pytest.approx(plain[CORRELATION][0], abs=1e-9)

    def test_bias_is_zero_if_the_baseline_is_all_months(self):
        noise = np.random.default_rng(0).standard_normal((2, MONTHS.size, 4))
        first, other, _ = anomalies(noise[0] + 5, noise[1], Periods(MONTHS, EVERY, 24))
        assert score_cells(first, other, MONTHS)[BIAS] == pytest.approx(0, abs=1e-12)

    def test_months_without_a_value_of_both_do_not_count(self):
        rng = np.random.default_rng(1)
        first, other = rng.standard_normal((2, MONTHS.size, 3))
        first[10:20, 0] = np.nan
        other[30:37, 0] = np.nan
        first[23:, 1] = np.nan
        known = np.isfinite(first[:, 0]) & np.isfinite(other[:, 0])
        pair = anomalies(first, other, Periods(MONTHS, EVERY, 24))[:2]
        scores = score_cells(*pair, MONTHS)
        r = np.corrcoef(first[known, 0], other[known, 0])[0, 1]
        assert scores[CORRELATION][0] == pytest.approx(r, abs=1e-12)
        assert all(np.isnan(values[1]) for values in scores.values()), "23 months are too few"
        assert all(np.isfinite(values[2]) for values in scores.values())

    def test_a_common_season_does_not_correlate_without_it(self):
        """Independent noise on one strong season, and noise in common on opposite seasons."""
        rng = np.random.default_rng(3)
        noise = rng.standard_normal((3, MONTHS.size, 20))
        season = 8 * np.sin(2 * np.pi * YEARS)[:, None] + YEARS[:, None]
        months = MONTHS, EVERY, 24
        first, other, _ = anomalies(season + noise[0], season + noise[1], Periods(*months))
        scores = score_cells(first, other, MONTHS, with_trend=False)
        assert (scores[CORRELATION] > 0.95).all()
        assert np.abs(scores[RESIDUAL_CORRELATION]).max() < 0.4
        first, other, _ = anomalies(season + noise[2], noise[2] - season, Periods(*months))
        scores = score_cells(first, other, MONTHS, with_trend=False)
        assert (scores[CORRELATION] < -0.8).all()
        assert scores[RESIDUAL_CORRELATION] == pytest.approx(1, abs=1e-9)

    def test_series_of_trend_and_season_alone_have_no_other_correlation(self):
        season = np.sin(2 * np.pi * YEARS)[:, None] + YEARS[:, None]
        pair = anomalies(3 * season, season, Periods(MONTHS, EVERY, 24))[:2]
        scores = score_cells(*pair, MONTHS, with_trend=False)
        assert scores[CORRELATION] == pytest.approx(1)
        assert np.isnan(scores[RESIDUAL_CORRELATION])

    def test_a_constant_series_has_no_correlation(self):
        constant = np.full((MONTHS.size, 1), 0.1, dtype=np.float32)
        other = one_cell(np.sin(2 * np.pi * YEARS))
        pair = anomalies(constant, other, Periods(MONTHS, EVERY, 24))[:2]
        scores = score_cells(*pair, MONTHS)
        assert np.isnan(scores[CORRELATION][0])
        assert scores[RMSE][0] == pytest.approx(np.sqrt(0.5), abs=1e-3)


class TestGrids:
    def test_maps_have_known_scores_on_nested_grids(self, tmp_path):
        values = storage(GRID)
        fine = product(tmp_path, "fine", repeated(values, 5) + 2, GRID.refine(5))
        other = product(tmp_path, "other", values - 0.3 * YEARS[:, None, None])
        result, maps, _ = compared(fine, other, tmp_path)
        assert result.grid.same_as(GRID)
        offset = YEARS.mean() - YEARS[BASELINE].mean()
        assert maps[BIAS] == pytest.approx(0.3 * offset, abs=1e-4)
        assert maps[TREND] == pytest.approx(0.3, abs=1e-4)
        spread = np.sqrt(((YEARS - YEARS[BASELINE].mean()) ** 2).mean())
        assert maps[RMSE] == pytest.approx(0.3 * spread, abs=1e-4)
        trend_and_season = values - values.mean(axis=0)
        less = trend_and_season - 0.3 * (YEARS - YEARS.mean())[:, None, None]
        product_sum = (trend_and_season * less).sum(axis=0)
        r = product_sum / np.sqrt((trend_and_season**2).sum(axis=0) * (less**2).sum(axis=0))
        assert maps[CORRELATION] == pytest.approx(r, abs=1e-6)
        assert result.regions[0].cells[OFFSET] == pytest.approx(
            2 + 0.3 * YEARS[BASELINE].mean(), abs=1e-3
        )

    def test_pixels_are_averaged_by_area(self, tmp_path):
        """Two rows of pixels under each cell, of which the southern one has the larger area."""
        fine = GRID.refine(2)
        values = storage(fine)
        weights = fine.row_areas()[:, None] * np.ones(fine.shape)
        shape = (6, 2, 8, 2)
        means = (values * weights).reshape(-1, *shape).sum(axis=(2, 4))
        means /= weights.reshape(shape).sum(axis=(1, 3))
        one = product(tmp_path, "fine", values, fine)
        _, maps, _ = compared(one, product(tmp_path, "means", means), tmp_path)
        assert maps[RMSE] == pytest.approx(0, abs=1e-5)

    @pytest.mark.parametrize("shift", [0.05, 0.1, 0.25])
    def test_offset_grids_are_averaged_by_overlap(self, tmp_path, shift):
        """A plane stays a plane under area-weighted means, so that offset grids agree inside."""

        def plane(grid):
            x, _ = np.meshgrid(grid.longitudes, grid.latitudes)
            return 3 * x * np.sin(2 * np.pi * YEARS)[:, None, None] + YEARS[:, None, None]

        moved = replace(GRID.refine(5), west=GRID.west + shift)
        first = product(tmp_path, "moved", plane(moved), moved)
        other = product(tmp_path, "other", plane(GRID))
        _, maps, log = compared(first, other, tmp_path)
        assert maps[RMSE][:, 1:-1] == pytest.approx(0, abs=1e-3)
        assert "of the extent of moved" in log

    def test_half_overlapping_products_are_compared_where_both_are(self, tmp_path):
        east = replace(GRID, west=GRID.west + 2.0)
        first = product(tmp_path, "west", storage(GRID))
        other = product(tmp_path, "east", storage(east), east)
        result, maps, log = compared(first, other, tmp_path)
        assert result.grid.bounds == pytest.approx((72.0, 30.0, 74.0, 33.0))
        assert maps[RMSE].shape == (6, 4) and maps[RMSE] == pytest.approx(0, abs=1e-5)
        assert "50 % of the extent of west and 50 % of the extent of east" in log

    def test_products_without_common_area_are_refused(self, tmp_path):
        east = replace(GRID, west=100.0)
        first = product(tmp_path, "west", storage(GRID))
        other = product(tmp_path, "east", storage(east), east)
        with pytest.raises(InputError, match="no area in common"):
            compared(first, other, tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["east.tif", "west.tif"]

    def test_cells_less_than_half_covered_at_a_coast_are_not_compared(self, tmp_path):
        fine = repeated(storage(GRID), 5)
        fine[:, :, :12] = np.nan  # sea: two cells, and two of five columns of the third
        fine[:, 15:17, 20:25] = np.nan
        fine[:, 15:18, 25:30] = np.nan  # three of five rows
        first = product(tmp_path, "fine", fine, GRID.refine(5))
        _, maps, _ = compared(first, product(tmp_path, "other", storage(GRID)), tmp_path)
        expected = np.ones(GRID.shape, dtype=bool)
        expected[:, :2] = False
        expected[3, 5] = False
        for name in UNITS:
            assert (np.isfinite(maps[name]) == expected).all(), name
        assert maps[RMSE][expected] == pytest.approx(0, abs=1e-5)

    def test_a_chosen_grid(self, tmp_path):
        values = storage(GRID)
        first = product(tmp_path, "first", values)
        other = product(tmp_path, "other", values + YEARS[:, None, None])
        coarse, maps, _ = compared(first, other, tmp_path, CompareOptions(grid=GRID.coarsen(2)))
        assert coarse.grid.same_as(GRID.coarsen(2)) and maps[TREND].shape == (3, 4)
        assert maps[TREND] == pytest.approx(-1, abs=1e-4)
        assert "repeated" not in coarse.notes[-1]
        fine, maps, _ = compared(first, other, tmp_path, CompareOptions(grid=GRID.refine(2)))
        assert "The values of first are repeated" in fine.notes[-1]
        assert maps[TREND].shape == (12, 16) and maps[TREND] == pytest.approx(-1, abs=1e-4)

    def test_a_region(self, tmp_path):
        first = product(tmp_path, "first", storage(GRID))
        other = product(tmp_path, "other", storage(GRID))
        region = CompareOptions(region=(71.0, 31.0, 72.2, 32.0))
        result, _, _ = compared(first, other, tmp_path, region)
        assert result.grid.bounds == pytest.approx((71.0, 31.0, 72.5, 32.0))
        with pytest.raises(InputError, match="no area in common"):
            compared(first, other, tmp_path, CompareOptions(region=(0.0, 0.0, 1.0, 1.0)))

    @pytest.mark.parametrize("held", [True, False])
    def test_products_across_180(self, tmp_path, monkeypatch, held):
        """A global product in columns from -180, and a region that crosses 180° east and west."""
        if not held:
            monkeypatch.setattr(comparison_grid, "MOST_HELD", 0)
        months = MONTHS[:36]
        globe = Grid(-180.0, 10.0, 2.0, 2.0, 4, 180)
        region = Grid(175.0, 8.0, 1.0, 1.0, 4, 10)

        def wave(grid):
            x, _ = np.meshgrid(grid.longitudes, grid.latitudes)
            east = np.sin(np.radians(x)) * 30
            return east * np.sin(decimal_years(months) * 2 * np.pi + 1)[:, None, None]

        first = product(tmp_path, "region", wave(region), region, months)
        other = product(tmp_path, "globe", wave(globe), globe, months)
        result, maps, _ = compared(first, other, tmp_path)
        # The columns of the globe from 174 to 186, of which the outer two are half covered.
        assert result.grid.bounds == pytest.approx((174.0, 4.0, 186.0, 8.0))
        assert maps[RMSE].shape == (2, 6)
        assert np.abs(maps[RMSE][:, 1:-1]).max() < 0.01


class TestMonths:
    def test_products_without_common_months_are_refused(self, tmp_path):
        late = month_range("2015-01", "2019-12")
        first = product(tmp_path, "early", storage(GRID))
        other = product(tmp_path, "late", storage(GRID, late), months=late)
        with pytest.raises(InputError, match="0 months in common.*2004-01..2012-12.*2015-01"):
            compared(first, other, tmp_path)

    def test_only_common_months_are_compared(self, tmp_path):
        late = month_range("2008-01", "2016-12")
        first = product(tmp_path, "early", storage(GRID))
        other = product(tmp_path, "late", storage(GRID, late), months=late)
        result, maps, log = compared(first, other, tmp_path)
        assert result.periods.months[[0, -1]].astype(str).tolist() == ["2008-01", "2012-12"]
        assert maps[RMSE] == pytest.approx(0, abs=1e-5)
        assert str(result.periods.baseline[-1]) == "2009-12", "24 months of 2004-2009"

    def test_short_baselines_become_all_common_months(self, tmp_path):
        late = month_range("2008-02", "2016-12")
        first = product(tmp_path, "early", storage(GRID))
        other = product(tmp_path, "late", storage(GRID, late) + 1, months=late)
        result, maps, log = compared(first, other, tmp_path)
        assert result.periods.in_baseline.all()
        assert "the bias is 0 in each cell by definition" in log
        assert maps[BIAS] == pytest.approx(0, abs=1e-5)

    def test_filled_months_are_left_out_unless_they_are_wanted(self, tmp_path):
        values = storage(GRID)
        wrong = values.copy()
        wrong[50:60] += 20
        source = [FILLED if 50 <= month < 60 else OBSERVED for month in range(MONTHS.size)]
        first = product(tmp_path, "first", wrong, source=source)
        other = product(tmp_path, "other", values)
        result, maps, log = compared(first, other, tmp_path)
        assert result.periods.months.size == MONTHS.size - 10
        assert maps[RMSE] == pytest.approx(0, abs=1e-5)
        assert "Filled months of first are left out: 2008-03..2008-12." in log
        _, maps, _ = compared(first, other, tmp_path, CompareOptions(use_filled=True))
        assert (maps[RMSE] > 3).all()

    def test_a_baseline_outside_the_common_months_is_refused(self, tmp_path):
        first = product(tmp_path, "first", storage(GRID))
        outside = tuple(np.array(["2016-01", "2018-12"], dtype="datetime64[M]"))
        with pytest.raises(InputError, match="no common month in the baseline 2016-01..2018-12"):
            common_months(first, first, CompareOptions(baseline=outside))


class TestRegions:
    def test_series_and_scores_of_polygons(self, tmp_path):
        values = storage(GRID)
        other = values.copy()
        other[:, :, 4:] -= 0.5 * YEARS[:, None, None]
        east = box("east", 72.0, 30.0, 74.0, 33.0)
        inside = box("small", 73.1, 31.1, 73.2, 31.2)
        nowhere = box("elsewhere", 10.0, 10.0, 11.0, 11.0)
        result, _, _ = compared(
            product(tmp_path, "first", values),
            product(tmp_path, "other", other),
            tmp_path,
            polygons=[east, inside, nowhere],
        )
        everywhere, eastern, small, outside = result.regions
        assert everywhere.trend_difference == pytest.approx(0.25, abs=1e-4)
        assert eastern.trend_difference == pytest.approx(0.5, abs=1e-4)
        assert eastern.p_difference < 0.01
        assert eastern.compared_km2 == pytest.approx(eastern.area_km2, rel=1e-6)
        assert everywhere.compared_km2 == pytest.approx(GRID.row_areas().sum() * 8, rel=1e-9)
        column = values[:, 3, 6] - values[:, 3, 6].mean()
        less = column - 0.5 * (YEARS - YEARS.mean())
        r = (column * less).sum() / np.sqrt((column**2).sum() * (less**2).sum())
        assert small.correlation == pytest.approx(r, abs=1e-6)
        assert outside.compared_km2 == 0 and outside.months == 0
        assert np.isnan(outside.correlation) and np.isnan(outside.cells[RMSE])

    def test_cells_are_weighted_by_area(self, tmp_path):
        grid = Grid(70.0, 60.0, 2.0, 10.0, 5, 3)
        values = np.tile(np.sin(2 * np.pi * YEARS)[:, None, None], (1, *grid.shape))
        slopes = np.arange(5.0)[:, None]
        other = values + slopes * YEARS[:, None, None]
        result, _, _ = compared(
            product(tmp_path, "first", values, grid),
            product(tmp_path, "other", other, grid),
            tmp_path,
        )
        weights = grid.row_areas() / grid.row_areas().sum()
        mean = -(weights * np.arange(5.0)).sum()
        assert result.summaries[TREND].mean == pytest.approx(mean, abs=1e-4)
        assert result.regions[0].trend_difference == pytest.approx(mean, abs=1e-4)

    def test_percentiles_with_weights(self):
        values = np.array([3.0, 1.0, 2.0])
        assert _percentiles(values, np.ones(3))[2] == 2.0
        assert _percentiles(values, np.array([8.0, 1.0, 1.0]))[2] == 3.0


def box(name, west, south, east, north) -> Aquifer:
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return Aquifer(name, {"type": "Polygon", "coordinates": [ring]})


class TestWindows:
    def test_windows_and_strips_do_not_change_the_result(self, tmp_path, monkeypatch):
        values = repeated(storage(GRID), 6) + np.random.default_rng(0).normal(
            size=(MONTHS.size, 36, 48)
        )
        fine = GRID.refine(6)
        first = product(tmp_path, "first", values, fine)
        other = product(tmp_path, "other", values[:, ::-1], fine)
        chosen = CompareOptions(grid=GRID.refine(3))
        polygons = [box("east", 72.0, 30.0, 74.0, 33.0)]
        plain, maps, _ = compared(first, other, tmp_path, chosen, polygons)
        monkeypatch.setattr(comparison_windows, "STRIP", 16)
        monkeypatch.setattr(comparison_grid, "MOST_HELD", 0)
        monkeypatch.setattr(comparison_grid, "MOST_READ", 5 * 5 * 4 * MONTHS.size)
        small, parts, _ = compared(first, other, tmp_path, chosen, polygons)
        for name in UNITS:
            assert parts[name] == pytest.approx(maps[name], abs=1e-5)
        for one, same in zip(plain.regions, small.regions):
            assert one.correlation == pytest.approx(same.correlation, abs=1e-9)
            assert one.trend_difference == pytest.approx(same.trend_difference, abs=1e-6)

    def test_every_nth_cell_is_kept(self, tmp_path, monkeypatch):
        monkeypatch.setattr(comparison_windows, "MOST_KEPT", 12)
        monkeypatch.setattr(comparison_windows, "STRIP", 16)
        grid = GRID.refine(3)
        values = storage(grid)
        first = product(tmp_path, "first", values, grid)
        result, maps, _ = compared(first, product(tmp_path, "other", 2 * values, grid), tmp_path)
        assert result.step == 6
        assert (result.kept[RMSE] == maps[RMSE][::6, ::6]).all()

    def test_the_trend_is_computed_only_if_it_is_mapped(self, tmp_path):
        first = product(tmp_path, "first", storage(GRID))
        result, _, _ = compared(first, first, tmp_path, scores=(BIAS,))
        assert TREND not in result.summaries and RMSE in result.summaries
        assert np.isfinite(result.regions[0].trend_first)

    def test_maps_state_what_they_are(self, tmp_path):
        first = product(tmp_path, "first", storage(GRID))
        other = product(tmp_path, "other", storage(GRID))
        compared(first, other, tmp_path)
        with rasterio.open(tmp_path / "trend_difference.tif") as source:
            assert source.units == ("cm/yr",) and source.descriptions == ("trend difference",)
            assert source.tags()["GWSA_COMPARED"] == "first against other"

    def test_different_variables_are_warned_of(self, tmp_path):
        first = product(tmp_path, "first", storage(GRID))
        stack = MonthlyStack.on_calendar(GRID, MONTHS, storage(GRID), "TWSA")
        write_stack(tmp_path / "twsa.tif", stack)
        twsa = Product("twsa", YearlyMaps.from_files([tmp_path / "twsa.tif"]))
        assert "first contains GWSA and twsa TWSA" in compared(first, twsa)[2]
        assert "contains GWSA" not in compared(first, first)[2]

    def test_a_cancelled_comparison_leaves_nothing(self, tmp_path):
        class Cancelling(Progress):
            def is_cancelled(self):
                return True

        first = product(tmp_path, "first", storage(GRID))
        with pytest.raises(Cancelled):
            compare(first, first, paths={BIAS: tmp_path / "bias.tif"}, progress=Cancelling())
        assert [path.name for path in tmp_path.iterdir()] == ["first.tif"]

    def test_products_without_common_cells_are_refused(self, tmp_path):
        values = storage(GRID)
        west, east = values.copy(), values.copy()
        west[:, :, 4:] = np.nan
        east[:, :, :4] = np.nan
        with pytest.raises(InputError, match="no cell with values of both"):
            compared(product(tmp_path, "west", west), product(tmp_path, "east", east), tmp_path)
