import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.months import month_range
from gwsa.gwsa_plugin.core.files.stack import FILLED, MISSING, OBSERVED, MonthlyStack, write_stack
from gwsa.gwsa_plugin.core.files.stack_tags import DETAIL_SIGMA_TAG
from gwsa.gwsa_plugin.core.files.yearly_maps import YearlyMaps
from gwsa.gwsa_plugin.core.results.polygon_series import polygon_series
from gwsa.gwsa_plugin.core.results.polygon_sums import sum_over_polygons
from gwsa.gwsa_plugin.core.spatial.aquifers import Aquifer

GRID = Grid(70.0, 32.0, 0.25, 0.25, 16, 20)
MONTHS = month_range("2004-01", "2005-12")


def box(west, south, east, north, name="box"):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Aquifer(name, {"type": "Polygon", "coordinates": [ring]})


def maps_of(path, values, months=MONTHS, source=None, grid=GRID, tags=None):
    stack = MonthlyStack.on_calendar(grid, months, values, "GWSA", source=source)
    write_stack(path, stack, tags)
    return YearlyMaps.from_files([path])


def test_mean_is_weighted_with_the_area_of_the_pixels(tmp_path):
    field = np.arange(GRID.rows, dtype=float)[:, None] + np.zeros(GRID.shape)
    values = field + np.arange(MONTHS.size)[:, None, None]
    series = polygon_series(maps_of(tmp_path / "a.tif", values), [box(70, 28, 75, 32)])
    weights = GRID.row_areas()
    expected = np.average(np.arange(GRID.rows), weights=weights) + np.arange(MONTHS.size)
    np.testing.assert_allclose(series.mean_cm[0], expected, rtol=1e-6)
    np.testing.assert_allclose(
        series.volume_km3[0], expected * series.area_km2[0] * 1e-5, rtol=1e-6
    )


def test_windows_do_not_change_the_series(tmp_path, monkeypatch):
    values = np.random.default_rng(1).normal(size=(MONTHS.size, *GRID.shape))
    maps = maps_of(tmp_path / "a.tif", values)
    polygons = [box(70.1, 28.3, 74.2, 31.9, "a"), box(73, 29, 75, 30, "b")]
    together = polygon_series(maps, polygons)
    # Five pixels of 60 points.
    monkeypatch.setattr("gwsa.gwsa_plugin.core.results.polygon_sums.BURNED_SIDE", 300)
    np.testing.assert_allclose(polygon_series(maps, polygons).mean_cm, together.mean_cm)


def test_windows_without_a_polygon_are_not_read(tmp_path, monkeypatch):
    """The corners of a frame and what it encloses are in its extent, but only the frame is read."""
    grid = Grid(70.0, 32.0, 1 / 120, 1 / 120, 320, 320)
    maps = maps_of(tmp_path / "a.tif", np.ones((2, *grid.shape)), MONTHS[:2], grid=grid)
    frame = box(70.01, 31.99 - 2.64, 70 + 2.66, 31.99)
    inner = box(70.52, 29.85, 72.15, 31.48).geometry["coordinates"]
    hollow = Aquifer(
        "frame", {**frame.geometry, "coordinates": [*frame.geometry["coordinates"], *inner]}
    )
    read, windows = YearlyMaps._read, []

    def counted(self, sources, months, window=None):
        windows.append(window)
        return read(self, sources, months, window)

    monkeypatch.setattr(YearlyMaps, "_read", counted)
    monkeypatch.setattr("gwsa.gwsa_plugin.core.results.polygon_sums.BURNED_SIDE", 128)
    series = polygon_series(maps, [hollow])
    assert len(windows) == 16
    np.testing.assert_allclose(series.mean_cm, 1.0)
    np.testing.assert_allclose(series.share, 1.0, rtol=2e-3)


def test_nodes_around_polygons_have_values_with_a_margin_only(tmp_path):
    values = np.random.default_rng(2).normal(size=(MONTHS.size, *GRID.shape))
    values[3:, 2:5] = np.nan
    maps = maps_of(tmp_path / "a.tif", values)
    polygon = [box(70.2, 31.2, 70.7, 31.8)]
    alone, around = (sum_over_polygons(maps, polygon, margin) for margin in (0.0, 150.0))
    assert not alone.node_covered.any()
    np.testing.assert_array_equal(around.values, alone.values)
    np.testing.assert_array_equal(around.node_areas.toarray(), alone.node_areas.toarray())
    # A node of 1 degree has 4 x 4 pixels.
    areas = GRID.cell_areas()[:4, 4:8]
    known = np.isfinite(values[:, :4, 4:8])
    expected = (np.where(known, values[:, :4, 4:8], 0) * areas).sum(axis=(1, 2))
    covered = (known * areas).sum(axis=(1, 2))
    np.testing.assert_allclose(around.node_means[1], expected / covered, rtol=1e-5)


def test_uncovered_part_lowers_the_area_and_not_the_mean(tmp_path):
    values = np.full((MONTHS.size, *GRID.shape), 3.0)
    values[:, :, :10] = np.nan
    series = polygon_series(maps_of(tmp_path / "a.tif", values), [box(70, 28, 75, 32)])
    np.testing.assert_allclose(series.mean_cm, 3.0)
    np.testing.assert_allclose(series.share, 0.5, rtol=1e-9)
    np.testing.assert_allclose(series.volume_km3[0], 3e-5 * series.area_km2[0] / 2)


def test_polygon_outside_has_no_values_beside_one_inside(tmp_path):
    values = np.ones((MONTHS.size, *GRID.shape))
    series = polygon_series(
        maps_of(tmp_path / "a.tif", values), [box(71, 29, 72, 30), box(10, 10, 12, 12, "away")]
    )
    assert np.isfinite(series.mean_cm[0]).all()
    assert np.isnan(series.mean_cm[1]).all()
    assert series.share.tolist() == [pytest.approx(1.0), 0.0]


def test_gaps_and_filled_months_are_marked(tmp_path):
    values = np.ones((3, *GRID.shape))
    months = np.array(["2004-01", "2004-02", "2004-05"], dtype="datetime64[M]")
    maps = maps_of(tmp_path / "a.tif", values, months, [OBSERVED, FILLED, OBSERVED])
    series = polygon_series(maps, [box(71, 29, 72, 30)])
    assert series.source == (OBSERVED, FILLED, MISSING, MISSING, OBSERVED)
    assert np.isnan(series.mean_cm[0]).tolist() == [False, False, True, True, False]


def test_polygons_without_a_value_are_refused(tmp_path):
    maps = maps_of(tmp_path / "a.tif", np.ones((2, *GRID.shape)), MONTHS[:2])
    with pytest.raises(InputError, match="70, 28, 75, 32"):
        polygon_series(maps, [box(10, 10, 12, 12)])


def test_sigma_of_another_grid_is_refused(tmp_path):
    maps = maps_of(tmp_path / "a.tif", np.ones((2, *GRID.shape)), MONTHS[:2])
    other = GRID.subgrid(slice(0, 8), slice(0, 8))
    sigma = maps_of(tmp_path / "s.tif", np.ones((2, 8, 8)), MONTHS[:2], grid=other)
    with pytest.raises(InputError, match="another grid"):
        polygon_series(maps, [box(71, 29, 72, 30)], sigma)


def test_sigma_of_a_mean_is_that_of_correlated_noise_and_of_detail(tmp_path):
    """Against means of simulated errors with the correlation of the noise of GRACE."""
    footprint = {"GWSA_FOOTPRINT_KM": "250"}
    maps = maps_of(tmp_path / "a.tif", np.ones((2, *GRID.shape)), MONTHS[:2], tags=footprint)
    sigma = maps_of(tmp_path / "s.tif", np.full((2, *GRID.shape), 2.0), MONTHS[:2])
    large, small = box(70, 28, 75, 32, "large"), box(72, 30, 72.25, 30.25, "small")
    found = polygon_series(maps, [large, small], sigma).sigma_cm[:, 0]
    x, y = np.meshgrid(GRID.longitudes, GRID.latitudes)
    scale = 6371.0 * np.pi / 180
    dx = (x.ravel()[:, None] - x.ravel()) * scale * np.cos(np.radians(30))
    dy = (y.ravel()[:, None] - y.ravel()) * scale
    correlation = np.exp(-2 * np.log(2) * (dx**2 + dy**2) / 250.0**2)
    weights = GRID.cell_areas().ravel() / GRID.cell_areas().sum()
    assert found[0] == pytest.approx(2.0 * np.sqrt(weights @ correlation @ weights), rel=0.03)
    assert found[1] == pytest.approx(2.0, rel=0.01)


def test_detail_is_lost_in_the_mean_of_a_large_region(tmp_path):
    footprint = {"GWSA_FOOTPRINT_KM": "250"}
    maps = maps_of(tmp_path / "a.tif", np.ones((2, *GRID.shape)), MONTHS[:2], tags=footprint)
    values = np.full((2, *GRID.shape), 2.0)
    detail = maps_of(tmp_path / "s.tif", values, MONTHS[:2], tags={DETAIL_SIGMA_TAG: "2.0"})
    polygons = [
        box(70, 28, 75, 32, "large"),
        box(71, 29, 72, 30, "middle"),
        box(72, 30, 72.02, 30.02, "pixels"),
    ]
    errors = polygon_series(maps, polygons, detail).errors
    large, middle, pixels = errors.detail_cm[:, 0]
    assert large < middle < pixels <= 2.0
    assert pixels > 1.9
    assert not errors.noise_cm.any()
