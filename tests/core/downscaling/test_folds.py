"""Held out means held out: every cell and month once, never in training, nor is their neighbourhood."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gwsa.gwsa_plugin.core.base.grid import Grid
from gwsa.gwsa_plugin.core.base.progress import Progress
from gwsa.gwsa_plugin.core.downscaling.folds import (
    Blocking,
    forward_splits,
    make_splits,
    nothing_held,
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


@given(
    seed=st.integers(0, 50),
    rows=st.integers(8, 40),
    columns=st.integers(8, 40),
    share=st.floats(0.3, 1.0),
)
def test_every_cell_and_month_is_held_out_exactly_once(seed, rows, columns, share):
    cells = np.random.default_rng(seed).random((rows, columns)) < share
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
    assert nothing_held(cells.shape, 30).trained(samples).all()


def test_the_buffer_keeps_training_away():
    grid = Grid(70.0, 60.0, 0.25, 0.25, 96, 96)
    cells = np.ones(grid.shape, bool)
    for split in make_splits(grid, cells, 12, Blocking(block=3.0, buffer=1.0)):
        held, trained = np.argwhere(split.cells), np.argwhere(~split.near)
        distance = np.abs(held[::37, None] - trained[None, ::11]).max(axis=2).min()
        assert distance > 4


def test_small_regions_shrink_the_blocks_and_say_so():
    log = Log()
    grid = Grid(70.0, 30.0, 0.25, 0.25, 16, 16)
    splits = make_splits(grid, np.ones(grid.shape, bool), 12, Blocking(), log)
    assert len(log.lines) == 1 and "optimistic" in log.lines[0]
    assert all((~split.near).any() for split in splits)
    large = Grid(0.0, 60.0, 0.25, 0.25, 48, 96)
    make_splits(large, np.ones(large.shape, bool), 12, Blocking(), log)
    assert len(log.lines) == 1


@given(seed=st.integers(0, 50))
def test_random_splits_hold_every_sample_once_and_hide_nothing_else(seed):
    cells = np.random.default_rng(seed).random((9, 11)) < 0.7
    splits = random_splits(cells, 30, seed)
    samples = everywhere(30, 9, 11)
    assert (sum(split.held(samples).astype(int) for split in splits) == samples.at(cells)).all()
    for split in splits:
        assert (split.trained(samples) == ~split.held(samples)).all()


def test_forward_splits_know_only_what_was_before():
    cells = np.ones((3, 4), bool)
    splits, samples = forward_splits(cells, 40), everywhere(40, 3, 4)
    assert sum(split.held(samples).sum() for split in splits) == 30 * cells.size
    for split in splits:
        assert samples.month[split.trained(samples)].max() < np.flatnonzero(split.months).min()
