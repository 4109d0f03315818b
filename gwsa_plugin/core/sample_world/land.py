"""Land of the sample world at 1 km: coast, relief, soil, aquifer depth and farmland."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..base.grid import Grid
from .random_fields import fractal, generator, standardised

# Pixels along the side of a 0.25° cell.
FACTOR = 30
CELL = 0.25
ICE_CELLS = 4
OCEAN_FRACTION = 0.09
# 30 arc-seconds of latitude.
PIXEL_M = 926.6


@dataclass(frozen=True)
class Land:
    """Maps of the land at 1 km.

    All maps are defined everywhere, but only pixels where ``mask`` is True are meaningful.

    Parameters
    ----------
    coarse : Grid
        The 0.25° cells.
    grid : Grid
        The 1 km pixels.
    mask : ndarray of bool, shape (rows, columns)
        True for land.
    lake : ndarray of bool, shape (rows, columns)
        True for the lake, which is not land.
    drivers : dict of str to ndarray of float32
        The eight static predictors without measurement noise, in the units of the catalogue.
    farmland : ndarray of float32
        0 to 1. No predictor contains it.
    region : ndarray of float32
        Broad standard-normal field that shifts the climate. No predictor contains it.
    """

    coarse: Grid
    grid: Grid
    mask: np.ndarray
    lake: np.ndarray
    drivers: dict[str, np.ndarray]
    farmland: np.ndarray
    region: np.ndarray

    @cached_property
    def _pixel_areas(self) -> np.ndarray:
        return (self.mask * self.grid.row_areas()[:, None]).astype(np.float32)

    @cached_property
    def cell_land_area(self) -> np.ndarray:
        """Land area of each 0.25° cell, km²."""
        return block_sum(self._pixel_areas)

    @property
    def lake_fraction(self) -> np.ndarray:
        """Lake area of each 0.25° cell as a fraction of the cell."""
        areas = self.lake * self.grid.row_areas()[:, None]
        return block_sum(areas) / self.coarse.cell_areas()

    @property
    def land_fraction(self) -> np.ndarray:
        """Land area of each 0.25° cell as a fraction of the cell."""
        return self.cell_land_area / self.coarse.cell_areas()

    def cell_mean(self, fine: np.ndarray) -> np.ndarray:
        """Compute the area-weighted mean over the land of each cell.

        Parameters
        ----------
        fine : ndarray, shape (rows, columns)
            Values at 1 km.

        Returns
        -------
        ndarray of float64, shape (cell rows, cell columns)
            NaN for cells without land.
        """
        area = self.cell_land_area
        total = block_sum(fine * self._pixel_areas)
        return np.divide(total, area, out=np.full(area.shape, np.nan), where=area > 0)

    def variance_within_cells(self, fine: np.ndarray) -> float:
        """Compute the area-weighted variance of land pixels about the mean of their cell.

        Parameters
        ----------
        fine : ndarray, shape (rows, columns)
            Values at 1 km.

        Returns
        -------
        float
            One value for all cells together.
        """
        variance = self.cell_mean(fine * fine) - self.cell_mean(fine) ** 2
        return float(np.nansum(variance * self.cell_land_area) / self.cell_land_area.sum())

    @cached_property
    def ice_cells(self) -> np.ndarray:
        """The highest cells, which have permanent ice: bool, shape (cell rows, cell columns)."""
        height = self.cell_mean(self.drivers["elevation"])
        height = np.where(self.land_fraction > 0.5, height, -np.inf)
        ice = np.zeros(self.coarse.shape, dtype=bool)
        ice.flat[np.argsort(height, axis=None)[-ICE_CELLS:]] = True
        return ice


def block_sum(fine: np.ndarray) -> np.ndarray:
    """Sum the pixels of each 0.25° cell.

    Parameters
    ----------
    fine : ndarray, shape (rows, columns)
        Values at 1 km; both sizes are multiples of ``FACTOR``.

    Returns
    -------
    ndarray of float64, shape (rows / FACTOR, columns / FACTOR)
    """
    rows, columns = fine.shape
    bands = fine.reshape(rows // FACTOR, FACTOR, columns).sum(axis=1, dtype=np.float64)
    return bands.reshape(rows // FACTOR, columns // FACTOR, FACTOR).sum(axis=2)


def make_land(coarse: Grid, seed: int, ocean_fraction: float = OCEAN_FRACTION) -> Land:
    """Create the land of a region, which always includes ocean, a lake and mountains.

    Parameters
    ----------
    coarse : Grid
        The 0.25° cells of the region.
    seed : int
        Seed of the world.
    ocean_fraction : float
        Fraction of the region that is ocean.

    Returns
    -------
    Land
    """
    grid = coarse.refine(FACTOR)
    relief = _relief(grid.shape, seed)
    mask, lake = _land_and_lake(relief, seed, ocean_fraction)
    elevation = _elevation(relief, mask, seed)
    slope = _slope(elevation, seed)
    fertility = fractal(generator(seed, "farmland"), grid.shape, 4, 120)
    farmland = np.clip(1 - slope / 4, 0, 1) * _logistic(1.8 * fertility - 0.2)
    return Land(
        coarse=coarse,
        grid=grid,
        mask=mask,
        lake=lake,
        drivers={"elevation": elevation, "slope": slope, **_soil_and_depth(elevation, slope, seed)},
        farmland=farmland.astype(np.float32),
        region=fractal(generator(seed, "region"), grid.shape, 60, 400, slope=3),
    )


def _relief(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Standardised broad relief: a tilted plane with hills and basins of 50 km and more."""
    rng = generator(seed, "relief")
    angle = rng.uniform(0, 2 * np.pi)
    down, across = np.meshgrid(
        np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij"
    )
    tilt = np.cos(angle) * down + np.sin(angle) * across
    return standardised(1.4 * tilt + fractal(rng, shape, 25, 400, slope=3.2))


def _land_and_lake(
    relief: np.ndarray, seed: int, ocean_fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """True for land, and True for the lake.

    The ocean covers the largest connected low area. A lake covers the lowest inland point.
    """
    rng = generator(seed, "coast")
    shore = relief + 0.12 * fractal(rng, relief.shape, 3, 80, slope=2.4)
    wet, _ = ndimage.label(shore < np.quantile(shore, ocean_fraction))
    ocean = wet == np.argmax(np.bincount(wet.ravel())[1:]) + 1
    lake = _lake(relief, ocean, rng) & ~ocean
    return ~(ocean | lake), lake


def _lake(relief: np.ndarray, ocean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True for the lake, which keeps away from the ocean and from the edges of the map."""
    radius = 0.045 * min(relief.shape)
    inland = ndimage.distance_transform_edt(~ocean) > 4 * radius
    edge = int(3 * radius)
    inland[:edge] = inland[-edge:] = inland[:, :edge] = inland[:, -edge:] = False
    row, column = np.unravel_index(np.argmin(np.where(inland, relief, np.inf)), relief.shape)
    down, across = np.ogrid[: relief.shape[0], : relief.shape[1]]
    distance = np.hypot(down - row, across - column)
    return distance < radius * (1 + 0.25 * fractal(rng, relief.shape, 6, 60))


def _elevation(relief: np.ndarray, mask: np.ndarray, seed: int) -> np.ndarray:
    """Elevation in m, with mountains where the relief is high; they are rougher than plains."""
    rank = np.clip(0.5 + relief / 3.6, 0, 1)
    broad = 400 * rank + 3200 * np.clip((rank - 0.68) / 0.32, 0, 1) ** 2
    rugged = fractal(generator(seed, "rugged"), relief.shape, 3, 60, slope=2.6)
    return np.where(mask, np.maximum(broad + (5 + 0.12 * broad) * rugged, 1), 0).astype(np.float32)


def _slope(elevation: np.ndarray, seed: int) -> np.ndarray:
    """Slope in degrees: that of the 1 km surface times a random factor for finer relief."""
    down, across = np.gradient(elevation, PIXEL_M)
    finer = np.exp(0.35 * fractal(generator(seed, "slope"), elevation.shape, 3, 20))
    degrees = np.degrees(np.arctan(1.6 * np.hypot(down, across))) * finer
    return np.clip(degrees, 0.05, 60).astype(np.float32)


def _soil_and_depth(elevation: np.ndarray, slope: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Wetness index, soil texture and density, depth to bedrock and to the water table."""
    rng = generator(seed, "soil")
    shape = elevation.shape
    steep = np.log(slope)
    valley = standardised(ndimage.gaussian_filter(elevation, 8) - elevation)
    # The fields share one random stream, so their order is fixed.
    sand_field, clay_field, rock, density, water_table = (
        fractal(rng, shape, 3, longest) for longest in (300, 150, 250, 60, 200)
    )
    sand = 92 * _logistic(1.1 * sand_field + 0.15 * steep) + 3
    clay = (100 - sand) * (0.15 + 0.55 * _logistic(clay_field))
    bedrock = np.exp(2.9 + 0.7 * rock - 0.35 * steep)
    water_table_depth = np.exp(1.9 + 0.5 * water_table + 0.3 * steep - 0.3 * valley)
    drivers = {
        "twi": 9 - 1.4 * steep + 0.9 * valley + 0.5 * fractal(rng, shape, 3, 15),
        "sand": sand,
        "clay": clay,
        "bulk_density": 1.28 + 0.3 * sand / 100 + 0.06 * density,
        "depth_to_bedrock": np.clip(bedrock, 0.5, 150),
        "water_table_depth": np.clip(water_table_depth, 0.3, 120),
    }
    return {name: values.astype(np.float32) for name, values in drivers.items()}


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
