"""Net recharge per hydrological year by the water-table-fluctuation method, from GWSA.

GWSA is storage already, so that no specific yield is needed. The recharge of a rising limb is its
rise plus what the master recession drains meanwhile; falling limbs have none.

References
----------
Healy, R. W. & Cook, P. G. (2002): Using groundwater levels to estimate recharge. Hydrogeol. J. 10,
    91-109.
Heppner, C. S. & Nimmo, J. R. (2005): A computer program for predicting recharge with a master
    recession curve. USGS Scientific Investigations Report 2005-5172.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..base.months import calendar_year, month_range
from ..files.stack import FILLED, MISSING
from .recession import (
    LEAST_LIMBS,
    LEAST_STEPS,
    NOISE_FACTOR,
    Limb,
    MasterRecession,
    falling_steps,
    find_limbs,
    fit_recession,
    month_noise,
)

MONTHS_OF_YEAR = 12
# Half-width of a 90 % interval, standard deviations.
NINETY_PERCENT = 1.645
# Series with errors drawn anew that give the interval, and their seed.
DRAWS = 50
SEED = 1
TOO_FEW = (
    f"no master recession can be fitted, which needs {LEAST_LIMBS} falling limbs with "
    f"{LEAST_STEPS} steps between the months after the peak and before the low"
)


@dataclass(frozen=True)
class RechargeOptions:
    """How recharge is estimated.

    Parameters
    ----------
    first_month : int
        First calendar month of the hydrological year, 1 to 12.
    least_rise : float or None
        Smaller turns of storage are noise, cm; None for an estimate from each series.
    """

    first_month: int = 10
    least_rise: float | None = None


class Estimate(NamedTuple):
    """A recharge with its error.

    Parameters
    ----------
    recharge_cm : float
        cm; NaN where it cannot be estimated.
    sigma_cm : float
        Standard deviation from the errors of the months, cm.
    low_cm, high_cm : float
        90 % interval, cm, which is never negative. The limit on the side to which errors of the
        months move the estimate is lowered or raised by this shift.
    """

    recharge_cm: float
    sigma_cm: float
    low_cm: float
    high_cm: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan, np.nan)


class RechargeYear(NamedTuple):
    """The recharge of a hydrological year.

    Parameters
    ----------
    year : int
        Calendar year in which it ends.
    first, last : datetime64[M]
        Its first and last month.
    estimate : Estimate
        Net recharge; NaN where a month is missing. It is the sum of the next two.
    rise_cm : float
        Rise of storage in rising limbs, cm.
    drained_cm : float
        What the master recession drains meanwhile, cm.
    months : int
        Months with a value that follows one.
    filled : int
        Months that were filled.
    """

    year: int
    first: np.datetime64
    last: np.datetime64
    estimate: Estimate
    rise_cm: float
    drained_cm: float
    months: int
    filled: int


@dataclass(frozen=True, eq=False)
class Recharge:
    """Recharge of a series.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        Consecutive.
    values : ndarray of float, shape (months,)
        GWSA, cm; NaN where missing.
    sigma : ndarray of float, shape (months,)
        Standard deviation of the values, cm: as given, or the noise of the series.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    limbs : tuple of Limb
    recession : MasterRecession or None
        None where it cannot be fitted; then there are no years.
    years : tuple of RechargeYear
    least_rise : float
        Smaller turns were taken for noise, cm.
    mean : Estimate
        Mean of the complete years, cm per year. The differences between the years are no part of
        its error.
    knows_sigma : bool
        Whether the errors of the months were given.
    """

    months: np.ndarray
    values: np.ndarray
    sigma: np.ndarray
    source: tuple[str, ...]
    limbs: tuple[Limb, ...]
    recession: MasterRecession | None
    years: tuple[RechargeYear, ...]
    least_rise: float
    mean: Estimate
    knows_sigma: bool

    @property
    def complete(self) -> tuple[RechargeYear, ...]:
        """The years without a missing month."""
        return tuple(one for one in self.years if np.isfinite(one.estimate.recharge_cm))


def estimate_recharge(
    months: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray | None,
    source: tuple[str, ...],
    options: RechargeOptions = RechargeOptions(),
) -> Recharge:
    """Estimate the net recharge of each hydrological year.

    The error comes from series to which errors of the months are added once more. All steps are
    repeated for each of them, so that the choice of limbs and the recession are part of it.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        In order; months that are left out are missing.
    values : ndarray of float, shape (months,)
        GWSA, cm; NaN where missing.
    sigma : ndarray of float, shape (months,), or None
        Standard deviation of the values, cm. Errors of different months are taken as independent.
        None to estimate them from the month-to-month noise of the series.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    options : RechargeOptions

    Returns
    -------
    Recharge
    """
    calendar = month_range(months[0], months[-1])
    place = (months - calendar[0]).astype(int)
    storage = _spread(values, place, calendar.size)
    errors = _spread(
        np.full(place.size, month_noise(storage)) if sigma is None else sigma, place, calendar.size
    )
    words = dict(zip(place.tolist(), source))
    sources = tuple(words.get(number, MISSING) for number in range(calendar.size))
    found = _Budget.make(storage, options)
    years: list[RechargeYear] = []
    mean = UNKNOWN
    if found.recession is not None:
        periods = _hydrological_years(calendar, options.first_month)
        totals = found.totals(periods)
        drawn = _drawn_totals(storage, errors, options, periods)
        for (first, steps), total, draws in zip(periods, totals, drawn.T):
            filled = [sources[step + 1] for step in steps].count(FILLED)
            years.append(found.year(first, steps, _with_error(total, draws), filled))
        complete = np.isfinite(totals)
        if complete.any():
            mean = _with_error(totals[complete].mean(), drawn[:, complete].mean(axis=1))
    return Recharge(
        calendar,
        storage,
        errors,
        sources,
        tuple(found.limbs),
        found.recession,
        tuple(years),
        found.least_rise,
        mean,
        sigma is not None,
    )


@dataclass(frozen=True, eq=False)
class _Budget:
    """Rise and drainage of the steps of rising limbs, from one month to the next, cm."""

    limbs: list[Limb]
    recession: MasterRecession | None
    least_rise: float
    rise: np.ndarray
    drained: np.ndarray
    known: np.ndarray

    @classmethod
    def make(cls, values: np.ndarray, options: RechargeOptions) -> _Budget:
        least = options.least_rise
        if least is None:
            least = NOISE_FACTOR * month_noise(values)
        limbs = find_limbs(values, least)
        recession = fit_recession(values, falling_steps(limbs))
        step = np.arange(values.size - 1)
        rising = np.zeros(step.size, dtype=bool)
        for limb in limbs:
            rising[limb.start : limb.stop] = limb.rises
        rise = np.diff(values)
        drained = np.zeros(step.size)
        if recession is not None:
            drained = recession.decline((values[:-1] + values[1:]) / 2, step)
        return cls(
            limbs,
            recession,
            least,
            rise=np.where(rising, rise, 0.0),
            drained=np.where(rising, drained, 0.0),
            known=np.isfinite(rise),
        )

    def year(
        self, first: np.datetime64, steps: np.ndarray, estimate: Estimate, filled: int
    ) -> RechargeYear:
        """The hydrological year that begins in ``first``, with its estimate."""
        complete = np.isfinite(estimate.recharge_cm)
        last = first + (MONTHS_OF_YEAR - 1)
        return RechargeYear(
            year=int(calendar_year(last)),
            first=first,
            last=last,
            estimate=estimate,
            rise_cm=float(self.rise[steps].sum()) if complete else np.nan,
            drained_cm=float(self.drained[steps].sum()) if complete else np.nan,
            months=int(self.known[steps].sum()),
            filled=filled,
        )

    def totals(self, periods: list[tuple[np.datetime64, np.ndarray]]) -> np.ndarray:
        """Recharge of each hydrological year, cm; NaN where a step is missing."""
        recharge = np.where(self.known, self.rise + self.drained, np.nan)
        return np.array(
            [
                recharge[steps].sum() if steps.size == MONTHS_OF_YEAR else np.nan
                for _, steps in periods
            ]
        )


def _drawn_totals(
    values: np.ndarray,
    sigma: np.ndarray,
    options: RechargeOptions,
    periods: list[tuple[np.datetime64, np.ndarray]],
) -> np.ndarray:
    """Recharge of each year in series with errors added, shape (draws, years).

    A draw without a recession has NaN.
    """
    random = np.random.default_rng(SEED)
    drawn = np.full((DRAWS, len(periods)), np.nan)
    for row in drawn:
        budget = _Budget.make(values + sigma * random.standard_normal(values.size), options)
        if budget.recession is not None:
            row[:] = budget.totals(periods)
    return drawn


def _with_error(recharge: float, drawn: np.ndarray) -> Estimate:
    """An estimate with the spread and the shift of estimates with errors added."""
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(recharge) or known.size < DRAWS / 2:
        return Estimate(float(recharge), np.nan, np.nan, np.nan)
    sigma = float(known.std())
    shift = float(known.mean() - recharge)
    half = NINETY_PERCENT * sigma
    low = recharge - max(shift, 0.0) - half
    high = recharge - min(shift, 0.0) + half
    return Estimate(float(recharge), sigma, max(float(low), 0.0), float(high))


def _spread(values: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """Values at their places among consecutive months; NaN elsewhere."""
    full = np.full(size, np.nan)
    full[place] = values
    return full


def _hydrological_years(
    months: np.ndarray, first_month: int
) -> list[tuple[np.datetime64, np.ndarray]]:
    """First month of each hydrological year, and the steps that end in it.

    A step has the number of its first month.
    """
    # Complete years from the first month of the hydrological year 1970 to that of each month.
    number = (months[1:].astype(int) - (first_month - 1)) // MONTHS_OF_YEAR
    return [
        (
            np.datetime64(int(year) * MONTHS_OF_YEAR + first_month - 1, "M"),
            np.flatnonzero(number == year),
        )
        for year in np.unique(number)
    ]
