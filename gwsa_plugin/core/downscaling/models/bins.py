"""Edges of the bins of features, found once and shared by all trainings.

XGBoost searches splits between bins. Finding their edges takes longer than growing fifty trees, and
the edges hardly differ between the trainings of a validation. They depend on features, never on
GWSA.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ..samples import Samples

if TYPE_CHECKING:
    from xgboost import QuantileDMatrix

# A byte holds 255 bins and a value for missing.
MOST_BINS = 255
# Rows whose quantiles are the edges: some 200 in each bin.
MOST_ROWS = 50_000
# One thread gives the same bits on any machine.
THREADS = 1


class Bins:
    """Edges of the bins of each feature.

    Each process finds them when it first needs them, always the same ones.

    Parameters
    ----------
    samples : Samples
        Samples whose features are binned. At most 50,000 evenly spaced pixels are used, and the
        smallest and the largest value of each feature.
    """

    def __init__(self, samples: Samples):
        table = samples.pixels.reshape(-1, len(samples.names))
        step = -(-len(table) // MOST_ROWS)
        bounds = [np.fmin.reduce(table, axis=0), np.fmax.reduce(table, axis=0)]
        self._rows = np.concatenate([table[::step], bounds])
        self._reference: QuantileDMatrix | None = None
        self._lock = Lock()

    def __getstate__(self) -> dict:
        return {"_rows": self._rows}

    def __setstate__(self, state: dict) -> None:
        self.__dict__ |= {**state, "_reference": None, "_lock": Lock()}

    def matrix(self, table: np.ndarray) -> QuantileDMatrix:
        """Return a table, float32 with NaN for no value, as XGBoost trains on it.

        Parameters
        ----------
        table : numpy.ndarray of float32, shape (rows, features)
            The features in the order of the samples.
        """
        return quantile_matrix(table, self.require())

    def require(self) -> QuantileDMatrix:
        """Find the edges unless this process has them, and return the table that has them."""
        with self._lock:
            if self._reference is None:
                self._reference = quantile_matrix(self._rows)
            return self._reference


def quantile_matrix(table: np.ndarray, reference: QuantileDMatrix | None = None) -> QuantileDMatrix:
    """Bin a table between its own quantiles, or between the edges of another one.

    It has no names of features, which XGBoost would compare with those of the Booster three times a
    tree.

    Parameters
    ----------
    table : numpy.ndarray of float32, shape (rows, features)
        Features; NaN for no value.
    reference : xgboost.QuantileDMatrix, optional
        A binned table with the same features.
    """
    import xgboost

    return xgboost.QuantileDMatrix(table, max_bin=MOST_BINS, nthread=THREADS, ref=reference)
