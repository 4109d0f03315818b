"""Splits for held-out scores: blocks of coarse cells with a buffer around them, crossed with blocks of months.

Random splits leave the neighbour of a cell in training, and GRACE sees the two as one (Ploton et al. 2020; Meyer &
Pebesma 2021): they are made too, to show by how much the figures that are usually published flatter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..base.grid import Grid
from ..base.progress import SILENT, Progress
from .samples import Samples

LEAST_BLOCKS = 8
SPACE_FOLDS, TIME_FOLDS = 12, 4
FORWARD_BLOCKS = 4


@dataclass(frozen=True)
class Split:
    """Held out are ``cells`` (bool, coarse shape) in ``months`` (bool, (months,)).

    Training sees neither these samples, nor any cell of ``near``, nor any month of ``unseen``.
    """

    cells: np.ndarray
    months: np.ndarray
    near: np.ndarray
    unseen: np.ndarray

    def held(self, samples: Samples) -> np.ndarray:
        """bool, (samples,): those that are predicted."""
        return samples.at(self.cells) & self.months[samples.month]

    def trained(self, samples: Samples) -> np.ndarray:
        """bool, (samples,): those that models may be trained on."""
        return ~(self.held(samples) | samples.at(self.near) | self.unseen[samples.month])


@dataclass(frozen=True)
class Blocking:
    """``block`` and ``buffer`` in degrees, as asked for; smaller ones are used where fewer than eight blocks fit."""

    block: float = 3.0
    buffer: float = 1.0
    seed: int = 1


def nothing_held(shape: tuple[int, int], months: int) -> Split:
    """What a model of all samples is trained without."""
    nowhere, never = np.zeros(shape, dtype=bool), np.zeros(months, dtype=bool)
    return Split(nowhere, never, nowhere, never)


def make_splits(
    grid: Grid, cells: np.ndarray, months: int, blocking: Blocking, progress: Progress = SILENT
) -> list[Split]:
    """Every pair of a space fold and a time fold, so that each cell and month is held out exactly once.

    ``cells``: bool, coarse shape, those that count.
    """
    blocks, reach = make_blocks(grid, cells, blocking, progress)
    space = _space_folds(blocks, cells, blocking.seed)
    time = np.arange(months) * TIME_FOLDS // months
    return list(_crossed(space, time, cells, reach))


def make_blocks(
    grid: Grid, cells: np.ndarray, blocking: Blocking, progress: Progress = SILENT
) -> tuple[np.ndarray, int]:
    """The number of each cell's block, and the buffer in cells; the block size is said where it had to shrink."""
    size, buffer = _shrunk(grid, cells, blocking, progress)
    return _blocks(grid, size), round(buffer / grid.dx)


def forward_splits(cells: np.ndarray, months: int) -> list[Split]:
    """Each quarter of the record but the first, predicted in all ``cells`` by models that know only what was before."""
    quarter = np.arange(months) * FORWARD_BLOCKS // months
    nowhere = np.zeros_like(cells)
    return [
        Split(cells, quarter == block, nowhere, quarter >= block)
        for block in np.unique(quarter)[1:]
    ]


def random_splits(cells: np.ndarray, months: int, seed: int) -> list[Split]:
    """Random halves of the cells crossed with random halves of the months. Training sees a cell's neighbours and its
    other months: the optimistic way, comparable with most published figures."""
    rng = np.random.default_rng(seed)
    of_cells, of_months = rng.random(cells.shape) < 0.5, rng.permutation(months) % 2 == 0
    nowhere, never = np.zeros_like(cells), np.zeros(months, dtype=bool)
    return [
        Split(cells & side, half, nowhere, never)
        for side in (of_cells, ~of_cells)
        for half in (of_months, ~of_months)
        if (cells & side).any() and half.any()
    ]


def _crossed(space: np.ndarray, time: np.ndarray, cells: np.ndarray, reach: int) -> Iterator[Split]:
    for fold in np.unique(space[cells]):
        held = cells & (space == fold)
        near = widened(held, reach)
        for block in np.unique(time):
            yield Split(held, time == block, near, time == block)


def _shrunk(
    grid: Grid, cells: np.ndarray, blocking: Blocking, progress: Progress
) -> tuple[float, float]:
    size, buffer = blocking.block, blocking.buffer
    while cells.sum() * grid.dx * grid.dy < LEAST_BLOCKS * size**2 and size > 2 * grid.dx:
        size, buffer = size / 2, buffer / 2
    if size < blocking.block:
        progress.warn(
            f"Fewer than {LEAST_BLOCKS} blocks of {blocking.block:g}° fit into the region: held-out blocks are "
            f"{size:g}° with a buffer of {buffer:g}°, so held-out scores are more optimistic than those of a larger "
            "region."
        )
    return size, buffer


def _blocks(grid: Grid, size: float) -> np.ndarray:
    """A number for each cell's block, blocks aligned to the whole globe so that neighbouring regions share them."""
    down = np.floor((90 - grid.latitudes) / size).astype(int)
    across = np.floor((grid.longitudes + 180) / size).astype(int)
    return down[:, None] * (int(360 / size) + 1) + across


def _space_folds(blocks: np.ndarray, cells: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each cell, blocks being dealt out in random order; -1 outside ``cells``."""
    present = np.unique(blocks[cells])
    dealt = np.random.default_rng(seed).permutation(present.size) % min(SPACE_FOLDS, present.size)
    folds = np.full(blocks.shape, -1)
    folds[cells] = dealt[np.searchsorted(present, blocks[cells])]
    return folds


def widened(cells: np.ndarray, reach: int) -> np.ndarray:
    """The cells and those within ``reach`` cells of them."""
    wide = np.pad(cells, reach)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (2 * reach + 1, 2 * reach + 1))
    return windows.any(axis=(2, 3))
