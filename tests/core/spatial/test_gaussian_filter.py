"""The Gaussian filter against its definition, computed for all pairs of cells."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import EARTH_RADIUS_KM, Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.files.stack import MonthlyStack
from gwsa.gwsa_plugin.core.spatial.gaussian_filter import reach_km, smooth, surroundings

GLOBE = Grid(-180.0, 90.0, 10.0, 10.0, 18, 36)
REGION = Grid(20.0, 88.0, 2.0, 2.0, 14, 11)
# Its eastern and western ends are near each other, and all its northern cells are near the pole.
WIDE = Grid(-170.0, 90.0, 10.0, 5.0, 9, 33)
GRIDS = {
    "globe": GLOBE,
    "region": REGION,
    "wide": WIDE,
    "one row": replace(REGION, rows=1),
    "one": Grid(0, 50, 1, 1, 1, 1),
}


def stack(grid, values) -> MonthlyStack:
    values = np.asarray(values, dtype=np.float32)
    return MonthlyStack.on_calendar(
        grid, np.datetime64("2004-01") + np.arange(len(values)), values, "SMS"
    )


def random_stack(grid, seed=0, months=3, sea=0.4) -> MonthlyStack:
    random = np.random.default_rng(seed)
    land = random.random(grid.shape) >= sea
    land.flat[-1] = True
    return stack(grid, np.where(land, random.normal(3, 10, (months, *grid.shape)), np.nan))


def great_circle_km(ones, others) -> np.ndarray:
    """Distances between all places of two sets, (longitude, latitude) arrays each."""
    return EARTH_RADIUS_KM * np.arccos(np.clip(vectors(*ones) @ vectors(*others).T, -1, 1))


def vectors(longitudes, latitudes) -> np.ndarray:
    longitude = np.radians(np.ravel(longitudes))
    latitude = np.radians(np.ravel(latitudes))
    return np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        1,
    )


def between_cells_km(grid) -> np.ndarray:
    cells = np.meshgrid(grid.longitudes, grid.latitudes)
    return great_circle_km(cells, cells)


def filtered_pair_by_pair(values: np.ndarray, grid, radius_km: float) -> np.ndarray:
    """One month with the full matrix of weights and its scaling."""
    land = np.isfinite(values).ravel()
    areas = grid.cell_areas().ravel()[land]
    sharpness = np.log(2) / (1 - np.cos(radius_km / EARTH_RADIUS_KM))
    weights = np.exp(
        -sharpness * (1 - np.cos(between_cells_km(grid)[np.ix_(land, land)] / EARTH_RADIUS_KM))
    )
    scale = np.ones(land.sum())
    for _ in range(300):
        scale = np.sqrt(scale / (weights @ (areas * scale)))
    result = np.full(values.size, np.nan)
    result[land] = scale * (weights @ (areas * scale * values.ravel()[land].astype(float)))
    return result.reshape(values.shape)


def mass(field: MonthlyStack) -> np.ndarray:
    """cm km², of each month."""
    return np.nansum(field.values.astype(float) * field.grid.cell_areas(), axis=(1, 2))


grids = st.sampled_from(list(GRIDS))
radii = st.floats(50, 3000)


@pytest.mark.slow
@pytest.mark.parametrize("radius", [100.0, 800.0, 2500.0])
@pytest.mark.parametrize("name", GRIDS)
def test_the_filter_is_the_sum_over_all_pairs_of_cells(name, radius):
    field = random_stack(GRIDS[name])
    expected = [filtered_pair_by_pair(month, field.grid, radius) for month in field.values]
    np.testing.assert_allclose(smooth(field, radius).values, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(grids, radii, st.integers(0, 99), st.floats(0, 0.95))
def test_mass_is_conserved_and_a_constant_stays(name, radius, seed, sea):
    """Coasts, islands and single cells included."""
    field = random_stack(GRIDS[name], seed, sea=sea)
    smoothed = smooth(field, radius)
    np.testing.assert_allclose(
        mass(smoothed),
        mass(field),
        atol=1e-6 * mass(replace(field, values=abs(field.values))).max(),
    )
    level = smooth(replace(field, values=field.values * 0 + np.float32(7.5)), radius)
    np.testing.assert_allclose(level.values[:, field.valid], 7.5, rtol=1e-6)
    np.testing.assert_array_equal(np.isfinite(smoothed.values), np.isfinite(field.values))


@settings(max_examples=20, deadline=None)
@given(grids, radii, st.floats(-3, 3))
def test_the_filter_is_linear_and_lowers_the_extremes(name, radius, factor):
    one = random_stack(GRIDS[name], 1, sea=0)
    other = random_stack(GRIDS[name], 2, sea=0)
    both = smooth(
        replace(one, values=one.values + np.float32(factor) * other.values), radius
    ).values
    expected = smooth(one, radius).values + factor * smooth(other, radius).values
    np.testing.assert_allclose(both, expected, atol=2e-4)
    assert (
        abs(smooth(one, radius).values).max(axis=(1, 2)) <= abs(one.values).max(axis=(1, 2)) + 1e-4
    ).all()


def test_a_single_cell_is_spread_to_half_its_peak_at_the_radius():
    grid = Grid(-180.0, 90.0, 4.0, 4.0, 45, 90)
    field = np.zeros((1, *grid.shape))
    field[0, 22, 3] = 100.0
    for row, column in ((22, 6), (25, 3), (24, 89)):
        radius = between_cells_km(grid)[22 * 90 + 3, row * 90 + column]
        spread = smooth(stack(grid, field), radius).values[0]
        assert spread[row, column] == pytest.approx(spread[22, 3] / 2, rel=1e-3)


def test_the_antimeridian_is_crossed_on_the_globe_only():
    for grid, crosses in ((GLOBE, True), (replace(REGION, dx=20.0, dy=10.0, north=70.0), False)):
        field = np.zeros((1, *grid.shape))
        field[0, grid.rows // 2, 0] = 1.0
        far = smooth(stack(grid, field), 1000.0).values[0, grid.rows // 2, -1]
        assert (far > 0.05) == crosses


def test_no_mass_moves_from_land_to_sea_or_from_a_single_island():
    values = np.full((1, *GLOBE.shape), np.nan)
    values[0, 4:8, 2:6] = np.arange(16).reshape(4, 4)
    values[0, 12, 20] = 9.0
    smoothed = smooth(stack(GLOBE, values), 1000.0).values
    np.testing.assert_array_equal(np.isfinite(smoothed), np.isfinite(values))
    assert smoothed[0, 12, 20] == pytest.approx(9.0, abs=1e-4)


def test_a_missing_month_stays_missing_and_months_of_other_cells_are_filtered_apart():
    field = random_stack(REGION, months=6)
    values = field.values.copy()
    values[2] = np.nan
    values[[1, 4], 5:9, 3:6] = np.nan
    smoothed = smooth(replace(field, values=values), 500.0).values
    assert np.isnan(smoothed[2]).all()
    for month in (0, 1, 3, 4, 5):
        alone = smooth(stack(REGION, values[month : month + 1]), 500.0).values[0]
        np.testing.assert_allclose(smoothed[month], alone, rtol=1e-6, atol=1e-6)


def test_the_rest_of_the_stack_is_unchanged():
    field = random_stack(REGION).tagged(GWSA_BASELINE="2004-01..2009-12")
    before = field.values.copy()
    smoothed = smooth(field, 300.0)
    np.testing.assert_array_equal(field.values, before)
    assert smoothed.values.dtype == np.float32
    assert (smoothed.variable, smoothed.tags, smoothed.source) == (
        field.variable,
        field.tags,
        field.source,
    )


def test_a_radius_far_below_the_cell_changes_nothing():
    field = random_stack(REGION)
    np.testing.assert_allclose(smooth(field, 1.0).values, field.values, rtol=1e-6)


@pytest.mark.parametrize("radius", [0.0, -300.0, np.nan, 1e5])
def test_an_impossible_radius_is_refused(radius):
    with pytest.raises(InputError, match="give one from 0 to 10000 km"):
        smooth(random_stack(REGION), radius)


@pytest.mark.parametrize("radius", [200.0, 300.0, 1500.0])
def test_a_thousandth_of_the_weight_lies_beyond_the_reach(radius):
    angles = np.linspace(0, np.pi, 400_001)
    sharpness = np.log(2) / (1 - np.cos(radius / EARTH_RADIUS_KM))
    weight = np.exp(-sharpness * (1 - np.cos(angles))) * np.sin(angles)
    beyond = weight[angles > reach_km(radius) / EARTH_RADIUS_KM].sum() / weight.sum()
    assert beyond == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(
    "bounds", [(70.0, 25.0, 80.0, 33.0), (-75.0, -55.0, -60.0, -20.0), (10.0, -5.0, 12.0, 60.0)]
)
def test_the_surroundings_contain_the_reach_of_the_filter(bounds):
    """All places within reach of the region's border lie inside, up to each side."""
    west, south, east, north = surroundings(bounds, 300.0)
    places = Grid(-180.0, 90.0, 0.5, 0.5, 360, 720)
    longitudes, latitudes = map(np.ravel, np.meshgrid(places.longitudes, places.latitudes))
    border = np.meshgrid(bounds[::2], np.linspace(bounds[1], bounds[3], 40))
    near = great_circle_km(border, (longitudes, latitudes)).min(axis=0) < reach_km(300.0)
    reached = (
        longitudes[near].min(),
        latitudes[near].min(),
        longitudes[near].max(),
        latitudes[near].max(),
    )
    np.testing.assert_allclose(reached, (west, south, east, north), atol=0.6)
    assert west <= reached[0] and south <= reached[1] and east >= reached[2] and north >= reached[3]


def test_the_surroundings_of_a_polar_region_go_all_around():
    assert surroundings((0.0, 70.0, 10.0, 84.0), 300.0)[::3] == (-180.0, 90.0)


def test_the_filter_can_be_cancelled():
    class Stopped(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        smooth(random_stack(REGION), 300.0, Stopped())
