"""Rising and falling limbs of a series of groundwater storage, and its master recession.

References
----------
Healy, R. W. & Cook, P. G. (2002): Using groundwater levels to estimate recharge. Hydrogeol. J. 10,
    91-109.
Heppner, C. S. & Nimmo, J. R. (2005): A computer program for predicting recharge with a master
    recession curve. USGS Scientific Investigations Report 2005-5172.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

# Steps and falling limbs that a master recession needs.
LEAST_STEPS = 8
LEAST_LIMBS = 3
# Falling limbs from which on a drift is fitted: fewer do not separate it from storage.
LIMBS_FOR_DRIFT = 8
# Third differences of independent noise have its standard deviation times the root of 20.
THIRD_DIFFERENCES = 20**0.5
# Fraction of the absolute third differences below which recharge contributes little, and that
# quantile of a normal distribution per standard deviation.
QUIET = 0.25
PER_QUIET = 0.3186
# Smallest rate that differs from none: a constant of 83 years.
LEAST_RATE = 1e-3
# Largest rate: a reservoir cannot lose more than its storage above the base.
MOST_RATE = 1.99
# A rise is more than noise if it exceeds that of the difference of two months at 95 % (two-sided).
NOISE_FACTOR = 1.96 * 2**0.5


class Limb(NamedTuple):
    """A part of a series between two turning points.

    Parameters
    ----------
    start, stop : int
        Number of the month of the first and of the last value, both included.
    rises : bool
        Whether it goes from a low to a peak.
    """

    start: int
    stop: int
    rises: bool


class MasterRecession(NamedTuple):
    """The decline of storage without recharge: a straight line over storage and time.

    The decline of a step, from one month to the next, is ``at_zero + rate * storage + drift *
    month``, where the storage is the mean of both months, cm. The drift lets the base of the
    recession rise or fall steadily, as depletion lowers it; it is 0 in short records.

    Parameters
    ----------
    rate : float
        Decline per step and cm of storage; 0 for a decline that does not depend on storage.
    at_zero : float
        Decline at a storage of 0 cm in month 0, cm per step.
    drift : float
        Change of the decline, cm per step and month.
    steps, limbs : int
        Steps and falling limbs that it is fitted to.
    """

    rate: float
    at_zero: float
    drift: float
    steps: int
    limbs: int

    def decline(self, storage: ArrayLike, month: ArrayLike) -> np.ndarray:
        """Return the decline of steps, cm; never negative.

        Parameters
        ----------
        storage : array_like of float
            Mean storage of the two months of each step, cm.
        month : array_like of int
            Number of the first of the two months.
        """
        level = self.rate * np.asarray(storage)
        return np.maximum(self.at_zero + level + self.drift * np.asarray(month), 0.0)

    @property
    def constant_months(self) -> float:
        """Recession constant: months in which the storage above its base falls to 1/e.

        The decline of a step relates to the mean of its two ends, so that a linear reservoir keeps
        the fraction (2 - rate) / (2 + rate) of its storage. Infinite for a rate of 0.
        """
        if self.rate <= 0:
            return np.inf
        return float(-1 / np.log((2 - self.rate) / (2 + self.rate)))

    def extrapolated(self, start: float, month: int, steps: int) -> np.ndarray:
        """Extrapolate the recession from the storage of a month.

        Parameters
        ----------
        start : float
            Storage, cm.
        month : int
            Number of its month.
        steps : int
            Months after it.

        Returns
        -------
        ndarray of float, shape (steps + 1,)
            cm, beginning with ``start``.
        """
        curve = [start]
        for place in range(month, month + steps):
            # The decline at the mean of both ends, solved for the second end.
            decline = self.decline(curve[-1], place) / (1 + self.rate / 2)
            curve.append(curve[-1] - float(decline))
        return np.array(curve)


def month_noise(values: np.ndarray) -> float:
    """Estimate the independent error of a month from third differences.

    Trend and season contribute little to them. Abrupt recharge contributes much, so that the
    estimate is made from the smallest quarter of them.

    Parameters
    ----------
    values : ndarray of float, shape (months,)
        cm, NaN for a missing month.

    Returns
    -------
    float
        Standard deviation, cm; 0 for fewer than four consecutive values.
    """
    differences = np.diff(values, 3)
    known = np.abs(differences[np.isfinite(differences)])
    if not known.size:
        return 0.0
    return float(np.quantile(known, QUIET) / PER_QUIET / THIRD_DIFFERENCES)


def find_limbs(values: np.ndarray, least_rise: float) -> list[Limb]:
    """Divide a series into rising and falling limbs.

    A turn counts once storage has left the turning point by more than ``least_rise``. Smaller turns
    belong to the limb around them. A missing month ends a limb.

    Parameters
    ----------
    values : ndarray of float, shape (months,)
        cm, NaN for a missing month.
    least_rise : float
        cm.

    Returns
    -------
    list of Limb
        In order; neighbouring limbs share their turning point. A part of the series without a turn
        is none.
    """
    finite = np.concatenate([[False], np.isfinite(values), [False]]).astype(int)
    begins = np.flatnonzero(np.diff(finite) == 1)
    ends = np.flatnonzero(np.diff(finite) == -1)
    limbs = []
    for begin, end in zip(begins, ends):
        turns = _turns(values[begin:end], least_rise)
        limbs += [
            Limb(
                int(begin + one), int(begin + two), bool(values[begin + two] > values[begin + one])
            )
            for one, two in zip(turns[:-1], turns[1:])
        ]
    return limbs


def _turns(values: np.ndarray, least: float) -> list[int]:
    """Numbers of the turning points of consecutive values, the first and last value included."""
    highest = lowest = 0
    turns: list[int] = []
    direction = 0
    for place, value in enumerate(values):
        if value > values[highest]:
            highest = place
        if value < values[lowest]:
            lowest = place
        if direction >= 0 and values[highest] - value > least:
            turns.append(highest)
            direction, lowest = -1, place
        elif direction <= 0 and value - values[lowest] > least:
            turns.append(lowest)
            direction, highest = 1, place
    if not turns:
        return []
    if turns[0] > 0:
        turns.insert(0, 0)
    last = highest if direction > 0 else lowest
    if last > turns[-1]:
        turns.append(last)
    return turns


def falling_steps(limbs: list[Limb]) -> list[np.ndarray]:
    """Find the steps of each falling limb, without its first and its last one.

    In the first month after a peak recharge still arrives. Peaks and troughs are where the errors
    of the months are high and low, so that the steps at the turning points are too large.

    Parameters
    ----------
    limbs : list of Limb

    Returns
    -------
    list of ndarray of int
        Number of the first month of each step, one array for each falling limb of at least three
        steps.
    """
    return [
        np.arange(limb.start + 1, limb.stop - 1)
        for limb in limbs
        if not limb.rises and limb.stop - limb.start > 2
    ]


def fit_recession(values: np.ndarray, limbs: list[np.ndarray]) -> MasterRecession | None:
    """Fit the master recession by least squares.

    The storage of a step is the mean of its two ends, whose error is not correlated with that of
    their difference. Where the decline does not grow with storage, it is the mean of all steps.

    Parameters
    ----------
    values : ndarray of float, shape (months,)
        cm.
    limbs : list of ndarray of int
        Steps of each falling limb, as returned by ``falling_steps``.

    Returns
    -------
    MasterRecession or None
        None for fewer than ``LEAST_STEPS`` steps or ``LEAST_LIMBS`` limbs.
    """
    steps = np.concatenate([np.empty(0, dtype=int), *limbs])
    if steps.size < LEAST_STEPS or len(limbs) < LEAST_LIMBS:
        return None
    storage = (values[steps] + values[steps + 1]) / 2
    decline = values[steps] - values[steps + 1]
    drifts = len(limbs) >= LIMBS_FOR_DRIFT
    design = np.column_stack([np.ones(steps.size), storage, steps * float(drifts)])
    # The minimum-norm solution gives a column of zeros the coefficient 0.
    at_zero, rate, drift = np.linalg.lstsq(design, decline, rcond=None)[0].tolist()
    if rate < LEAST_RATE:
        return MasterRecession(0.0, float(decline.mean()), 0.0, steps.size, len(limbs))
    if rate > MOST_RATE:
        at_zero += (rate - MOST_RATE) * float(storage.mean())
        rate = MOST_RATE
    return MasterRecession(rate, at_zero, drift, steps.size, len(limbs))
