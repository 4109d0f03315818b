"""Trend and seasons of gappy monthly series, and straight lines across what is left."""

from __future__ import annotations

import numpy as np

HARMONICS = 2  # annual and semi-annual


def trend_and_seasons(
    series: np.ndarray, missing: np.ndarray, harmonics: int = HARMONICS
) -> np.ndarray:
    """The least-squares line plus sines and cosines of 12/1 .. 12/``harmonics`` months, at every month.

    ``series``: float64, shape (series, months); ``missing``: bool, shape (months,); what stands in missing months is
    not read. ``harmonics=0`` is the line alone. Result: the shape of ``series``, finite throughout.
    """
    design = _design(missing.size, harmonics)
    coefficients = np.linalg.lstsq(design[~missing], series[:, ~missing].T, rcond=None)[0]
    return (design @ coefficients).T


def straight_lines(series: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The missing months, each on the line between its nearest observed neighbours: shape (series, missing months)."""
    months, observed = np.flatnonzero(missing), np.flatnonzero(~missing)
    after = np.clip(np.searchsorted(observed, months), 1, observed.size - 1)
    left, right = observed[after - 1], observed[after]
    weight = (months - left) / (right - left)
    return series[:, left] * (1 - weight) + series[:, right] * weight


def _design(months: int, harmonics: int) -> np.ndarray:
    years = (np.arange(months) - (months - 1) / 2) / 12
    angles = 2 * np.pi * years[:, None] * np.arange(1, harmonics + 1)
    return np.column_stack([np.ones(months), years, np.cos(angles), np.sin(angles)])
