"""Variance of GWSA that the footprint of GRACE hides, and its calibration on wells.

With g the groundwater at a point and H the footprint, the maps know H g and lack (I - H) g. Its
variance follows from the spatial covariance of g, which is assumed to be exponential. Its length is
fitted to the correlation between coarse cells, which have been seen through the footprint. This
extrapolates to scales that GRACE does not see; only wells can tell how good that is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid
from scipy.optimize import brentq
from scipy.special import j0

from ...base.grid import EARTH_RADIUS_KM, Grid
from ...wells.comparison import WellComparison
from ...wells.detail import LEAST_WELLS, well_noise_variance

# Full width of a Gaussian at half of its maximum, in standard deviations.
WIDTH_TO_DEVIATION = np.sqrt(8 * np.log(2))
# Distances between cells that the covariance is fitted to, in widths of the footprint.
FITTED_WIDTHS = 2.0
DISTANCE_BINS = 12
# Correlation lengths that are tried, km.
LENGTHS_KM = np.geomspace(20, 3000, 40)
# Wavenumbers of the integrals over the spectrum, rad/km.
WAVENUMBERS = np.concatenate([[0.0], np.geomspace(1e-5, 3.0, 4000)])
# Cells that enter the covariance at most.
MOST_CELLS = 600
# Weight of the mean over all cells in the variance of a cell, which is estimated from few
# independent months.
POOLING = 0.5
# Fraction of a normal distribution within one standard deviation.
WITHIN_ONE_SIGMA = 0.683
LARGEST_FACTOR = 1e4


@dataclass(frozen=True, eq=False)
class ObservedField:
    """Coarse GWSA in observed months, and how it was observed.

    Parameters
    ----------
    values : numpy.ndarray, shape (months, rows, columns)
        GWSA, cm; NaN outside the mapped cells.
    grid : Grid
        The coarse grid.
    width_km, tile_km : float
        Full width of the footprint, and side of a square of the area of a tile, km.
    noise_cm : float
        Standard deviation of the noise of GRACE, cm.
    """

    values: np.ndarray
    grid: Grid
    width_km: float
    tile_km: float
    noise_cm: float

    @property
    def blur_km(self) -> float:
        """Standard deviation along one axis of footprint and tile together, km."""
        return float(np.hypot(self.width_km / WIDTH_TO_DEVIATION, self.tile_km / np.sqrt(12)))

    @property
    def mean_squares(self) -> np.ndarray:
        """Mean square of GWSA without noise in each cell, pooled with that of all cells, cm²."""
        squares = (self.values**2).mean(axis=0) - self.noise_cm**2
        overall = np.nanmean(squares)
        return np.maximum(POOLING * overall + (1 - POOLING) * squares, 0.0)


def unresolved_variance(field: ObservedField, averaged_km: float = 0.0) -> np.ndarray:
    """Model the variance of the difference between GWSA at a point and what GRACE sees of it.

    Parameters
    ----------
    field : ObservedField
        Coarse GWSA.
    averaged_km : float
        Side of the square that GWSA is averaged over; 0 for a point.

    Returns
    -------
    numpy.ndarray, coarse shape
        cm²; NaN outside the mapped cells. It is proportional to the mean square of GWSA in the
        cell, as an anomaly to the baseline.

    References
    ----------
    Goovaerts, P. (2008), Mathematical Geosciences 40, 101-128 (covariance at points from areal
    data).
    """
    distance, correlation = _correlation(field)
    if not distance.size:
        ratio = unresolved_ratio(field.width_km, field.blur_km, averaged_km)
        return ratio * field.mean_squares
    misfits = [
        np.sum((_blurred_covariance(length, field.blur_km, distance) - correlation) ** 2)
        for length in LENGTHS_KM
    ]
    length = LENGTHS_KM[int(np.argmin(misfits))]
    return unresolved_ratio(length, field.blur_km, averaged_km) * field.mean_squares


def unresolved_ratio(length_km: float, blur_km: float, averaged_km: float = 0.0) -> float:
    """Compute the unresolved variance at a point relative to the resolved variance.

    Parameters
    ----------
    length_km : float
        Length of the exponential covariance.
    blur_km : float
        Standard deviation of the blur along one axis, which is taken to be Gaussian.
    averaged_km : float
        As in ``unresolved_variance``; the average is taken to be Gaussian too.
    """
    averaged = np.exp(-(WAVENUMBERS**2) * averaged_km**2 / 12)
    passed = np.exp(-0.5 * (WAVENUMBERS * blur_km) ** 2)
    spectrum = _spectrum(length_km)
    return float(
        _integral(spectrum * averaged * (1 - passed) ** 2) / _integral(spectrum * passed**2)
    )


def calibrate_on_wells(
    comparison: WellComparison, known: np.ndarray, modelled: np.ndarray, offset_ratio: float
) -> float:
    """Estimate the factor of the modelled variance with which 68 % of well errors are within sigma.

    The stated specific yields are used as they are: a common factor cannot be distinguished from a
    map whose amplitude is wrong. Wrong yields therefore make sigma too large. Noise of the wells,
    see ``well_noise_variance``, is not part of sigma.

    Parameters
    ----------
    comparison : WellComparison
        Wells that were not used to make the maps; series are relative to their own means.
    known, modelled : numpy.ndarray, shape (wells,)
        Variance of the coarse field and variance to calibrate at each well, cm²; NaN where
        unknown.
    offset_ratio : float
        Mean square of GWSA relative to that of its anomalies from its own means; series of wells
        lack the part of the modelled error that is constant in time.

    Returns
    -------
    float
        NaN if fewer than 20 wells can be used, or if no factor is large enough.
    """
    used = comparison.used & np.isfinite(known) & np.isfinite(modelled)
    if used.sum() < LEAST_WELLS:
        return float("nan")
    storage = comparison.storage[used]
    field = comparison.fields["fine"][used]
    both = np.isfinite(storage) & np.isfinite(field)
    squares = np.where(both, storage - field, np.nan) ** 2
    independent = known[used, None] + well_noise_variance(np.where(both, storage, np.nan))

    def excess(factor: float) -> float:
        variance = independent + factor * modelled[used, None] / offset_ratio
        return float(np.mean((squares <= variance)[both]) - WITHIN_ONE_SIGMA)

    if excess(0.0) >= 0:
        return 0.0
    if excess(LARGEST_FACTOR) <= 0:
        return float("nan")
    return float(brentq(excess, 0.0, LARGEST_FACTOR, xtol=1e-3))


def offset_ratio(field: ObservedField) -> float:
    """Return the mean square of coarse GWSA relative to that of anomalies from its own means."""
    centred = field.values - field.values.mean(axis=0)
    return float(np.nanmean(field.values**2) / np.nanmean(centred**2))


def _correlation(field: ObservedField) -> tuple[np.ndarray, np.ndarray]:
    """Distance (km) and correlation between cells, by distance; empty for too small regions."""
    rows, columns = np.nonzero(np.isfinite(field.values).all(axis=0))
    chosen = np.linspace(0, rows.size - 1, min(rows.size, MOST_CELLS)).round().astype(int)
    rows = rows[chosen]
    columns = columns[chosen]
    series = field.values[:, rows, columns].astype(np.float64)
    latitude = np.radians(field.grid.latitudes[rows])
    longitude = np.radians(field.grid.longitudes[columns])
    east = np.sqrt(np.cos(latitude)[:, None] * np.cos(latitude)) * _differences(longitude)
    distance = EARTH_RADIUS_KM * np.hypot(_differences(latitude), east)
    products = series.T @ series
    powers = np.sqrt(np.outer(np.diag(products), np.diag(products)))
    edges = np.linspace(field.blur_km / 2, FITTED_WIDTHS * field.width_km, DISTANCE_BINS + 1)
    bins = np.digitize(distance, edges).ravel()
    totals = [
        np.bincount(bins, values.ravel(), DISTANCE_BINS + 2)[1:-1]
        for values in (np.ones_like(distance), distance, products, powers)
    ]
    count, distances, product, power = (total[totals[0] > 0] for total in totals)
    return distances / count, product / power


def _differences(values: np.ndarray) -> np.ndarray:
    return values[:, None] - values


def _blurred_covariance(length_km: float, blur_km: float, distance: np.ndarray) -> np.ndarray:
    """Correlation at some distances of a field that is seen through the blur."""
    blurred = _spectrum(length_km) * np.exp(-((WAVENUMBERS * blur_km) ** 2))
    values = np.array([_integral(blurred * j0(WAVENUMBERS * d)) for d in distance])
    return values / _integral(blurred)


def _spectrum(length_km: float) -> np.ndarray:
    """Radial spectrum of unit variance of an exponential covariance in the plane."""
    return length_km**2 * WAVENUMBERS * (1 + (WAVENUMBERS * length_km) ** 2) ** -1.5


def _integral(values: np.ndarray) -> float:
    return float(trapezoid(values, WAVENUMBERS))
