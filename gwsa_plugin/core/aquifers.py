"""Aquifer polygons on both grids: the region of each coarse cell and of each 1 km pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from scipy.ndimage import uniform_filter

from .conservation import spread
from .errors import InputError
from .grid import Grid

BACKGROUND = "background"
KM_PER_DEGREE = 111.195  # of latitude, on the sphere of Grid


@dataclass(frozen=True)
class Aquifer:
    """``geometry`` is a GeoJSON polygon or multipolygon in EPSG:4326. ``parent``: the larger system it is part of."""

    name: str
    geometry: dict
    parent: str = ""


@dataclass(frozen=True, eq=False)
class Regions:
    """``names[0]`` is the background: land that no polygon covers.

    ``parents``: the larger system of each, "" for none. ``pixels`` and ``cells``: int16, fine and coarse shape, numbers
    of regions. A cell belongs to the region that has most of its land. ``areas``: land of each region in km².
    """

    names: tuple[str, ...]
    parents: tuple[str, ...]
    pixels: np.ndarray
    cells: np.ndarray
    areas: np.ndarray

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


def rasterise(aquifers: Sequence[Aquifer], fine: Grid, factor: int, land: np.ndarray) -> Regions:
    """Regions of ``land`` (bool, fine shape); pixels that polygons share go to the smaller, more particular one.

    Raises InputError when none of the polygons lies on this land.
    """
    ranked = sorted(aquifers, key=lambda aquifer: -_planar_area(aquifer.geometry))
    pixels = np.zeros(fine.shape, dtype=np.int16)
    if ranked:
        shapes = [(aquifer.geometry, number) for number, aquifer in enumerate(ranked, start=1)]
        pixels = rasterize(shapes, fine.shape, fill=0, transform=fine.transform, dtype="int16")
        if not (pixels[land] > 0).any():
            raise InputError(
                "No aquifer polygon lies on the land of the predictors; give aquifers of this region, or none."
            )
    areas = np.bincount(pixels[land], fine.cell_areas()[land], minlength=len(ranked) + 1)
    names = (BACKGROUND, *(aquifer.name for aquifer in ranked))
    parents = ("", *(aquifer.parent for aquifer in ranked))
    return Regions(names, parents, pixels, _majority(pixels, land, fine, factor, len(names)), areas)


def blend(numbers: np.ndarray, grid: Grid, feather_km: float) -> dict[int, np.ndarray]:
    """The weight of each number present: float32, shape of ``numbers``, their sum 1 everywhere.

    Inside a region 1; within ``feather_km`` of a border the weights cross over, so that no seam shows.
    """
    latitude = np.radians(np.mean(grid.bounds[1::2]))
    reach = [
        2 * round(feather_km / (KM_PER_DEGREE * grid.dy)) + 1,
        2 * round(feather_km / (KM_PER_DEGREE * grid.dx * max(np.cos(latitude), 0.05))) + 1,
    ]
    present = np.unique(numbers)
    if present.size == 1:
        return {int(present[0]): np.ones(numbers.shape, dtype=np.float32)}
    return {
        int(number): uniform_filter((numbers == number).astype(np.float32), reach, mode="nearest") for number in present
    }


def _planar_area(geometry: dict) -> float:
    """In square degrees: enough to tell the smaller of two overlapping ones."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return sum(_ring_area(polygon[0]) - sum(map(_ring_area, polygon[1:])) for polygon in polygons)


def _ring_area(ring) -> float:
    x, y = np.array([point[:2] for point in ring], dtype=float).T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def _majority(pixels, land, fine: Grid, factor: int, count: int) -> np.ndarray:
    """The region with most land in each coarse cell; the background where there is no land."""
    coarse = fine.coarsen(factor)
    cell = np.arange(coarse.rows * coarse.columns).reshape(coarse.shape)
    cell = spread(cell, factor)
    areas = fine.cell_areas()[land]
    shares = np.bincount(cell[land] * count + pixels[land], areas, minlength=cell.max() * count + count)
    return shares.reshape(*coarse.shape, count).argmax(axis=2).astype(np.int16)
