"""Downscaling tried where the answer is known: cells are made twice as coarse and their own values predicted back.

Observations at 1 km there are none. One scale up there are: the coarse field averaged over 2 x 2 cells takes the place
of the coarse field, the cells that of the pixels. Held-out models and their rivals start from the same averages, and
each is compared with the cells that GRACE has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...spatial.mass_conservation import MassConservation, spread
from ...stats.metrics import pascal_merlin_gain
from ..domain import Domain
from ..models.region_models import CrossValidation
from ..samples import ONE_SCALE_UP

MODEL, UNCONSERVED, MEAN_PRESERVING, BILINEAR, COARSE = (
    "model",
    "unconserved",
    "mean_preserving",
    "bilinear",
    "coarse",
)
COMPETITORS = (MODEL, UNCONSERVED, MEAN_PRESERVING, BILINEAR, COARSE)


@dataclass(frozen=True, eq=False)
class ReducedResolution:
    """``observed``: cm, (samples,), NaN where nothing is compared. ``fields``: of each competitor.

    ``MODEL``: held-out models, corrected to the averages; ``UNCONSERVED``: the same before that; ``MEAN_PRESERVING``: the
    correction alone; ``BILINEAR``: the averages interpolated; ``COARSE``: the averages as blocks.
    """

    observed: np.ndarray
    fields: dict[str, np.ndarray]

    def scores(self, where=slice(None)) -> dict[str, float]:
        """RMSE of each competitor in cm over the samples ``where`` (any index of the arrays), R² of the model, how much
        less than its rivals it misses (share of their RMSE), and the gain of Pascal et al. against the averages."""
        truth = self.observed[where]
        fields = {name: field[where] for name, field in self.fields.items()}
        rmse = {name: _rmse(field, truth) for name, field in fields.items()}
        variance = float(np.nanvar(truth)) if np.isfinite(truth).any() else np.nan
        return {
            **{f"rmse_{name}_cm": value for name, value in rmse.items()},
            "nse": _ratio(variance - rmse[MODEL] ** 2, variance),
            "gain_over_mean_preserving": _ratio(
                rmse[MEAN_PRESERVING] - rmse[MODEL], rmse[MEAN_PRESERVING]
            ),
            "gain_over_bilinear": _ratio(rmse[BILINEAR] - rmse[MODEL], rmse[BILINEAR]),
            "pascal_merlin_gain": pascal_merlin_gain(fields[COARSE], fields[MODEL], truth),
            "samples": int(np.isfinite(truth).sum()),
        }

    def gain_map(self, domain: Domain) -> np.ndarray:
        """By how much of the RMSE of no model the model misses less, each cell over its months: coarse shape."""
        squares = ((self.fields[name] - self.observed) ** 2 for name in (MODEL, MEAN_PRESERVING))
        model, none = (
            np.sqrt(domain.samples.mean_by_cell(square, domain.cells.shape)) for square in squares
        )
        return np.divide(none - model, none, out=np.full(model.shape, np.nan), where=none > 0)


def validate_at_reduced_resolution(
    domain: Domain, validation: CrossValidation
) -> ReducedResolution:
    """Compare every sample that ``validation`` predicts, in all months that have one."""
    samples, (rows, columns) = (
        domain.samples,
        (size // ONE_SCALE_UP * ONE_SCALE_UP for size in domain.cells.shape),
    )
    predicted = np.isfinite(validation.detail) & (samples.row < rows) & (samples.column < columns)
    numbers, times = np.flatnonzero(predicted), np.zeros((rows, columns), dtype=int)
    np.add.at(times, (samples.row[numbers], samples.column[numbers]), 1)
    _, count = np.unique(samples.month[numbers], return_counts=True)
    cells, grid = (
        times == count.size,
        domain.gwsa.grid.sub(slice(0, rows), slice(0, columns)).coarsen(ONE_SCALE_UP),
    )
    up = MassConservation(cells, grid, ONE_SCALE_UP, _blocks_with(cells))
    observed, *rest = np.full((1 + len(COMPETITORS), samples.target.size), np.nan)
    fields = dict(zip(COMPETITORS, rest))
    for here in np.split(numbers, np.cumsum(count)[:-1]):
        place, values = (samples.row[here], samples.column[here]), np.zeros((3, rows, columns))
        values[(slice(None), *place)] = [
            one[here] for one in (samples.target, validation.detail, validation.level)
        ]
        observed[here] = np.where(cells, values[0], np.nan)[place]
        for name, field in _compete(up, *values).items():
            fields[name][here] = np.where(cells, field, np.nan)[place]
    return ReducedResolution(observed, fields)


def _compete(
    up: MassConservation, target: np.ndarray, detail: np.ndarray, level: np.ndarray
) -> dict[str, np.ndarray]:
    means = up.block_mean(target)
    return {
        MODEL: up.correct(detail, means),
        UNCONSERVED: detail + up.mean_preserving(up.block_mean(level)),
        MEAN_PRESERVING: up.mean_preserving(means),
        BILINEAR: up.bilinear(means),
        COARSE: spread(means, ONE_SCALE_UP),
    }


def _blocks_with(cells: np.ndarray) -> np.ndarray:
    """Which 2 x 2 blocks have any of the ``cells``."""
    rows, columns = (size // ONE_SCALE_UP for size in cells.shape)
    return cells.reshape(rows, ONE_SCALE_UP, columns, ONE_SCALE_UP).any(axis=(1, 3))


def _rmse(field: np.ndarray, truth: np.ndarray) -> float:
    square = (field - truth) ** 2
    return float(np.sqrt(np.nanmean(square))) if np.isfinite(square).any() else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
