"""Truth of the sample world, and errors of the oracle and of mean-preserving interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ..base.progress import SILENT, Progress
from ..compute.threads import TaskProgress, run_all
from ..files.stack import MonthlyStack, write_stack
from ..spatial.mass_conservation import MassConservation
from .added_storage import AddedStorage
from .gldas_files import COMPONENTS
from .land import FACTOR, Land
from .predictor_files import YearlyRasters
from .simulation import SimulatedStorage
from .unexplained import UnexplainedStorage
from .wells import SampleWells

# Unit of the stored numbers of the 1 km truth.
SCALE_CM = 0.01


class Truth:
    """True storages: an explained part, an unexplained part, and added storages.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    simulated : SimulatedStorage
        Storages of the simulation, with the explained part of GWSA.
    unexplained : float
        Fraction of the variance within cells that the unexplained part has, before storages
        are added.
    added : sequence of AddedStorage
        Depletion and the like, which are added to GWSA and TWSA.
    surface_water : dict of str to ndarray, shape (months, cell rows, cell columns)
        Storages that neither groundwater nor GLDAS has, cm over each cell, added to TWSA.
    seed : int
        Seed of the world.
    progress : Progress, optional
        Checked for cancellation.

    Attributes
    ----------
    means : dict of str to ndarray, shape (months, cell rows, cell columns)
        TWSA, SMS, SWES, CWS, GWSA and the surface water on the 0.25° cells, cm. NaN without land,
        apart from the surface water, which is a mean over the whole cell.
    """

    def __init__(
        self,
        land: Land,
        simulated: SimulatedStorage,
        unexplained: float,
        added: Sequence[AddedStorage],
        surface_water: dict[str, np.ndarray],
        seed: int,
        progress: Progress = SILENT,
    ):
        self.land = land
        self.months = simulated.months
        self.period = simulated.period
        self._explained = simulated.explained
        self._unexplained = UnexplainedStorage(land.grid.shape, simulated.months, seed)
        self._added = added
        self._first = int((self.period[0] - self.months[0]).astype(int))
        unscaled_means, unscaled_variance = self._measure_unexplained(progress)
        variance = np.mean([land.variance_within_cells(field) for field in simulated.explained])
        # The amplitude gives the unexplained part its fraction of the variance within cells.
        ratio = unexplained / (1 - unexplained) * variance / unscaled_variance
        self._amplitude = np.float32(np.sqrt(ratio))
        gwsa = simulated.means["GWSA"] + self._amplitude * unscaled_means
        for storage in added:
            gwsa = gwsa + storage.series[:, None, None] * land.cell_mean(storage.pattern)
        sms, swes, cws = (simulated.means[name] for name in COMPONENTS)
        twsa = sum(surface_water.values(), start=sms + swes + cws + gwsa)
        self.means: dict[str, np.ndarray] = {
            "TWSA": twsa,
            "SMS": sms,
            "SWES": swes,
            "CWS": cws,
            "GWSA": gwsa,
            **surface_water,
        }

    def fields(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the two parts of GWSA in one month.

        Parameters
        ----------
        k : int
            Index into ``period``.

        Returns
        -------
        tuple of ndarray of float32, shape (rows, columns)
            The explained part, and the unexplained part with the added storages, at 1 km in cm.
            GWSA is their sum.
        """
        i = self._first + k
        unexplained = self._amplitude * self._unexplained.month(i)
        for storage in self._added:
            unexplained = unexplained + storage.month(i)
        return np.array(self._explained[k]), unexplained

    def _measure_unexplained(self, progress: Progress) -> tuple[np.ndarray, float]:
        """Cell means of all months and mean variance within cells of the unscaled random part."""
        inside = (self.months >= self.period[0]) & (self.months <= self.period[-1])

        def measure(i: int, progress: Progress) -> tuple[np.ndarray, float]:
            progress.stop_if_cancelled()
            field = self._unexplained.month(i)
            variance = self.land.variance_within_cells(field) if inside[i] else np.nan
            return self.land.cell_mean(field), variance

        works = [partial(measure, i) for i in range(self.months.size)]
        means, variances = zip(*run_all(works, TaskProgress(progress.is_cancelled)))
        return np.array(means), float(np.mean(np.array(variances)[inside]))


class OracleScore:
    """Errors of the oracle and of mean-preserving interpolation, given the observed coarse field.

    The oracle corrects the explained 1 km part to the coarse field. Its error is the smallest that
    a method can reach with the predictors. Mean-preserving interpolation uses no predictor.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    gwsa : ndarray, shape (months, cell rows, cell columns)
        Observed GWSA on the 0.25° cells, cm.
    months : ndarray of datetime64[M], shape (months,)
        Its months. Other months are not scored.
    valid : ndarray of bool, shape (cell rows, cell columns)
        True for cells that have values.
    """

    def __init__(self, land: Land, gwsa: np.ndarray, months: np.ndarray, valid: np.ndarray):
        self._conservation = MassConservation(land.mask, land.coarse, FACTOR, valid)
        self._pixels = self._conservation.pixels()
        self._coarse = dict(zip(months, np.where(valid, gwsa, np.nan)))
        self._land = land
        self._squares: list[list[float]] = []
        self._variances: list[list[float]] = []

    def add(self, month: np.datetime64, explained: np.ndarray, unexplained: np.ndarray) -> None:
        """Score one month.

        Parameters
        ----------
        month : datetime64[M]
            The month.
        explained, unexplained : ndarray, shape (rows, columns)
            The two parts of GWSA at 1 km, cm.
        """
        gwsa = explained + unexplained
        parts = (gwsa, unexplained)
        self._variances.append([self._land.variance_within_cells(field) for field in parts])
        if month not in self._coarse:
            return
        coarse = self._coarse[month]
        estimates = (
            self._conservation.correct(explained, coarse),
            self._conservation.mean_preserving(coarse),
        )
        pixels = self._pixels
        self._squares.append([np.mean((field[pixels] - gwsa[pixels]) ** 2) for field in estimates])

    def facts(self) -> dict[str, float]:
        """Return the RMSE over pixels and months and the variance within cells, for truth.json."""
        gwsa, unexplained = np.mean(self._variances, axis=0)
        oracle = mean_preserving = np.nan
        if self._squares:
            oracle, mean_preserving = np.sqrt(np.mean(self._squares, axis=0))
        return {
            "gwsa_sd_within_cells_cm": round(float(gwsa**0.5), 3),
            "unexplained_share_within_cells": round(float(unexplained / gwsa), 4),
            "rmse_oracle_cm": round(float(oracle), 4),
            "rmse_mean_preserving_cm": round(float(mean_preserving), 4),
        }


def write_truth(
    folder: Path, truth: Truth, oracle: OracleScore, wells: SampleWells, progress: Progress
) -> np.ndarray:
    """Write the 0.25° stacks and the yearly 1 km rasters of the truth, and score the oracle.

    Parameters
    ----------
    folder : Path
        Folder of the truth, with the folders ``gwsa_1km`` and ``explained_1km``.
    truth : Truth
        The truth to write.
    oracle : OracleScore
        Receives each month.
    wells : SampleWells
        The wells.
    progress : Progress
        Receives the fraction written.

    Returns
    -------
    ndarray, shape (period, wells)
        GWSA at the wells, cm.
    """
    for name, values in truth.means.items():
        stack = MonthlyStack.on_calendar(truth.land.coarse, truth.months, values, name)
        write_stack(folder / f"{name}.tif", stack)
    grid = truth.land.grid
    at_wells = np.empty((truth.period.size, wells.rows.size))

    def write(rasters: YearlyRasters, month, field: np.ndarray, progress: Progress) -> None:
        rasters.write(month, np.where(truth.land.mask, field, np.nan))

    def score(month, explained, unexplained, progress: Progress) -> None:
        oracle.add(month, explained, unexplained)

    rasters_in = partial(YearlyRasters, name="GWSA", grid=grid, scale=SCALE_CM, unit="cm")
    with (
        rasters_in(folder / "gwsa_1km") as gwsa_rasters,
        rasters_in(folder / "explained_1km") as explained_rasters,
    ):
        for k, month in enumerate(truth.period):
            progress.advance(k / truth.period.size)
            explained, unexplained = truth.fields(k)
            gwsa = explained + unexplained
            at_wells[k] = gwsa[wells.rows, wells.columns]
            run_all(
                [
                    partial(score, month, explained, unexplained),
                    partial(write, gwsa_rasters, month, gwsa),
                    partial(write, explained_rasters, month, explained),
                ]
            )
    return at_wells
