"""Gain over a competitor with its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student_t

# Probability that an interval holds the gain.
CONFIDENCE = 0.9
BOOTSTRAP_DRAWS = 2000
UNKNOWN = float("nan")


class Gain(NamedTuple):
    """Relative reduction of the RMSE, 1 - RMSE / RMSE of the competitor, and its 90 % interval."""

    value: float = UNKNOWN
    lower: float = UNKNOWN
    upper: float = UNKNOWN

    @property
    def text(self) -> str:
        """The gain in per cent, with its interval."""
        if np.isnan(self.value):
            return "unknown"
        low, value, high = (
            f"{round(100 * one):+d}" for one in (self.lower, self.value, self.upper)
        )
        return f"{value} % ({100 * CONFIDENCE:.0f} % interval {low} to {high} %)"


def estimate_gain(model: np.ndarray, competitor: np.ndarray) -> Gain:
    """Estimate the relative reduction of the RMSE, and its interval by a bootstrap.

    Blocks and years are resampled independently of each other, because the errors of a block are
    correlated in time and those of a month in space. The standard error is that of the logarithm of
    the ratio of both RMSE. The interval has the quantile of Student's t distribution with one
    degree of freedom less than there are blocks, because blocks are few.

    Parameters
    ----------
    model, competitor : numpy.ndarray, shape (blocks, years)
        Sum of squared errors in each block and year.

    Returns
    -------
    Gain
        NaN when an error is 0 or there are fewer than two blocks.

    References
    ----------
    Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1, 386-411.
    """
    count = len(model)
    if count < 2 or not (model.sum() > 0 and competitor.sum() > 0):
        return Gain()
    rng = np.random.default_rng(1)
    blocks, years = (
        rng.multinomial(size, np.full(size, 1 / size), BOOTSTRAP_DRAWS) for size in model.shape
    )
    drawn = [((blocks @ squares) * years).sum(axis=1) for squares in (model, competitor)]
    deviation = 0.5 * (_logarithm(drawn[0]) - _logarithm(drawn[1])).std()
    # The bootstrap underestimates the variance of a mean by the factor 1 - 1 / count.
    reach = (
        deviation * np.sqrt(count / (count - 1)) * student_t.ppf((1 + CONFIDENCE) / 2, count - 1)
    )
    ratio = 0.5 * np.log(model.sum() / competitor.sum())
    value, lower, upper = 1 - np.exp([ratio, ratio + reach, ratio - reach])
    return Gain(float(value), float(lower), float(upper))


def _logarithm(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, np.finfo(float).tiny))
