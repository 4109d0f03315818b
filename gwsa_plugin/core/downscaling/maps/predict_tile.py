"""What is predicted and how it becomes a map, tile by tile: all that a worker needs, wherever it runs."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from ...base.errors import InputError
from ...base.progress import Progress
from ...base.tiles import Tile
from ...predictors.features import PixelSelection, months_at_once, read_pixels
from ...predictors.predictor_set import CONTENTS, PredictorSet
from ...predictors.stored_features import take_rows
from ...spatial.aquifers import KM_PER_DEGREE, Regions, blend
from ...spatial.mass_conservation import MassConservation, spread
from ..domain import Domain
from ..models.region_models import RegionModels

LERC_ERROR_CM = 0.005


@dataclass(frozen=True, eq=False)
class ModelUse:
    """``models`` predict ``cells`` (bool, coarse shape) in ``months`` (bool, (months,))."""

    models: RegionModels
    cells: np.ndarray
    months: np.ndarray


@dataclass(frozen=True)
class MapOptions:
    """``feather_km``: the half-width of the belt along aquifer borders where models are blended. ``exact``: float32 as
    computed instead of LERC within 0.005 cm. ``tags``: of every file."""

    feather_km: float = 25.0
    exact: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def encoding(self) -> dict:
        if self.exact:
            return {"compress": "ZSTD", "predictor": 3}
        # LERC keeps plain centimetres within the stated error; every reader built on GDAL decodes it.
        return {"compress": "LERC_ZSTD", "max_z_error": LERC_ERROR_CM, "predictor": 1}


@dataclass(frozen=True, eq=False)
class MapJob:
    """``months``: those that are mapped, datetime64[M]; ``sources``: of each, observed or filled; ``target``: the
    coarse field of each, cm, (rows, columns). ``products``: name -> the parts that together predict every cell and
    month once."""

    predictors: PredictorSet
    regions: Regions
    conservation: MassConservation
    months: np.ndarray
    sources: tuple[str, ...]
    target: Sequence[np.ndarray]
    products: dict[str, list[ModelUse]]
    mapping: MapOptions

    @property
    def tiles(self) -> list[Tile]:
        return self.conservation.tiles

    @classmethod
    def of(cls, domain: Domain, products: dict[str, list[ModelUse]], mapping: MapOptions) -> MapJob:
        sources = tuple(domain.source_of(month) for month in domain.months)
        given = (
            domain.predictors,
            domain.regions,
            domain.conservation,
            domain.months,
            sources,
            domain.target,
        )
        return cls(*given, products, replace(mapping, tags={**domain.gwsa.tags, **mapping.tags}))

    def fingerprint(self) -> str:
        """The same for two jobs that make the same files."""
        digest = hashlib.sha256(
            json.dumps([self.mapping.feather_km, self.mapping.exact, self.mapping.tags]).encode()
        )
        digest.update((self.predictors.folder / CONTENTS).read_bytes())
        digest.update(json.dumps([aquifer.geometry for aquifer in self.regions.aquifers]).encode())
        arrays = [self.months.astype(np.int64), self.conservation.cells, *self.target]
        for name, parts in self.products.items():
            digest.update(name.encode())
            for part in parts:
                digest.update(f"{part.models.shrinkage!r} {part.models.contrast_slope!r}".encode())
                for number, booster in part.models.boosters.items():
                    digest.update(b"%d" % number + booster.save_raw("ubj"))
                arrays += [part.models.pooled, part.cells, part.months]
        for array in arrays:
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()


def make_folders(folder: Path, products: Iterable[str]) -> None:
    """For what ``predict_tile`` writes into ``folder``."""
    for name in products:
        (folder / name).mkdir(parents=True, exist_ok=True)


def predict_tile(
    job: MapJob,
    products: list[str],
    folder: Path,
    wanted: np.ndarray,
    tile: Tile,
    progress: Progress,
) -> dict:
    """Predict a tile in the months of the numbers ``wanted``, as a file of each of the ``products`` in ``folder``: the
    checkpoint. One that is there already is not made again.

    Returns the means over the coarse cells of each product: cm, (months, rows, columns), NaN off the cells. InputError
    on a machine that does not see the folders.
    """
    require_folder(folder, job.predictors.folder)
    pixels = job.conservation.pixels(tile)
    absent = [name for name in products if not _part_file(folder, name, tile).exists()]
    if absent:
        for name, raw in _predict(job, absent, wanted, tile, pixels, progress).items():
            _save(_part_file(folder, name, tile), raw)
    return {
        name: np.stack(
            [
                job.conservation.block_mean(raw, tile)
                for raw in read_part(folder, name, tile, pixels)
            ]
        )
        for name in products
    }


def require_folder(*folders: Path) -> None:
    """InputError for one that this machine does not see."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{platform.node()} does not see the folder {folder}; every machine that works on the maps needs it "
                "under this path."
            )


def _part_file(folder: Path, product: str, tile: Tile) -> Path:
    return folder / product / f"{tile.rows.start}_{tile.columns.start}.npy"


def read_part(folder: Path, product: str, tile: Tile, pixels: np.ndarray) -> Iterator[np.ndarray]:
    """The prediction of each month: cm, float32, shape of ``pixels`` (bool), NaN off them."""
    for values in np.load(_part_file(folder, product, tile), mmap_mode="r"):
        month = np.full(pixels.shape, np.nan, dtype=np.float32)
        month[pixels] = values
        yield month


def _save(path: Path, raw: np.ndarray) -> None:
    """Whole or not at all, also while a worker that was given up for dead writes the same; and no folder is made, so
    that such a one does not bring back what has been cleared away."""
    whole = path.with_suffix(f".{uuid4().hex}.part")
    with open(whole, "wb") as file:
        np.save(file, raw)
    whole.replace(path)


def _predict(
    job: MapJob, products: list[str], wanted, tile: Tile, pixels: np.ndarray, progress: Progress
) -> dict[str, np.ndarray]:
    """By product: cm, float32, (months, pixels), as many months at a time as the memory bound allows."""
    raws = {
        name: np.full((wanted.size, int(pixels.sum())), np.nan, dtype=np.float32)
        for name in products
    }
    parts = [
        (raws[name], part)
        for name in products
        for part in _on_tile(job, job.products[name], tile, pixels)
    ]
    at_once, place = (
        months_at_once(job.predictors, tile),
        PixelSelection(tile.fine(job.conservation.factor), pixels),
    )
    for first in range(0, wanted.size, at_once):
        chosen = wanted[first : first + at_once]
        of_months = read_pixels(job.predictors, job.months[chosen], place)
        for i, (month, features) in enumerate(zip(chosen, of_months), start=first):
            for raw, part in parts:
                progress.stop_if_cancelled()
                if part.months[month]:
                    of_part = [take_rows(one, part.pixels) for one in features]
                    raw[i, part.pixels] = part.models.predict(of_part, part.weights)
    return raws


class TileUse(NamedTuple):
    """A part on a tile: which of the tile's pixels it predicts (bool, (pixels,)), the models' weights there."""

    models: RegionModels
    months: np.ndarray
    pixels: np.ndarray
    weights: dict[int, np.ndarray]


def _on_tile(
    job: MapJob, parts: list[ModelUse], tile: Tile, pixels: np.ndarray
) -> Iterator[TileUse]:
    grid, factor = job.predictors.grid, job.conservation.factor
    fine = tile.fine(factor)
    wide = fine.widened(
        _reach(job.mapping.feather_km, grid), grid.shape
    )  # so that the blend sees beyond the tile
    regions = job.regions.pixels(wide)
    for part in parts:
        if part.cells[tile].any():
            here = spread(part.cells[tile], factor)[pixels]
            weights = blend(part.models.numbers(regions), grid.sub(*wide), job.mapping.feather_km)
            weights = {
                number: weight[fine.within(wide)][pixels][here]
                for number, weight in weights.items()
            }
            yield TileUse(part.models, part.months, here, weights)


def _reach(feather_km: float, grid) -> int:
    """Pixels on each side that the blend looks at, along a meridian and along the shortest parallel of the grid."""
    latitude = np.radians(np.abs(grid.bounds[1::2]).max())
    return round(feather_km / (KM_PER_DEGREE * grid.dx * max(np.cos(latitude), 0.05))) + 1
