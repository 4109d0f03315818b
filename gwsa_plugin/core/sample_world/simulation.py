"""Simulation of the sample world, which writes predictors and GLDAS files as it proceeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..base.months import BASELINE, in_baseline, month_range
from ..base.progress import SILENT, Progress
from ..compute.steps import Work
from ..compute.threads import run_all
from ..files.mapped import mapped_array
from .cases import Case
from .gldas_files import COMPONENTS, VARIABLES, LandSurface, components
from .grace_files import RECORD
from .hydrology import Hydrology
from .land import Land, make_land
from .predictor_files import PredictorWriter

SPIN_UP_MONTHS = 36
# Predictors start this many months before the 1 km truth, because antecedent means need them.
PREDICTOR_LEAD_MONTHS = 24
# The spread of the drivers within cells, which sets the noise level, is measured in these months.
SPREAD_MONTHS = 12
# Added to the seed of a world for the world that groundwater without signal comes from.
INDEPENDENT_SEED = 1_000_003


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
    land_surface : dict of str to ndarray, shape (months, cell rows, cell columns)
        The variables of the GLDAS files, without errors.
    """

    months: np.ndarray
    means: dict[str, np.ndarray]
    period: np.ndarray
    explained: np.ndarray
    land_surface: dict[str, np.ndarray]


def simulate(
    land: Land,
    period: np.ndarray,
    seed: int,
    case: Case,
    scratch: Path,
    predictors: PredictorWriter,
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
    case : Case
        How the water behaves and how the predictors describe it.
    scratch : Path
        Folder for the 1 km fields.
    predictors : PredictorWriter
        Receives the months of ``period`` and the two years before.
    progress : Progress
        Receives the fraction simulated.

    Returns
    -------
    SimulatedStorage
    """
    first = min(RECORD[0], period[0], BASELINE[0])
    last = max(RECORD[-1], period[-1], BASELINE[1])
    months = month_range(first, last)
    simulated = month_range(first - SPIN_UP_MONTHS, last)
    hydrology = Hydrology(land, simulated, seed, case)
    groundwater = hydrology if case.signal else _independent_hydrology(land, simulated, seed, case)
    surface = LandSurface(land)
    shape = (period.size, *land.grid.shape)
    explained = mapped_array(scratch / "explained", shape)
    means: dict[str, list[np.ndarray]] = {name: [] for name in ("GWSA", *COMPONENTS)}
    land_surface: dict[str, list[np.ndarray]] = {name: [] for name in VARIABLES}
    baseline = np.zeros(land.grid.shape)
    models = [hydrology] if groundwater is hydrology else [hydrology, groundwater]
    _step(models, 0)
    for i, month in enumerate(simulated):
        progress.advance(i / simulated.size)
        variables = surface.step(hydrology.soil, hydrology.drivers)
        storage = groundwater.storage
        if i < SPREAD_MONTHS:
            predictors.measure_spread(hydrology.drivers)
        works: list[Work] = [partial(_step, models, i + 1)] if i + 1 < simulated.size else []
        if i + 2 < simulated.size:
            works.append(partial(_prepare, models, i + 2))
        if period[0] - PREDICTOR_LEAD_MONTHS <= month <= period[-1]:
            works += predictors.writing(month, described_drivers(hydrology, case))
        # The next month is simulated, and the weather after it, while this one is written.
        run_all(works)
        if month < first:
            continue
        # From here on, only months after the spin-up.
        storages = {"GWSA": land.cell_mean(storage), **components(variables)}
        for name, values in storages.items():
            means[name].append(values)
        for name, values in variables.items():
            land_surface[name].append(values)
        if in_baseline(month):
            baseline += storage
        if period[0] <= month <= period[-1]:
            explained[(month - period[0]).astype(int)] = storage
    inside = in_baseline(months)
    np.subtract(explained, (baseline / inside.sum()).astype(np.float32), out=explained)
    anomalies = {name: _anomaly(np.array(values), inside) for name, values in means.items()}
    return SimulatedStorage(
        months,
        means=anomalies,
        period=period,
        explained=explained,
        land_surface={name: np.array(values) for name, values in land_surface.items()},
    )


def _step(models: list[Hydrology], i: int, progress: Progress = SILENT) -> None:
    """Advance models to month number ``i``."""
    for model in models:
        progress.stop_if_cancelled()
        model.step(i)


def _prepare(models: list[Hydrology], i: int, progress: Progress = SILENT) -> None:
    """Compute what month number ``i`` of models needs of no earlier month."""
    for model in models:
        progress.stop_if_cancelled()
        model.prepare(i)


def _independent_hydrology(land: Land, months: np.ndarray, seed: int, case: Case) -> Hydrology:
    """The hydrology of another land in the same region, with other weather."""
    other = seed + INDEPENDENT_SEED
    return Hydrology(make_land(land.coarse, other, case.ocean_fraction), months, other, case)


def described_drivers(hydrology: Hydrology, case: Case) -> dict[str, np.ndarray]:
    """Return the drivers as the predictors of a case describe them, without measurement noise.

    Parameters
    ----------
    hydrology : Hydrology
        After a step.
    case : Case
        How evapotranspiration is described.

    Returns
    -------
    dict of str to ndarray, shape (rows, columns)
    """
    evaporation = hydrology.drivers["actual_evapotranspiration"]
    if not case.aet_sees_irrigation:
        evaporation = evaporation - hydrology.irrigation
    described = np.float32(case.aet_factor) * evaporation
    return {**hydrology.drivers, "actual_evapotranspiration": described}


def _anomaly(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Subtract the mean of the months where ``baseline`` is True from all months, in float64."""
    values = values.astype(np.float64)
    return values - values[baseline].mean(axis=0)
