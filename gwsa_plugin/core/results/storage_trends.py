"""Trends and seasons of the storage of polygons, with intervals for the error of the maps.

The interval is about the change of storage in the period of the maps: how far the trend of the maps
may be from that of the water. It is no statement about other periods; for that, the Hamed-Rao test
allows for the variability of the series itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz

from ..base.months import decimal_years
from ..base.progress import SILENT, Progress
from ..gapfill.red_noise import fit_red_noise
from ..grace.footprint import Footprint
from ..stats.harmonics import annual_wave, harmonic_design, trend_and_seasons
from ..stats.trends import deseasonalise, mann_kendall, theil_sen, trend
from .polygon_series import PolygonSeries, SeriesErrors
from .polygon_sums import PolygonSums

# Half of the width of a 90 % interval, in standard errors.
NORMAL_90 = 1.645
# Fewest months with a value for a trend.
LEAST_MONTHS = 24
# Largest fraction of the footprint that may lie outside the maps, and least width of the maps in
# footprints. Beyond it too little is known of the water that leaks into the polygon.
MOST_OUTSIDE = 0.5
LEAST_WIDTHS = 1.5


@dataclass(frozen=True, eq=False)
class StorageTrends:
    """Trends and seasons of polygons; all arrays have the shape (polygons,).

    Values are NaN for series with fewer than ``LEAST_MONTHS`` months. Errors are NaN without a
    sigma, where more than ``MOST_OUTSIDE`` of the footprint lies outside the maps, and where the
    maps are narrower than ``LEAST_WIDTHS`` footprints.

    Parameters
    ----------
    slope : ndarray of float64
        Theil-Sen slope of the deseasonalised series, cm/yr.
    noise, detail, leakage : ndarray of float64
        Standard errors of the slope from the noise of months, from detail that GRACE does not
        resolve, and from trends that leak into and out of the polygon, cm/yr.
    p : ndarray of float64
        Two-sided p of the Hamed-Rao test of the deseasonalised series.
    amplitude : ndarray of float64
        Of the annual wave, cm.
    peak_month : ndarray of float64
        Time of the maximum of the annual wave, from 0.5 to 12.5; 1 is the middle of January.
    """

    slope: np.ndarray
    noise: np.ndarray
    detail: np.ndarray
    leakage: np.ndarray
    p: np.ndarray
    amplitude: np.ndarray
    peak_month: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Standard error of the slope, cm/yr."""
        return np.sqrt(self.noise**2 + self.detail**2 + self.leakage**2)

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Limits of the 90 % interval of the slope, cm/yr."""
        margin = NORMAL_90 * self.error
        return self.slope - margin, self.slope + margin


def storage_trends(series: PolygonSeries, progress: Progress = SILENT) -> StorageTrends:
    """Compute trend, its errors, and the annual wave of each polygon.

    The standard error of the slope has three independent parts:

    - noise: that of a regression line through values with independent errors of the size of the
      noise of the means;
    - detail: the detail that GRACE does not resolve varies like the storage that it resolves. It
      has red noise of the memory of the series, and a trend in the ratio of the detail to the
      storage of the polygon times the root mean square of the trends within the footprint;
    - leakage: the difference between the trend of the polygon and the same trend seen through the
      footprint once more.

    Parameters
    ----------
    series : PolygonSeries
    progress : Progress

    Returns
    -------
    StorageTrends
    """
    count = len(series.names)
    table = np.full((7, count), np.nan)
    errors = series.errors if _is_wide_enough(series) else None
    neighbours = _Neighbours.around(series.sums, errors.width_km, progress) if errors else None
    for index in range(count):
        known = np.isfinite(series.mean_cm[index])
        if known.sum() < LEAST_MONTHS:
            continue
        months, values = series.months[known], series.mean_cm[index, known]
        years, flat = decimal_years(months), deseasonalise(months, values)
        table[0, index] = theil_sen(years, flat)
        table[4, index] = mann_kendall(years, flat)
        table[5:, index] = _annual_wave(years, values)
        if errors and neighbours and neighbours.outside[index] <= MOST_OUTSIDE:
            table[1:4, index] = _slope_errors(series, errors, index, neighbours)
    return StorageTrends(*table)


def _is_wide_enough(series: PolygonSeries) -> bool:
    """Whether the maps have a sigma and are wide enough for the errors of trends."""
    if series.errors is None:
        return False
    side = np.sqrt(series.sums.node_covered.max(axis=1).sum())
    return bool(side >= LEAST_WIDTHS * series.errors.width_km)


def _annual_wave(years: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Amplitude of the annual wave and the time of its maximum."""
    coefficients = np.linalg.lstsq(harmonic_design(years), values, rcond=None)[0]
    amplitude, month = annual_wave(coefficients[2], coefficients[4])
    return float(amplitude), float(month)


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """Trends around each polygon, shape (polygons,).

    ``leaked`` is the trend less that seen through the footprint once more, ``nearby`` the root mean
    square of the trends within the footprint (cm/yr), ``outside`` the fraction of the footprint
    that lies outside the maps.
    """

    leaked: np.ndarray
    nearby: np.ndarray
    outside: np.ndarray

    @classmethod
    def around(cls, sums: PolygonSums, width_km: float, progress: Progress) -> _Neighbours:
        slopes = _node_trends(sums)
        footprint = Footprint(sums.nodes, np.isfinite(slopes), width_km)
        seen, squares = footprint.apply(np.stack([slopes, slopes**2]), progress)
        return cls(
            _over_polygons(sums, slopes - seen),
            np.sqrt(_over_polygons(sums, squares)),
            _over_polygons(sums, footprint.weight_outside()),
        )


def _node_trends(sums: PolygonSums) -> np.ndarray:
    """Trend of each node that has values in all months with any, node shape; else NaN."""
    means = sums.node_means
    used = np.isfinite(means).any(axis=0)
    complete = np.isfinite(means[:, used]).all(axis=1)
    slopes = np.full(len(means), np.nan)
    if complete.any() and used.sum() >= LEAST_MONTHS:
        slopes[complete] = trend(sums.months[used], means[complete][:, used].T)
    return slopes.reshape(sums.nodes.shape)


def _over_polygons(sums: PolygonSums, field: np.ndarray) -> np.ndarray:
    """Mean of a field of nodes over the area of each polygon; NaN where it has no value."""
    values = field.ravel()
    known = np.isfinite(values)
    total = sums.node_areas @ np.where(known, values, 0.0)
    area = sums.node_areas @ known.astype(float)
    return np.where(area > 0, total / np.maximum(area, 1e-12), np.nan)


def _slope_errors(
    series: PolygonSeries, errors: SeriesErrors, index: int, near: _Neighbours
) -> tuple[float, float, float]:
    """Standard errors of a slope from noise, detail and leakage, cm/yr."""
    noise_cm, detail_cm = (
        np.sqrt(np.nanmean(np.square(part[index]))) for part in (errors.noise_cm, errors.detail_cm)
    )
    values = series.mean_cm[index]
    known = np.isfinite(values)
    fitted = trend_and_seasons(np.nan_to_num(values)[None], ~known)[0]
    memory = fit_red_noise((values - fitted)[None], ~known).memory[0]
    correlation = toeplitz(np.exp(-np.arange(values.size) / memory))[known][:, known]
    years = decimal_years(series.months)[known]
    years = years - years.mean()
    square = years @ years
    ratio = detail_cm / values[known].std()
    flat = deseasonalise(series.months[known], values[known])
    red = ratio * flat.std() * np.sqrt(years @ correlation @ years) / square
    return (
        noise_cm / np.sqrt(square),
        float(np.hypot(red, ratio * near.nearby[index])),
        abs(near.leaked[index]),
    )
