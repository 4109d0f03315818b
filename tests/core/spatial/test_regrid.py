"""Regridding by area overlap conserves mass for any origin and order of the cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import EDGE_TOLERANCE, Grid
from gwsa.gwsa_plugin.core.spatial.regrid import Regridding


def centres(start, step, count):
    return start + (np.arange(count) + 0.5) * step


def regrid(field, latitudes, longitudes, target):
    """Regrid the part of a field that a reader would read."""
    regridding = Regridding(latitudes, longitudes, target, "f.nc")
    window = np.concatenate(
        [field[regridding.rows, columns] for columns in regridding.columns], axis=1
    )
    return regridding(window)


def globe(cell):
    return Grid.covering((-180, -90, 180, 90), cell)


@given(
    st.sampled_from([2.0, 3.0, 5.0, 7.5]),
    st.sampled_from([2.0, 2.5, 4.5, 10.0]),
    st.integers(0, 99),
)
def test_mass_is_conserved_between_any_two_global_grids(source_cell, target_cell, seed):
    source = globe(source_cell)
    target = globe(target_cell)
    field = np.random.default_rng(seed).normal(size=source.shape)
    moved = regrid(field, source.latitudes, source.longitudes, target)
    mass = (field * source.cell_areas()).sum()
    assert (moved * target.cell_areas()).sum() == pytest.approx(
        mass, abs=1e-9 * np.abs(field * source.cell_areas()).sum()
    )


@st.composite
def grids(draw, bounds):
    """A grid of any number of cells that fills ``bounds`` (w, s, e, n)."""
    west, south, east, north = bounds
    rows = draw(st.integers(2, 40))
    columns = draw(st.integers(2, 40))
    return Grid(west, north, (east - west) / columns, (north - south) / rows, rows, columns)


@st.composite
def regions(draw):
    """West, south, east and north inside -180..180, from a few degrees to the globe."""
    west = draw(st.integers(-180, 170))
    south = draw(st.integers(-90, 80))
    return west, south, draw(st.integers(west + 5, 180)), draw(st.integers(south + 5, 90))


@given(st.data(), st.integers(-1, 1), st.booleans(), st.integers(0, 99))
def test_mass_is_conserved_whether_cells_grow_or_shrink(data, turns, south_up, seed):
    """Longitudes from -180 or 0, latitudes of either order: other cells hold the same mass."""
    bounds = data.draw(regions())
    source = data.draw(grids(bounds))
    target = data.draw(grids(bounds))
    field = np.random.default_rng(seed).normal(size=source.shape)
    longitudes = source.longitudes + 360 * turns
    order = slice(None, None, -1) if south_up else slice(None)
    moved = regrid(field[order], source.latitudes[order], longitudes, target)
    masses = field * source.cell_areas()
    assert np.isfinite(moved).all()
    assert (moved * target.cell_areas()).sum() == pytest.approx(
        masses.sum(), abs=1e-6 * np.abs(masses).sum()
    )


@given(st.data(), st.integers(2, 60), st.integers(0, 359), st.integers(0, 99))
def test_mass_is_conserved_over_the_date_line(data, columns, west, seed):
    """A globe whose cells start at any longitude, so that one of them can cross 180°.

    Edges closer than EDGE_TOLERANCE of a cell are the same, which moves at most that part of the
    mass.
    """
    target = data.draw(grids((-180, -90, 180, 90)))
    source = Grid(west, 90, 360 / columns, 10, 18, columns)
    field = np.random.default_rng(seed).normal(size=source.shape)
    moved = regrid(field, source.latitudes, source.longitudes, target)
    masses = field * source.cell_areas()
    assert (moved * target.cell_areas()).sum() == pytest.approx(
        masses.sum(), abs=EDGE_TOLERANCE * np.abs(masses).sum()
    )


@given(st.booleans(), st.booleans(), st.integers(0, 71))
def test_the_order_of_rows_and_columns_does_not_matter(south_up, from_zero, turn):
    """Values that are unique to a place stay there for any order in the file."""
    target = globe(5.0)
    latitudes = target.latitudes[::-1] if south_up else target.latitudes
    longitudes = np.roll(target.longitudes % 360 if from_zero else target.longitudes, turn)
    field = latitudes[:, None] * 1000 + (longitudes + 180) % 360 - 180
    moved = regrid(field, latitudes, longitudes, target)
    np.testing.assert_allclose(
        moved, target.latitudes[:, None] * 1000 + target.longitudes, atol=1e-9
    )


def test_half_a_degree_becomes_two_by_two_copies():
    target = Grid.covering((10, 20, 12, 21), 0.25)
    field = np.arange(8.0).reshape(2, 4)
    moved = regrid(field, np.array([20.75, 20.25]), np.array([10.25, 10.75, 11.25, 11.75]), target)
    np.testing.assert_array_equal(moved.astype("f4"), field.repeat(2, axis=0).repeat(2, axis=1))


def test_a_region_across_greenwich_needs_two_ranges_of_a_0_to_360_file():
    regridding = Regridding(
        centres(-90, 1, 180), centres(0, 1, 360), Grid.covering((-3, 10, 2, 12), 1.0), "f.nc"
    )
    assert regridding.columns == [slice(0, 2), slice(357, 360)]
    assert regridding.rows == slice(100, 102)


def test_a_cell_is_empty_where_less_than_half_of_it_has_a_value():
    source = np.array([[1.0, np.nan, np.nan, np.nan, 5.0, 7.0]])
    moved = regrid(
        np.vstack([source, source]),
        np.array([1.5, 0.5]),
        np.arange(6) + 0.5,
        Grid.covering((0, 0, 6, 2), 2.0),
    )
    np.testing.assert_array_equal(moved, [[1.0, np.nan, 6.0]])


def test_only_the_part_that_the_source_reaches_is_covered():
    crop = Regridding(centres(20, 0.25, 8), centres(70, 0.25, 12), globe(0.25), "f.nc")
    assert crop.covered().bounds == (70, 20, 73, 22)
    far = Regridding(
        centres(20, 0.25, 8), centres(70, 0.25, 12), Grid.covering((0, 0, 9, 9), 0.25), "f.nc"
    )
    assert far.covered() is None


def test_uneven_centres_are_refused():
    with pytest.raises(InputError, match="The longitudes of f.nc are not evenly spaced"):
        Regridding(centres(20, 0.25, 8), np.array([70.0, 70.25, 71.0]), globe(0.25), "f.nc")


def test_edges_rounded_in_files_overlap_no_other_cell():
    """Thirds of a degree in single precision: each cell is an exact copy."""
    target = Grid.covering((10, 20, 14, 22), 1 / 6)
    latitudes, longitudes = (
        centres(start, 1 / 3, count).astype("f4") for start, count in ((20, 6), (10, 12))
    )
    field = np.random.default_rng(2).normal(size=(6, 12))
    moved = regrid(field, latitudes, longitudes, target)
    np.testing.assert_allclose(moved, field[::-1].repeat(2, axis=0).repeat(2, axis=1), rtol=1e-12)


def test_an_identifier_is_that_of_the_largest_overlap():
    numbers = np.array([[1, 2, 3]])
    regridding = Regridding(
        np.array([0.5]), np.array([0.5, 1.5, 2.5]), Grid.covering((0, 0, 3, 1), 0.25), "f.nc"
    )
    np.testing.assert_array_equal(regridding.largest(numbers)[0], [1] * 4 + [2] * 4 + [3] * 4)


def test_latitudes_with_nan_are_refused():
    with pytest.raises(InputError, match="The latitudes of f.nc are not evenly spaced"):
        Regridding(np.array([20.0, np.nan, 21.0]), centres(70, 0.25, 8), globe(0.25), "f.nc")
