"""Monthly series of polygons: area-weighted means of maps, with their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.grid import bounds_text
from ..base.months import month_range
from ..base.progress import SILENT, Progress
from ..files.stack import FILLED, MISSING
from ..files.stack_tags import DETAIL_SIGMA_TAG, footprint_km
from ..files.yearly_maps import YearlyMaps
from ..spatial.aquifers import Aquifer
from ..spatial.polygons import area_km2
from .error_of_means import ErrorShares, error_shares
from .polygon_sums import PolygonSums, sum_over_polygons

KM3_PER_CM_KM2 = 1e-5
# Width of the footprint of GRACE where the maps do not state it, km.
USUAL_WIDTH_KM = 300.0


@dataclass(frozen=True, eq=False)
class SeriesErrors:
    """Standard errors of the means of polygons.

    Parameters
    ----------
    noise_cm, detail_cm : ndarray of float64, shape (polygons, months)
        Errors from the noise of GRACE and of the stores, and from detail that GRACE does not
        resolve; NaN where the sigma of the maps is not known.
    width_km : float
        Width of the footprint.
    """

    noise_cm: np.ndarray
    detail_cm: np.ndarray
    width_km: float

    @property
    def sigma_cm(self) -> np.ndarray:
        """Both errors together, shape (polygons, months)."""
        return np.hypot(self.noise_cm, self.detail_cm)


@dataclass(frozen=True, eq=False)
class PolygonSeries:
    """Monthly storage of polygons.

    Parameters
    ----------
    names : tuple of str, length polygons
    months : ndarray of datetime64[M], shape (months,)
        Every calendar month from the first to the last.
    mean_cm : ndarray of float64, shape (polygons, months)
        Area-weighted mean over the part of the polygon that has values; NaN without any.
    source : tuple of str, length months
        OBSERVED, FILLED or MISSING.
    area_km2 : ndarray of float64, shape (polygons,)
        Area of the polygon.
    covered_km2 : ndarray of float64, shape (polygons, months)
        Area of the part of it that has values.
    errors : SeriesErrors or None
        None without a sigma.
    sums : PolygonSums
        What the means were made from, with the nodes around the polygons if there are errors.
    """

    names: tuple[str, ...]
    months: np.ndarray
    mean_cm: np.ndarray
    source: tuple[str, ...]
    area_km2: np.ndarray
    covered_km2: np.ndarray
    errors: SeriesErrors | None
    sums: PolygonSums

    @property
    def sigma_cm(self) -> np.ndarray | None:
        """Standard error of ``mean_cm``; None without a sigma."""
        return None if self.errors is None else self.errors.sigma_cm

    @property
    def largest_covered_km2(self) -> np.ndarray:
        """Largest covered area of each polygon, shape (polygons,)."""
        return self.covered_km2.max(axis=1)

    @property
    def volume_km3(self) -> np.ndarray:
        """Mean times covered area, shape (polygons, months)."""
        return self.mean_cm * self.covered_km2 * KM3_PER_CM_KM2

    @property
    def filled(self) -> np.ndarray:
        """Whether each month was filled, bool, shape (months,)."""
        return np.array(self.source) == FILLED

    @property
    def share(self) -> np.ndarray:
        """Largest covered part of each polygon, 0 to 1."""
        return np.minimum(self.largest_covered_km2 / self.area_km2, 1.0)


def polygon_series(
    maps: YearlyMaps,
    aquifers: Sequence[Aquifer],
    sigma: YearlyMaps | None = None,
    progress: Progress = SILENT,
) -> PolygonSeries:
    """Average monthly maps over polygons in one pass over the data.

    Parameters
    ----------
    maps : YearlyMaps
        Yearly maps or a monthly stack.
    aquifers : sequence of Aquifer
        Polygons, which may overlap each other and extend beyond the maps.
    sigma : YearlyMaps, optional
        Standard error of each pixel on the same grid, cm; unknown in months that it does not have.
    progress : Progress

    Returns
    -------
    PolygonSeries

    Raises
    ------
    InputError
        When no polygon covers a value, when ``sigma`` has another grid, or when a file cannot be
        read.
    """
    if sigma is not None and not sigma.grid.same_as(maps.grid):
        raise InputError(
            "The sigma (SIGMA) has another grid than the maps; give the sigma of the same run."
        )
    width = footprint_km(maps.tags(), "The maps") or USUAL_WIDTH_KM
    months = month_range(maps.months[0], maps.months[-1])
    timed = progress.timed("Means of polygons")
    parts = timed.parts(2) if sigma else [timed, SILENT]
    sums = sum_over_polygons(maps, aquifers, width if sigma else 0.0, parts[0])
    if not sums.covered.any():
        raise InputError(
            f"No polygon lies on values of the maps, which cover {bounds_text(maps.grid.bounds)}; "
            "give polygons of this region."
        )
    source = dict(zip(maps.months, maps.source))
    errors = None
    if sigma is not None:
        errors = errors_of_means(sigma, aquifers, width, months, parts[1])
    if errors and not np.isfinite(errors.noise_cm).any():
        progress.warn("The sigma (SIGMA) has no values here, so means are without errors.")
        errors = None
    return PolygonSeries(
        names=tuple(aquifer.name for aquifer in aquifers),
        months=months,
        mean_cm=_on_calendar(sums.means, maps.months, months),
        source=tuple(source.get(month, MISSING) for month in months),
        area_km2=np.array([area_km2(aquifer.geometry) for aquifer in aquifers]),
        covered_km2=np.nan_to_num(_on_calendar(sums.covered, maps.months, months)),
        errors=errors,
        sums=sums,
    )


def errors_of_means(
    sigma: YearlyMaps,
    aquifers: Sequence[Aquifer],
    width_km: float,
    months: np.ndarray,
    progress: Progress = SILENT,
) -> SeriesErrors:
    """Compute errors of means from the sigma of pixels.

    A tag states the part of the detail. Without it all of the sigma is taken as noise, which is
    correlated most.

    Parameters
    ----------
    sigma : YearlyMaps
        Standard error of each pixel, cm.
    aquifers : sequence of Aquifer
        The polygons.
    width_km : float
        Width of the footprint.
    months : ndarray of datetime64[M], shape (months,)
        Consecutive months of the result.
    progress : Progress
    """
    sums = sum_over_polygons(sigma, aquifers, progress=progress)
    total = _on_calendar(sums.means, sigma.months, months)
    detail = np.minimum(float(sigma.tags().get(DETAIL_SIGMA_TAG, 0.0)), total)
    noise = np.sqrt(total**2 - detail**2)
    shares = np.array([_shares(sums, index, width_km) for index in range(len(aquifers))])
    return SeriesErrors(shares[:, :1] * noise, shares[:, 1:] * detail, width_km)


def _shares(sums: PolygonSums, index: int, width_km: float) -> ErrorShares:
    row = sums.node_areas[index].tocoo()
    nodes = sums.nodes
    latitude = nodes.latitudes[row.col // nodes.columns]
    longitude = nodes.longitudes[row.col % nodes.columns]
    return error_shares(latitude, longitude, row.data, width_km)


def _on_calendar(values: np.ndarray, months: np.ndarray, calendar: np.ndarray) -> np.ndarray:
    """Values of months put on a calendar that may lack some of them; NaN elsewhere."""
    placed = np.full((len(values), calendar.size), np.nan)
    index = (months - calendar[0]).astype(int)
    inside = (index >= 0) & (index < calendar.size)
    placed[:, index[inside]] = values[:, inside]
    return placed
