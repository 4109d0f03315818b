"""Train XGBoost on the local contrast, which is all that the correction leaves to the models.

The mass-conserving correction replaces the mean of a coarse cell, and smoothly that of its
surroundings. Only the contrast between neighbouring places remains in the 1 km map. The loss is
therefore the squared residual of a cell minus most of the mean residual of the cells around it in
the same month. A plain squared loss would spend most trees on the regional signal that GRACE
already gives.

Each cell enters the loss twice: as the mean prediction of some of its pixels, and with a smaller
weight as the prediction from its mean predictors. The response to 1 km values differs from the
response to their means, and the pixels show it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.sparse import csr_matrix

from ...base.errors import InputError
from ...base.progress import SILENT, Progress
from ..samples import Samples
from .bins import MOST_BINS, THREADS, Bins, quantile_matrix

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix, QuantileDMatrix

# Cells along the side of the neighbourhood of a cell.
NEIGHBOURHOOD = 5
# Fraction of the mean residual of the neighbourhood that the loss ignores.
REGIONAL_FRACTION = 0.85
# Weight in the loss of the mean predictors of a cell; its pixels together have weight 1.
CELL_WEIGHT = 0.2
# Trees without improvement after which early stopping ends.
PATIENCE = 40
# Memory of a training: the table and its bins, and what trees need of each row.
BYTES_PER_VALUE = 10.0
BYTES_PER_ROW = 60.0


@dataclass(frozen=True)
class Boosting:
    """Hyper-parameters of XGBoost.

    Parameters
    ----------
    trees : int
        Number of trees, or the most that early stopping tries.
    depth : int
        Levels of splits of a tree.
    rate : float
        Learning rate.
    row_share, column_share : float
        Fraction of rows and of features that a tree is grown on.
    least_rows : float
        Least sum of second derivatives in a leaf.
    seed : int
        Seed of the random choice of rows and features.
    """

    trees: int = 300
    depth: int = 5
    rate: float = 0.08
    row_share: float = 0.5
    column_share: float = 0.5
    least_rows: float = 10.0
    seed: int = 1

    def xgboost(self) -> dict:
        """Return the parameters under the names of XGBoost."""
        return {
            "tree_method": "hist",
            "max_bin": MOST_BINS,
            "max_depth": self.depth,
            "eta": self.rate,
            "subsample": self.row_share,
            "colsample_bytree": self.column_share,
            "min_child_weight": self.least_rows,
            "seed": self.seed,
            "nthread": THREADS,
            "base_score": 0.0,
        }


def train(
    samples: Samples,
    where: np.ndarray,
    boosting: Boosting,
    base: Booster | None = None,
    bins: Bins | None = None,
    progress: Progress = SILENT,
) -> Booster:
    """Train a Booster.

    Parameters
    ----------
    samples : Samples
        The training set.
    where : numpy.ndarray of bool, shape (samples,)
        Samples that are trained on.
    boosting : Boosting
        Hyper-parameters.
    base : xgboost.Booster, optional
        Booster whose trees come first.
    bins : Bins, optional
        Bins of the features; None for those of the samples that are trained on.
    progress : Progress
        Allows cancellation after each tree.

    Raises
    ------
    InputError
        When ``where`` selects no sample.
    Cancelled
        When the user has cancelled.
    """
    import xgboost

    loss = ContrastLoss(samples, where)
    if base is not None:
        # The table has no names of features either.
        base = base.copy()
        base.feature_names = None
    booster = xgboost.train(
        boosting.xgboost(),
        loss.binned(bins),
        boosting.trees,
        obj=loss.objective(progress),
        xgb_model=base,
    )
    booster.feature_names = list(samples.names)
    return booster


def early_stopping(
    samples: Samples,
    training: np.ndarray,
    validation: np.ndarray,
    boosting: Boosting,
    bins: Bins | None = None,
    progress: Progress = SILENT,
) -> tuple[int, float]:
    """Find the number of trees that predicts the local contrast of validation samples best.

    Parameters
    ----------
    samples : Samples
        The training set.
    training, validation : numpy.ndarray of bool, shape (samples,)
        Samples that are trained on and validated on, without overlap.
    boosting : Boosting
        Hyper-parameters; ``trees`` is the largest number.
    bins : Bins, optional
        As in ``train``.
    progress : Progress
        Allows cancellation after each tree.

    Returns
    -------
    trees : int
        The best number of trees.
    error : float
        Mean squared error of the local contrast with so many trees, cm².
    """
    import xgboost

    loss = ContrastLoss(samples, training)
    validation_loss = ContrastLoss(samples, validation, pixels_only=True)
    booster = xgboost.train(
        {**boosting.xgboost(), "disable_default_eval_metric": 1},
        loss.binned(bins),
        boosting.trees,
        obj=loss.objective(progress),
        verbose_eval=False,
        evals=[(validation_loss.matrix(), "validation")],
        custom_metric=validation_loss.metric,
        early_stopping_rounds=PATIENCE,
    )
    return booster.best_iteration + 1, booster.best_score


def training_bytes(samples: Samples) -> float:
    """Return an upper bound of the memory of one training on all samples, bytes."""
    rows = samples.target.size * (1 + samples.pixels.shape[1])
    return rows * (len(samples.names) * BYTES_PER_VALUE + BYTES_PER_ROW)


class ContrastLoss:
    """The loss of the local contrast, and the table of samples that it is computed on.

    Parameters
    ----------
    samples : Samples
        The training set.
    where : numpy.ndarray of bool, shape (samples,)
        Samples in the table.
    pixels_only : bool
        Leave the rows of cells out of the table.

    Raises
    ------
    InputError
        When ``where`` selects no sample.
    """

    def __init__(self, samples: Samples, where: np.ndarray, pixels_only: bool = False):
        if not where.any():
            raise InputError(
                "No coarse cell has both GWSA and predictors in any month; check that periods and "
                "regions overlap."
            )
        self._samples = samples
        self._where = where
        self._count = int(where.sum())
        self._pixels = samples.pixels.shape[1]
        self._target = samples.target[where]
        self._around = neighbourhoods(samples, where)
        self._cell_rows = 0 if pixels_only else self._count

    def matrix(self) -> DMatrix:
        """Return the table as XGBoost predicts it."""
        import xgboost

        return xgboost.DMatrix(self._table(), nthread=THREADS)

    def binned(self, bins: Bins | None) -> QuantileDMatrix:
        """Return the table as XGBoost trains on it; with its own bins if ``bins`` is None."""
        if bins is None:
            return quantile_matrix(self._table())
        return bins.matrix(self._table())

    def _table(self) -> np.ndarray:
        """The rows of the cells, then those of the pixels of each sample."""
        table = self._samples.pixel_table(self._where)
        if self._cell_rows:
            table = np.concatenate([self._samples.cells[self._where], table])
        return table

    def objective(self, progress: Progress) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """Return the function that XGBoost calls for the derivatives of the loss.

        It takes predictions and the table, and returns first and second derivatives.
        """
        weights = np.array([CELL_WEIGHT, 1 / self._pixels], dtype=np.float32)
        # The Hessian is approximated by the weights of the rows.
        curvature = np.repeat(weights, [self._cell_rows, self._count * self._pixels])

        def derivatives(prediction: np.ndarray, _) -> tuple[np.ndarray, np.ndarray]:
            progress.stop_if_cancelled()
            by_cell = CELL_WEIGHT * self._gradient(prediction[: self._cell_rows])
            # The mean over pixels passes an equal part of its derivative to each pixel.
            by_mean = self._gradient(self._pixels_mean(prediction)) / self._pixels
            gradient = np.concatenate([by_cell, np.repeat(by_mean, self._pixels)])
            return gradient.astype(np.float32), curvature

        return derivatives

    def metric(self, prediction: np.ndarray, _) -> tuple[str, float]:
        """Return the mean squared residual of the local contrast, cm², with its name."""
        residual = self._contrast_residual(self._pixels_mean(prediction))
        return "contrast", float(np.mean(residual**2))

    def _pixels_mean(self, prediction: np.ndarray) -> np.ndarray:
        """Mean prediction over the pixels of each sample, shape (samples,)."""
        by_sample = prediction[self._cell_rows :].reshape(self._count, self._pixels)
        return by_sample.mean(axis=1)

    def _gradient(self, prediction: np.ndarray) -> np.ndarray:
        """First derivative of the loss with respect to one prediction per sample.

        The operator of the local contrast is applied twice; it is treated as symmetric.
        """
        return local_contrast(self._contrast_residual(prediction), self._around)

    def _contrast_residual(self, prediction: np.ndarray) -> np.ndarray:
        """Residual minus most of the mean residual of its neighbourhood, shape (samples,)."""
        return local_contrast(prediction - self._target, self._around)


def local_contrast(
    values: np.ndarray, around: csr_matrix, fraction: float = REGIONAL_FRACTION
) -> np.ndarray:
    """Subtract a fraction of the mean over the neighbourhood.

    Parameters
    ----------
    values : numpy.ndarray, shape (samples,)
        A value per sample.
    around : scipy.sparse.csr_matrix
        Result of ``neighbourhoods``.
    fraction : float
        Fraction of the mean that is subtracted.
    """
    return values - fraction * (around @ values)


def neighbourhoods(samples: Samples, where: np.ndarray) -> csr_matrix:
    """Return the matrix that averages values over the neighbourhood of each sample.

    The neighbourhood consists of the cells of the same month within two rows and columns.

    Parameters
    ----------
    samples : Samples
        The samples, in their order.
    where : numpy.ndarray of bool, shape (samples,)
        Samples that have a value; others are left out of rows, columns and means.

    Returns
    -------
    scipy.sparse.csr_matrix
        Shape (selected samples, selected samples); each row sums to 1.
    """
    month, row, column = (axis[where] for axis in (samples.month, samples.row, samples.column))
    reach = NEIGHBOURHOOD // 2
    # Cells are numbered along rows, with a margin so that no window extends into the next row.
    rows, columns = (axis.max(initial=0) + 1 + reach for axis in (row, column))
    place = (month * rows + row) * columns + column
    # In each of the five rows of the window, the neighbours are consecutive in ``place``.
    middles = place[:, None] + columns * np.arange(-reach, reach + 1)
    first = np.searchsorted(place, middles - reach)
    end = np.searchsorted(place, middles + reach, side="right")
    sizes = (end - first).ravel()
    # Concatenate the ranges first..end of all windows.
    members = np.arange(sizes.sum()) + np.repeat(first.ravel() - (np.cumsum(sizes) - sizes), sizes)
    count = (end - first).sum(axis=1)
    return csr_matrix(
        (np.repeat(1 / count, count), members, np.append(0, np.cumsum(count))),
        (place.size, place.size),
    )


def gains(booster: Booster) -> dict[str, float]:
    """Return the fraction of the total gain of each feature that the Booster uses, 0 to 1."""
    # Only linear boosters have lists of values.
    gain = cast(dict[str, float], booster.get_score(importance_type="total_gain"))
    total = sum(gain.values())
    return {name: value / total for name, value in sorted(gain.items(), key=lambda item: -item[1])}
