"""Aquifer polygons on the coarse and the fine grid: the region of each cell and of each pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import uniform_filter

from ..base.errors import InputError
from ..base.grid import KM_PER_DEGREE, Bounds, Grid
from ..base.tiles import Tile, by_tile, split_into_tiles
from . import polygons
from .mass_conservation import spread

BACKGROUND = "background"
# Area of the GRACE footprint, 300 km squared: about one independent GRACE value.
GRACE_FOOTPRINT_KM2 = 90_000.0
# Regions are numbered by int16.
MOST_REGIONS = 32_767


@dataclass(frozen=True)
class Aquifer:
    """An aquifer polygon.

    Parameters
    ----------
    name : str
    geometry : dict
        GeoJSON polygon or multipolygon in EPSG:4326.
    parent : str
        The larger system that contains the aquifer, "" for none.
    """

    name: str
    geometry: dict
    parent: str = ""

    @cached_property
    def extent(self) -> Bounds:
        """West, south, east and north."""
        return polygons.extent(self.geometry)


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a study domain.

    Region 0 is the background, the land outside all aquifers. Region i is ``aquifers[i - 1]``.
    Where aquifers overlap, the last one has the pixel.

    Parameters
    ----------
    aquifers : tuple of Aquifer
        The largest first.
    grid : Grid
        The fine grid.
    cells : ndarray of int16, coarse shape
        Number of the region that has most of the land of each coarse cell.
    areas : ndarray of float, shape (regions,)
        Land area of each region in km².
    """

    aquifers: tuple[Aquifer, ...]
    grid: Grid
    cells: np.ndarray
    areas: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each region."""
        return (BACKGROUND, *(aquifer.name for aquifer in self.aquifers))

    @property
    def parents(self) -> tuple[str, ...]:
        """The larger system that contains each region, "" for none."""
        return ("", *(aquifer.parent for aquifer in self.aquifers))

    def pixels(self, tile: Tile | None = None) -> np.ndarray:
        """Return the region of each pixel of the fine grid, or of a tile of it: int16."""
        return _rasterise(self.aquifers, self.grid.subgrid(*tile) if tile else self.grid)

    def pooled(self, least_area: float) -> np.ndarray:
        """Assign a model to each region.

        Parameters
        ----------
        least_area : float
            Smallest land area for which a model is trained, km².

        Returns
        -------
        ndarray of int, shape (regions,)
            The region's own number when it has the area. A number after that of the last region
            for the smaller regions of one parent that have the area together. 0, the model of all
            cells, for the others.
        """
        numbers = np.arange(len(self.names))
        small = self.areas < least_area
        serves = np.where(small, 0, numbers)
        for i, parent in enumerate(sorted(set(self.parents) - {""}), start=len(self.names)):
            children = small & (np.array(self.parents) == parent)
            if self.areas[children].sum() >= least_area:
                serves[children] = i
        return serves


def rasterise(
    aquifers: Sequence[Aquifer],
    fine: Grid,
    factor: int,
    land: np.ndarray | Callable[[Tile], np.ndarray],
) -> Regions:
    """Rasterise aquifer polygons on the fine and on the coarse grid.

    Pixels that several aquifers cover belong to the smallest one.

    Parameters
    ----------
    aquifers : sequence of Aquifer
        In any order.
    fine : Grid
        The fine grid.
    factor : int
        Pixels along the side of a coarse cell.
    land : ndarray of bool, fine shape, or callable
        The land mask, or a function that returns the mask of a tile.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        When no polygon covers any land, or when more than 32,767 regions meet the grid.
    """
    near = [aquifer for aquifer in aquifers if polygons.meets(aquifer.extent, fine)]
    if len(near) > MOST_REGIONS:
        raise InputError(
            f"{len(near):,} aquifers lie in the region of the predictors, more than "
            f"{MOST_REGIONS:,}; choose a field (ID_FIELD) that gives polygons of one system the "
            "same name."
        )
    ranked = tuple(sorted(near, key=lambda aquifer: -_planar_area(aquifer)))
    coarse = fine.coarsen(factor)
    tile_land = by_tile(land)
    cells = np.zeros(coarse.shape, dtype=np.int16)
    areas = np.zeros(1 + len(ranked))
    for tile in split_into_tiles(np.ones(coarse.shape, dtype=bool), factor):
        pixels = tile.fine(factor)
        grid = fine.subgrid(*pixels)
        cells[tile], tile_areas = _majority(
            _rasterise(ranked, grid), tile_land(pixels), grid, factor=factor, count=areas.size
        )
        areas += tile_areas
    if aquifers and not areas[1:].any():
        raise InputError(
            f"No aquifer polygon lies on the land of the predictors{_where(aquifers, fine)}; give "
            "aquifers of this region, or none."
        )
    return Regions(ranked, fine, cells, areas)


def _where(aquifers: Sequence[Aquifer], grid: Grid) -> str:
    """Where aquifers and predictors lie, for a message."""
    extents = np.array([aquifer.extent for aquifer in aquifers])
    west, south = extents[:, :2].min(axis=0).tolist()
    east, north = extents[:, 2:].max(axis=0).tolist()
    left, bottom, right, top = grid.bounds
    exchanged = polygons.meets((south, west, north, east), grid)
    hint = ", as if longitude and latitude were exchanged" if exchanged else ""
    return (
        f": they lie in {west:g}..{east:g} east and {south:g}..{north:g} north{hint}, the "
        f"predictors in {left:g}..{right:g} and {bottom:g}..{top:g}"
    )


def blend(numbers: np.ndarray, grid: Grid, feather_km: float) -> dict[int, np.ndarray]:
    """Compute the weight of each region's model, so that no seam shows at the borders.

    Parameters
    ----------
    numbers : ndarray of int, shape of ``grid``
        Number of the model of each pixel.
    grid : Grid
        The fine grid or a part of it.
    feather_km : float
        Distance from a border within which the weights change from one model to the other.

    Returns
    -------
    dict of int to ndarray of float32, shape of ``grid``
        The weights of each number that occurs. They add up to 1 in each pixel.
    """
    latitude = np.radians(np.mean(grid.bounds[1::2]))
    width = [
        2 * round(feather_km / (KM_PER_DEGREE * grid.dy)) + 1,
        2 * round(feather_km / (KM_PER_DEGREE * grid.dx * max(np.cos(latitude), 0.05))) + 1,
    ]
    present = np.flatnonzero(np.bincount(numbers.ravel()))
    if present.size == 1:
        return {int(present[0]): np.ones(numbers.shape, dtype=np.float32)}
    return {
        int(number): uniform_filter((numbers == number).astype(np.float32), width, mode="nearest")
        for number in present
    }


def _planar_area(aquifer: Aquifer) -> float:
    """Area in square degrees, sufficient to find the smaller of two overlapping aquifers."""
    return sum(
        _ring_area(part[0]) - sum(map(_ring_area, part[1:]))
        for part in polygons.parts_of(aquifer.geometry)
    )


def _ring_area(ring) -> float:
    x, y = np.array([point[:2] for point in ring], dtype=float).T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def _rasterise(aquifers: Sequence[Aquifer], grid: Grid) -> np.ndarray:
    """Number, from 1, of the last aquifer around each pixel centre, 0 for none: int16."""
    shapes = [
        (aquifer.geometry, aquifer.extent, number)
        for number, aquifer in enumerate(aquifers, start=1)
    ]
    return polygons.rasterise(shapes, grid, dtype="int16")


def _majority(
    pixels: np.ndarray, land: np.ndarray, fine: Grid, factor: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The region with most land in each coarse cell, and the land of each region in km².

    Both are of the part of the domain in ``fine``. ``count`` is the number of regions. Cells
    without land belong to the background.
    """
    coarse = fine.coarsen(factor)
    cell = spread(np.arange(coarse.rows * coarse.columns).reshape(coarse.shape), factor)
    number = cell[land] * count + pixels[land]
    areas = np.bincount(number, fine.cell_areas()[land], minlength=cell.size // factor**2 * count)
    areas = areas.reshape(*coarse.shape, count)
    return areas.argmax(axis=2).astype(np.int16), areas.sum(axis=(0, 1))
