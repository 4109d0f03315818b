"""Simulation of the sample world, which writes predictors and GLDAS files as it proceeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.months import BASELINE, in_baseline, month_range
from ..base.progress import Progress
from .gldas_files import COMPONENTS, LandSurface, components, file_name, write_month
from .grace_files import RECORD
from .hydrology import Hydrology
from .land import Land
from .predictor_files import PredictorWriter

SPIN_UP_MONTHS = 36
# Predictors start this many months before the 1 km truth, because antecedent means need them.
PREDICTOR_LEAD_MONTHS = 24
# The spread of the drivers within cells, which sets the noise level, is measured in these months.
SPREAD_MONTHS = 12


@dataclass(frozen=True)
class SimulatedStorage:
    """Storages of the simulated world, all in cm as anomalies to the baseline.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        All months of the truth.
    means : dict of str to ndarray, shape (months, cell rows, cell columns)
        GWSA (its explainable part), SMS, SWES and CWS on the 0.25° cells, NaN without land.
    period : ndarray of datetime64[M], shape (period,)
        Months of the 1 km truth.
    explained : ndarray of float32, shape (period, rows, columns)
        Explainable GWSA at 1 km, mapped to a file.
    """

    months: np.ndarray
    means: dict[str, np.ndarray]
    period: np.ndarray
    explained: np.ndarray


def simulate(
    land: Land,
    period: np.ndarray,
    seed: int,
    scratch: Path,
    writers: tuple[PredictorWriter, Path],
    progress: Progress,
) -> SimulatedStorage:
    """Simulate all months of the truth after a spin-up.

    Parameters
    ----------
    land : Land
        The land of the sample world.
    period : ndarray of datetime64[M]
        Months of the 1 km truth.
    seed : int
        Seed of the world.
    scratch : Path
        Folder for the 1 km fields.
    writers : tuple of PredictorWriter and Path
        The predictor writer, which receives the months of ``period`` and the two years before, and
        the folder of the GLDAS files, which receives all months.
    progress : Progress
        Receives the fraction simulated.

    Returns
    -------
    SimulatedStorage
    """
    predictors, gldas = writers
    first = min(RECORD[0], period[0], BASELINE[0])
    last = max(RECORD[-1], period[-1], BASELINE[1])
    months = month_range(first, last)
    simulated = month_range(first - SPIN_UP_MONTHS, last)
    hydrology = Hydrology(land, simulated, seed)
    surface = LandSurface(land)
    shape = (period.size, *land.grid.shape)
    explained = np.memmap(scratch / "explained", np.float32, "w+", shape=shape)
    means: dict[str, list[np.ndarray]] = {name: [] for name in ("GWSA", *COMPONENTS)}
    baseline = np.zeros(land.grid.shape)
    for i, month in enumerate(simulated):
        progress.advance(i / simulated.size)
        hydrology.step(i)
        variables = surface.step(hydrology.soil, hydrology.drivers)
        if i < SPREAD_MONTHS:
            predictors.measure_spread(hydrology.drivers)
        if period[0] - PREDICTOR_LEAD_MONTHS <= month <= period[-1]:
            predictors.write(month, hydrology.drivers)
        if month < first:
            continue
        # From here on, only months after the spin-up.
        storages = {"GWSA": land.cell_mean(hydrology.storage), **components(variables)}
        for name, values in storages.items():
            means[name].append(values)
        write_month(gldas / file_name(month), land, month, variables)
        if in_baseline(month):
            baseline += hydrology.storage
        if period[0] <= month <= period[-1]:
            explained[(month - period[0]).astype(int)] = hydrology.storage
    inside = in_baseline(months)
    np.subtract(explained, (baseline / inside.sum()).astype(np.float32), out=explained)
    anomalies = {name: _anomaly(np.array(values), inside) for name, values in means.items()}
    return SimulatedStorage(months, means=anomalies, period=period, explained=explained)


def _anomaly(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Subtract the mean of the months where ``baseline`` is True from all months, in float64."""
    values = values.astype(np.float64)
    return values - values[baseline].mean(axis=0)
