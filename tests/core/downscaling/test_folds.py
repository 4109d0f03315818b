"""Each cell and month is held out once, and training uses neither it nor its surroundings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.grid import EARTH_RADIUS_KM, Grid
from gwsa.gwsa_plugin.core.base.progress import SILENT, Progress
from gwsa.gwsa_plugin.core.downscaling.folds import (
    Blocking,
    dilate,
    footprint_blocks,
    forward_splits,
    make_blocks,
    make_splits,
    random_splits,
)
from gwsa.gwsa_plugin.core.downscaling.samples import Samples


def everywhere(*shape):
    """Samples in all months, rows and columns."""
    return Samples(*np.nonzero(np.ones(shape)), *(np.zeros(np.prod(shape)) for _ in range(3)), ())


class Log(Progress):
    def __init__(self):
        self.lines = []

    def warn(self, text):
        self.lines.append(text)


WIDTH = 250.0


def distances(grid, one, other):
    """Distances along both axes between the edges of cells, km, at the latitude nearer to a pole.

    ``one`` and ``other`` are rows and columns of cells, shape (cells, 2).
    """
    rows = np.abs(one[:, None, 0] - other[None, :, 0])
    columns = np.abs(one[:, None, 1] - other[None, :, 1])
    latitude = np.abs(grid.latitudes)
    poleward = np.maximum(latitude[one[:, None, 0]], latitude[other[None, :, 0]])
    degree = np.radians(EARTH_RADIUS_KM)
    down = np.maximum(rows - 1, 0) * grid.dy * degree
    return down, np.maximum(columns - 1, 0) * grid.dx * degree * np.cos(np.radians(poleward))


@pytest.mark.parametrize("footprint", [20.0, 28.0])
@pytest.mark.parametrize("side", [16, 60])
def test_a_footprint_of_one_cell_changes_no_split(footprint, side):
    grid = Grid(70.0, 70.0, 0.25, 0.25, side, side)
    cells = np.random.default_rng(side).random(grid.shape) < 0.8
    splits = [
        make_splits(grid, cells, 12, Blocking(), SILENT, width) for width in (None, footprint)
    ]
    assert len(splits[0]) == len(splits[1])
    for one, other in zip(*splits):
        for name in ("cells", "months", "excluded_cells", "excluded_months"):
            assert (getattr(one, name) == getattr(other, name)).all()


@pytest.mark.parametrize("north", [20.0, 66.0, -50.0])
def test_blocks_and_buffer_are_as_wide_as_the_footprint(north):
    """In km along both axes, at each latitude."""
    grid = Grid(70.0, north, 0.5, 0.5, 40, 60)
    cells = np.ones(grid.shape, bool)
    blocks = make_blocks(grid, cells, Blocking(2.0, 0.5), footprint_km=WIDTH)
    assert not blocks.narrow
    degree = np.radians(EARTH_RADIUS_KM)
    for number in np.unique(blocks.numbers[1:-1, 1:-1]):
        rows, columns = np.nonzero(blocks.numbers == number)
        if 0 in rows or 0 in columns or grid.rows - 1 in rows or grid.columns - 1 in columns:
            continue
        shortest = np.cos(np.radians(np.abs(grid.latitudes[rows]).max()))
        # Edges of blocks lie within half a cell of their place.
        assert (np.ptp(rows) + 2) * grid.dy * degree > WIDTH
        assert (np.ptp(columns) + 2) * grid.dx * degree * shortest > WIDTH
    for fold in np.unique(blocks.folds):
        held = blocks.folds == fold
        trained = np.argwhere(~blocks.excluded(held))
        down, across = distances(grid, np.argwhere(held)[::7], trained[::11])
        assert ((down > WIDTH - 1) | (across > WIDTH - 1)).all()


def test_every_sample_is_held_out_once_with_wide_blocks():
    grid = Grid(70.0, 34.0, 0.5, 0.5, 16, 15)
    cells = np.random.default_rng(2).random(grid.shape) < 0.9
    samples = everywhere(8, *grid.shape)
    splits = make_splits(grid, cells, 8, Blocking(), SILENT, WIDTH)
    assert (sum(split.held(samples).astype(int) for split in splits) == samples.at(cells)).all()
    assert all(split.trained(samples).any() for split in splits)


def test_a_region_of_few_footprints_keeps_its_splits_and_warns():
    """Models must be trained in any case; the blocks are marked as narrow."""
    log = Log()
    grid = Grid(70.0, 30.0, 0.25, 0.25, 20, 20)
    cells = np.ones(grid.shape, bool)
    blocks = make_blocks(grid, cells, Blocking(), log, WIDTH)
    usual = make_blocks(grid, cells, Blocking())
    assert blocks.narrow and not usual.narrow
    assert (blocks.folds == usual.folds).all()
    assert len(log.lines) == 1 and "250 km" in log.lines[0]
    assert "skill for unseen footprints cannot be tested" in log.lines[0]


def test_blocks_are_halved_down_to_the_footprint_only():
    grid = Grid(70.0, 30.0, 0.25, 0.25, 32, 32)
    cells = np.ones(grid.shape, bool)
    blocks = make_blocks(grid, cells, Blocking(), footprint_km=WIDTH)
    rows = np.diff(np.flatnonzero(np.diff(blocks.numbers[:, 0])))
    assert not blocks.narrow and (rows == 9).all()
    assert blocks.buffer_rows == 9


def test_blocks_with_little_land_are_no_footprints():
    grid = Grid(70.0, 30.0, 0.5, 0.5, 12, 12)
    cells = np.zeros(grid.shape, bool)
    cells[:6, :6] = True
    cells[6, 6] = True
    numbers = np.arange(12)[:, None] // 6 * 2 + np.arange(12) // 6
    assert footprint_blocks(grid, cells, numbers, WIDTH) == [0]
    assert footprint_blocks(grid, cells, numbers, 0.0) == [0, 3]


def test_dilation_has_a_width_for_each_row():
    cells = np.zeros((5, 9), bool)
    cells[1, 4] = cells[4, 0] = True
    expected = np.zeros((5, 9), bool)
    expected[:3, 2:7] = True
    expected[3:, :2] = True
    assert (dilate(cells, 1, np.array([0, 2, 0, 0, 1])) == expected).all()


@pytest.mark.slow
@given(
    seed=st.integers(0, 50),
    rows=st.integers(8, 40),
    columns=st.integers(8, 40),
    fraction=st.floats(0.3, 1.0),
)
def test_every_cell_and_month_is_held_out_exactly_once(seed, rows, columns, fraction):
    cells = np.random.default_rng(seed).random((rows, columns)) < fraction
    cells[0, 0] = True
    splits = make_splits(
        Grid(70.0, 40.0, 0.25, 0.25, rows, columns), cells, 30, Blocking(seed=seed)
    )
    samples = everywhere(30, rows, columns)
    times = np.zeros(samples.month.size, int)
    for split in splits:
        held, trained = split.held(samples), split.trained(samples)
        assert (held == (split.months[:, None, None] & split.cells).ravel()).all()
        assert not (trained & (held | split.months[samples.month] | samples.at(split.cells))).any()
        times += held
    assert (times == samples.at(cells)).all()


@pytest.mark.parametrize("block", [2.0, 3.0, 5.0])
def test_block_edges_are_multiples_of_the_block_size_in_both_directions(block):
    """Edges are counted from 90°N 180°W: cells share a block exactly when both quotients agree."""
    grid = Grid(70.0, 41.0, 0.25, 0.25, 80, 100)
    blocks = make_blocks(grid, np.ones(grid.shape, bool), Blocking(block)).numbers
    band = (90 - grid.latitudes) // block
    column = (grid.longitudes + 180) // block
    south = np.flatnonzero(np.diff(band))
    east = np.flatnonzero(np.diff(column))
    assert (np.diff(south) == block / grid.dy).all()
    assert (np.diff(east) == block / grid.dx).all()
    changes_south = blocks[1:] != blocks[:-1]
    changes_east = blocks[:, 1:] != blocks[:, :-1]
    assert (changes_south == (np.diff(band) != 0)[:, None]).all()
    assert (changes_east == (np.diff(column) != 0)).all()
    assert np.unique(blocks).size == np.unique(band).size * np.unique(column).size


def test_block_edges_of_two_degrees_lie_on_known_cells():
    """From 39°N 70°E, edges are at 38, 36 and 34°N and at 72 and 74°E."""
    grid = Grid(70.0, 39.0, 0.5, 0.5, 12, 12)
    blocks = make_blocks(grid, np.ones(grid.shape, bool), Blocking(block=2.0)).numbers
    expected = np.repeat([0, 1, 2, 3], [2, 4, 4, 2])[:, None] * 3 + np.repeat([0, 1, 2], 4)
    numbers = np.unique(blocks, return_inverse=True)[1].reshape(grid.shape)
    assert (numbers == expected).all()


def test_no_two_blocks_of_a_global_grid_have_one_number():
    """The last block before the date line is incomplete, because 360 is no multiple of 7."""
    grid = Grid(-180.0, 90.0, 1.0, 1.0, 180, 360)
    blocks = make_blocks(grid, np.ones(grid.shape, bool), Blocking(block=7.0)).numbers
    assert np.unique(blocks).size == 26 * 52


def test_no_training_cell_lies_within_the_buffer():
    grid = Grid(70.0, 60.0, 0.25, 0.25, 96, 96)
    cells = np.ones(grid.shape, bool)
    for split in make_splits(grid, cells, 12, Blocking(block=3.0, buffer=1.0)):
        held, trained = np.argwhere(split.cells), np.argwhere(~split.excluded_cells)
        distance = np.abs(held[::37, None] - trained[None, ::11]).max(axis=2).min()
        assert distance > 4


def test_the_buffer_is_four_cells_wide_in_each_direction():
    """Cells just outside a buffer of 1° are trained on to the north, south, west and east."""
    grid = Grid(70.0, 60.0, 0.25, 0.25, 96, 96)
    cells = np.ones(grid.shape, bool)
    split = make_splits(grid, cells, 12, Blocking(block=3.0, buffer=1.0))[0]
    buffer = np.zeros(grid.shape, bool)
    for row, column in np.argwhere(split.cells):
        buffer[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5] = True
    assert (split.excluded_cells == buffer).all()


def test_small_regions_have_smaller_blocks_and_a_warning():
    log = Log()
    grid = Grid(70.0, 30.0, 0.25, 0.25, 16, 16)
    splits = make_splits(grid, np.ones(grid.shape, bool), 12, Blocking(), log)
    assert len(log.lines) == 1 and "optimistic" in log.lines[0]
    assert all((~split.excluded_cells).any() for split in splits)
    large = Grid(0.0, 60.0, 0.25, 0.25, 48, 96)
    make_splits(large, np.ones(large.shape, bool), 12, Blocking(), log)
    assert len(log.lines) == 1


@given(seed=st.integers(0, 50))
def test_random_splits_hold_every_sample_out_once_and_exclude_no_other(seed):
    cells = np.random.default_rng(seed).random((9, 11)) < 0.7
    splits = random_splits(cells, 30, seed)
    samples = everywhere(30, 9, 11)
    assert (sum(split.held(samples).astype(int) for split in splits) == samples.at(cells)).all()
    for split in splits:
        assert (split.trained(samples) == ~split.held(samples)).all()


def test_forward_splits_train_on_earlier_months_only():
    cells = np.ones((3, 4), bool)
    splits, samples = forward_splits(cells, 40), everywhere(40, 3, 4)
    assert sum(split.held(samples).sum() for split in splits) == 30 * cells.size
    for split in splits:
        assert samples.month[split.trained(samples)].max() < np.flatnonzero(split.months).min()
