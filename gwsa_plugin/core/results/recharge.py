"""Net recharge per hydrological year by the water-table-fluctuation method, from GWSA.

GWSA is storage already, so that no specific yield is needed. The recharge of a rising limb is its
rise plus what the master recession drains meanwhile. Falling limbs have none.

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
TOO_FEW = (
    f"no master recession can be fitted, which needs {LEAST_LIMBS} falling limbs with "
    f"{LEAST_STEPS} steps between the months after the peak and before the trough"
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


class RechargeYear(NamedTuple):
    """The recharge of a hydrological year.

    Parameters
    ----------
    year : int
        Calendar year in which it ends.
    first, last : datetime64[M]
        Its first and last month.
    recharge_cm : float
        Net recharge, cm; NaN where a month is missing. It is the sum of the next two.
    rise_cm : float
        Rise of storage in rising limbs, cm.
    drained_cm : float
        What the master recession drains meanwhile, cm.
    sigma_cm : float
        Standard deviation of the recharge from the errors of the months, where they are known, and
        of the master recession, cm.
    months : int
        Months with a value that follows one.
    filled : int
        Months that were filled.
    """

    year: int
    first: np.datetime64
    last: np.datetime64
    recharge_cm: float
    rise_cm: float
    drained_cm: float
    sigma_cm: float
    months: int
    filled: int

    @property
    def interval_cm(self) -> tuple[float, float]:
        """Limits of the 90 % interval, cm; the lower one is never negative."""
        half = NINETY_PERCENT * self.sigma_cm
        return max(self.recharge_cm - half, 0.0), self.recharge_cm + half


@dataclass(frozen=True, eq=False)
class Recharge:
    """Recharge of a series.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        Consecutive.
    values : ndarray of float, shape (months,)
        GWSA, cm; NaN where missing.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    limbs : tuple of Limb
    recession : MasterRecession or None
        None where it cannot be fitted; then there are no years.
    years : tuple of RechargeYear
    least_rise : float
        Smaller turns were taken for noise, cm.
    mean_cm, mean_sigma_cm : float
        Mean of the complete years and its standard deviation, cm per year; NaN without any. The
        differences between the years are no part of it.
    knows_sigma : bool
        Whether the errors of the months were known.
    """

    months: np.ndarray
    values: np.ndarray
    source: tuple[str, ...]
    limbs: tuple[Limb, ...]
    recession: MasterRecession | None
    years: tuple[RechargeYear, ...]
    least_rise: float
    mean_cm: float
    mean_sigma_cm: float
    knows_sigma: bool

    @property
    def complete(self) -> tuple[RechargeYear, ...]:
        """The years without a missing month."""
        return tuple(one for one in self.years if np.isfinite(one.recharge_cm))


def estimate_recharge(
    months: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray | None,
    source: tuple[str, ...],
    options: RechargeOptions = RechargeOptions(),
) -> Recharge:
    """Estimate the net recharge of each hydrological year.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        In order; months that are left out are missing.
    values : ndarray of float, shape (months,)
        GWSA, cm; NaN where missing.
    sigma : ndarray of float, shape (months,), or None
        Standard deviation of the values, cm. Errors of different months are taken as independent,
        which makes the interval wide where they are not.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    options : RechargeOptions

    Returns
    -------
    Recharge
    """
    months, values, sigma, source = _on_calendar(months, values, sigma, source)
    least = options.least_rise
    if least is None:
        least = NOISE_FACTOR * month_noise(values)
    limbs = find_limbs(values, least)
    falling = falling_steps(limbs)
    recession = fit_recession(values, falling)
    years: tuple[RechargeYear, ...] = ()
    mean = mean_sigma = np.nan
    if recession is not None:
        budget = _Budget.make(values, limbs, falling, recession)
        periods = _hydrological_years(months, options.first_month)
        years = tuple(budget.year(*period, source, sigma) for period in periods)
        complete = [
            steps for (_, steps), one in zip(periods, years) if np.isfinite(one.recharge_cm)
        ]
        if complete:
            steps = np.concatenate(complete)
            mean = float(budget.recharge[steps].sum() / len(complete))
            mean_sigma = budget.sigma(steps, sigma) / len(complete)
    return Recharge(
        months,
        values,
        source,
        tuple(limbs),
        recession,
        years,
        float(least),
        mean,
        mean_sigma,
        sigma is not None,
    )


@dataclass(frozen=True, eq=False)
class _Budget:
    """Rise and drainage of each step, from one month to the next, shape (months - 1,), cm.

    ``weights`` are the derivatives of the drainage to the storage of a step. ``others`` are the
    drainages that recessions without one falling limb give, shape (limbs, months - 1).
    """

    rise: np.ndarray
    drained: np.ndarray
    others: np.ndarray
    weights: np.ndarray
    rising: np.ndarray
    known: np.ndarray

    @classmethod
    def make(
        cls,
        values: np.ndarray,
        limbs: list[Limb],
        falling: list[np.ndarray],
        recession: MasterRecession,
    ) -> _Budget:
        step = np.arange(values.size - 1)
        rising = np.zeros(step.size, dtype=bool)
        for limb in limbs:
            rising[limb.start : limb.stop] = limb.rises
        storage = (values[:-1] + values[1:]) / 2
        rise = np.diff(values)
        drained = recession.decline(storage, step)
        fits = [
            fit_recession(values, falling[:left_out] + falling[left_out + 1 :])
            for left_out in range(len(falling))
        ]
        others = [np.where(rising, fit.decline(storage, step), 0.0) for fit in fits if fit]
        return cls(
            rise=np.where(rising, rise, 0.0),
            drained=np.where(rising, drained, 0.0),
            others=np.array(others).reshape(-1, step.size),
            weights=np.where(drained > 0, recession.rate, 0.0),
            rising=rising,
            known=np.isfinite(rise),
        )

    @property
    def recharge(self) -> np.ndarray:
        """Recharge of each step, cm."""
        return self.rise + self.drained

    def year(
        self,
        first: np.datetime64,
        steps: np.ndarray,
        source: tuple[str, ...],
        sigma: np.ndarray | None,
    ) -> RechargeYear:
        """Sum the steps of the hydrological year that begins in ``first``."""
        last = first + (MONTHS_OF_YEAR - 1)
        inside = [source[step + 1] for step in steps]
        complete = steps.size == MONTHS_OF_YEAR and self.known[steps].all()
        recharge, rise, drained = (
            float(part[steps].sum()) if complete else np.nan
            for part in (self.recharge, self.rise, self.drained)
        )
        return RechargeYear(
            year=int(calendar_year(last)),
            first=first,
            last=last,
            recharge_cm=recharge,
            rise_cm=rise,
            drained_cm=drained,
            sigma_cm=self.sigma(steps, sigma) if complete else np.nan,
            months=int(self.known[steps].sum()),
            filled=inside.count(FILLED),
        )

    def sigma(self, steps: np.ndarray, sigma: np.ndarray | None) -> float:
        """Standard deviation of the recharge of some steps, cm."""
        jackknife = self.others[:, steps].sum(axis=1)
        count = jackknife.size
        variance = np.nan
        if count >= LEAST_LIMBS:
            variance = (count - 1) / count * ((jackknife - jackknife.mean()) ** 2).sum()
        if sigma is not None:
            # Derivatives of the recharge to the value of each month.
            derivative = np.zeros(sigma.size)
            used = steps[self.rising[steps]]
            np.add.at(derivative, used, self.weights[used] / 2 - 1)
            np.add.at(derivative, used + 1, self.weights[used] / 2 + 1)
            variance += (np.where(derivative == 0, 0.0, derivative * sigma) ** 2).sum()
        return float(np.sqrt(variance))


def _on_calendar(
    months: np.ndarray,
    values: np.ndarray,
    sigma: np.ndarray | None,
    source: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """The series with every calendar month from the first to the last; absent ones are missing."""
    calendar = month_range(months[0], months[-1])
    place = (months - calendar[0]).astype(int)

    def spread(given: np.ndarray) -> np.ndarray:
        full = np.full(calendar.size, np.nan)
        full[place] = given
        return full

    words = dict(zip(place.tolist(), source))
    full_source = tuple(words.get(number, MISSING) for number in range(calendar.size))
    return calendar, spread(values), None if sigma is None else spread(sigma), full_source


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
