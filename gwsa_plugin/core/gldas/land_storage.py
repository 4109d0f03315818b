"""What GLDAS files hold of a region: the water of its land cells, month by month, without the sea around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..base.grid import Grid
from ..base.months import BASELINE, in_baseline
from ..files.stack import MISSING, OBSERVED, MonthlyStack, nan_mean, period_name

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
"""What each component is the sum of. RootMoist_inst repeats the upper soil layers and is none of them."""

VARIABLES = tuple(name for names in LAYERS.values() for name in names)
COMPONENTS = tuple(LAYERS)
OFF_LAND = -9999.0


@dataclass(frozen=True, eq=False)
class LandStorage:
    """``values``: cm of water, float32, shape (components, months, cells), in the order of LAYERS, NaN: no value.

    ``months``: datetime64[M], sorted. ``land``: bool, shape of ``grid``; its True cells, in their order, are the cells
    of ``values``: a quarter of the globe, and so of the memory. ``period``: first and last month asked for, the others
    being there for the baseline. ``files``: what was read.
    """

    grid: Grid
    months: np.ndarray
    land: np.ndarray
    values: np.ndarray
    period: tuple[np.datetime64, np.datetime64]
    files: list[Path]

    def anomaly(self) -> LandStorage:
        """Minus one mean per cell and component over 2004-2009, in place: there is seldom memory for two."""
        inside = in_baseline(self.months)
        for component in self.values:
            component -= _mean(component[inside]).astype(np.float32)
        return self

    def in_period(self) -> LandStorage:
        first, last = (int(place) for place in np.searchsorted(self.months, self.period))
        return replace(
            self, months=self.months[first : last + 1], values=self.values[:, first : last + 1]
        )

    def within(self, grid: Grid) -> np.ndarray:
        """bool, shape (cells,): the cells on ``grid``, which is aligned with and inside this one's."""
        window = np.zeros(self.grid.shape, dtype=bool)
        window[self.grid.window_of(grid)] = True
        return window[self.land]

    def crop(self, grid: Grid) -> LandStorage:
        if grid.shape == self.grid.shape:
            return self
        land, values = self.land[self.grid.window_of(grid)], self.values[:, :, self.within(grid)]
        return replace(self, grid=grid, land=land, values=values)

    def gather(self, stack: MonthlyStack) -> np.ndarray:
        """The values of a stack on this grid in the land cells, shape (months, cells)."""
        return stack.values[:, self.land]

    def stack(self, name: str, values: np.ndarray) -> MonthlyStack:
        """Anomalies of one component, shape (months, cells), as a stack whose months are spread out when asked for."""
        cells = np.flatnonzero(self.land)

        def spread(month: int) -> np.ndarray:
            field = np.full(self.land.size, np.nan, dtype=np.float32)
            field[cells] = values[month]
            return field.reshape(self.land.shape)

        source = tuple(OBSERVED if np.isfinite(month).any() else MISSING for month in values)
        tags = {"GWSA_BASELINE": period_name(BASELINE)}
        return MonthlyStack(
            self.grid,
            self.months,
            LazyMonths((self.months.size, *self.grid.shape), spread),
            source,
            name,
            tags=tags,
        )


@dataclass(frozen=True, eq=False)
class LazyMonths:
    """Stands for the values of a stack, whose months are made when asked for: four global stacks would be 3 GB."""

    shape: tuple[int, int, int]
    make: Callable[[int], np.ndarray]

    def __getitem__(self, month: int) -> np.ndarray:
        return self.make(month)


def in_memory(stack: MonthlyStack) -> MonthlyStack:
    """The stack with all its months made."""
    values = np.empty(stack.values.shape, dtype=np.float32)
    for place in range(len(values)):
        values[place] = stack.values[place]
    return replace(stack, values=values)


def _mean(values: np.ndarray) -> np.ndarray:
    """As ``nan_mean``, without its copies where every month has a value, as Noah's land has."""
    mean = values.mean(axis=0, dtype=np.float64)
    gaps = np.isnan(mean)
    if gaps.any():
        mean[gaps] = nan_mean(values[:, gaps])
    return mean
