"""What downscaling works on: the coarse stack, the predictors and the regions brought to one grid and one period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .aquifers import Aquifer, Regions, rasterise
from .boosting import Samples
from .conservation import Conservation
from .errors import InputError
from .months import name_runs
from .predictors import COARSE, FINE, PredictorSet
from .progress import Progress
from .stack import OBSERVED, MonthlyStack
from .threads import run_all

PIXELS = 16  # of each coarse cell that training sees in a month
STRIP_CELLS = 5  # rows of cells read together; with fewer, each tile of the predictors is decompressed more often
FEATURE_BYTES = 256 << 20  # of the features that one thread holds; with few months at once, past ones are read again
MOST_SAMPLES = 100_000  # cells times months that models are trained on; about 4 kB each with 60 features
FEWEST_MONTHS = 24


@dataclass(frozen=True, eq=False)
class Scene:
    """``gwsa``: the stack on the predictors' coarse grid, in their months. ``used``: bool, (months,), those with data.

    ``samples`` holds the used months only; ``conservation.cells`` are the coarse cells that have GWSA in all of them.
    """

    gwsa: MonthlyStack
    used: np.ndarray
    predictors: PredictorSet
    regions: Regions
    conservation: Conservation
    samples: Samples

    @property
    def months(self) -> np.ndarray:
        """The months that are mapped: datetime64[M]."""
        return self.gwsa.months[self.used]

    def source_of(self, month) -> str:
        """observed, filled or missing."""
        return self.gwsa.source[int((month - self.gwsa.months[0]).astype(int))]

    @property
    def cells(self) -> np.ndarray:
        return self.conservation.cells


def set_scene(
    gwsa: MonthlyStack, predictors: PredictorSet, aquifers: Sequence[Aquifer], period, progress: Progress
) -> Scene:
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
    used = np.isfinite(gwsa.values).any(axis=(1, 2))
    if not used.any():
        raise InputError(f"The {gwsa.variable} stack has no value between {gwsa.months[0]} and {gwsa.months[-1]}.")
    if (~used).any():
        progress.warn(f"Months without GWSA stay empty: {name_runs(gwsa.months[~used])}.")
    valid = np.isfinite(gwsa.values[used]).all(axis=0)
    partly = int((np.isfinite(gwsa.values[used]).any(axis=0) & ~valid).sum())
    if partly:
        progress.warn(f"{partly} coarse cells lack GWSA in some months and are left out.")
    land = predictors.land()
    conservation = Conservation(land, grid, predictors.factor, valid)
    progress.say(
        f"{conservation.cells.sum()} coarse cells, {conservation.pixels.sum()} pixels, {used.sum()} months "
        f"({name_runs(gwsa.months[used])}), {len(predictors.features)} features."
    )
    samples = _samples(gwsa, used, conservation, predictors, progress)
    regions = rasterise(aquifers, predictors.grid, predictors.factor, land)
    return Scene(gwsa, used, predictors, regions, conservation, samples)


def _shared_period(gwsa: MonthlyStack, predictors: PredictorSet, period) -> MonthlyStack:
    months = predictors.months if predictors.months.size else gwsa.months
    first, last = period[0] or months[0], period[1] or months[-1]
    if first > gwsa.months[-1] or last < gwsa.months[0]:
        raise InputError(
            f"The {gwsa.variable} stack covers {gwsa.months[0]} to {gwsa.months[-1]} and the predictors "
            f"{months[0]} to {months[-1]}: no month is in both; build predictors for the months of the stack."
        )
    return gwsa.select(max(first, months[0]), min(last, months[-1]))


def _samples(
    gwsa: MonthlyStack, used: np.ndarray, conservation: Conservation, predictors: PredictorSet, progress: Progress
) -> Samples:
    months, cells = gwsa.months[used], conservation.cells
    features = predictors.read(COARSE, months)
    absent = np.isnan(features)[:, :, cells].mean(axis=(0, 2))
    if (absent == 1).all():
        raise InputError(f"The predictor set {predictors.folder.name} has no value in any cell of the GWSA stack.")
    for name, share in zip(predictors.features, absent):
        if share > 0:
            progress.say(f"{name} is missing in {share:.1%} of the samples; the trees have a branch for that.")
    taught = _taught(np.array([gwsa.source[i] for i in np.flatnonzero(used)]) == OBSERVED, int(cells.sum()))
    progress.say(f"Models are trained on {taught.sum()} of the {months.size} months.")
    firsts = range(0, cells.shape[0], STRIP_CELLS)
    strips = [partial(_pixels_of_strip, conservation, predictors, months[taught], first) for first in firsts]
    pixels = np.concatenate(run_all(strips, progress), axis=1)
    return Samples(features, np.where(cells, gwsa.values[used], np.nan), taught, pixels, predictors.features)


def _taught(observed: np.ndarray, cells: int) -> np.ndarray:
    """The months to train on: bool, (months,). Filled ones, of which GRACE saw nothing, only where too few others are;
    of many, as many as memory allows, evenly spaced."""
    choice = np.flatnonzero(observed) if observed.sum() >= FEWEST_MONTHS else np.arange(observed.size)
    count = min(choice.size, max(MOST_SAMPLES // cells, FEWEST_MONTHS))
    taught = np.zeros(observed.size, dtype=bool)
    taught[choice[np.linspace(0, choice.size - 1, count).round().astype(int)]] = True
    return taught


def _pixels_of_strip(conservation: Conservation, predictors: PredictorSet, months, top: int, go_on) -> np.ndarray:
    """Features of a few random land pixels of each cell of STRIP_CELLS rows, of others in each month: (months, rows,
    columns, PIXELS, features), NaN off the cells."""
    factor, cells = predictors.factor, conservation.cells[top : top + STRIP_CELLS]
    read = np.full((months.size, *cells.shape, PIXELS, len(predictors.features)), np.nan, dtype=np.float32)
    rows = slice(top * factor, (top + len(cells)) * factor)
    held = np.argwhere(cells)
    if not held.size:
        return read
    land = conservation.pixels[rows].reshape(len(cells), factor, -1, factor).swapaxes(1, 2)
    picked = [_pick(land[place], months.size, np.random.default_rng([top, *place])) for place in map(tuple, held)]
    down, across = (np.stack(picked, axis=1) + held[:, None] * factor).transpose(3, 0, 1, 2)
    at_once = max(1, FEATURE_BYTES // (4 * len(predictors.features) * conservation.pixels[rows].size))
    for first in range(0, months.size, at_once):
        go_on()
        fields = predictors.read(FINE, months[first : first + at_once], rows)
        for month, field in enumerate(fields, start=first):
            read[month, held[:, 0], held[:, 1]] = np.moveaxis(field[:, down[month], across[month]], 0, -1)
    return read


def _pick(land: np.ndarray, months: int, rng) -> np.ndarray:
    """Row and column of PIXELS random land pixels of a cell in each month, some twice where it has fewer: (months,
    PIXELS, 2)."""
    places = np.argwhere(land)
    twice = len(places) < PIXELS
    return places[[rng.choice(len(places), PIXELS, replace=twice) for _ in range(months)]]
