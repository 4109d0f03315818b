"""One standard error of filled months, from the errors of months that were hidden and filled again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..stats.harmonics import trend_and_seasons
from .artificial_gaps import ArtificialGaps, gap_positions

ONE_SIGMA = 0.6827  # share of a normal distribution within one standard deviation
PLACES = (
    "gap of 1 month",
    "gap of 2 months",
    "longer gap, within 3 months of an observation",
    "longer gap, farther in",
)


@dataclass(frozen=True)
class Calibration:
    """Per place in a gap (PLACES), each of shape (places,): sigma as a multiple of the series' own variability, how
    many months were hidden there, and which share of their errors lies within a sigma that was derived without the
    round of hiding they belong to. ``overall`` is that share over all places."""

    ratios: np.ndarray
    months: np.ndarray
    coverage: np.ndarray
    overall: float


def variability(series: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Standard deviation of what trend and seasons leave of the observed months: shape (series,), unit of ``series``.

    The errors of a filled month grow in proportion to it from series to series, so that one set of ratios, pooled over
    a sample, serves all.
    """
    residual = (series - trend_and_seasons(series, missing))[:, ~missing]
    return np.sqrt((residual**2).mean(axis=1))


def calibrate(hidden: ArtificialGaps, method: str, spread: np.ndarray) -> Calibration:
    """``spread`` is the ``variability`` of the hidden series. A sigma holds 68.27 % of the errors: the root mean square
    would be set by the few months in which the observation, not the fill, is off."""
    errors = (
        np.abs(hidden.filled[method] - hidden.truth)
        / np.maximum(spread, np.finfo(float).tiny)[:, None]
    )
    places, within = hidden.places, np.empty(errors.shape, dtype=bool)
    for number in np.unique(hidden.rounds):
        others = hidden.rounds != number
        ratios = _ratios(errors[:, others], places[others])
        within[:, ~others] = errors[:, ~others] <= ratios[places[~others]]
    months = np.bincount(places, minlength=len(PLACES))
    coverage = [
        within[:, places == place].mean() if count else np.nan for place, count in enumerate(months)
    ]
    return Calibration(_ratios(errors, places), months, np.array(coverage), float(within.mean()))


def sigma(calibration: Calibration, spread: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Of the missing months: shape (series, missing months), in the unit of ``spread``."""
    return spread[:, None] * calibration.ratios[gap_positions(missing)]


def _ratios(errors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A place that was never hidden takes the ratio between its neighbours'; deep in a gap it is at least 1, the error
    of trend and seasons alone, where nothing says that the method does better."""
    present = np.unique(places)
    known = [np.quantile(errors[:, places == place], ONE_SIGMA) for place in present]
    deepest = len(PLACES) - 1
    if deepest not in present:
        present, known = [*present, deepest], [*known, max([1.0, *known])]
    return np.interp(np.arange(len(PLACES)), present, known)
