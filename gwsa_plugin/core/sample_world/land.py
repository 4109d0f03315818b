"""The land of the sample world: coast, relief, soil, aquifer depth and where people farm, at 1 km."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..base.grid import Grid
from .random_fields import fractal, generator, standardised

FACTOR = 30
CELL = 0.25
ICE_CELLS = 4
OCEAN_SHARE = 0.09
PIXEL_M = 926.6  # 30 arc-seconds of latitude


@dataclass(frozen=True)
class Land:
    """Maps on the 1 km ``grid``, float32 (rows, columns), defined everywhere and meant where ``mask`` is True.

    ``drivers`` are the eight static predictors, free of measurement noise, in the units of the catalogue. Two maps that
    no predictor shows: ``farmland``, 0 to 1, and ``region``, a broad standard-normal field that shifts the climate.
    """

    coarse: Grid
    grid: Grid
    mask: np.ndarray
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
    def land_share(self) -> np.ndarray:
        """Land area of each 0.25° cell as a share of the cell."""
        return self.cell_land_area / self.coarse.cell_areas()

    def cell_mean(self, fine: np.ndarray) -> np.ndarray:
        """Area-weighted mean over each 0.25° cell's land: float64, NaN where a cell has none."""
        area = self.cell_land_area
        return np.divide(
            block_sum(fine * self._pixel_areas),
            area,
            out=np.full(area.shape, np.nan),
            where=area > 0,
        )

    def variance_within_cells(self, fine: np.ndarray) -> float:
        """Area-weighted variance of the land pixels about the mean of their cell, all cells together."""
        variance = self.cell_mean(fine * fine) - self.cell_mean(fine) ** 2
        return float(np.nansum(variance * self.cell_land_area) / self.cell_land_area.sum())

    @cached_property
    def ice_cells(self) -> np.ndarray:
        """The highest cells, under permanent ice: bool, coarse shape."""
        height = np.where(self.land_share > 0.5, self.cell_mean(self.drivers["elevation"]), -np.inf)
        ice = np.zeros(self.coarse.shape, dtype=bool)
        ice.flat[np.argsort(height, axis=None)[-ICE_CELLS:]] = True
        return ice


def block_sum(fine: np.ndarray) -> np.ndarray:
    """Sum over FACTOR x FACTOR blocks in float64."""
    rows, columns = fine.shape
    bands = fine.reshape(rows // FACTOR, FACTOR, columns).sum(axis=1, dtype=np.float64)
    return bands.reshape(rows // FACTOR, columns // FACTOR, FACTOR).sum(axis=2)


def make_land(coarse: Grid, seed: int) -> Land:
    """The land of a region, always with some ocean, a lake and mountains."""
    grid = coarse.refine(FACTOR)
    lowland = _lowland(grid.shape, seed)
    mask = _coast(lowland, seed)
    elevation = _elevation(lowland, mask, seed)
    slope = _slope(elevation, seed)
    fertile = fractal(generator(seed, "farmland"), grid.shape, 4, 120)
    farmland = np.clip(1 - slope / 4, 0, 1) * _logistic(1.8 * fertile - 0.2)
    return Land(
        coarse, grid, mask,
        drivers={"elevation": elevation, "slope": slope, **_soil_and_depth(elevation, slope, seed)},
        farmland=farmland.astype(np.float32),
        region=fractal(generator(seed, "region"), grid.shape, 60, 400, 3),
    )  # fmt: skip


def _lowland(shape, seed: int) -> np.ndarray:
    """Broad relief, standardised: a tilt in some direction and hills and basins of 50 km and more."""
    rng = generator(seed, "relief")
    angle = rng.uniform(0, 2 * np.pi)
    down, across = np.meshgrid(
        np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij"
    )
    tilt = np.cos(angle) * down + np.sin(angle) * across
    return standardised(1.4 * tilt + fractal(rng, shape, 25, 400, 3.2))


def _coast(lowland: np.ndarray, seed: int) -> np.ndarray:
    """bool, True on land: the ocean floods the largest connected low part, a lake lies near the lowest inland point."""
    rng = generator(seed, "coast")
    shore = lowland + 0.12 * fractal(rng, lowland.shape, 3, 80, 2.4)
    wet, _ = ndimage.label(shore < np.quantile(shore, OCEAN_SHARE))
    ocean = wet == np.argmax(np.bincount(wet.ravel())[1:]) + 1
    return ~(ocean | _lake(lowland, ocean, rng))


def _lake(lowland: np.ndarray, ocean: np.ndarray, rng) -> np.ndarray:
    radius = 0.045 * min(lowland.shape)
    away = ndimage.distance_transform_edt(~ocean) > 4 * radius
    edge = int(3 * radius)
    away[:edge] = away[-edge:] = away[:, :edge] = away[:, -edge:] = False
    row, column = np.unravel_index(np.argmin(np.where(away, lowland, np.inf)), lowland.shape)
    down, across = np.ogrid[: lowland.shape[0], : lowland.shape[1]]
    distance = np.hypot(down - row, across - column)
    return distance < radius * (1 + 0.25 * fractal(rng, lowland.shape, 6, 60))


def _elevation(lowland: np.ndarray, mask: np.ndarray, seed: int) -> np.ndarray:
    """m: plains, hills and, on the upper quarter, mountains whose ruggedness grows with their height."""
    rank = np.clip(0.5 + lowland / 3.6, 0, 1)
    broad = 400 * rank + 3200 * np.clip((rank - 0.68) / 0.32, 0, 1) ** 2
    rugged = fractal(generator(seed, "rugged"), lowland.shape, 3, 60, 2.6)
    return np.where(mask, np.maximum(broad + (5 + 0.12 * broad) * rugged, 1), 0).astype(np.float32)


def _slope(elevation: np.ndarray, seed: int) -> np.ndarray:
    """Degrees: of the 1 km surface, times what a finer one adds."""
    down, across = np.gradient(elevation, PIXEL_M)
    finer = np.exp(0.35 * fractal(generator(seed, "slope"), elevation.shape, 3, 20))
    return np.clip(np.degrees(np.arctan(1.6 * np.hypot(down, across))) * finer, 0.05, 60).astype(
        np.float32
    )


def _soil_and_depth(elevation: np.ndarray, slope: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The other six static drivers: wetness index, soil texture and density, depth to rock and to the water table."""
    rng = generator(seed, "soil")
    shape = elevation.shape
    steep = np.log(slope)
    valley = standardised(ndimage.gaussian_filter(elevation, 8) - elevation)
    longest = (300, 150, 250, 60, 200)
    sand_field, clay_field, rock, density, table = (
        fractal(rng, shape, 3, pixels) for pixels in longest
    )
    sand = 92 * _logistic(1.1 * sand_field + 0.15 * steep) + 3
    clay = (100 - sand) * (0.15 + 0.55 * _logistic(clay_field))
    drivers = {
        "twi": 9 - 1.4 * steep + 0.9 * valley + 0.5 * fractal(rng, shape, 3, 15),
        "sand": sand,
        "clay": clay,
        "bulk_density": 1.28 + 0.3 * sand / 100 + 0.06 * density,
        "depth_to_bedrock": np.clip(np.exp(2.9 + 0.7 * rock - 0.35 * steep), 0.5, 150),
        "water_table_depth": np.clip(
            np.exp(1.9 + 0.5 * table + 0.3 * steep - 0.3 * valley), 0.3, 120
        ),
    }
    return {name: values.astype(np.float32) for name, values in drivers.items()}


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
