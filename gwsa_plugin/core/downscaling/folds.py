"""Cross-validation folds: blocks of coarse cells with a buffer, crossed with blocks of months.

Random splits leave neighbours of a held-out cell in the training set. GRACE does not resolve
neighbouring cells, so random splits overestimate skill. They are made too, for comparison with
published figures.

References
----------
Ploton et al. (2020), Nature Communications 11:4540.
Meyer & Pebesma (2021), Methods in Ecology and Evolution 12:1620.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..base.grid import Grid
from ..base.progress import SILENT, Progress
from .samples import Samples

# Blocks that must fit into the region; otherwise smaller blocks are used.
LEAST_BLOCKS = 8
SPACE_FOLDS = 12
TIME_FOLDS = 4
# Parts of the record in validation forward in time.
FORWARD_BLOCKS = 4


@dataclass(frozen=True)
class Split:
    """A pair of training and held-out samples.

    Parameters
    ----------
    cells : numpy.ndarray of bool
        Held-out cells, coarse shape.
    months : numpy.ndarray of bool, shape (months,)
        Held-out months. Samples of ``cells`` in ``months`` are held out.
    excluded_cells : numpy.ndarray of bool
        Cells that are not trained on in any month, coarse shape: held-out cells and their buffer.
    excluded_months : numpy.ndarray of bool, shape (months,)
        Months that are not trained on in any cell.
    """

    cells: np.ndarray
    months: np.ndarray
    excluded_cells: np.ndarray
    excluded_months: np.ndarray

    def held(self, samples: Samples) -> np.ndarray:
        """Return True for held-out samples, bool, shape (samples,)."""
        return samples.at(self.cells) & self.months[samples.month]

    def trained(self, samples: Samples) -> np.ndarray:
        """Return True for samples that models may be trained on, bool, shape (samples,)."""
        return ~(
            self.held(samples)
            | samples.at(self.excluded_cells)
            | self.excluded_months[samples.month]
        )


@dataclass(frozen=True)
class Blocking:
    """Settings of the spatial blocks.

    Parameters
    ----------
    block : float
        Side of a block, degrees. It is halved until eight blocks fit into the region.
    buffer : float
        Width of the buffer around held-out blocks, degrees. It is halved with the blocks.
    seed : int
        Seed of the random assignment of blocks to folds.
    """

    block: float = 3.0
    buffer: float = 1.0
    seed: int = 1


def no_holdout(shape: tuple[int, ...], months: int) -> Split:
    """Return the split that holds nothing out: all samples are trained on.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the coarse grid.
    months : int
        Number of mapped months.
    """
    no_cells = np.zeros(shape, dtype=bool)
    no_months = np.zeros(months, dtype=bool)
    return Split(no_cells, no_months, no_cells, no_months)


def make_splits(
    grid: Grid, cells: np.ndarray, months: int, blocking: Blocking, progress: Progress = SILENT
) -> list[Split]:
    """Cross spatial folds with time folds, so that each sample is held out exactly once.

    Parameters
    ----------
    grid : Grid
        The coarse grid.
    cells : numpy.ndarray of bool
        Mapped cells, coarse shape.
    months : int
        Number of mapped months.
    blocking : Blocking
        Size of blocks and buffer.
    progress : Progress
        Receives a warning when the blocks had to be made smaller.
    """
    blocks, buffer_cells = make_blocks(grid, cells, blocking, progress)
    space_folds = _assign_space_folds(blocks, cells, blocking.seed)
    time_folds = np.arange(months) * TIME_FOLDS // months
    return list(_cross_folds(space_folds, time_folds, cells, buffer_cells))


def make_blocks(
    grid: Grid, cells: np.ndarray, blocking: Blocking, progress: Progress = SILENT
) -> tuple[np.ndarray, int]:
    """Divide the coarse grid into square blocks.

    Parameters
    ----------
    grid, cells, blocking, progress
        As ``make_splits``.

    Returns
    -------
    blocks : numpy.ndarray of int
        Number of the block of each cell, coarse shape.
    buffer_cells : int
        Width of the buffer in cells.
    """
    size, buffer = _fit_block_size(grid, cells, blocking, progress)
    return _number_blocks(grid, size), round(buffer / grid.dx)


def forward_splits(cells: np.ndarray, months: int) -> list[Split]:
    """Make splits for validation forward in time.

    Each quarter of the record except the first is held out in all ``cells``; only earlier months
    are trained on.
    """
    quarter = np.arange(months) * FORWARD_BLOCKS // months
    no_cells = np.zeros_like(cells)
    return [
        Split(cells, quarter == number, no_cells, quarter >= number)
        for number in np.unique(quarter)[1:]
    ]


def random_splits(cells: np.ndarray, months: int, seed: int) -> list[Split]:
    """Cross random halves of the cells with random halves of the months.

    Neighbours and other months of a held-out cell are trained on. The skill is therefore
    overestimated, as in most published validations.
    """
    rng = np.random.default_rng(seed)
    half_cells = rng.random(cells.shape) < 0.5
    half_months = rng.permutation(months) % 2 == 0
    no_cells = np.zeros_like(cells)
    no_months = np.zeros(months, dtype=bool)
    return [
        Split(cells & in_space, in_time, no_cells, no_months)
        for in_space in (half_cells, ~half_cells)
        for in_time in (half_months, ~half_months)
        if (cells & in_space).any() and in_time.any()
    ]


def _cross_folds(
    space_folds: np.ndarray, time_folds: np.ndarray, cells: np.ndarray, buffer_cells: int
) -> Iterator[Split]:
    """Every pair of a spatial fold and a time fold, the time folds of a spatial fold in turn."""
    for space_fold in np.unique(space_folds[cells]):
        held = cells & (space_folds == space_fold)
        excluded = dilate(held, buffer_cells)
        for time_fold in np.unique(time_folds):
            in_time = time_folds == time_fold
            yield Split(held, in_time, excluded, in_time)


def _fit_block_size(
    grid: Grid, cells: np.ndarray, blocking: Blocking, progress: Progress
) -> tuple[float, float]:
    """Side of a block and width of the buffer, degrees, halved until enough blocks fit."""
    size = blocking.block
    buffer = blocking.buffer
    while cells.sum() * grid.dx * grid.dy < LEAST_BLOCKS * size**2 and size > 2 * grid.dx:
        size /= 2
        buffer /= 2
    if size < blocking.block:
        progress.warn(
            f"Fewer than {LEAST_BLOCKS} blocks of {blocking.block:g}° fit into the region. "
            f"Held-out blocks are {size:g}° wide with a buffer of {buffer:g}°, so held-out scores "
            "are more optimistic than those of a larger region."
        )
    return size, buffer


def _number_blocks(grid: Grid, size: float) -> np.ndarray:
    """The number of the block of each cell, coarse shape.

    Blocks are ``size`` degrees in latitude and in longitude, counted from 90°N 180°W, so that
    overlapping regions have the same blocks.
    """
    down = np.floor((90 - grid.latitudes) / size).astype(int)
    across = np.floor((grid.longitudes + 180) / size).astype(int)
    return down[:, None] * (int(360 / size) + 1) + across


def _assign_space_folds(blocks: np.ndarray, cells: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each cell, blocks being assigned in random order; -1 outside ``cells``."""
    present = np.unique(blocks[cells])
    fold = np.random.default_rng(seed).permutation(present.size) % min(SPACE_FOLDS, present.size)
    space_folds = np.full(blocks.shape, -1)
    space_folds[cells] = fold[np.searchsorted(present, blocks[cells])]
    return space_folds


def dilate(cells: np.ndarray, buffer_cells: int) -> np.ndarray:
    """Return the cells and those within ``buffer_cells`` rows and columns of them, bool."""
    padded = np.pad(cells, buffer_cells)
    side = 2 * buffer_cells + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    return windows.any(axis=(2, 3))
