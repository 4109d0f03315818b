"""How well one field agrees with another."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-12  # of a sum of squares: a truth that varies no more than this is constant


def agreement(estimate: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """``r2`` (1 - squared error / variance of the truth, so that it can be negative) and ``rmse_cm``.

    Where either is NaN, neither counts; NaN scores when nothing is left.
    """
    return agreement_from_sums(sums(estimate, truth))


def sums(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What agreement is made of, to be added up over the parts of fields: number, sum and sum of squares of the truth,
    and sum of squared errors: float64, (4,)."""
    both = np.isfinite(estimate) & np.isfinite(truth)
    truth = truth[both].astype(np.float64)
    return np.array(
        [truth.size, truth.sum(), (truth**2).sum(), ((estimate[both] - truth) ** 2).sum()]
    )


def agreement_from_sums(total: np.ndarray) -> dict[str, float]:
    """See ``agreement``; of added ``sums``."""
    count = int(total[0])
    if not count:
        return {"nse": float("nan"), "rmse_cm": float("nan"), "n": 0}
    mean, square, squared_error = (float(one) / count for one in total[1:])
    spread = square - mean**2
    r2 = 1 - squared_error / spread if spread > ROUNDING * square else float("nan")
    return {"nse": r2, "rmse_cm": squared_error**0.5, "n": count}


def pascal_merlin_gain(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> float:
    """The gain of the field ``high`` over the coarser ``low``, -1 to 1: the mean of the gains in slope, correlation and
    bias against the ``truth`` (Merlin et al. 2015, equation 10; Pascal et al. 2022). NaN where fewer than two samples
    are known or one field does not vary."""
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(truth)
    if known.sum() < 2:
        return float("nan")
    misses = np.array([_misses(field[known], truth[known]) for field in (low, high)])
    total = misses.sum(axis=0)
    gains = np.divide(misses[0] - misses[1], total, out=np.zeros(3), where=~(total <= 1e-9))
    return float(gains.mean())


def _misses(field: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """|1 - slope|, |1 - correlation| and |bias| of a field against the truth."""
    deviation, of_truth = field - field.mean(), truth - truth.mean()
    variance, of_both = (deviation**2).sum(), (deviation * of_truth).sum()
    if variance == 0 or not of_truth.any():
        return float("nan"), float("nan"), float("nan")
    correlation = of_both / np.sqrt(variance * (of_truth**2).sum())
    return (
        abs(1 - of_both / (of_truth**2).sum()),
        abs(1 - correlation),
        abs(field.mean() - truth.mean()),
    )
