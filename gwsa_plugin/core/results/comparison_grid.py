"""The common grid of two products, and area-weighted means of their maps on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np

from ..base.errors import InputError
from ..base.grid import EDGE_TOLERANCE, Bounds, Grid, bounds_text, intersection
from ..base.progress import SILENT, Progress
from ..base.tiles import Tile
from ..files.yearly_maps import YearlyMaps
from ..spatial.regrid import Regridding

# A product with at most so many values is read once and held in memory: 256 MB.
MOST_HELD = 2**26
# Values of one product that are read at once, 128 MB.
MOST_READ = 2**25
# Values of one product on the common grid that are compared at once. Statistics hold several copies
# of them in float64.
MOST_COMPARED = 2**21
# Read of a window of the common grid: float32, shape (months, rows, columns).
Read = Callable[[Tile], np.ndarray]


def common_grid(
    first: Grid,
    other: Grid,
    names: tuple[str, str],
    chosen: Grid | None = None,
    region: Bounds | None = None,
) -> Grid:
    """Choose the grid on which two products are compared.

    Parameters
    ----------
    first, other : Grid
        Grids of the products.
    names : (str, str)
        The products, for messages.
    chosen : Grid, optional
        Grid to compare on; by default that of the product with the larger cells, the first if both
        are equal.
    region : (west, south, east, north), optional
        Degrees; by default the globe.

    Returns
    -------
    Grid
        Complete cells of the chosen grid that the region and both products reach.

    Raises
    ------
    InputError
        When the products, or their common part and the region or the chosen grid, do not overlap.
    """
    target = chosen or max((first, other), key=_cell_size)
    limits = [(grid.bounds, grid.wraps) for grid in (first, other)]
    limits += [(region, False)] if region else []
    # A grid around the globe is cut where no product ends.
    for bounds, wraps in limits:
        target = target if wraps else target.turned(bounds)
    shared: Bounds | None = target.bounds
    for bounds, wraps in limits:
        shared = shared and _intersection(shared, bounds, wraps)
    if shared is None or shared[2] - shared[0] < 1e-9 or shared[3] - shared[1] < 1e-9:
        chosen_text = f", the chosen grid {bounds_text(chosen.bounds)}" if chosen else ""
        region_text = f", the region {bounds_text(region)}" if region else ""
        raise InputError(
            f"{names[0]} covers {bounds_text(first.bounds)}, {names[1]} {bounds_text(other.bounds)}"
            f"{chosen_text}{region_text}: they have no area in common; give products of one region."
        )
    return target.subgrid(*target.window(shared))


def overlap_text(grid: Grid, first: Grid, other: Grid, names: tuple[str, str]) -> str:
    """Describe the common grid and how much of each product it covers in a sentence."""
    shares = [
        f"{100 * min(_area(grid) / _area(one), 1):.0f} % of the extent of {name}"
        for name, one in zip(names, (first, other))
    ]
    repeated = [
        f" The values of {name} are repeated on these smaller cells."
        for name, one in zip(names, (first, other))
        if _cell_size(one) > _cell_size(grid) * (1 + EDGE_TOLERANCE)
    ]
    return (
        f"Compared on cells of {grid.dx:.6g}° x {grid.dy:.6g}° in {bounds_text(grid.bounds)}, "
        f"which is {' and '.join(shares)}.{''.join(repeated)}"
    )


class MapsOnGrid:
    """Maps as area-weighted means on another grid.

    A cell has a value in a month where at least half of its area has one. On a grid with smaller
    cells than those of the maps each value is repeated.

    Parameters
    ----------
    maps : YearlyMaps
    months : ndarray of datetime64[M], shape (months,)
        Months of the maps that are read.
    target : Grid
    """

    def __init__(self, maps: YearlyMaps, months: np.ndarray, target: Grid):
        self._maps = maps
        self._months = months
        self._target = target

    @property
    def most_cells(self) -> int:
        """Number of cells of the grid that can be read at once."""
        grid = self._maps.grid
        pixels = max(_cell_size(self._target) / _cell_size(grid), 1.0)
        limit = MOST_COMPARED if self._is_held else min(MOST_READ / pixels, MOST_COMPARED)
        return max(int(limit / self._months.size), 1)

    @property
    def _is_held(self) -> bool:
        return self._months.size * self._maps.grid.rows * self._maps.grid.columns <= MOST_HELD

    @contextmanager
    def opened(self, progress: Progress = SILENT) -> Iterator[Read]:
        """Open the files until the end of the context, to be read by any thread.

        Yields
        ------
        callable
            Takes a window of the grid and returns its values in cm, float32, shape (months, rows,
            columns).

        Raises
        ------
        InputError
            When a file cannot be read, its unit is not known, or a value is not possible.
        """
        with self._maps.opened() as read:
            if self._is_held:
                held = []
                for number, month in enumerate(self._months):
                    progress.advance(number / self._months.size)
                    held.append(read(np.array([month]))[0])
                values = np.stack(held)
                yield lambda tile: self._means(tile, lambda rows, columns: values[:, rows, columns])
            else:
                lock = Lock()

                def read_pixels(rows: slice, columns: slice) -> np.ndarray:
                    with lock:
                        return read(self._months, (rows, columns))

                yield lambda tile: self._means(tile, read_pixels)

    def _means(self, tile: Tile, read: Callable[[slice, slice], np.ndarray]) -> np.ndarray:
        """Average the pixels in the cells of a window."""
        window = self._target.subgrid(*tile)
        grid = self._maps.grid
        rows, runs = _pixels_around(grid, window)
        result = np.full((self._months.size, *window.shape), np.nan, dtype=np.float32)
        if rows.stop <= rows.start or not runs:
            return result
        longitudes = np.concatenate([grid.longitudes[run] for run in runs])
        places = np.concatenate([np.arange(run.start, run.stop) for run in runs])
        regrid = Regridding(grid.latitudes[rows], longitudes, window, "the maps")
        wanted = slice(rows.start + regrid.rows.start, rows.start + regrid.rows.stop)
        columns = [part for run in regrid.columns for part in _consecutive(places[run])]
        if wanted.stop <= wanted.start or not columns:
            return result
        fields = np.concatenate([read(wanted, part) for part in columns], axis=2)
        for month, field in enumerate(fields):
            if np.isfinite(field).any():
                result[month] = regrid(field)
        return result


def _pixels_around(grid: Grid, window: Grid) -> tuple[slice, list[slice]]:
    """Rows and runs of columns of a grid around a window, from west to east."""
    west, south, east, north = window.bounds
    rows = _at_least_two(
        slice(
            int(np.clip(np.floor((grid.north - north) / grid.dy) - 1, 0, grid.rows)),
            int(np.clip(np.ceil((grid.north - south) / grid.dy) + 1, 0, grid.rows)),
        ),
        grid.rows,
    )
    margin = grid.dx + 1e-9
    offset = (grid.longitudes - (west - margin)) % 360.0
    near = offset <= east - west + 2 * margin
    runs = _consecutive(np.flatnonzero(near))
    if len(runs) == 2:
        # The window lies across the ends of the grid.
        runs = [runs[1], runs[0]] if grid.wraps else [slice(runs[0].start, runs[1].stop)]
    if len(runs) == 1:
        runs = [_at_least_two(runs[0], grid.columns)]
    return rows, runs


def _at_least_two(places: slice, size: int) -> slice:
    """Extend a slice of one row or column, which would leave the size of a cell open, to two."""
    if places.stop - places.start != 1 or size == 1:
        return places
    start = min(places.start, size - 2)
    return slice(start, start + 2)


def _consecutive(places: np.ndarray) -> list[slice]:
    """Split increasing places into slices without steps."""
    parts = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1) if places.size else []
    return [slice(int(part[0]), int(part[-1]) + 1) for part in parts]


def _intersection(shared: Bounds, bounds: Bounds, wraps: bool) -> Bounds | None:
    """The part of ``shared`` within ``bounds``, which may lie a turn east or west of it."""
    if wraps:
        bounds = (shared[0], bounds[1], shared[2], bounds[3])
    west, south, east, north = bounds
    parts = [
        intersection(shared, (west + turn, south, east + turn, north))
        for turn in (0.0, 360.0, -360.0)
    ]
    return max(filter(None, parts), key=lambda part: part[2] - part[0], default=None)


def _cell_size(grid: Grid) -> float:
    # Rounded, so that the first of equal grids is chosen in spite of the rounding of files.
    return round(grid.dx * grid.dy, 9)


def _area(grid: Grid) -> float:
    return float(grid.row_areas().sum()) * grid.columns
