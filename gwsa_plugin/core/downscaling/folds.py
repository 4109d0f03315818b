"""Cross-validation folds: blocks of coarse cells with a buffer, crossed with blocks of months.

Random splits leave neighbours of a held-out cell in the training set. GRACE does not resolve
neighbouring cells, so random splits overestimate skill. They are made too, for comparison with
published figures. Blocks and buffers are at least as wide as the footprint of GRACE where the
region is large enough: cells inside one footprint share most of their signal.

References
----------
Ploton et al. (2020), Nature Communications 11:4540.
Meyer & Pebesma (2021), Methods in Ecology and Evolution 12:1620.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..base.grid import EDGE_TOLERANCE, KM_PER_DEGREE, Grid
from ..base.progress import SILENT, Progress
from .samples import Samples

# Blocks that must fit into the region; otherwise smaller blocks are used.
LEAST_BLOCKS = 8
# Parts of the record in validation forward in time.
FORWARD_BLOCKS = 4
# Blocks with data that a test for unseen footprints needs at least.
LEAST_FOOTPRINTS = 4
# Mapped land of a block that counts as one footprint, in areas of a footprint.
LEAST_FRACTION = 0.5
# A footprint up to this many cells wide is resolved by the cells.
RESOLVED_CELLS = 1.05
# Latitude beyond which degrees of longitude are not made wider.
MOST_POLEWARD = 89.0


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


@dataclass(frozen=True, eq=False)
class Blocks:
    """Division of the mapped cells into blocks, and of the blocks into spatial folds.

    Parameters
    ----------
    numbers : numpy.ndarray of int
        Number of the block of each cell, coarse shape.
    folds : numpy.ndarray of int
        Number of the spatial fold of each cell, coarse shape; -1 outside the mapped cells.
    buffer_rows : int
        Rows of the buffer to the north and south of held-out cells.
    buffer_columns : numpy.ndarray of int, shape (rows of the grid,)
        Columns of the buffer to the west and east of held-out cells of each row.
    narrow : bool
        True when blocks or buffer are narrower than the footprint of GRACE, because the region is
        too small for others.
    """

    numbers: np.ndarray
    folds: np.ndarray
    buffer_rows: int
    buffer_columns: np.ndarray
    narrow: bool = False

    def excluded(self, held: np.ndarray) -> np.ndarray:
        """Return the held-out cells and their buffer, bool, coarse shape."""
        return dilate(held, self.buffer_rows, self.buffer_columns)


class Folds(NamedTuple):
    """Number of spatial folds, at most, and of parts of the record that they are crossed with."""

    space: int = 12
    time: int = 4


def make_splits(
    grid: Grid,
    cells: np.ndarray,
    months: int,
    blocking: Blocking,
    progress: Progress = SILENT,
    footprint_km: float | None = None,
    folds: Folds = Folds(),
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
    footprint_km : float, optional
        Width of the footprint of GRACE, km; None for unknown.
    folds : Folds
        Numbers of folds. One block per fold is taken where it alone leaves enough to train on.
    """
    blocks = make_blocks(grid, cells, blocking, progress, footprint_km, folds.space)
    time_folds = np.arange(months) * folds.time // months
    return list(_cross_folds(blocks, time_folds, cells))


def make_blocks(
    grid: Grid,
    cells: np.ndarray,
    blocking: Blocking,
    progress: Progress = SILENT,
    footprint_km: float | None = None,
    space_folds: int = Folds().space,
) -> Blocks:
    """Divide the coarse grid into square blocks.

    Blocks and buffer are at least as wide as the footprint, in km along both axes, if the region
    then has at least four blocks that count as footprints and leaves the area of a footprint to
    train on outside each fold and its buffer. Otherwise, and for a footprint of one cell or of
    unknown width, the side is halved until eight blocks fit.

    Parameters
    ----------
    grid, cells, blocking, progress, footprint_km
        As ``make_splits``.
    space_folds : int
        Number of spatial folds, at most.
    """
    width = _width_in_degrees(grid, footprint_km)
    if width:
        size, buffer = _fit_block_size(grid, cells, blocking, width)
        # One block per fold leaves the most to train on.
        for most_folds in (space_folds, cells.size):
            blocks = _divide(grid, cells, size, buffer, blocking.seed, width, most_folds)
            if _can_test(grid, cells, blocks, width):
                progress.info(
                    f"Held-out blocks are at least {size:.3g}° wide with a buffer of at least "
                    f"{buffer:.3g}°, because the footprint of GRACE is {footprint_km:.0f} km wide."
                )
                return blocks
    size, buffer = _fit_block_size(grid, cells, blocking)
    used = f"Held-out blocks are {size:g}° wide with a buffer of {buffer:g}°, so held-out scores "
    if width:
        progress.warn(
            "The region is too small to hold out blocks as wide as the footprint of GRACE "
            f"({footprint_km:.0f} km) and to train outside their buffers. {used}are too "
            "optimistic, and skill for unseen footprints cannot be tested."
        )
    elif size < blocking.block:
        progress.warn(
            f"Fewer than {LEAST_BLOCKS} blocks of {blocking.block:g}° fit into the region. "
            f"{used}are more optimistic than those of a larger region."
        )
    return replace(
        _divide(grid, cells, size, buffer, blocking.seed, most_folds=space_folds), narrow=width > 0
    )


def footprint_blocks(grid: Grid, cells: np.ndarray, numbers: np.ndarray, width: float) -> list[int]:
    """List the blocks whose mapped land is at least half the area of a footprint.

    Parameters
    ----------
    grid : Grid
        The coarse grid.
    cells : numpy.ndarray of bool
        Mapped cells, coarse shape.
    numbers : numpy.ndarray of int
        Number of the block of each cell, coarse shape.
    width : float
        Width of the footprint, km; 0 counts all blocks with a mapped cell.
    """
    present, block = np.unique(numbers[cells], return_inverse=True)
    area = np.bincount(block.ravel(), grid.cell_areas()[cells])
    return [int(number) for number in present[area >= LEAST_FRACTION * width**2]]


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


def _cross_folds(blocks: Blocks, time_folds: np.ndarray, cells: np.ndarray) -> Iterator[Split]:
    """Every pair of a spatial fold and a time fold, the time folds of a spatial fold in turn."""
    for space_fold in np.unique(blocks.folds[cells]):
        held = cells & (blocks.folds == space_fold)
        excluded = blocks.excluded(held)
        for time_fold in np.unique(time_folds):
            in_time = time_folds == time_fold
            yield Split(held, in_time, excluded, in_time)


def _width_in_degrees(grid: Grid, footprint_km: float | None) -> float:
    """Width of the footprint in degrees of latitude; 0 if unknown or about that of a cell."""
    width = (footprint_km or 0.0) / KM_PER_DEGREE
    return width if width > RESOLVED_CELLS * grid.dy else 0.0


def _fit_block_size(
    grid: Grid, cells: np.ndarray, blocking: Blocking, least: float = 0.0
) -> tuple[float, float]:
    """Side of a block and width of the buffer, degrees, halved until enough blocks fit.

    Neither is smaller than ``least``.
    """
    size = max(blocking.block, least)
    buffer = max(blocking.buffer, least)
    while (
        cells.sum() * grid.dx * grid.dy < LEAST_BLOCKS * size**2
        and size > 2 * grid.dx
        and size > least
    ):
        size = max(size / 2, least)
        buffer = max(buffer / 2, least)
    return size, buffer


def _divide(
    grid: Grid,
    cells: np.ndarray,
    size: float,
    buffer: float,
    seed: int,
    width: float = 0.0,
    most_folds: int = Folds().space,
) -> Blocks:
    """Blocks of ``size`` with their folds; sizes in degrees.

    Along longitude, blocks and buffer are at least ``width`` degrees of latitude wide.
    """
    numbers = _number_blocks(grid, size, width)
    folds = _assign_space_folds(numbers, cells, seed, most_folds)
    columns = np.full(grid.rows, round(buffer / grid.dx))
    rows = round(buffer / grid.dx)
    if width:
        # The buffer reaches rows nearer to a pole, where a degree of longitude is shorter.
        needed = width / _longitude_scale(np.abs(grid.latitudes) + buffer)
        columns = np.maximum(columns, np.ceil(needed / grid.dx - EDGE_TOLERANCE).astype(int))
        rows = max(rows, int(np.ceil(width / grid.dy - EDGE_TOLERANCE)))
    return Blocks(numbers, folds, rows, columns)


def _number_blocks(grid: Grid, size: float, width: float) -> np.ndarray:
    """The number of the block of each cell, coarse shape.

    Blocks are ``size`` degrees in latitude and in longitude, counted from 90°N 180°W, so that
    overlapping regions have the same blocks. Where ``size`` degrees of longitude are less than
    ``width`` degrees of latitude, the blocks of a band of latitude are longer.
    """
    down = np.floor((90 - grid.latitudes) / size).astype(int)
    poleward = np.maximum(np.abs(90 - down * size), np.abs(90 - (down + 1) * size))
    length = np.clip(width / _longitude_scale(poleward), size, 360)
    across = np.floor((grid.longitudes + 180) / length[:, None]).astype(int)
    return down[:, None] * (int(360 / size) + 1) + across


def _longitude_scale(latitudes: np.ndarray) -> np.ndarray:
    """Length of a degree of longitude relative to one of latitude."""
    return np.cos(np.radians(np.minimum(latitudes, MOST_POLEWARD)))


def _assign_space_folds(blocks: np.ndarray, cells: np.ndarray, seed: int, most: int) -> np.ndarray:
    """The fold of each cell, blocks being assigned in random order; -1 outside ``cells``."""
    present = np.unique(blocks[cells])
    fold = np.random.default_rng(seed).permutation(present.size) % min(most, present.size)
    space_folds = np.full(blocks.shape, -1)
    space_folds[cells] = fold[np.searchsorted(present, blocks[cells])]
    return space_folds


def _can_test(grid: Grid, cells: np.ndarray, blocks: Blocks, width: float) -> bool:
    """True if there are enough footprints, and one to train on outside each fold and buffer."""
    width_km = width * KM_PER_DEGREE
    if len(footprint_blocks(grid, cells, blocks.numbers, width_km)) < LEAST_FOOTPRINTS:
        return False
    areas = np.where(cells, grid.cell_areas(), 0.0)
    left = [
        areas[~blocks.excluded(cells & (blocks.folds == fold))].sum()
        for fold in np.unique(blocks.folds[cells])
    ]
    return min(left) >= width_km**2


def dilate(cells: np.ndarray, rows: int, columns: int | np.ndarray) -> np.ndarray:
    """Return the cells and those near them, bool.

    Parameters
    ----------
    cells : numpy.ndarray of bool, shape (rows, columns)
        The cells.
    rows : int
        Rows to the north and south that are added.
    columns : int or numpy.ndarray of int, shape (rows,)
        Columns to the west and east that are added, for each row of ``cells``.
    """
    height, width = cells.shape
    column = np.arange(width)
    reach = np.broadcast_to(columns, (height,))[:, None]
    # Number of cells to the west of each edge between columns, in each row.
    before = np.pad(np.cumsum(cells, axis=1), ((0, 0), (1, 0)))
    first = np.maximum(column - reach, 0)
    end = np.minimum(column + reach + 1, width)
    along = np.take_along_axis(before, end, 1) > np.take_along_axis(before, first, 1)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(along, ((rows, rows), (0, 0))), 2 * rows + 1, axis=0
    )
    return windows.any(axis=2)
