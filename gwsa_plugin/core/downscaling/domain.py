"""The study domain: GWSA, predictors and regions on one grid and period, and the training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..base.errors import InputError
from ..base.months import name_runs
from ..base.progress import Progress
from ..base.tiles import Tile
from ..files.stack import OBSERVED, MonthlyStack
from ..files.stack_tags import FOOTPRINT_TAG, footprint_km
from ..predictors.predictor_set import PredictorSet
from ..spatial.aquifers import Aquifer, Regions, rasterise
from ..spatial.mass_conservation import MassConservation
from .samples import Samples
from .training_samples import (
    MOST_SAMPLES,
    TrainingPlan,
    choose_cells,
    choose_months,
    make_samples,
    read_samples,
)


@dataclass(frozen=True, eq=False)
class Domain:
    """GWSA, predictors, regions and training set of the study domain.

    Parameters
    ----------
    gwsa : MonthlyStack
        Coarse GWSA on the coarse grid of the predictors, in months that the predictors have.
    used : numpy.ndarray of bool, shape (months of gwsa,)
        Months with GWSA, which are mapped.
    predictors : PredictorSet
        The predictors.
    regions : Regions
        Regions of the aquifers, and the background.
    conservation : MassConservation
        The mass-conserving correction. Its ``cells`` have GWSA in all used months.
    samples : Samples
        The training set; its months are numbered among the used months.
    plan : TrainingPlan
        The cells and months of the training set.
    """

    gwsa: MonthlyStack
    used: np.ndarray
    predictors: PredictorSet
    regions: Regions
    conservation: MassConservation
    samples: Samples
    plan: TrainingPlan

    @property
    def months(self) -> np.ndarray:
        """The mapped months, datetime64[M]."""
        return self.gwsa.months[self.used]

    @property
    def target(self) -> list[np.ndarray]:
        """Coarse GWSA in each mapped month, cm, float32, shape (rows, columns)."""
        return [self.gwsa.values[number] for number in np.flatnonzero(self.used)]

    @property
    def footprint_km(self) -> float | None:
        """Width of the footprint of GRACE, km, from the tag of ``gwsa``; None if unknown."""
        return footprint_km(self.gwsa.tags, self.gwsa.variable)

    def source_of(self, month: np.datetime64) -> str:
        """Return the source of GWSA in a month: observed, filled or missing."""
        return self.gwsa.source[int((month - self.gwsa.months[0]).astype(int))]

    @property
    def cells(self) -> np.ndarray:
        """The mapped coarse cells, bool, coarse shape."""
        return self.conservation.cells

    @property
    def tiles(self) -> list[Tile]:
        """The tiles of the coarse grid that hold mapped cells."""
        return self.conservation.tiles

    def with_features(self, progress: Progress) -> Domain:
        """Return the domain with the features of its training set, see ``read_samples``."""
        samples = read_samples(
            self.samples, self.plan, self.conservation, self.predictors, progress
        )
        return replace(self, samples=samples)

    @property
    def training_months(self) -> np.ndarray:
        """True for the mapped months that are in the training set, bool, shape (months,)."""
        return np.isin(np.arange(self.months.size), self.samples.month)


def make_domain(
    gwsa: MonthlyStack,
    predictors: PredictorSet,
    aquifers: Sequence[Aquifer],
    period: tuple,
    progress: Progress,
) -> Domain:
    """Bring the inputs to one grid and period and choose the training set.

    Parameters
    ----------
    gwsa : MonthlyStack
        Coarse GWSA, cm.
    predictors : PredictorSet
        Predictors that were built for the cells of ``gwsa``.
    aquifers : sequence of Aquifer
        Aquifer polygons.
    period : tuple
        First and last month; None for all months that ``gwsa`` and ``predictors`` share.
    progress : Progress
        Receives log lines, warnings and the fraction done.

    Raises
    ------
    InputError
        When the grids are not aligned, or no cell, region or month is shared.
    """
    grid = predictors.coarse_grid
    if not gwsa.grid.aligned_with(grid):
        raise InputError(
            f"The {gwsa.variable} stack has cells of {gwsa.grid.dx:g}° and the predictor set "
            f"{predictors.folder.name} was built for cells of {grid.dx:g}° or other edges; build "
            "the predictors with this stack as GRID."
        )
    gwsa = _select_period(gwsa, predictors, period).on(grid)
    used, valid = _find_months_and_cells(gwsa, progress)
    conservation = MassConservation(predictors.land, grid, predictors.factor, valid)
    regions = rasterise(aquifers, predictors.grid, predictors.factor, predictors.land)
    pixels = sum(conservation.pixels(tile).sum() for tile in conservation.tiles)
    progress.info(
        f"{conservation.cells.sum()} coarse cells, {pixels} pixels, {used.sum()} months "
        f"({name_runs(gwsa.months[used])}), {len(predictors.features)} features."
    )
    plan = _plan_training(gwsa, used, conservation, regions, progress)
    target = np.stack(
        [gwsa.values[number][plan.cells] for number in np.flatnonzero(used)[plan.numbers]]
    )
    samples = make_samples(plan, target)
    domain = Domain(gwsa, used, predictors, regions, conservation, samples, plan)
    if domain.footprint_km is None:
        progress.info(
            f"The width of the footprint of GRACE is unknown: the {gwsa.variable} stack has no tag "
            f"{FOOTPRINT_TAG}. Held-out cells may share their footprint with cells that models are "
            "trained on, so held-out scores may be too optimistic."
        )
    return domain


def _select_period(gwsa: MonthlyStack, predictors: PredictorSet, period: tuple) -> MonthlyStack:
    """The months of the stack that are in the period and that the predictors have."""
    months = predictors.months if predictors.months.size else gwsa.months
    first = period[0] or months[0]
    last = period[1] or months[-1]
    if first > gwsa.months[-1] or last < gwsa.months[0]:
        raise InputError(
            f"The {gwsa.variable} stack covers {gwsa.months[0]} to {gwsa.months[-1]} and the "
            f"predictors {months[0]} to {months[-1]}: no month is in both; build predictors for "
            "the months of the stack."
        )
    return gwsa.select(max(first, months[0]), min(last, months[-1]))


def _find_months_and_cells(gwsa: MonthlyStack, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Months with GWSA in any cell, and cells with GWSA in all of these months, both bool."""
    known = np.isfinite(gwsa.values)
    used = known.any(axis=(1, 2))
    if not used.any():
        raise InputError(
            f"The {gwsa.variable} stack has no value between {gwsa.months[0]} and "
            f"{gwsa.months[-1]}."
        )
    if (~used).any():
        progress.warn(f"Months without GWSA stay empty: {name_runs(gwsa.months[~used])}.")
    valid = known[used].all(axis=0)
    incomplete = int((known.any(axis=0) & ~valid).sum())
    if incomplete:
        progress.warn(f"{incomplete} coarse cells lack GWSA in some months and are left out.")
    return used, valid


def _plan_training(
    gwsa: MonthlyStack,
    used: np.ndarray,
    conservation: MassConservation,
    regions: Regions,
    progress: Progress,
) -> TrainingPlan:
    """Choose the cells and months of the training set."""
    observed = np.array([gwsa.source[i] for i in np.flatnonzero(used)]) == OBSERVED
    numbers = choose_months(observed, int(conservation.cells.sum()))
    cells = choose_cells(conservation.cells, regions.cells, MOST_SAMPLES // numbers.size)
    progress.info(
        f"The training set has {numbers.size} of the {used.sum()} months and {cells.sum()} of the "
        "cells."
    )
    return TrainingPlan(gwsa.months[used], numbers, cells)
