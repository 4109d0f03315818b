"""What downscaling works on: the coarse stack, the predictors and the regions brought to one grid and one period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.months import name_runs
from ..base.progress import Progress
from ..base.tiles import Tile
from ..files.stack import OBSERVED, MonthlyStack
from ..predictors.predictor_set import PredictorSet
from ..spatial.aquifers import Aquifer, Regions, rasterise
from ..spatial.mass_conservation import MassConservation
from .samples import Samples
from .training_samples import MOST_SAMPLES, TrainingPlan, choose_cells, choose_months, read_samples


@dataclass(frozen=True, eq=False)
class Domain:
    """``gwsa``: the stack on the predictors' coarse grid, in their months. ``used``: bool, (months,), those with data.

    ``samples`` are of the used months only; ``conservation.cells`` are the coarse cells that have GWSA in all of them.
    """

    gwsa: MonthlyStack
    used: np.ndarray
    predictors: PredictorSet
    regions: Regions
    conservation: MassConservation
    samples: Samples

    @property
    def months(self) -> np.ndarray:
        """The months that are mapped: datetime64[M]."""
        return self.gwsa.months[self.used]

    @property
    def target(self) -> list[np.ndarray]:
        """The coarse field of each of the months: cm, float32, (rows, columns)."""
        return [self.gwsa.values[number] for number in np.flatnonzero(self.used)]

    def source_of(self, month) -> str:
        """observed, filled or missing."""
        return self.gwsa.source[int((month - self.gwsa.months[0]).astype(int))]

    @property
    def cells(self) -> np.ndarray:
        return self.conservation.cells

    @property
    def tiles(self) -> list[Tile]:
        """Those of the coarse grid that are mapped."""
        return self.conservation.tiles

    @property
    def training_months(self) -> np.ndarray:
        """The months that models are trained on: bool, (months,)."""
        return np.isin(np.arange(self.months.size), self.samples.month)


def make_domain(
    gwsa: MonthlyStack,
    predictors: PredictorSet,
    aquifers: Sequence[Aquifer],
    period,
    progress: Progress,
) -> Domain:
    """Crop the stack to the predictors and read what a model is trained on.

    ``period``: (first, last) month or None each. Raises InputError when cells, regions or months do not meet.
    """
    grid = predictors.coarse_grid
    if not gwsa.grid.aligned_with(grid):
        raise InputError(
            f"The {gwsa.variable} stack has cells of {gwsa.grid.dx:g}° and the predictor set {predictors.folder.name} "
            f"was built for cells of {grid.dx:g}° or other edges; build the predictors with this stack as GRID."
        )
    gwsa = _shared_period(gwsa, predictors, period).on(grid)
    known = np.isfinite(gwsa.values)
    used = known.any(axis=(1, 2))
    if not used.any():
        raise InputError(
            f"The {gwsa.variable} stack has no value between {gwsa.months[0]} and {gwsa.months[-1]}."
        )
    if (~used).any():
        progress.warn(f"Months without GWSA stay empty: {name_runs(gwsa.months[~used])}.")
    valid = known[used].all(axis=0)
    partly = int((known.any(axis=0) & ~valid).sum())
    if partly:
        progress.warn(f"{partly} coarse cells lack GWSA in some months and are left out.")
    conservation = MassConservation(predictors.land, grid, predictors.factor, valid)
    regions = rasterise(aquifers, predictors.grid, predictors.factor, predictors.land)
    tiles = conservation.tiles
    progress.info(
        f"{conservation.cells.sum()} coarse cells, {sum(conservation.pixels(tile).sum() for tile in tiles)} pixels, "
        f"{used.sum()} months ({name_runs(gwsa.months[used])}), {len(predictors.features)} features."
    )
    observed = np.array([gwsa.source[i] for i in np.flatnonzero(used)]) == OBSERVED
    chosen = choose_months(observed, int(conservation.cells.sum()))
    cells = choose_cells(conservation.cells, regions.cells, MOST_SAMPLES // chosen.size)
    progress.info(
        f"Models are trained on {chosen.size} of the {used.sum()} months and {cells.sum()} of the cells."
    )
    training_months = TrainingPlan(gwsa.months[used], chosen, cells)
    target = np.stack([gwsa.values[number][cells] for number in np.flatnonzero(used)[chosen]])
    samples = read_samples(training_months, target, conservation, predictors, progress)
    return Domain(gwsa, used, predictors, regions, conservation, samples)


def _shared_period(gwsa: MonthlyStack, predictors: PredictorSet, period) -> MonthlyStack:
    months = predictors.months if predictors.months.size else gwsa.months
    first, last = period[0] or months[0], period[1] or months[-1]
    if first > gwsa.months[-1] or last < gwsa.months[0]:
        raise InputError(
            f"The {gwsa.variable} stack covers {gwsa.months[0]} to {gwsa.months[-1]} and the predictors "
            f"{months[0]} to {months[-1]}: no month is in both; build predictors for the months of the stack."
        )
    return gwsa.select(max(first, months[0]), min(last, months[-1]))
