"""How well one field agrees with another."""

from __future__ import annotations

import numpy as np


def agreement(estimate: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """``r2`` (1 - squared error / variance of the truth, so that it can be negative) and ``rmse_cm``.

    Where either is NaN, neither counts; NaN scores when nothing is left.
    """
    both = np.isfinite(estimate) & np.isfinite(truth)
    if not both.any():
        return {"r2": float("nan"), "rmse_cm": float("nan"), "n": 0}
    error = (estimate - truth)[both]
    spread = truth[both].var()
    squared = float(np.mean(error**2))
    return {
        "r2": 1 - squared / float(spread) if spread > 0 else float("nan"),
        "rmse_cm": squared**0.5,
        "n": int(both.sum()),
    }
