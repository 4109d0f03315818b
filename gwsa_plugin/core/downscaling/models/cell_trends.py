"""Level and linear trend of the GWSA of each coarse cell.

No predictor represents pumping, and trees do not extrapolate trends. With the target ``anomaly``,
models are trained on GWSA minus the level and trend of each cell. The mass-conserving correction
adds both to the 1 km map: it is linear, and it interpolates whatever part of the coarse field the
models do not predict.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..samples import Samples


class CellTrends(NamedTuple):
    """A line over time for each coarse cell.

    Parameters
    ----------
    mean : numpy.ndarray
        Value at ``middle``, cm, coarse shape. All fields are 0 for a cell without a line.
    slope : numpy.ndarray
        Trend, cm per month, coarse shape.
    middle : numpy.ndarray
        Mean number of the months that the line was fitted to, coarse shape.
    """

    mean: np.ndarray
    slope: np.ndarray
    middle: np.ndarray

    def at_months(self, month: np.ndarray) -> np.ndarray:
        """Return the lines at numbers of months, cm; ``month`` is broadcast with the fields."""
        return self.mean + self.slope * (month - self.middle)

    def at_samples(self, samples: Samples) -> np.ndarray:
        """Return the line of the cell of each sample in its month, cm, shape (samples,)."""
        return CellTrends(*map(samples.at, self)).at_months(samples.month)


def fit_cell_trends(samples: Samples, known: np.ndarray, shape: tuple[int, ...]) -> CellTrends:
    """Fit the level and trend of each cell by least squares.

    Parameters
    ----------
    samples : Samples
        The training set.
    known : numpy.ndarray of bool, shape (samples,)
        Samples that are used. A cell with fewer than two of them has no line.
    shape : tuple of int
        Rows and columns of the coarse grid.
    """

    def cells_mean(values: np.ndarray) -> np.ndarray:
        return samples.mean_by_cell(np.where(known, values, np.nan), shape)

    middle = cells_mean(samples.month)
    mean = cells_mean(samples.target)
    time = samples.month - samples.at(middle)
    variance = cells_mean(time**2)
    covariance = cells_mean(time * samples.target)
    enough = variance > 0
    slope = np.divide(covariance, variance, out=np.zeros(shape), where=enough)
    return CellTrends(*(np.where(enough, field, 0.0) for field in (mean, slope, middle)))
