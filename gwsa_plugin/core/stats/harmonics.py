"""Least-squares fit of a linear trend with annual and semi-annual waves to monthly series."""

from __future__ import annotations

import numpy as np

HARMONICS = 2  # annual and semi-annual


def harmonic_design(years: np.ndarray, harmonics: int = HARMONICS) -> np.ndarray:
    """Build the design matrix of a linear trend with seasonal waves.

    Parameters
    ----------
    years : ndarray of float, shape (n,)
        Times in years, from any origin.
    harmonics : int
        Number of waves: 0 for the trend alone, 1 for annual, 2 for annual and semi-annual waves.

    Returns
    -------
    ndarray of float, shape (n, 2 + 2 * harmonics)
        A column of ones, the times, the cosines and then the sines of the waves.
    """
    angles = 2 * np.pi * years[:, None] * np.arange(1, harmonics + 1)
    return np.column_stack([np.ones_like(years), years, np.cos(angles), np.sin(angles)])


def trend_and_seasons(
    series: np.ndarray, missing: np.ndarray, harmonics: int = HARMONICS
) -> np.ndarray:
    """Fit a linear trend with seasonal waves and evaluate it in every month.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Consecutive months. The values of missing months are not used.
    missing : ndarray of bool, shape (months,)
        The months without an observation.
    harmonics : int
        See ``harmonic_design``.

    Returns
    -------
    ndarray of float64, shape (series, months)
        Finite in every month.
    """
    years = (np.arange(missing.size) - (missing.size - 1) / 2) / 12
    design = harmonic_design(years, harmonics)
    coefficients = np.linalg.lstsq(design[~missing], series[:, ~missing].T, rcond=None)[0]
    return (design @ coefficients).T


def straight_lines(series: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Interpolate the missing months linearly between the nearest observed months.

    Before the first and after the last observed month the nearest line is continued.

    Parameters
    ----------
    series : ndarray of float64, shape (series, months)
        Consecutive months. The values of missing months are not used.
    missing : ndarray of bool, shape (months,)
        The months without an observation; at least two months have one.

    Returns
    -------
    ndarray of float64, shape (series, missing months)
    """
    months = np.flatnonzero(missing)
    observed = np.flatnonzero(~missing)
    after = np.clip(np.searchsorted(observed, months), 1, observed.size - 1)
    left = observed[after - 1]
    right = observed[after]
    weight = (months - left) / (right - left)
    return series[:, left] * (1 - weight) + series[:, right] * weight


def annual_wave(cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the amplitude of an annual wave and the time of its maximum.

    Parameters
    ----------
    cosine, sine : array_like of float
        Coefficients of the annual wave as in ``harmonic_design``.

    Returns
    -------
    amplitude : ndarray of float
    month : ndarray of float
        From 0.5 to 12.5; 1 is the middle of January.
    """
    # The middle of January is half a month after the start of the year.
    month = np.degrees(np.arctan2(sine, cosine)) % 360 / 30 + 0.5
    return np.hypot(cosine, sine), month
