"""The monthly series that products have at a place: of maps, coarse cells, polygons and wells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.grid import KM_PER_DEGREE, Grid
from ..base.months import month_range
from ..base.progress import SILENT, Progress
from ..compute.threads import run_all
from ..files.stack import FILLED, MISSING, OBSERVED
from ..files.stack_tags import footprint_km
from ..files.yearly_maps import YearlyMaps
from ..spatial.aquifers import Aquifer
from ..spatial.polygons import meets
from ..stats.intervals import Behaviour, trend_and_amplitude
from ..wells.quality_control import Rules, clean
from ..wells.sampling import at_pixels, bilinear
from .polygon_series import USUAL_WIDTH_KM, errors_of_means, polygon_series

# What the values of a series are.
PIXEL = "pixel"
CELL = "coarse cell"
INTERPOLATED = "interpolated"
MEAN = "mean of a polygon"
WELL = "well"
# A product with cells of at least this side, degrees, is a coarse one, whose cells are larger than
# what is read at a place.
COARSE_CELL = 0.1
# Cells of 1/120° are 0.93 km high and called 1 km; smaller ones are stated in metres.
SHORTEST_IN_KM = 0.75
CM_PER_METRE = 100.0
_SAMPLED = {PIXEL: at_pixels, CELL: at_pixels, INTERPOLATED: bilinear}


@dataclass(frozen=True, eq=False)
class Product:
    """A variable in monthly maps.

    Parameters
    ----------
    name : str
        Name for people.
    variable : str
        Such as GWSA or TWSA.
    maps : YearlyMaps
    sigma : YearlyMaps, optional
        Standard error of each value, on the same grid.
    """

    name: str
    variable: str
    maps: YearlyMaps
    sigma: YearlyMaps | None = None

    @property
    def is_coarse(self) -> bool:
        """Whether its cells are so large that their interpolation is shown as well."""
        return max(self.maps.grid.dx, self.maps.grid.dy) >= COARSE_CELL


@dataclass(frozen=True, eq=False)
class Series:
    """A monthly series.

    Parameters
    ----------
    name : str
        Name for people.
    kind : str
        PIXEL, CELL, INTERPOLATED, MEAN or WELL.
    months : ndarray of datetime64[M], shape (months,)
        Every calendar month from the first to the last.
    values : ndarray of float64, shape (months,)
        cm; NaN where there is no value.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    sigma : ndarray of float64, shape (months,), optional
        Standard errors, cm; NaN where they are not known.
    """

    name: str
    kind: str
    months: np.ndarray
    values: np.ndarray
    source: tuple[str, ...]
    sigma: np.ndarray | None = None

    @property
    def filled(self) -> np.ndarray:
        """Whether a month has a value that was not observed, bool, shape (months,)."""
        return (np.array(self.source) == FILLED) & np.isfinite(self.values)

    @cached_property
    def behaviour(self) -> Behaviour:
        """Trend (cm/yr) and annual amplitude (cm) of all months with a value."""
        return trend_and_amplitude(self.months, self.values)

    def at(self, month: np.datetime64) -> tuple[float, float]:
        """Return value and sigma in a month, cm; NaN where one is not known."""
        index = int((month - self.months[0]).astype(int))
        if not 0 <= index < self.months.size:
            return np.nan, np.nan
        sigma = np.nan if self.sigma is None else float(self.sigma[index])
        return float(self.values[index]), sigma


@dataclass(frozen=True, eq=False)
class Place:
    """A place with its series.

    Parameters
    ----------
    name : str
        Coordinates, or the name of a polygon or a well.
    longitude, latitude : float
        Degrees; of a point inside a polygon.
    series : dict of str to tuple of Series
        Key of a product, or WELL -> what it has there; empty where it has no value.
    """

    name: str
    longitude: float
    latitude: float
    series: dict[str, tuple[Series, ...]] = field(default_factory=dict)

    def all_series(self, keys: Sequence[str]) -> list[Series]:
        """Return the series of some products in their order, as far as they have been read."""
        return [one for key in keys for one in self.series.get(key, ())]

    def with_series(self, key: str, series: Sequence[Series]) -> Place:
        """Return the place with the series of one more product."""
        return replace(self, series={**self.series, key: tuple(series)})


def place_name(longitude: float, latitude: float) -> str:
    """Name a point by its coordinates, such as 30.1250° N, 77.2500° E."""
    turned = (longitude + 180) % 360 - 180
    north = "N" if latitude >= 0 else "S"
    east = "E" if turned >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(turned):.4f}° {east}"


def resolution_name(grid: Grid) -> str:
    """Name the size of the cells of a grid: 300 m, 1 km, or 0.25° from COARSE_CELL on."""
    if max(grid.dx, grid.dy) >= COARSE_CELL:
        return f"{grid.dy:.3g}°"
    size = grid.dy * KM_PER_DEGREE
    return f"{size:.0f} km" if size >= SHORTEST_IN_KM else f"{round(1000 * size, -2):.0f} m"


def series_at(
    product: Product, longitude: float, latitude: float, progress: Progress = SILENT
) -> list[Series]:
    """Read the series of a product at a point.

    Parameters
    ----------
    product : Product
    longitude, latitude : float
        Degrees.
    progress : Progress, optional
        Asked after each file whether to go on.

    Returns
    -------
    list of Series
        The pixel, or the coarse cell and the bilinear interpolation; empty where the pixel or the
        cell has no value in any month.

    Raises
    ------
    InputError
        When a file cannot be read, its unit is not known, or a value is not possible.
    Cancelled
        When the reading is cancelled.
    """
    kinds = (CELL, INTERPOLATED) if product.is_coarse else (PIXEL,)
    found = []
    for kind, part in zip(kinds, progress.parts(len(kinds))):
        values = _sample(product.maps, kind, longitude, latitude, part)
        if not np.isfinite(values).any():
            return []
        sigma = None
        if product.sigma is not None and kind != INTERPOLATED:
            read = _sample(product.sigma, kind, longitude, latitude, part)
            sigma = on_months(read, product.sigma.months, product.maps.months)
        found.append(_on_calendar(_label(product, kind), kind, product.maps, values, sigma))
    return found


def series_over(product: Product, polygon: Aquifer, progress: Progress = SILENT) -> list[Series]:
    """Average a product over a polygon.

    Parameters
    ----------
    product : Product
    polygon : Aquifer
    progress : Progress, optional

    Returns
    -------
    list of Series
        The area-weighted mean with its standard error as in ``polygon_series``; empty for a polygon
        outside the maps.

    Raises
    ------
    InputError
        As in ``polygon_series``.
    Cancelled
        When the reading is cancelled.
    """
    maps, sigma = product.maps, product.sigma
    if not meets(polygon.extent, maps.grid):
        return []
    parts = progress.parts(2)
    found = polygon_series(maps, [polygon], progress=parts[0])
    errors = None
    if sigma is not None:
        width = footprint_km(maps.tags(), product.name) or USUAL_WIDTH_KM
        errors = errors_of_means(sigma, [polygon], width, found.months, parts[1]).sigma_cm[0]
    return [Series(product.name, MEAN, found.months, found.mean_cm[0], found.source, errors)]


def _label(product: Product, kind: str) -> str:
    return f"{product.name}, bilinear" if kind == INTERPOLATED else product.name


def _sample(
    maps: YearlyMaps, kind: str, longitude: float, latitude: float, progress: Progress
) -> np.ndarray:
    """Read the files in parallel; a cancellation is noticed between them."""

    def read(part: YearlyMaps, progress: Progress) -> np.ndarray:
        progress.stop_if_cancelled()
        point = np.array([longitude]), np.array([latitude])
        return _SAMPLED[kind](part, *point, part.months)[:, 0]

    parts = _files(maps)
    found = run_all([partial(read, part) for part in parts], progress)
    values = np.empty(maps.months.size)
    for part, read_values in zip(parts, found):
        values[np.searchsorted(maps.months, part.months)] = read_values
    return values


def _files(maps: YearlyMaps) -> list[YearlyMaps]:
    """Return the maps of each file."""
    months: dict[Path, list[np.datetime64]] = {}
    for month, (path, _) in maps.bands.items():
        months.setdefault(path, []).append(month)
    return [
        replace(maps, bands={month: maps.bands[month] for month in own}) for own in months.values()
    ]


def _on_calendar(
    name: str, kind: str, maps: YearlyMaps, values: np.ndarray, sigma: np.ndarray | None
) -> Series:
    months = month_range(maps.months[0], maps.months[-1])
    source = dict(zip(maps.months, maps.source))
    return Series(
        name,
        kind,
        months,
        on_months(values, maps.months, months),
        tuple(source.get(month, MISSING) for month in months),
        None if sigma is None else on_months(sigma, maps.months, months),
    )


def on_months(values: np.ndarray, months: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the values of the wanted months, float64; NaN for one that is not in ``months``.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    months : ndarray of datetime64[M], shape (n,)
        In order.
    wanted : ndarray of datetime64[M], shape (wanted,)
    """
    placed = np.full(wanted.size, np.nan)
    _, here, there = np.intersect1d(wanted, months, return_indices=True)
    placed[here] = values[there]
    return placed


class WellReadings(NamedTuple):
    """Readings of one well.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (readings,)
    levels : ndarray of float64, shape (readings,)
        m.
    coefficient : float
        Specific yield, or storativity of a confined well: dimensionless.
    """

    days: np.ndarray
    levels: np.ndarray
    coefficient: float


def well_series(
    name: str, readings: WellReadings, rules: Rules, reference: Series | None = None
) -> Series:
    """Convert the readings of a well to storage.

    Storage is minus the storage coefficient times the depth to water, as in ``validate_wells``,
    with its checks of readings. Its zero is arbitrary: the mean over the months that it has in
    common with ``reference`` is that of the reference.

    Parameters
    ----------
    name : str
        The well, with which messages begin.
    readings : WellReadings
    rules : Rules
        How readings are checked.
    reference : Series, optional
        Without one, or without common months, the mean of the well is 0.

    Raises
    ------
    InputError
        When the well has no storage coefficient or no usable reading.
    """
    if not np.isfinite(readings.coefficient):
        raise InputError(
            f"{name} has no specific yield, so that its depths to water cannot be converted to "
            "storage; give a field specific_yield, or storativity if the well is confined."
        )
    monthly = clean(readings.days, readings.levels, rules)
    if not monthly.months.size:
        reasons = ", ".join(f"{count} {why}" for why, count in monthly.dropped.items() if count)
        raise InputError(f"{name} has no usable reading ({reasons or 'none is in the table'}).")
    storage = -CM_PER_METRE * readings.coefficient * monthly.depth
    zero = storage.mean()
    if reference is not None:
        there = on_months(reference.values, reference.months, monthly.months)
        common = np.isfinite(there)
        if common.any():
            zero = storage[common].mean() - there[common].mean()
    months = month_range(monthly.months[0], monthly.months[-1])
    values = on_months(storage - zero, monthly.months, months)
    source = tuple(OBSERVED if known else MISSING for known in np.isfinite(values))
    return Series(name, WELL, months, values, source)
