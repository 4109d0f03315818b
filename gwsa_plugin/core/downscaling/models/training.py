"""XGBoost trained for what conservation leaves free.

The correction replaces whatever a model says about a coarse cell's mean, and smoothly so about its surroundings; only
the contrast between near places survives in the 1 km map. So the loss here is that of the contrast: the squared
residual of a cell minus most of the mean residual of the cells around it in the same month. A plain squared loss spends
the trees on the regional signal that GRACE gives anyway.

Every cell is seen twice: by a few of its pixels, of which only the mean of the predictions is compared with the cell,
and, counting less, by its mean predictors. The response to 1 km values is not that to their means; the pixels tell it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from ...base.errors import InputError
from ...base.progress import SILENT, Progress
from ..samples import Samples

NEIGHBOURHOOD = 5  # cells along a side
REGIONAL_SHARE = 0.85  # of the neighbourhood's mean residual that the loss does not count
CELL_WEIGHT = 0.2  # of a cell's mean predictors in the loss, where that of its pixels together is 1
PATIENCE = 40  # trees without a gain after which early stopping ends
THREADS = (
    1  # training is the same to the bit on any machine; models are trained side by side instead
)


@dataclass(frozen=True)
class Boosting:
    """Hyper-parameters of every model of a run."""

    trees: int = 300
    depth: int = 5
    rate: float = 0.08
    row_share: float = 0.5
    column_share: float = 0.5
    least_rows: float = 10.0
    seed: int = 1

    def xgboost(self) -> dict:
        """The same, by XGBoost's names. 255 bins leave a byte's last value for a missing one."""
        return {
            "tree_method": "hist", "max_bin": 255, "max_depth": self.depth, "eta": self.rate,
            "subsample": self.row_share, "colsample_bytree": self.column_share, "min_child_weight": self.least_rows,
            "seed": self.seed, "nthread": THREADS, "base_score": 0.0,
        }  # fmt: skip


def train(
    samples: Samples, where: np.ndarray, boosting: Boosting, base=None, progress: Progress = SILENT
):
    """A Booster fitted to the samples ``where`` (bool, (samples,)), begun from the Booster ``base`` if given.

    ``progress`` is called for every tree and may raise ``Cancelled``. InputError when there is nothing to learn from.
    """
    import xgboost

    loss = ContrastLoss(samples, where)
    return xgboost.train(
        boosting.xgboost(),
        loss.matrix(),
        boosting.trees,
        obj=loss.gradient(progress),
        xgb_model=base,
    )


def early_stopping(
    samples: Samples, where: np.ndarray, watched: np.ndarray, boosting: Boosting, progress: Progress
) -> tuple:
    """Early stopping: how many trees fitted to the samples ``where`` predict the contrast of the samples ``watched``
    best, up to ``boosting.trees``, and their mean squared error in cm². Both bool, (samples,), apart."""
    import xgboost

    loss, validation_loss = (
        ContrastLoss(samples, where),
        ContrastLoss(samples, watched, pixels_only=True),
    )
    settings = {**boosting.xgboost(), "disable_default_eval_metric": 1}
    booster = xgboost.train(
        settings, loss.matrix(), boosting.trees, obj=loss.gradient(progress), verbose_eval=False,
        evals=[(validation_loss.matrix(), "watched")], custom_metric=validation_loss.metric, early_stopping_rounds=PATIENCE,
    )  # fmt: skip
    return booster.best_iteration + 1, booster.best_score


class ContrastLoss:
    """The table of the samples ``where`` for XGBoost, and the loss of its predictions: rows of the cells, unless
    ``pixels_only``, then those of their pixels, the pixels of a sample one after the other."""

    def __init__(self, samples: Samples, where: np.ndarray, pixels_only: bool = False):
        if not where.any():
            raise InputError(
                "No coarse cell has both GWSA and predictors in any month; check that periods and regions overlap."
            )
        self.read_samples, self._where = samples, where
        self._count, self._pixels = int(where.sum()), samples.pixels.shape[1]
        self._target, self._around = samples.target[where], neighbourhoods(samples, where)
        self._cells = 0 if pixels_only else self._count

    def matrix(self):
        import xgboost

        table = self.read_samples.pixel_table(self._where)
        if self._cells:
            table = np.concatenate([self.read_samples.cells[self._where], table])
        return xgboost.DMatrix(table, feature_names=list(self.read_samples.names), nthread=THREADS)

    def gradient(self, progress: Progress):
        """The objective: first and second derivatives of the loss at a prediction."""
        curvature = np.repeat(
            np.float32([CELL_WEIGHT, 1 / self._pixels]), [self._cells, self._count * self._pixels]
        )

        def objective(prediction: np.ndarray, _) -> tuple[np.ndarray, np.ndarray]:
            progress.stop_if_cancelled()
            of_cells = CELL_WEIGHT * self._slope(prediction[: self._cells])
            of_means = self._slope(self._means(prediction)) / self._pixels
            return np.concatenate([of_cells, np.repeat(of_means, self._pixels)]).astype(
                np.float32
            ), curvature

        return objective

    def metric(self, prediction: np.ndarray, _) -> tuple[str, float]:
        """Mean squared residual of the local contrast, cm²."""
        return "contrast", float(np.mean(self._contrast(self._means(prediction)) ** 2))

    def _means(self, prediction: np.ndarray) -> np.ndarray:
        return prediction[self._cells :].reshape(self._count, self._pixels).mean(axis=1)

    def _slope(self, prediction: np.ndarray) -> np.ndarray:
        return local_contrast(self._contrast(prediction), self._around)

    def _contrast(self, prediction: np.ndarray) -> np.ndarray:
        """What is left of the residual in the loss."""
        return local_contrast(prediction - self._target, self._around)


def local_contrast(
    values: np.ndarray, around: csr_matrix, fraction: float = REGIONAL_SHARE
) -> np.ndarray:
    """``values``, (samples,), minus ``fraction`` of their mean over the neighbourhoods ``around``."""
    return values - fraction * (around @ values)


def neighbourhoods(samples: Samples, where: np.ndarray) -> csr_matrix:
    """What makes of a value of each of the samples ``where`` (bool, (samples,)) the mean over the neighbourhood of
    each: the cells of its month no farther than two rows and columns, those outside ``where`` not counting."""
    month, row, column = (axis[where] for axis in (samples.month, samples.row, samples.column))
    reach = NEIGHBOURHOOD // 2
    rows, columns = (
        axis.max(initial=0) + 1 + reach for axis in (row, column)
    )  # so that no window is in two of them
    place = (month * rows + row) * columns + column
    middles = place[:, None] + columns * np.arange(-reach, reach + 1)
    first, end = (
        np.searchsorted(place, middles - reach),
        np.searchsorted(place, middles + reach, side="right"),
    )
    sizes = (end - first).ravel()
    members = np.arange(sizes.sum()) + np.repeat(first.ravel() - (np.cumsum(sizes) - sizes), sizes)
    count = (end - first).sum(axis=1)
    return csr_matrix(
        (np.repeat(1 / count, count), members, np.append(0, np.cumsum(count))),
        (place.size, place.size),
    )


def save(booster, path: Path) -> None:
    booster.save_model(str(path))


def gains(booster) -> dict[str, float]:
    """The share of the total gain that each feature brought, 0 to 1; features never used are left out."""
    gain = booster.get_score(importance_type="total_gain")
    total = sum(gain.values())
    return {name: value / total for name, value in sorted(gain.items(), key=lambda item: -item[1])}
