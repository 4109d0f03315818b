"""Aquifer polygons on both grids: the region of each coarse cell and of each 1 km pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rasterio.features import rasterize
from scipy.ndimage import uniform_filter

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.tiles import Tile, by_tile, split_into_tiles
from .mass_conservation import spread

BACKGROUND = "background"
KM_PER_DEGREE = 111.195  # of latitude, on the sphere of Grid


@dataclass(frozen=True)
class Aquifer:
    """``geometry`` is a GeoJSON polygon or multipolygon in EPSG:4326. ``parent``: the larger system it is part of."""

    name: str
    geometry: dict
    parent: str = ""

    @property
    def polygons(self) -> list:
        """The rings of each polygon, the outer one first."""
        parts = self.geometry["coordinates"]
        return parts if self.geometry["type"] == "MultiPolygon" else [parts]

    @cached_property
    def extent(self) -> tuple[float, float, float, float]:
        """west, south, east, north."""
        points = np.concatenate(
            [np.array(polygon[0], dtype=float)[:, :2] for polygon in self.polygons]
        )
        return (*points.min(axis=0), *points.max(axis=0))


@dataclass(frozen=True, eq=False)
class Regions:
    """Region 0 is the background: land that no aquifer covers. The others are those of ``aquifers``, of which the later
    one has the places that several share.

    ``grid``: the fine one. ``cells``: int16, coarse shape, numbers of regions; a cell belongs to the region that has
    most of its land. ``areas``: land of each region in km².
    """

    aquifers: tuple[Aquifer, ...]
    grid: Grid
    cells: np.ndarray
    areas: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        return (BACKGROUND, *(aquifer.name for aquifer in self.aquifers))

    @property
    def parents(self) -> tuple[str, ...]:
        """The larger system that each region is part of, "" for none."""
        return ("", *(aquifer.parent for aquifer in self.aquifers))

    def pixels(self, tile: Tile | None = None) -> np.ndarray:
        """The number of each pixel of the fine grid, or of a ``tile`` of it: int16."""
        return _burnt(self.aquifers, self.grid.sub(*tile) if tile else self.grid)

    def pooled(self, least_area: float) -> np.ndarray:
        """The number of the model that serves each region, int, (regions,).

        Its own number for a region of at least ``least_area`` km²; numbers past the last region for the smaller ones of
        one parent that reach it together; 0, the model of all cells, for the others.
        """
        numbers = np.arange(len(self.names))
        small = self.areas < least_area
        serves = np.where(small, 0, numbers)
        for i, parent in enumerate(sorted(set(self.parents) - {""}), start=len(self.names)):
            children = small & (np.array(self.parents) == parent)
            if self.areas[children].sum() >= least_area:
                serves[children] = i
        return serves


def rasterise(aquifers: Sequence[Aquifer], fine: Grid, factor: int, land) -> Regions:
    """Regions of ``land`` (bool, fine shape, or what gives a tile of it); pixels that polygons share go to the smaller,
    more particular one.

    Raises InputError when none of the polygons lies on this land.
    """
    ranked = tuple(sorted(aquifers, key=lambda aquifer: -_planar_area(aquifer)))
    coarse, land_of = fine.coarsen(factor), by_tile(land)
    cells, areas = np.zeros(coarse.shape, dtype=np.int16), np.zeros(1 + len(ranked))
    for tile in split_into_tiles(np.ones(coarse.shape, dtype=bool), factor):
        grid = fine.sub(*tile.fine(factor))
        cells[tile], of_tile = _majority(
            _burnt(ranked, grid), land_of(tile.fine(factor)), grid, factor, areas.size
        )
        areas += of_tile
    if ranked and not areas[1:].any():
        raise InputError(
            "No aquifer polygon lies on the land of the predictors; give aquifers of this region, or none."
        )
    return Regions(ranked, fine, cells, areas)


def blend(numbers: np.ndarray, grid: Grid, feather_km: float) -> dict[int, np.ndarray]:
    """The weight of each number present: float32, shape of ``numbers``, their sum 1 everywhere.

    Inside a region 1; within ``feather_km`` of a border the weights cross over, so that no seam shows.
    """
    latitude = np.radians(np.mean(grid.bounds[1::2]))
    reach = [
        2 * round(feather_km / (KM_PER_DEGREE * grid.dy)) + 1,
        2 * round(feather_km / (KM_PER_DEGREE * grid.dx * max(np.cos(latitude), 0.05))) + 1,
    ]
    present = np.flatnonzero(np.bincount(numbers.ravel()))
    if present.size == 1:
        return {int(present[0]): np.ones(numbers.shape, dtype=np.float32)}
    return {
        int(number): uniform_filter((numbers == number).astype(np.float32), reach, mode="nearest")
        for number in present
    }


def _planar_area(aquifer: Aquifer) -> float:
    """In square degrees: enough to tell the smaller of two overlapping ones."""
    return sum(
        _ring_area(polygon[0]) - sum(map(_ring_area, polygon[1:])) for polygon in aquifer.polygons
    )


def _ring_area(ring) -> float:
    x, y = np.array([point[:2] for point in ring], dtype=float).T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def _burnt(aquifers: Sequence[Aquifer], grid: Grid) -> np.ndarray:
    """The number, from 1, of the last aquifer that holds the centre of each pixel, 0 outside all: int16."""
    numbered = enumerate(aquifers, start=1)
    shapes = [
        (aquifer.geometry, number)
        for number, aquifer in numbered
        if _meet(aquifer.extent, grid.bounds)
    ]
    if not shapes:
        return np.zeros(grid.shape, dtype=np.int16)
    return rasterize(shapes, grid.shape, fill=0, transform=grid.transform, dtype="int16")


def _meet(one, other) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _majority(pixels, land, fine: Grid, factor: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The region with most land in each coarse cell, the background where there is no land; and the land of each."""
    coarse = fine.coarsen(factor)
    cell = spread(np.arange(coarse.rows * coarse.columns).reshape(coarse.shape), factor)
    number = cell[land] * count + pixels[land]
    shares = np.bincount(number, fine.cell_areas()[land], minlength=cell.size // factor**2 * count)
    shares = shares.reshape(*coarse.shape, count)
    return shares.argmax(axis=2).astype(np.int16), shares.sum(axis=(0, 1))


GRACE_FOOTPRINT_KM2 = 90_000.0  # 300 km squared: about one independent GRACE value
