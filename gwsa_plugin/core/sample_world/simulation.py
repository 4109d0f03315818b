"""The years of the sample world lived through: what is written on the way, and what is kept for the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.months import BASELINE, in_baseline, month_range
from ..base.progress import Progress
from .gldas_files import COMPONENTS, Surface, components, file_name, write_month
from .grace_files import RECORD
from .hydrology import Water
from .land import Land

SPIN_UP_MONTHS = 36
MONTHS_BEFORE = (
    24  # of the predictors, ahead of the maps: what is stored remembers what fell long ago
)
LEARNING_MONTHS = 12  # the spread of the drivers within cells, which sets the noise, is measured in the first year


@dataclass(frozen=True)
class History:
    """``months``: every month that the truth covers. ``means``: GWSA (its explainable part), SMS, SWES and CWS on the
    0.25° cells, cm, anomalies to the baseline, shape (months, rows, columns), NaN without land. ``period``: the months
    of ``explained``, the explainable GWSA at 1 km, cm, float32, kept on disk.
    """

    months: np.ndarray
    means: dict[str, np.ndarray]
    period: np.ndarray
    explained: np.ndarray


def simulate(
    land: Land, period: np.ndarray, seed: int, scratch: Path, writers, progress: Progress
) -> History:
    """Simulate from a few years before the first month that is needed.

    ``writers``: the Predictors, which get the months of ``period`` and two years before, and the folder of the GLDAS
    files, which gets all.
    """
    predictors, gldas = writers
    months = month_range(
        min(RECORD[0], period[0], BASELINE[0]), max(RECORD[-1], period[-1], BASELINE[1])
    )
    lived = month_range(months[0] - SPIN_UP_MONTHS, months[-1])
    water, surface = Water(land, lived, seed), Surface(land)
    explained = np.memmap(
        scratch / "explained", np.float32, "w+", shape=(period.size, *land.grid.shape)
    )
    kept = {name: [] for name in ("GWSA", *COMPONENTS)}
    baseline = np.zeros(land.grid.shape)
    for i, month in enumerate(lived):
        progress.advance(i / lived.size)
        water.step(i)
        variables = surface.step(water.soil, water.drivers)
        if i < LEARNING_MONTHS:
            predictors.learn(water.drivers)
        if period[0] - MONTHS_BEFORE <= month <= period[-1]:
            predictors.write(month, water.drivers)
        if month < months[0]:
            continue
        for name, values in {
            "GWSA": land.cell_mean(water.storage),
            **components(variables),
        }.items():
            kept[name].append(values)
        write_month(gldas / file_name(month), land, month, variables)
        if in_baseline(month):
            baseline += water.storage
        if period[0] <= month <= period[-1]:
            explained[(month - period[0]).astype(int)] = water.storage
    inside = in_baseline(months)
    explained -= (baseline / inside.sum()).astype(np.float32)
    means = {name: np.array(values, dtype=np.float64) for name, values in kept.items()}
    return History(
        months, {name: m - m[inside].mean(axis=0) for name, m in means.items()}, period, explained
    )
