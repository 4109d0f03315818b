import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.affine import Affine
from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.base.grid import EARTH_RADIUS_KM, Grid, intersection

WORLD = Grid(-180.0, 90.0, 0.25, 0.25, 720, 1440)
cells = st.sampled_from([0.25, 0.5, 1.0, 0.05, 1 / 120])
factors = st.integers(1, 30)


@st.composite
def windows(draw, rows=720, columns=1440):
    """A non-empty window of a grid."""
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    bottom, right = draw(st.integers(top + 1, rows)), draw(st.integers(left + 1, columns))
    return slice(top, bottom), slice(left, right)


@st.composite
def bounds_inside(draw):
    """Bounds of a non-empty region inside the globe."""
    west, south = draw(st.floats(-179, 178)), draw(st.floats(-89, 88))
    return (
        west,
        south,
        west + draw(st.floats(0.01, 179 - west)),
        south + draw(st.floats(0.01, 89 - south)),
    )


def test_cell_areas_add_up_to_the_sphere():
    assert WORLD.cell_areas().sum() == pytest.approx(4 * np.pi * EARTH_RADIUS_KM**2, rel=1e-12)


def test_quarter_degree_cell_at_the_equator_is_27_8_km_wide():
    assert np.sqrt(WORLD.row_areas()[360]) == pytest.approx(27.8, abs=0.05)


@given(windows(), factors)
def test_refine_keeps_the_area_and_coarsen_reverts_it(window, factor):
    grid = WORLD.subgrid(*window)
    fine = grid.refine(factor)
    assert fine.row_areas().sum() * fine.columns == pytest.approx(
        grid.row_areas().sum() * grid.columns, rel=1e-9
    )
    assert fine.coarsen(factor).same_as(grid)
    assert fine.factor_to(grid) == factor


@given(windows())
def test_cell_centres_are_half_a_cell_from_the_edges(window):
    grid = WORLD.subgrid(*window)
    west, south, east, north = grid.bounds
    assert grid.longitudes[0] - west == pytest.approx(grid.dx / 2)
    assert east - grid.longitudes[-1] == pytest.approx(grid.dx / 2)
    assert north - grid.latitudes[0] == pytest.approx(grid.dy / 2)
    assert grid.latitudes[-1] - south == pytest.approx(grid.dy / 2)


@given(windows())
def test_grid_from_its_transform_is_equal(window):
    grid = WORLD.subgrid(*window)
    assert Grid.from_transform(grid.transform, grid.shape) == grid


@given(bounds_inside(), cells)
def test_covering_extends_a_region_by_less_than_a_cell(bounds, cell):
    west, south, east, north = Grid.covering(bounds, cell).bounds
    slack = 2e-3 * cell
    assert bounds[0] - cell - slack < west <= bounds[0] + slack
    assert bounds[1] - cell - slack < south <= bounds[1] + slack
    assert bounds[2] - slack <= east < bounds[2] + cell + slack
    assert bounds[3] - slack <= north < bounds[3] + cell + slack


@pytest.mark.parametrize("cell", [0.7, 0, -1, 360, np.nan, np.inf])
def test_cell_size_that_does_not_divide_180_is_refused(cell):
    with pytest.raises(InputError, match="does not divide 180"):
        Grid.covering((70, 20, 80, 30), cell)


@given(windows())
def test_window_of_the_bounds_of_a_subgrid(window):
    assert WORLD.window(WORLD.subgrid(*window).bounds) == window
    assert WORLD.window_of(WORLD.subgrid(*window)) == window


@given(windows())
def test_window_of_bounds_rounded_to_five_digits(window):
    rounded = [round(edge, 5) + 1e-5 for edge in WORLD.subgrid(*window).bounds]
    assert WORLD.window(rounded) == window


@given(windows(), windows())
def test_overlap_is_symmetric_and_has_the_common_cells(one, other):
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other))
    here, there = WORLD.subgrid(*one), WORLD.subgrid(*other)
    if rows.start < rows.stop and columns.start < columns.stop:
        assert here.overlap(there).same_as(WORLD.subgrid(rows, columns))
        assert there.overlap(here).same_as(WORLD.subgrid(rows, columns))
    else:
        with pytest.raises(InputError, match="do not overlap"):
            here.overlap(there)


def test_only_a_grid_around_the_globe_wraps():
    assert WORLD.wraps
    assert Grid(0.0, 90.0, 1 / 120, 1 / 120, 10, 43200).wraps
    assert not WORLD.subgrid(slice(0, 720), slice(0, 1439)).wraps


def test_region_outside_the_data_is_refused_with_both_extents():
    india = Grid(70.0, 32.0, 0.25, 0.25, 20, 20)
    with pytest.raises(InputError, match=r"-10, 40, 0, 50.*70, 27, 75, 32"):
        india.window((-10, 40, 0, 50))


@pytest.mark.parametrize(
    "transform",
    [
        Affine(0.25, 0, 70, 0, 0.25, 20),
        Affine(0.25, 0.01, 70, 0.01, -0.25, 32),
        Affine(-0.25, 0, 70, 0, -0.25, 32),
    ],
    ids=["south-up", "rotated", "mirrored"],
)
def test_rotated_or_flipped_rasters_are_refused_by_name(transform):
    with pytest.raises(InputError, match=r"^dem\.tif .*north-up"):
        Grid.from_transform(transform, (4, 4), "dem.tif")


def test_factors_that_do_not_divide_raise_value_error():
    with pytest.raises(ValueError, match="not an integer multiple"):
        Grid(0, 10, 0.02, 0.02, 100, 100).factor_to(WORLD)
    with pytest.raises(ValueError, match="does not divide"):
        Grid(0, 10, 0.01, 0.01, 100, 100).coarsen(30)


def test_shifted_grid_is_neither_aligned_nor_the_same():
    shifted = Grid(-179.9, 90.0, 0.25, 0.25, 720, 1440)
    assert not WORLD.aligned_with(shifted)
    assert not WORLD.same_as(shifted)
    assert WORLD.aligned_with(WORLD.subgrid(slice(3, 9), slice(5, 6)))
    assert WORLD.window_of(Grid(-181.0, 90.0, 0.25, 0.25, 4, 4)) is None


def test_intersection_is_the_common_part_of_two_boxes():
    box = (0.0, 0.0, 4.0, 3.0)
    assert intersection(box, (1.0, -2.0, 9.0, 2.0)) == (1.0, 0.0, 4.0, 2.0)
    assert intersection(box, (4.0, 0.0, 5.0, 3.0)) is None
    assert intersection(box, (1.0, 5.0, 2.0, 6.0)) is None


def test_a_region_across_180_degrees_has_a_grid_that_ends_beyond_180():
    grid = Grid.covering((177.1, -20.0, 182.0, -15.0), 0.25)
    assert grid.bounds == (177.0, -20.0, 182.0, -15.0)
    assert Grid.covering((177.0, -90.0, 537.0, 90.0), 0.5).wraps


def test_a_global_grid_is_read_completely_for_a_region_across_its_ends():
    rows, columns = WORLD.window_around((177.0, -20.0, 182.0, -15.0))
    assert (rows, columns) == (slice(420, 440), slice(0, 1440))
    assert WORLD.window_around((70.0, 0.0, 80.0, 10.0)) == WORLD.window((70.0, 0.0, 80.0, 10.0))
    assert WORLD.turned((177.0, -20.0, 182.0, -15.0)).bounds == (177.0, -90.0, 537.0, 90.0)
    assert WORLD.turned((70.0, 0.0, 80.0, 10.0)) == WORLD


def test_a_regional_grid_is_turned_to_the_region():
    east = Grid(-180.0, 0.0, 0.25, 0.25, 8, 8)
    assert east.turned((177.0, -20.0, 182.0, -1.0)).west == 180.0
    assert east.window_around((177.0, -20.0, 181.0, -1.0))[1] == slice(0, 4)
    in_360 = Grid(250.0, 40.0, 0.25, 0.25, 8, 40)
    assert in_360.turned((-109.0, 38.0, -105.0, 40.0)).west == -110.0
