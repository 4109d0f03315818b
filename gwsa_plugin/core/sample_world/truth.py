"""The truth of a sample world, and how near to it a method could come that knew all there is to explain."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.progress import Progress
from ..files.stack import MonthlyStack, write_stack
from ..spatial.mass_conservation import MassConservation
from .gldas_files import COMPONENTS
from .land import FACTOR, Land
from .predictor_files import YearlyRasters
from .pumping import Drawdown
from .simulation import History
from .unexplained import Unexplained

SCALE_CM = 0.01  # of the stored numbers of the 1 km truth


class Truth:
    """The explained history, an unexplained part that is the share ``unexplained`` of the variance within cells of the
    two, and what is pumped away on top.

    ``means``: TWSA, GWSA, SMS, SWES and CWS on the 0.25° cells in cm, shape (months, rows, columns), NaN without land.
    ``fields(k)``: the explained GWSA and all other of month ``k`` of ``period`` at 1 km, cm, float32; GWSA is their
    sum.
    """

    def __init__(
        self, land: Land, history: History, unexplained: float, drawdown: Drawdown, seed: int
    ):
        self.land, self.months, self.period = land, history.months, history.period
        self._explained, self._hidden = (
            history.explained,
            Unexplained(land.grid.shape, history.months, seed),
        )
        self._drawdown = drawdown
        self._first = int((self.period[0] - self.months[0]).astype(int))
        hidden_means, hidden_variance = self._measure_hidden()
        variance = np.mean([land.variance_within_cells(field) for field in history.explained])
        self._amplitude = np.float32(
            np.sqrt(unexplained / (1 - unexplained) * variance / hidden_variance)
        )
        storages = {name: history.means[name] for name in COMPONENTS}
        pumped = -drawdown.years[:, None, None] * land.cell_mean(drawdown.pace)
        storages["GWSA"] = history.means["GWSA"] + self._amplitude * hidden_means + pumped
        self.means = {"TWSA": sum(storages.values()), **storages}

    def fields(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        i = self._first + k
        return np.array(self._explained[k]), self._amplitude * self._hidden.month(
            i
        ) + self._drawdown.month(i)

    def _measure_hidden(self) -> tuple[np.ndarray, float]:
        """Of the unscaled unexplained part: the cell means of every month, the variance within cells in the period."""
        means, variances = [], []
        for i, month in enumerate(self.months):
            field = self._hidden.month(i)
            means.append(self.land.cell_mean(field))
            if self.period[0] <= month <= self.period[-1]:
                variances.append(self.land.variance_within_cells(field))
        return np.array(means), float(np.mean(variances))


class OracleScore:
    """How well the best conceivable method does, given the coarse field that a user gets, and how well none at all.

    ``gwsa``: cm, shape (months, rows, columns), of ``months``; ``valid``: the cells that have values. Months without
    one do not count. The oracle corrects the explained 1 km part to the coarse field, no model a field of zeros.
    """

    def __init__(self, land: Land, gwsa: np.ndarray, months: np.ndarray, valid: np.ndarray):
        self._conservation = MassConservation(land.mask, land.coarse, FACTOR, valid)
        self._pixels = self._conservation.pixels()
        self._coarse = dict(zip(months, np.where(valid, gwsa, np.nan)))
        self._land, self._squares, self._variances = land, [], []

    def add(self, month: np.datetime64, explained: np.ndarray, unexplained: np.ndarray) -> None:
        gwsa = explained + unexplained
        self._variances.append(
            [self._land.variance_within_cells(field) for field in (gwsa, unexplained)]
        )
        if month in self._coarse:
            pixels, coarse = self._pixels, self._coarse[month]
            estimates = (
                self._conservation.correct(explained, coarse),
                self._conservation.mean_preserving(coarse),
            )
            self._squares.append(
                [np.mean((field[pixels] - gwsa[pixels]) ** 2) for field in estimates]
            )

    def facts(self) -> dict[str, float]:
        """For truth.json: RMSE over pixels and months, and how the variance within cells is shared."""
        gwsa, unexplained = np.mean(self._variances, axis=0)
        oracle, mean_preserving = (
            np.sqrt(np.mean(self._squares, axis=0)) if self._squares else (np.nan, np.nan)
        )
        return {
            "gwsa_sd_within_cells_cm": round(float(gwsa**0.5), 3),
            "unexplained_share_within_cells": round(float(unexplained / gwsa), 4),
            "rmse_oracle_cm": round(float(oracle), 4),
            "rmse_mean_preserving_cm": round(float(mean_preserving), 4),
        }


def write_truth(
    folder: Path, truth: Truth, oracle: OracleScore, wells, progress: Progress
) -> np.ndarray:
    """The 0.25° stacks and the yearly 1 km rasters; returns GWSA at the wells: cm, shape (months of period, wells)."""
    for name, values in truth.means.items():
        stack = MonthlyStack.on_calendar(truth.land.coarse, truth.months, values, name)
        write_stack(folder / f"{name}.tif", stack)
    places = ("gwsa_1km", "explained_1km")
    rasters = [
        YearlyRasters(folder / place, "GWSA", truth.land.grid, SCALE_CM, "cm") for place in places
    ]
    at_wells = np.empty((truth.period.size, wells.rows.size))
    for k, month in enumerate(truth.period):
        progress.advance(k / truth.period.size)
        explained, unexplained = truth.fields(k)
        for raster, field in zip(rasters, (explained + unexplained, explained)):
            raster.write(month, np.where(truth.land.mask, field, np.nan))
        at_wells[k] = (explained + unexplained)[wells.rows, wells.columns]
        oracle.add(month, explained, unexplained)
    for raster in rasters:
        raster.close()
    return at_wells
