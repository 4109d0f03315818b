"""The observation operator against its definition, computed for all pairs of cells."""

import numpy as np
import pytest

from gwsa.gwsa_plugin.core.base.errors import Cancelled, InputError
from gwsa.gwsa_plugin.core.base.grid import EARTH_RADIUS_KM, Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.grace.footprint import Footprint

GLOBE = Grid(-180.0, 90.0, 10.0, 10.0, 18, 36)
REGION = Grid(20.0, 60.0, 0.5, 0.5, 12, 14)
GRIDS = {"globe": (GLOBE, 2500.0), "region": (REGION, 250.0)}
MONTHS = 3

grids = pytest.mark.parametrize("name", GRIDS)
with_and_without_tiles = pytest.mark.parametrize("tiled", [False, True])


def random_land(grid, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random(grid.shape) > 0.35


def random_tiles(grid, seed=0) -> np.ndarray:
    """Tiles of two rows by three columns with some cells outside, and with gaps in the numbers."""
    rows, columns = np.indices(grid.shape)
    tiles = 7 * (100 * (rows // 2) + (columns + 1) % grid.columns // 3)
    tiles[np.random.default_rng(seed).random(grid.shape) > 0.8] = -1
    return tiles


def footprint(name, tiled) -> Footprint:
    grid, width = GRIDS[name]
    return Footprint(grid, random_land(grid), width, random_tiles(grid) if tiled else None)


def random_fields(grid, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 10, (MONTHS, *grid.shape))


def literal_matrix(grid, land, width_km, tiles) -> np.ndarray:
    """H between land cells: the scaled kernel of each pair, then the mean of each tile."""
    longitudes, latitudes = (np.radians(a)[land] for a in np.meshgrid(
        grid.longitudes, grid.latitudes
    ))  # fmt: skip
    # Haversine formula.
    haversine = (
        np.sin(np.subtract.outer(latitudes, latitudes) / 2) ** 2
        + np.multiply.outer(np.cos(latitudes), np.cos(latitudes))
        * np.sin(np.subtract.outer(longitudes, longitudes) / 2) ** 2
    )
    half = np.sin(width_km / 2 / EARTH_RADIUS_KM / 2) ** 2
    weights = 0.5 ** (haversine / half)
    areas = grid.cell_areas()[land]
    factors = np.ones(areas.size)
    for _ in range(500):
        factors = np.sqrt(factors / (weights @ (areas * factors)))
    blur = factors[:, None] * weights * (areas * factors)
    if tiles is None:
        return blur
    numbers = tiles[land].copy()
    numbers[numbers < 0] = -1 - np.arange((numbers < 0).sum())
    same = np.equal.outer(numbers, numbers) * areas
    return same / same.sum(axis=1, keepdims=True) @ blur


@grids
@with_and_without_tiles
def test_it_is_the_literal_sum_over_pairs_of_cells(name, tiled):
    grid, width = GRIDS[name]
    operator = footprint(name, tiled)
    matrix = literal_matrix(grid, operator.land, width, random_tiles(grid) if tiled else None)
    fields = random_fields(grid)
    for method, literal in ((operator.apply, matrix), (operator.transpose, matrix.T)):
        result = method(fields)
        np.testing.assert_allclose(
            result[:, operator.land], fields[:, operator.land] @ literal.T, rtol=1e-8, atol=1e-8
        )
        assert np.isnan(result[:, ~operator.land]).all()


@grids
@with_and_without_tiles
def test_the_transpose_is_the_adjoint(name, tiled):
    operator = footprint(name, tiled)
    one = random_fields(operator.grid, 1)
    other = random_fields(operator.grid, 2)
    left = np.nansum(operator.apply(one) * other)
    right = np.nansum(one * operator.transpose(other))
    assert left == pytest.approx(right, rel=1e-10)


@grids
@with_and_without_tiles
def test_mass_and_constants_are_conserved(name, tiled):
    operator = footprint(name, tiled)
    fields = random_fields(operator.grid)
    areas = operator.grid.cell_areas()[operator.land]
    before = fields[:, operator.land] @ areas
    np.testing.assert_allclose(operator.apply(fields)[:, operator.land] @ areas, before, rtol=1e-10)
    level = operator.apply(np.full((1, *operator.grid.shape), 7.5))
    np.testing.assert_allclose(level[:, operator.land], 7.5, rtol=1e-9)


def test_a_tile_has_one_value():
    operator = footprint("region", True)
    result = operator.apply(random_fields(REGION))[0]
    tiles = random_tiles(REGION)
    for tile in np.unique(tiles[tiles >= 0]):
        values = result[(tiles == tile) & operator.land]
        assert np.ptp(values) == 0 if values.size else True


def test_the_antimeridian_is_crossed_on_the_globe():
    land = np.ones(GLOBE.shape, dtype=bool)
    field = np.zeros((1, *GLOBE.shape))
    field[0, 9, 0] = 1.0
    result = Footprint(GLOBE, land, 2000.0).apply(field)[0]
    assert result[9, -1] == pytest.approx(result[9, 1])
    assert result[9, -1] > 0.01


def test_the_kernel_falls_to_one_half_at_half_of_the_width():
    grid = Grid(-20.0, 20.0, 1.0, 1.0, 40, 40)
    field = np.zeros((1, *grid.shape))
    field[0, 20, 20] = 1.0
    three_cells = np.radians(3.0) * EARTH_RADIUS_KM
    result = Footprint(grid, np.ones(grid.shape, dtype=bool), 2 * three_cells).apply(field)[0]
    assert result[23, 20] / result[20, 20] == pytest.approx(0.5, rel=1e-3)


def test_a_month_without_values_stays_empty_and_one_with_gaps_is_observed_without_them():
    """Cells without a value are treated as sea in that month."""
    operator = footprint("region", True)
    fields = random_fields(REGION)
    fields[0] = np.nan
    gaps = random_land(REGION, 5)
    fields[1, gaps] = np.nan
    for method in ("apply", "transpose"):
        result = getattr(operator, method)(fields)
        assert np.isnan(result[0]).all()
        apart = Footprint(REGION, operator.land & ~gaps, 250.0, random_tiles(REGION))
        np.testing.assert_allclose(result[1], getattr(apart, method)(fields[1:2])[0], rtol=1e-8)
        np.testing.assert_allclose(result[2], getattr(operator, method)(fields[2:])[0])


def test_the_result_has_the_type_of_the_values_and_may_take_their_place():
    operator = footprint("region", True)
    fields = random_fields(REGION).astype(np.float32)
    before = fields.copy()
    result = operator.apply(fields)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(fields, before)
    assert operator.apply(fields, out=fields) is fields
    np.testing.assert_array_equal(fields, result)


def test_weight_outside_is_that_of_the_kernel_beyond_the_grid():
    """Compared with the sums over the cells of the globe, on the same lattice."""
    inside = Grid(20.0, 60.0, 5.0, 5.0, 8, 9)
    globe = Grid(-180.0, 90.0, 5.0, 5.0, 36, 72)
    longitudes, latitudes = map(np.radians, np.meshgrid(globe.longitudes, globe.latitudes))
    rows, columns = globe.window_of(inside)
    outside = Footprint(inside, random_land(inside), 2000.0).weight_outside()
    for row, column in ((0, 0), (4, 5), (7, 8), (3, 0)):
        latitude = latitudes[rows, columns][row, column]
        longitude = longitudes[rows, columns][row, column]
        haversine = (
            np.sin((latitudes - latitude) / 2) ** 2
            + np.cos(latitudes) * np.cos(latitude) * np.sin((longitudes - longitude) / 2) ** 2
        )
        weights = 0.5 ** (haversine / np.sin(500.0 / EARTH_RADIUS_KM) ** 2) * globe.cell_areas()
        expected = 1 - weights[rows, columns].sum() / weights.sum()
        assert outside[row, column] == pytest.approx(expected, abs=1e-9)


def test_nothing_lies_beyond_the_pole_or_around_the_globe():
    assert (Footprint(GLOBE, random_land(GLOBE), 2500.0).weight_outside() == 0).all()
    north = Grid(-180.0, 90.0, 5.0, 5.0, 12, 72)
    outside = Footprint(north, random_land(north), 1000.0).weight_outside()
    assert (outside[:6] < 1e-6).all()
    assert (outside[-1] > 0.2).all()


def test_a_footprint_without_land_is_refused():
    with pytest.raises(InputError, match="at least one land cell"):
        Footprint(REGION, np.zeros(REGION.shape, dtype=bool), 250.0)


def test_it_can_be_cancelled():
    class Stopped(Progress):
        def is_cancelled(self):
            return True

    with pytest.raises(Cancelled):
        footprint("region", True).apply(random_fields(REGION), Stopped())
