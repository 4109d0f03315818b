"""What the prior responds to, how well it fits, and whether it agrees with GRACE.

Antecedent means of several lengths are collinear, so that no single coefficient is determined. What
is, is their sum: the response of storage to a unit of a driver, as a function of the months since.
None of this is skill: it describes the prior on the data that it was fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...base.months import calendar_year, decimal_years
from ...files.stack import MonthlyStack
from ...predictors.catalogue import PRECIPITATION
from ...stats.exact_sums import sum_of_products
from ...stats.harmonics import harmonic_design
from ..prior.drivers import SURPLUS
from ..prior.fit import Sums, solve
from ..prior.fitted_prior import FittedPrior
from ..prior.lines import line_basis
from .gain import CONFIDENCE

DRAWS = 100
# Consecutive years that are drawn together, because storage remembers its drivers so long.
BLOCK_YEARS = 2
# Years of the record that an interval needs.
LEAST_YEARS = 2 * BLOCK_YEARS
# Components of GWSA.
SEASON, INTERANNUAL, TREND = COMPONENTS = ("season", "interannual", "trend")


class Band(NamedTuple):
    """A curve with its 90 % interval; the limits are NaN where the record is too short for them."""

    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True, eq=False)
class Response:
    """Response of GWSA to a driver where the amplitude is 1, its mean.

    Parameters
    ----------
    driver : str
        SURPLUS, or the name of the predictor with the role of runoff.
    unit : str
        Unit of the driver.
    by_lag : Band
        Response to a unit of the driver in a single month, after 0, 1, 2 ... months, cm per unit.
    cumulated : Band
        Response to a driver that is a unit higher in this and all earlier months since then, cm per
        unit. The last value is the total response.
    """

    driver: str
    unit: str
    by_lag: Band
    cumulated: Band


class Component(NamedTuple):
    """A component of coarse GWSA.

    Parameters
    ----------
    name : str
        One of COMPONENTS.
    variance : float
        Its mean square over months and, weighted by area, tiles: cm².
    explained : float
        1 - SSE/SST of the prior through the footprint; NaN for the trend, which it does not have.
    """

    name: str
    variance: float
    explained: float


class Consistency(NamedTuple):
    """Agreement of the maps with GRACE in each tile, root mean squares over observed months.

    Parameters
    ----------
    misfit : numpy.ndarray, shape (tiles,)
        Cell means of the maps through the footprint, less coarse GWSA, cm.
    noise : numpy.ndarray, shape (tiles,)
        Sigma of coarse GWSA, cm.
    """

    misfit: np.ndarray
    noise: np.ndarray


def estimate_responses(fitted: FittedPrior) -> list[Response]:
    """Compute the response to each driver with an interval from a bootstrap over years.

    Blocks of consecutive years are drawn with replacement, the record being closed to a ring.
    Responses, amplitude, and level and trend of each tile are fitted again to each draw; the ridge
    is kept. The normal equations are summed once for each year.

    Parameters
    ----------
    fitted : FittedPrior
        The prior.

    References
    ----------
    Künsch (1989), The jackknife and the bootstrap for general stationary observations, Annals of
    Statistics 17, 1217-1241.
    """
    drivers, windows = zip(*(term.rsplit("_mean", 1) for term in fitted.prior.terms))
    by_lag = _weights_of_months(np.array(windows, dtype=int))
    drawn = _draw_responses(fitted)
    responses = []
    for driver in dict.fromkeys(drivers):
        here = np.array(drivers) == driver
        value = fitted.prior.responses[here] @ by_lag[here]
        draws = drawn[:, here] @ by_lag[here]
        responses.append(
            Response(
                driver,
                _unit(fitted, driver),
                _band(value, draws),
                _band(value.cumsum(), draws.cumsum(axis=1)),
            )
        )
    return responses


def explained_components(fitted: FittedPrior) -> list[Component]:
    """Compute the variance of coarse GWSA that the prior explains, for each of COMPONENTS.

    Season and trend are fitted to the observed months of each tile, as annual and semi-annual waves
    and a line. What is left is the interannual component, with the noise of GRACE.
    """
    terms = fitted.terms
    seen = fitted.through_footprint(fitted.prior)[:, terms.cells]
    months = fitted.domain.months[terms.observed]
    observed = _split(terms.target[terms.observed], months)
    estimated = _split(seen[terms.observed].astype(np.float64), months)
    result = []
    for name in COMPONENTS:
        variance, missed = (
            float(np.average(np.mean(field**2, axis=0), weights=terms.areas))
            for field in (observed[name], observed[name] - estimated[name])
        )
        known = name != TREND and variance > 0
        result.append(Component(name, variance, 1 - missed / variance if known else float("nan")))
    return result


def leakage(fitted: FittedPrior) -> np.ndarray:
    """Compute what the leakage correction adds to coarse GWSA.

    The means of the prior are those of its pixels in each cell, where ``correct_leakage`` takes all
    pixels.

    Returns
    -------
    numpy.ndarray, shape (months, cells)
        Cell means of the prior less the same through the footprint, cm.
    """
    return fitted.samples.cell_means(fitted.prior) - fitted.through_footprint(fitted.prior)


def check_consistency(
    fitted: FittedPrior, corrected: bool, sigma: MonthlyStack | None = None
) -> Consistency:
    """Compare the maps as GRACE would observe them with coarse GWSA, tile by tile.

    The means of the maps over the cells are those of the field that they preserve.

    Parameters
    ----------
    fitted : FittedPrior
        The prior.
    corrected : bool
        True if the maps preserve the field after leakage correction.
    sigma : MonthlyStack, optional
        Sigma of coarse GWSA, cm.
    """
    domain = fitted.domain
    terms = fitted.terms
    fields = np.stack(domain.target).astype(np.float64)
    fields[:, ~domain.cells] = np.nan
    if corrected:
        fields[:, domain.cells] += leakage(fitted)
    means = fitted.footprint.apply(fields)[:, domain.cells][:, terms.cells]
    misfit = (means - terms.target)[terms.observed]
    noise = np.full(terms.cells.size, np.nan)
    if sigma:
        months = np.isin(sigma.months, domain.months[terms.observed])
        cells = sigma.on(domain.gwsa.grid).values[months][:, domain.cells][:, terms.cells]
        noise = np.sqrt(np.mean(np.nan_to_num(cells) ** 2, axis=0))
    return Consistency(np.sqrt(np.mean(misfit**2, axis=0)), noise)


def _unit(fitted: FittedPrior, driver: str) -> str:
    """Unit of a driver; that of the surplus is the unit of precipitation."""
    predictors = fitted.domain.predictors
    if driver == SURPLUS:
        rain = predictors.by_role(PRECIPITATION)
        return rain.unit if rain else ""
    return next((one.unit for one in predictors.predictors if one.name == driver), "")


def _weights_of_months(windows: np.ndarray) -> np.ndarray:
    """Weight of a month in the antecedent mean after 0, 1, 2 ... months: (windows, lags)."""
    lags = np.arange(windows.max())
    return np.where(lags < windows[:, None], 1.0 / windows[:, None], 0.0)


def _band(value: np.ndarray, draws: np.ndarray) -> Band:
    """A curve of shape (lags,) with the quantiles of draws of shape (draws, lags)."""
    limits = np.full((2, value.size), np.nan)
    if len(draws):
        outside = (1 - CONFIDENCE) / 2
        limits = np.quantile(draws, [outside, 1 - outside], axis=0)
    return Band(value, *limits)


def _draw_responses(fitted: FittedPrior) -> np.ndarray:
    """Responses of each draw of years: shape (draws, terms); no draws of too short a record."""
    years = _sum_years(fitted)
    count = len(years)
    if count < LEAST_YEARS:
        return np.empty((0, len(fitted.prior.terms)))
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(DRAWS):
        starts = rng.integers(count, size=-(-count // BLOCK_YEARS))
        drawn = (starts[:, None] + np.arange(BLOCK_YEARS)).ravel()[:count] % count
        weights = np.bincount(drawn, minlength=count)
        draws.append(solve(_combine(years, weights), fitted.ridge).responses)
    return np.array(draws)


class _YearSums(NamedTuple):
    """Sums over the observed months of a year, for all products of terms and statics and GWSA.

    ``power`` has shape (products + 1, products + 1), ``lines`` (2, tiles, products + 1) and
    ``basis`` (2, 2). The last product is GWSA.
    """

    power: np.ndarray
    lines: np.ndarray
    basis: np.ndarray
    shape: tuple[int, int]


def _sum_years(fitted: FittedPrior) -> list[_YearSums]:
    """The sums of each calendar year with an observation."""
    terms = fitted.terms
    months = fitted.domain.months[terms.observed]
    basis = line_basis(months)
    years = calendar_year(months)
    numbers = np.flatnonzero(terms.observed)
    shape = terms.values.shape[2:]
    weights = np.sqrt(terms.areas)[:, None]
    sums = []
    for year in np.unique(years):
        now = years == year
        products = terms.values[numbers[now]].reshape(int(now.sum()), terms.areas.size, -1)
        target = terms.target[numbers[now]][..., None]
        both = (np.concatenate([products, target], axis=2) * weights).astype(np.float32)
        flat = both.reshape(-1, both.shape[2])
        lines = np.einsum("mk,mtp->ktp", basis[now].astype(np.float32), both)
        sums.append(
            _YearSums(
                power=sum_of_products(flat),
                lines=lines,
                basis=basis[now].T @ basis[now],
                shape=(shape[0], shape[1]),
            )
        )
    return sums


def _combine(years: list[_YearSums], weights: np.ndarray) -> Sums:
    """Normal equations of weighted years, from which level and trend of each tile are removed."""
    used = [(weight, year) for weight, year in zip(weights, years) if weight]
    power = sum(weight * year.power for weight, year in used)
    lines = sum(weight * year.lines.astype(np.float64) for weight, year in used)
    basis = sum(weight * year.basis for weight, year in used)
    inverse = np.linalg.inv(np.linalg.cholesky(basis))
    removed = np.einsum("jk,ktp->jtp", inverse, lines)
    power = power - sum_of_products(removed.reshape(-1, lines.shape[2]))
    terms, factors = years[0].shape
    return Sums(
        matrix=power[:-1, :-1].reshape(terms, factors, terms, factors),
        vector=power[:-1, -1].reshape(terms, factors),
        total=float(power[-1, -1]),
    )


def _split(series: np.ndarray, months: np.ndarray) -> dict[str, np.ndarray]:
    """Components of series of shape (months, tiles), without their means."""
    years = decimal_years(months)
    design = harmonic_design(years - years.mean())
    design[:, 1:] -= design[:, 1:].mean(axis=0)
    coefficients = np.einsum("km,mt->kt", np.linalg.pinv(design), series)
    trend, season = (
        np.einsum("mk,kt->mt", design[:, part], coefficients[part])
        for part in (slice(1, 2), slice(2, None))
    )
    return {
        SEASON: season,
        INTERANNUAL: series - coefficients[0] - trend - season,
        TREND: trend,
    }
