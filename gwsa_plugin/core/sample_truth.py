"""The truth of a sample world, and how near to it a method could come that knew all there is to explain."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .conservation import Conservation
from .progress import Progress
from .sample_gldas import COMPONENTS
from .sample_history import History
from .sample_land import FACTOR, Land
from .sample_predictors import YearlyRasters
from .sample_unexplained import Unexplained
from .stack import MonthlyStack, write_stack

SCALE_CM = 0.01  # of the stored numbers of the 1 km truth


class Truth:
    """The explained history, plus an unexplained part that is the share ``unexplained`` of the variance within cells.

    ``means``: TWSA, GWSA, SMS, SWES and CWS on the 0.25° cells in cm, shape (months, rows, columns), NaN without land.
    ``explained(k)``, ``unexplained(k)`` and ``gwsa(k)``, their sum: month ``k`` of ``period`` at 1 km, cm, float32.
    """

    def __init__(self, land: Land, history: History, unexplained: float, seed: int):
        self.land, self.months, self.period = land, history.months, history.period
        self._explained, self._hidden = history.explained, Unexplained(land.grid.shape, history.months, seed)
        self._first = int((self.period[0] - self.months[0]).astype(int))
        self._amplitude = np.float32(1.0)
        odds = unexplained / (1 - unexplained)
        self._amplitude = np.float32(np.sqrt(odds * self.variance(self.explained) / self.variance(self.unexplained)))
        storages = {name: history.means[name] for name in COMPONENTS}
        storages["GWSA"] = history.means["GWSA"] + self._unexplained_means()
        self.means = {"TWSA": sum(storages.values()), **storages}

    def explained(self, k: int) -> np.ndarray:
        return self._explained[k]

    def unexplained(self, k: int) -> np.ndarray:
        return self._amplitude * self._hidden.month(self._first + k)

    def gwsa(self, k: int) -> np.ndarray:
        return self.explained(k) + self.unexplained(k)

    def variance(self, field) -> float:
        """Mean over the period of the variance within cells of ``field(k)``, cm²."""
        return float(np.mean([self.land.variance_within_cells(field(k)) for k in range(self.period.size)]))

    def _unexplained_means(self) -> np.ndarray:
        fields = (self._hidden.month(i) for i in range(self.months.size))
        return self._amplitude * np.array([self.land.cell_mean(field) for field in fields])


def write_truth(folder: Path, truth: Truth, wells, progress: Progress) -> np.ndarray:
    """The 0.25° stacks and the yearly 1 km rasters; returns GWSA at the wells: cm, shape (months of period, wells)."""
    for name, values in truth.means.items():
        stack = MonthlyStack.on_calendar(truth.land.coarse, truth.months, values, name)
        write_stack(folder / f"{name}.tif", stack)
    rasters = {
        field: YearlyRasters(folder / name, "GWSA", truth.land.grid, SCALE_CM, "cm")
        for field, name in ((truth.gwsa, "gwsa_1km"), (truth.explained, "explained_1km"))
    }
    for name in ("gwsa_1km", "explained_1km"):
        (folder / name).mkdir()
    at_wells = np.empty((truth.period.size, wells.rows.size))
    for k, month in enumerate(truth.period):
        progress.advance(k / truth.period.size)
        for field, raster in rasters.items():
            raster.write(month, np.where(truth.land.mask, field(k), np.nan))
        at_wells[k] = truth.gwsa(k)[wells.rows, wells.columns]
    for raster in rasters.values():
        raster.close()
    return at_wells


def ceiling(truth: Truth, gwsa: np.ndarray, months: np.ndarray, valid: np.ndarray, progress: Progress) -> dict:
    """RMSE in cm over pixels and months of the oracle and of no model, given the coarse field that a user gets.

    ``gwsa``: cm, shape (months, rows, columns), of ``months``; those in the period count. ``valid``: the cells that
    have values. The oracle corrects the explained 1 km part to the coarse field; no model corrects a field of zeros.
    """
    conservation = Conservation(truth.land.mask, truth.land.coarse, FACTOR, valid)
    inside = np.flatnonzero(np.isin(months, truth.period))
    squares = {"oracle": 0.0, "no_model": 0.0}
    for done, i in enumerate(inside):
        progress.advance(done / inside.size)
        k = int((months[i] - truth.period[0]).astype(int))
        estimates = {
            "oracle": conservation.correct(truth.explained(k), gwsa[i]), "no_model": conservation.no_model(gwsa[i]),
        }  # fmt: skip
        actual = truth.gwsa(k)[conservation.pixels]
        for name, field in estimates.items():
            squares[name] += float(np.mean((field[conservation.pixels] - actual) ** 2, dtype=np.float64))
    return {f"rmse_{name}_cm": round(float(np.sqrt(total / inside.size)), 4) for name, total in squares.items()}
