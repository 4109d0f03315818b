"""Scores of one product against another: of cells, and of the mean series of regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..base.months import decimal_years
from ..base.nan_mean import nan_mean
from ..base.progress import SILENT, Progress
from ..stats.harmonics import harmonic_design
from ..stats.metrics import mean_error, pearson, rmse
from ..stats.trend_fields import same_months, trend_fields
from ..stats.trends import deseasonalise, mann_kendall, trend

BIAS, CORRELATION, RMSE, TREND = "bias", "correlation", "RMSE", "trend difference"
RESIDUAL_CORRELATION = "correlation without season and trend"
# Difference of the means in the baseline, which is subtracted; not mapped.
OFFSET = "offset"
# Score -> unit.
UNITS = {BIAS: "cm", CORRELATION: "1", RESIDUAL_CORRELATION: "1", RMSE: "cm", TREND: "cm/yr"}
# Common months that a cell needs in the baseline, where the baseline has so many.
LEAST_BASELINE = 12
# A bias of at most this many cm, and residuals of at most this fraction of a series, are rounding
# errors.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Periods:
    """Months that are compared.

    Parameters
    ----------
    months : ndarray of datetime64[M], shape (months,)
        Common months, in order.
    in_baseline : ndarray of bool, shape (months,)
        The common months over which the mean of both products is made zero.
    least : int
        Fewest common months of a cell.
    """

    months: np.ndarray
    in_baseline: np.ndarray
    least: int

    @property
    def baseline(self) -> np.ndarray:
        """The months of the baseline."""
        return self.months[self.in_baseline]


def anomalies(
    first: np.ndarray, other: np.ndarray, periods: Periods
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refer two products to one baseline.

    Each series has its own mean over the months of the baseline in which both products have a value
    subtracted.

    Parameters
    ----------
    first, other : ndarray of float32, shape (months, cells)
        cm; NaN where there is no value.
    periods : Periods

    Returns
    -------
    first, other : ndarray of float64, shape (months, cells)
        NaN in months in which one of them has no value, and in all months of a cell with fewer than
        ``periods.least`` common months, or fewer than 12 in the baseline.
    offset : ndarray of float64, shape (cells,)
        Mean of first minus that of other in the baseline, which is subtracted, cm.
    """
    both = np.isfinite(first) & np.isfinite(other)
    least_baseline = min(LEAST_BASELINE, int(periods.in_baseline.sum()))
    enough = both.sum(axis=0) >= periods.least
    enough &= both[periods.in_baseline].sum(axis=0) >= least_baseline
    both &= enough
    first, other = (np.where(both, one, np.nan).astype(np.float64) for one in (first, other))
    zeros = [nan_mean(one[periods.in_baseline]) for one in (first, other)]
    return first - zeros[0], other - zeros[1], zeros[0] - zeros[1]


def score_cells(
    first: np.ndarray,
    other: np.ndarray,
    months: np.ndarray,
    with_trend: bool = True,
    progress: Progress = SILENT,
) -> dict[str, np.ndarray]:
    """Score each cell.

    Parameters
    ----------
    first, other : ndarray of float64, shape (months, cells)
        Result of ``anomalies``.
    months : ndarray of datetime64[M], shape (months,)
    with_trend : bool
        Whether to compute the difference of the trends, which takes most of the time.
    progress : Progress
        Checked for cancellation only.

    Returns
    -------
    dict of str to ndarray of float64, shape (cells,)
        ``bias``, the mean of first minus other, cm; ``correlation``, Pearson's r;
        ``correlation without season and trend``, that of the residuals of a fit of a linear trend
        with annual and semi-annual waves; ``RMSE``, cm; ``trend difference``, trend of first minus
        that of other, cm/yr. NaN for a cell without common months, and where a series is constant;
        the last two scores also for fewer than 24 months.
    """
    scores = {
        BIAS: _bias(first, other),
        CORRELATION: pearson(first, other, axis=0),
        RESIDUAL_CORRELATION: pearson(_residuals(first, months), _residuals(other, months), axis=0),
        RMSE: rmse(first, other, axis=0),
    }
    if with_trend:
        slopes = []
        for series in (first, other):
            progress.stop_if_cancelled()
            slopes.append(trend_fields(months, series).slope)
        scores[TREND] = slopes[0] - slopes[1]
    return scores


@dataclass(frozen=True)
class RegionScore:
    """Scores of the area-weighted mean series of a region.

    Parameters
    ----------
    name : str
    area_km2 : float
        Area of the region; NaN for the complete common area.
    compared_km2 : float
        Area of it in which cells are scored.
    months : int
        Months with a mean.
    bias, rmse : float
        cm.
    correlation : float
    trend_first, trend_other : float
        cm/yr.
    p_difference : float
        Two-sided p-value of a trend of the difference of the two series, Hamed and Rao (1998).
    cells : dict of str to float
        Score -> mean over the cells of the region, weighted by area; also of ``offset``, first
        minus other in the baseline, which was subtracted, cm.
    """

    name: str
    area_km2: float
    compared_km2: float
    months: int
    bias: float
    correlation: float
    rmse: float
    trend_first: float
    trend_other: float
    p_difference: float
    cells: dict[str, float]

    @property
    def trend_difference(self) -> float:
        """Trend of the first product minus that of the other, cm/yr."""
        return self.trend_first - self.trend_other


class RegionSums:
    """Sums over the cells of regions, added window by window.

    Parameters
    ----------
    names : sequence of str
        Names of the regions.
    areas_km2 : sequence of float
        Their areas; NaN for unknown.
    months : ndarray of datetime64[M], shape (months,)
    """

    def __init__(self, names: Sequence[str], areas_km2: Sequence[float], months: np.ndarray):
        self._names = names
        self._areas = areas_km2
        self._months = months
        self._series = np.zeros((3, len(names), months.size))
        self._compared = np.zeros(len(names))
        self._scores: dict[str, np.ndarray] = {}

    def add(
        self, weights, first: np.ndarray, other: np.ndarray, scores: dict[str, np.ndarray]
    ) -> None:
        """Add the cells of a window.

        Parameters
        ----------
        weights : ndarray or sparse matrix of float, shape (regions, cells)
            Area of each region in each cell, km².
        first, other : ndarray of float64, shape (months, cells)
            Result of ``anomalies``.
        scores : dict of str to ndarray, shape (cells,)
            Result of ``score_cells``.
        """
        known = np.isfinite(first)
        self._series[0] += weights @ np.where(known, first, 0.0).T
        self._series[1] += weights @ np.where(known, other, 0.0).T
        self._series[2] += weights @ known.T.astype(np.float64)
        self._compared += weights @ known.any(axis=0).astype(np.float64)
        for name, values in scores.items():
            sums = self._scores.setdefault(name, np.zeros((2, len(self._names))))
            finite = np.isfinite(values)
            sums[0] += weights @ np.where(finite, values, 0.0)
            sums[1] += weights @ finite.astype(np.float64)

    def series(self, region: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean series of both products in a region, shape (months,), NaN for none."""
        total, weight = self._series[:2, region], self._series[2, region]
        mean = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)
        return mean[0], mean[1]

    def total(self, score: str) -> tuple[float, float]:
        """Return the sum of area times score in the first region, and the area of its cells."""
        if score not in self._scores:
            return 0.0, 0.0
        total, area = self._scores[score][:, 0]
        return float(total), float(area)

    def scores(self) -> Iterator[RegionScore]:
        """Score the regions, in their order."""
        for region, name in enumerate(self._names):
            first, other = self.series(region)
            known = np.isfinite(first)
            trends = [np.nan] * 3
            if known.sum() > 2:
                trends = _region_trends(self._months[known], first[known], other[known])
            cells = {
                score: float(total[region] / weight[region]) if weight[region] > 0 else np.nan
                for score, (total, weight) in self._scores.items()
            }
            yield RegionScore(
                name=name,
                area_km2=float(self._areas[region]),
                compared_km2=float(self._compared[region]),
                months=int(known.sum()),
                bias=float(_bias(first, other)),
                correlation=float(pearson(first, other)),
                rmse=float(rmse(first, other)),
                trend_first=float(trends[0]),
                trend_other=float(trends[1]),
                p_difference=float(trends[2]),
                cells=cells,
            )


def _region_trends(months: np.ndarray, first: np.ndarray, other: np.ndarray) -> list[float]:
    """Trends of two series, and the p-value of a trend of their difference."""
    years = decimal_years(months)
    difference = deseasonalise(months, (first - other)[:, None])[:, 0]
    return [
        float(trend(months, first)),
        float(trend(months, other)),
        mann_kendall(years, difference),
    ]


def _bias(first: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean of first minus other over the months, 0 where it is 0 up to rounding."""
    bias = mean_error(first, other, axis=0)
    return np.where(np.abs(bias) <= ROUNDING, 0.0, bias)


def _residuals(series: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Residuals of a fit of trend and seasons; 0 in cells where it is exact up to rounding."""
    years = decimal_years(months)
    result = np.full(series.shape, np.nan)
    for present, members in same_months(series):
        place = np.ix_(present, members)
        design = harmonic_design(years[present] - years.mean())
        values = series[place]
        rest = values - design @ (np.linalg.pinv(design) @ values)
        exact = np.abs(rest).max(axis=0) <= ROUNDING * np.abs(values).max(axis=0)
        rest[:, exact] = 0.0
        result[place] = rest
    return result
