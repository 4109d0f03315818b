"""Reduced-resolution validation: downscaling tested one scale up, where the truth is known.

There are no observations at 1 km. Therefore averages of GRACE over 2 x 2 cells take the place of
the coarse field, and cells that of the pixels. Held-out models and their competitors start from the
same averages, and each is compared with the values of the cells.

The test presupposes that GRACE resolves the cells. Where its footprint is wider than 2 x 2 cells,
the differences between cells inside it are interpolation and noise, and the test is not reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.grid import KM_PER_DEGREE
from ...base.progress import SILENT, Progress
from ...spatial.mass_conservation import MassConservation, spread
from ...stats.metrics import nse, pascal_merlin_gain, relative_gain, rmse
from ..domain import Domain
from ..models.cross_validation import CrossValidation
from ..samples import ONE_SCALE_UP

# Competitors: held-out models corrected to the averages, the same before the correction,
# mean-preserving interpolation of the averages (the correction without a model), their bilinear
# interpolation, and the averages as blocks.
MODEL = "model"
UNCONSERVED = "unconserved"
MEAN_PRESERVING = "mean_preserving"
BILINEAR = "bilinear"
COARSE = "coarse"


@dataclass(frozen=True, eq=False)
class ReducedResolution:
    """Observed and estimated values of the cells.

    Parameters
    ----------
    observed : numpy.ndarray, shape (samples,)
        GWSA, cm; NaN for samples that are not compared.
    fields : dict of str to numpy.ndarray
        Estimate of each competitor, cm, shape (samples,).
    """

    observed: np.ndarray
    fields: dict[str, np.ndarray]

    def scores(self, where=slice(None)) -> dict[str, float]:
        """Compute the scores over some samples.

        Parameters
        ----------
        where : index of the samples
            By default all samples.

        Returns
        -------
        dict of str to float
            ``rmse_<competitor>_cm``. ``nse`` of the model. ``gain_over_mean_preserving`` and
            ``gain_over_bilinear``: relative reduction of the RMSE by the model.
            ``pascal_merlin_gain`` of the model over the averages as blocks. ``samples``: number of
            compared samples.
        """
        truth = self.observed[where]
        fields = {name: field[where] for name, field in self.fields.items()}
        errors = {name: rmse(field, truth) for name, field in fields.items()}
        gains = {
            competitor: float(relative_gain(errors[MODEL], errors[competitor]))
            for competitor in (MEAN_PRESERVING, BILINEAR)
        }
        return {
            **{f"rmse_{name}_cm": float(error) for name, error in errors.items()},
            "nse": float(nse(fields[MODEL], truth)),
            "gain_over_mean_preserving": gains[MEAN_PRESERVING],
            "gain_over_bilinear": gains[BILINEAR],
            "pascal_merlin_gain": pascal_merlin_gain(fields[COARSE], fields[MODEL], truth),
            "samples": int(np.isfinite(truth).sum()),
        }

    def gain_map(self, domain: Domain) -> np.ndarray:
        """Compute the gain of the model over mean-preserving interpolation in each cell.

        Returns
        -------
        numpy.ndarray, coarse shape
            Relative reduction of the RMSE over the months; NaN for cells that are not compared.
        """
        model, mean_preserving = (
            np.sqrt(
                domain.samples.mean_by_cell(
                    (self.fields[name] - self.observed) ** 2, domain.cells.shape
                )
            )
            for name in (MODEL, MEAN_PRESERVING)
        )
        return relative_gain(model, mean_preserving)


def is_resolved(domain: Domain) -> bool:
    """Return True if the footprint of GRACE is at most 2 cells wide, or of unknown width."""
    cells = ONE_SCALE_UP * domain.gwsa.grid.dy * KM_PER_DEGREE
    return domain.footprint_km is None or domain.footprint_km <= cells


def unresolved_reason(domain: Domain) -> str:
    """Return a sentence on why the test is not reported, for a domain that is not resolved."""
    size = domain.gwsa.grid.dy
    return (
        f"The test at reduced resolution, from {ONE_SCALE_UP * size:g}° to {size:g}°, is not made: "
        f"the footprint of GRACE is {domain.footprint_km:.0f} km wide, so that differences between "
        "cells inside it are not observed and the test would not measure the skill of the map."
    )


def validate_at_reduced_resolution(
    domain: Domain, validation: CrossValidation, progress: Progress = SILENT
) -> ReducedResolution:
    """Compare held-out predictions and their competitors with the values of the cells.

    Parameters
    ----------
    domain : Domain
        The study domain.
    validation : CrossValidation
        Held-out predictions. A cell is compared if it has a prediction in every month that has any
        and is in a complete 2 x 2 block of the grid.
    progress : Progress, optional
        Checked for cancellation.

    Returns
    -------
    ReducedResolution
    """
    samples = domain.samples
    # Rows and columns of the grid that are in complete blocks.
    rows, columns = (size // ONE_SCALE_UP * ONE_SCALE_UP for size in domain.cells.shape)
    predicted = np.isfinite(validation.detail) & (samples.row < rows) & (samples.column < columns)
    numbers = np.flatnonzero(predicted)
    month_count = np.zeros((rows, columns), dtype=int)
    np.add.at(month_count, (samples.row[numbers], samples.column[numbers]), 1)
    _, count = np.unique(samples.month[numbers], return_counts=True)
    cells = month_count == count.size
    grid = domain.gwsa.grid.subgrid(slice(0, rows), slice(0, columns)).coarsen(ONE_SCALE_UP)
    conservation = MassConservation(cells, grid, ONE_SCALE_UP, _blocks_with(cells))
    observed = np.full(samples.target.size, np.nan)
    fields: dict[str, np.ndarray] = {}
    # Samples are sorted by month.
    for month in np.split(numbers, np.cumsum(count)[:-1]):
        progress.stop_if_cancelled()
        position = (samples.row[month], samples.column[month])
        values = np.zeros((3, rows, columns))
        values[(slice(None), *position)] = [
            series[month] for series in (samples.target, validation.detail, validation.level)
        ]
        target, detail, level = values
        observed[month] = np.where(cells, target, np.nan)[position]
        for name, field in _estimate(conservation, target, detail, level).items():
            estimate = fields.setdefault(name, np.full(samples.target.size, np.nan))
            estimate[month] = np.where(cells, field, np.nan)[position]
    return ReducedResolution(observed, fields)


def _estimate(
    conservation: MassConservation, target: np.ndarray, detail: np.ndarray, level: np.ndarray
) -> dict[str, np.ndarray]:
    """The field of each competitor in one month: cm, shape of the cells."""
    means = conservation.block_mean(target)
    return {
        MODEL: conservation.correct(detail, means),
        UNCONSERVED: detail + conservation.mean_preserving(conservation.block_mean(level)),
        MEAN_PRESERVING: conservation.mean_preserving(means),
        BILINEAR: conservation.bilinear(means),
        COARSE: spread(means, ONE_SCALE_UP),
    }


def _blocks_with(cells: np.ndarray) -> np.ndarray:
    """The 2 x 2 blocks that contain any of the ``cells``, bool."""
    rows, columns = (size // ONE_SCALE_UP for size in cells.shape)
    return cells.reshape(rows, ONE_SCALE_UP, columns, ONE_SCALE_UP).any(axis=(1, 3))
