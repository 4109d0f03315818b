"""Each cell and month is held out once, and training uses neither it nor its surroundings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.downscaling.folds import (
    Blocking,
    forward_splits,
    make_blocks,
    make_splits,
    no_holdout,
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
    assert no_holdout(cells.shape, 30).trained(samples).all()


@pytest.mark.parametrize("block", [2.0, 3.0, 5.0])
def test_block_edges_are_multiples_of_the_block_size_in_both_directions(block):
    """Edges are counted from 90°N 180°W: cells share a block exactly when both quotients agree."""
    grid = Grid(70.0, 41.0, 0.25, 0.25, 80, 100)
    blocks, _ = make_blocks(grid, np.ones(grid.shape, bool), Blocking(block))
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
    blocks, _ = make_blocks(grid, np.ones(grid.shape, bool), Blocking(block=2.0))
    expected = np.repeat([0, 1, 2, 3], [2, 4, 4, 2])[:, None] * 3 + np.repeat([0, 1, 2], 4)
    numbers = np.unique(blocks, return_inverse=True)[1].reshape(grid.shape)
    assert (numbers == expected).all()


def test_no_two_blocks_of_a_global_grid_have_one_number():
    """The last block before the date line is incomplete, because 360 is no multiple of 7."""
    grid = Grid(-180.0, 90.0, 1.0, 1.0, 180, 360)
    blocks, _ = make_blocks(grid, np.ones(grid.shape, bool), Blocking(block=7.0))
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
