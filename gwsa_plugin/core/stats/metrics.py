"""How well one field agrees with another."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-12  # of a sum of squares: a truth that varies no more than this is constant


def agreement(estimate: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """``r2`` (1 - squared error / variance of the truth, so that it can be negative) and ``rmse_cm``.

    Where either is NaN, neither counts; NaN scores when nothing is left.
    """
    return agreement_of(sums(estimate, truth))


def sums(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What agreement is made of, to be added up over the parts of fields: number, sum and sum of squares of the truth,
    and sum of squared errors: float64, (4,)."""
    both = np.isfinite(estimate) & np.isfinite(truth)
    truth = truth[both].astype(np.float64)
    return np.array(
        [truth.size, truth.sum(), (truth**2).sum(), ((estimate[both] - truth) ** 2).sum()]
    )


def agreement_of(total: np.ndarray) -> dict[str, float]:
    """See ``agreement``; of added ``sums``."""
    count = int(total[0])
    if not count:
        return {"r2": float("nan"), "rmse_cm": float("nan"), "n": 0}
    mean, square, squared_error = (float(one) / count for one in total[1:])
    spread = square - mean**2
    r2 = 1 - squared_error / spread if spread > ROUNDING * square else float("nan")
    return {"r2": r2, "rmse_cm": squared_error**0.5, "n": count}
