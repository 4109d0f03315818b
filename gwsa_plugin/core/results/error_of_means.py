"""Standard error of regional means whose pixels have correlated errors.

The error of a pixel has two parts. The noise of GRACE and of the stores is correlated over the
footprint. The detail that GRACE does not resolve has all scales from the pixel to the footprint; a
mean over a region keeps the part with scales larger than the region.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..base.grid import EARTH_RADIUS_KM

# Mean distance of two random points of a square, as the geometric mean, in sides of the square.
MEAN_DISTANCE = 0.447
# Scale of the finest detail, km: the pixel.
FINEST_KM = 1.0
# Pairs of nodes whose correlation is computed at once.
BATCH = 2_000_000


class ErrorShares(NamedTuple):
    """Standard errors of a mean as fractions of those of a pixel, 0 to 1.

    Attributes
    ----------
    noise : float
        Of the noise that is correlated over the footprint.
    detail : float
        Of the detail that GRACE does not resolve.
    """

    noise: float
    detail: float


def error_shares(
    latitude: np.ndarray, longitude: np.ndarray, areas: np.ndarray, width_km: float
) -> ErrorShares:
    """Compute how much of the errors of pixels is left in the mean of a region.

    With a the areas of the nodes of the region and R the correlation of the errors of two nodes, it
    is sqrt(a' R a) / sum(a).

    Parameters
    ----------
    latitude, longitude : ndarray of float, shape (nodes,)
        Centres of the nodes, degrees.
    areas : ndarray of float, shape (nodes,)
        Area of the region in each node, km².
    width_km : float
        Width of the footprint.

    Returns
    -------
    ErrorShares
        NaN for a region without area.
    """
    if not areas.sum() > 0:
        return ErrorShares(np.nan, np.nan)
    phi, lam = np.radians(latitude), np.radians(longitude)
    places = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    inside = MEAN_DISTANCE * np.sqrt(areas)
    noise = detail = 0.0
    step = max(BATCH // areas.size, 1)
    for start in range(0, areas.size, step):
        rows = slice(start, start + step)
        cosine = np.clip(places[:, rows].T @ places, -1.0, 1.0)
        distance = EARTH_RADIUS_KM * np.arccos(cosine)
        own = np.arange(areas.size)[rows]
        distance[own - start, own] = inside[rows]
        noise += areas[rows] @ noise_correlation(distance, width_km) @ areas
        detail += areas[rows] @ detail_correlation(distance, width_km) @ areas
    total = areas.sum()
    return ErrorShares(float(np.sqrt(noise) / total), float(np.sqrt(detail) / total))


def noise_correlation(distance_km: np.ndarray, width_km: float) -> np.ndarray:
    """Correlation of noise that is white before a Gaussian of full width W at half maximum.

    It is exp(-2 ln 2 (d / W)²) at the distance d.
    """
    return np.exp(-2.0 * np.log(2.0) * np.square(distance_km / width_km))


def detail_correlation(distance_km: np.ndarray, width_km: float) -> np.ndarray:
    """Correlation of detail that has the same variance in each octave of scale up to W.

    Scales larger than the distance d are common to both places: ln(W / d) / ln(W / 1 km).
    """
    octaves = np.log(width_km / np.maximum(distance_km, FINEST_KM))
    return np.clip(octaves / np.log(width_km / FINEST_KM), 0.0, 1.0)
