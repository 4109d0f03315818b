"""Standard error of filled months, calibrated on the errors in artificial gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..stats.harmonics import trend_and_seasons
from .artificial_gaps import ArtificialGaps, gap_positions

ONE_SIGMA = 0.6827  # fraction of a normal distribution within one standard deviation
POSITIONS = (
    "gap of 1 month",
    "gap of 2 months",
    "longer gap, within 3 months of an observation",
    "longer gap, farther in",
)


@dataclass(frozen=True)
class Calibration:
    """Calibration of sigma for each position in a gap, see POSITIONS.

    Parameters
    ----------
    ratios : ndarray of float64, shape (positions,)
        Sigma as a multiple of the series' variability.
    months : ndarray of int, shape (positions,)
        Number of artificial months.
    coverage : ndarray of float64, shape (positions,)
        Fraction of the errors within one sigma, where sigma is derived without the fold that is
        tested; NaN for a position without artificial months.
    overall : float
        The same fraction over all positions.
    """

    ratios: np.ndarray
    months: np.ndarray
    coverage: np.ndarray
    overall: float


def variability(series: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Compute the standard deviation of the residual of trend and seasons.

    The errors of filled months are proportional to it from series to series. One set of ratios,
    pooled over a sample, therefore serves all series.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Values in missing months are ignored.
    missing : ndarray of bool, shape (months,)

    Returns
    -------
    ndarray of float64, shape (series,)
        In the unit of ``series``.
    """
    residual = (series - trend_and_seasons(series, missing))[:, ~missing]
    return np.sqrt((residual**2).mean(axis=1))


def calibrate(gaps: ArtificialGaps, method: str, spread: np.ndarray) -> Calibration:
    """Calibrate sigma so that it contains 68.27 % of the errors in artificial gaps.

    A quantile is used, because a root mean square error would be dominated by the few months in
    which the observation is wrong, not the fill.

    Parameters
    ----------
    gaps : ArtificialGaps
    method : str
        Key of ``gaps.filled``.
    spread : ndarray of float64, shape (series,)
        ``variability`` of the series.

    Returns
    -------
    Calibration
    """
    scale = np.maximum(spread, np.finfo(float).tiny)[:, None]
    errors = np.abs(gaps.filled[method] - gaps.truth) / scale
    positions = gaps.positions
    within = np.empty(errors.shape, dtype=bool)
    for fold in np.unique(gaps.folds):
        # Coverage of a fold is tested with ratios from the other folds.
        others = gaps.folds != fold
        ratios = _ratios(errors[:, others], positions[others])
        within[:, ~others] = errors[:, ~others] <= ratios[positions[~others]]
    months = np.bincount(positions, minlength=len(POSITIONS))
    coverage = [
        within[:, positions == position].mean() if count else np.nan
        for position, count in enumerate(months)
    ]
    return Calibration(_ratios(errors, positions), months, np.array(coverage), float(within.mean()))


def sigma(calibration: Calibration, spread: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Compute one standard error of the missing months.

    Parameters
    ----------
    calibration : Calibration
    spread : ndarray of float64, shape (series,)
        ``variability`` of the series.
    missing : ndarray of bool, shape (months,)

    Returns
    -------
    ndarray of float64, shape (series, missing months)
        In the unit of ``spread``.
    """
    return spread[:, None] * calibration.ratios[gap_positions(missing)]


def _ratios(errors: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Compute the quantile of the errors (series, artificial months) at each position.

    A position without artificial months is interpolated between its neighbours. Without artificial
    months deep in a gap, the ratio there is at least 1, the error of trend and seasons alone.
    """
    present = list(np.unique(positions))
    known = [np.quantile(errors[:, positions == position], ONE_SIGMA) for position in present]
    deepest = len(POSITIONS) - 1
    if deepest not in present:
        known.append(max([1.0, *known]))
        present.append(deepest)
    return np.interp(np.arange(len(POSITIONS)), present, known)
