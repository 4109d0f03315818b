"""Water storage of the land cells in GLDAS files, by component and month.

Only land cells are held: they are a quarter of the globe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import cast

import numpy as np

from ..base.grid import Bounds, Grid
from ..base.memory import require_memory
from ..base.months import BASELINE, in_baseline, period_name
from ..base.nan_mean import nan_mean
from ..base.plausible import LIMITS
from ..base.progress import Progress
from ..files.stack import MISSING, OBSERVED, MonthlyStack

# The variables whose sum is a component of the storage. RootMoist_inst repeats the upper soil
# layers and is not used.
LAYERS = {
    "SMS": (
        "SoilMoi0_10cm_inst",
        "SoilMoi10_40cm_inst",
        "SoilMoi40_100cm_inst",
        "SoilMoi100_200cm_inst",
    ),
    "SWES": ("SWE_inst",),
    "CWS": ("CanopInt_inst",),
}
VARIABLES = tuple(name for names in LAYERS.values() for name in names)
COMPONENTS = tuple(LAYERS)
# Value off the land.
OFF_LAND = -9999.0
# Copies of the storage, float32, while it is read and written: benchmarks/memory.py.
COPIES = 3.2
# The storage that a layer of a component can have, cm: none below 0 but for rounding.
POSSIBLE = {name: LIMITS[name]._replace(least=-0.01) for name in LAYERS}


@dataclass(frozen=True, eq=False)
class LandStorage:
    """Soil moisture, snow and canopy water of the land cells of a grid.

    Parameters
    ----------
    grid : Grid
    months : ndarray of datetime64[M], shape (months,)
        Sorted. Those outside ``period`` are only used for the baseline.
    land : ndarray of bool, shape of ``grid``
        True for the cells of ``values``, in row-major order.
    values : ndarray of float32, shape (components, months, cells)
        cm, in the order of ``COMPONENTS``; NaN where there is no value.
    period : (datetime64[M], datetime64[M])
        First and last month of the output.
    files : list of Path
        The files that were read.
    """

    grid: Grid
    months: np.ndarray
    land: np.ndarray
    values: np.ndarray
    period: tuple[np.datetime64, np.datetime64]
    files: list[Path]

    def subtract_baseline_mean(self) -> None:
        """Subtract one mean per cell and component over 2004-2009, in place to save memory."""
        inside = in_baseline(self.months)
        for component in self.values:
            component -= _month_mean(component[inside]).astype(np.float32)

    def in_period(self) -> LandStorage:
        """Return the months of the period."""
        first, last = (int(index) for index in np.searchsorted(self.months, self.period))
        months = slice(first, last + 1)
        return replace(self, months=self.months[months], values=self.values[:, months])

    def cells_inside(self, grid: Grid) -> np.ndarray:
        """Return True for the land cells on ``grid``, shape (cells,).

        ``grid`` must be aligned with this grid and inside it.
        """
        window = np.zeros(self.grid.shape, dtype=bool)
        window[self.grid.window_of(grid)] = True
        return window[self.land]

    def crop(self, grid: Grid) -> LandStorage:
        """Return the part on ``grid``, which must be aligned with this grid and inside it."""
        if grid.shape == self.grid.shape:
            return self
        return replace(
            self,
            grid=grid,
            land=self.land[self.grid.window_of(grid)],
            values=self.values[:, :, self.cells_inside(grid)],
        )

    def turned(self, bounds: Bounds) -> LandStorage:
        """Return the same cells on a grid that begins where a region needs it (``Grid.turned``)."""
        grid = self.grid.turned(bounds)
        columns = round((grid.west - self.grid.west) / grid.dx) if grid.wraps else 0
        if not columns:
            return replace(self, grid=grid)
        places = np.zeros(self.land.shape, dtype=int)
        places[self.land] = np.arange(np.count_nonzero(self.land))
        land = np.roll(self.land, -columns, axis=1)
        order = np.roll(places, -columns, axis=1)[land]
        return replace(self, grid=grid, land=land, values=self.values[:, :, order])

    def cell_values(self, stack: MonthlyStack) -> np.ndarray:
        """Return the values of a stack on this grid in the land cells, shape (months, cells)."""
        return stack.values[:, self.land]

    def stack(self, name: str, values: np.ndarray) -> MonthlyStack:
        """Put anomalies of the land cells on the grid.

        Parameters
        ----------
        name : str
            Variable of the stack.
        values : ndarray of float32, shape (months, cells)
            Anomalies against the baseline, cm.

        Returns
        -------
        MonthlyStack
            Its values are computed when a month is read (``LazyMonths``); NaN off the land.
        """
        land_indices = np.flatnonzero(self.land)

        def month_map(month: int) -> np.ndarray:
            field = np.full(self.land.size, np.nan, dtype=np.float32)
            field[land_indices] = values[month]
            return field.reshape(self.land.shape)

        maps = LazyMonths((self.months.size, *self.grid.shape), month_map)
        return MonthlyStack(
            self.grid,
            self.months,
            values=maps.as_values(),
            source=tuple(OBSERVED if np.isfinite(month).any() else MISSING for month in values),
            variable=name,
            tags={"GWSA_BASELINE": period_name(BASELINE)},
        )


def empty_storage(months: int, land: np.ndarray, progress: Progress) -> np.ndarray:
    """Return an array for the storage of the land cells.

    Parameters
    ----------
    months : int
    land : ndarray of bool, shape (rows, columns)
    progress : Progress

    Returns
    -------
    ndarray of float32, shape (components, months, cells)

    Raises
    ------
    InputError
        When the stage needs more memory than there is.
    """
    cells = int(np.count_nonzero(land))
    shape = len(COMPONENTS), months, cells
    subject = f"Reading GLDAS, {months} months of {cells:,} land cells,"
    require_memory(4.0 * COPIES * prod(shape), subject, progress)
    return np.zeros(shape, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class LazyMonths:
    """Values of a stack that are computed one month at a time; four global stacks take 3 GB.

    Parameters
    ----------
    shape : (int, int, int)
        Months, rows and columns.
    compute_month : callable
        Takes the index of a month and returns its map, shape (rows, columns).
    """

    shape: tuple[int, int, int]
    compute_month: Callable[[int], np.ndarray]

    def __getitem__(self, month: int) -> np.ndarray:
        return self.compute_month(month)

    def as_values(self) -> np.ndarray:
        """Return this object with the type of ``MonthlyStack.values``.

        It replaces the array in ``load`` and ``write_stack``, which read one month at a time.
        """
        return cast(np.ndarray, self)


def load(stack: MonthlyStack) -> MonthlyStack:
    """Return the stack with the maps of all months in memory."""
    values = np.empty(stack.values.shape, dtype=np.float32)
    for month in range(len(values)):
        values[month] = stack.values[month]
    return replace(stack, values=values)


def _month_mean(values: np.ndarray) -> np.ndarray:
    """Return the same mean as ``nan_mean``, without its copies for cells with a value every month.

    ``values`` has the shape (months, cells).
    """
    mean = values.mean(axis=0, dtype=np.float64)
    gaps = np.isnan(mean)
    if gaps.any():
        mean[gaps] = nan_mean(values[:, gaps])
    return mean
