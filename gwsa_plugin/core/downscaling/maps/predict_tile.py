"""The job of making maps, and the prediction of one tile of it.

A job holds all that a worker needs, in this process or on another machine. The predictions of a
tile are saved as checkpoints, from which the maps are written when all tiles of a year exist.
"""

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
from ...base.grid import KM_PER_DEGREE, Grid
from ...base.progress import Progress
from ...base.tiles import Tile
from ...predictors.features import PixelSelection, months_at_once, read_pixels
from ...predictors.predictor_set import CONTENTS, PredictorSet
from ...predictors.stored_features import take_rows
from ...spatial.aquifers import Regions, blend
from ...spatial.mass_conservation import MassConservation, spread
from ..domain import Domain
from ..models.region_models import RegionModels

# Largest rounding error of maps that are not exact, cm.
LERC_ERROR_CM = 0.005


@dataclass(frozen=True, eq=False)
class ModelUse:
    """Models, and the cells and months that they predict.

    Parameters
    ----------
    models : RegionModels
        The models.
    cells : numpy.ndarray of bool
        Cells that they predict, coarse shape.
    months : numpy.ndarray of bool, shape (months,)
        Mapped months that they predict.
    """

    models: RegionModels
    cells: np.ndarray
    months: np.ndarray


@dataclass(frozen=True)
class MapOptions:
    """Options of the maps.

    Parameters
    ----------
    feather_km : float
        Half-width of the belt along aquifer borders in which models are blended, km.
    exact : bool
        Write float32 as computed. Otherwise values are rounded within 0.005 cm (LERC).
    tags : dict
        Tags of every file.
    """

    feather_km: float = 25.0
    exact: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def encoding(self) -> dict:
        """Creation options of the GeoTIFFs."""
        if self.exact:
            return {"compress": "ZSTD", "predictor": 3}
        # LERC stores centimetres within the stated error. All readers based on GDAL decode it.
        return {"compress": "LERC_ZSTD", "max_z_error": LERC_ERROR_CM, "predictor": 1}


@dataclass(frozen=True, eq=False)
class MapJob:
    """Inputs, models and options of the maps.

    Parameters
    ----------
    predictors : PredictorSet
        The predictors.
    regions : Regions
        The aquifer regions, between whose models predictions are blended.
    conservation : MassConservation
        The mass-conserving correction; its ``cells`` are mapped.
    months : numpy.ndarray of datetime64[M]
        The mapped months.
    sources : tuple of str
        Source of GWSA in each month: observed or filled.
    target : sequence of numpy.ndarray
        Coarse GWSA in each month, cm, coarse shape.
    products : dict of str to list of ModelUse
        Models of each product. Together they predict every cell and month once.
    options : MapOptions
        Blending, encoding and tags.
    """

    predictors: PredictorSet
    regions: Regions
    conservation: MassConservation
    months: np.ndarray
    sources: tuple[str, ...]
    target: Sequence[np.ndarray]
    products: dict[str, list[ModelUse]]
    options: MapOptions

    @property
    def tiles(self) -> list[Tile]:
        """The tiles of the coarse grid that hold mapped cells."""
        return self.conservation.tiles

    @classmethod
    def from_domain(
        cls, domain: Domain, products: dict[str, list[ModelUse]], options: MapOptions
    ) -> MapJob:
        """Map all months of a study domain.

        Parameters
        ----------
        domain : Domain
            The study domain. The tags of its GWSA are added to those of ``options``.
        products, options
            As ``MapJob``.
        """
        return cls(
            domain.predictors,
            domain.regions,
            domain.conservation,
            domain.months,
            sources=tuple(domain.source_of(month) for month in domain.months),
            target=domain.target,
            products=products,
            options=replace(options, tags={**domain.gwsa.tags, **options.tags}),
        )

    def fingerprint(self) -> str:
        """Return a digest that is the same for two jobs that make the same files."""
        options = [self.options.feather_km, self.options.exact, self.options.tags]
        digest = hashlib.sha256(json.dumps(options).encode())
        digest.update((self.predictors.folder / CONTENTS).read_bytes())
        digest.update(json.dumps([aquifer.geometry for aquifer in self.regions.aquifers]).encode())
        arrays = [self.months.astype(np.int64), self.conservation.cells, *self.target]
        for name, uses in self.products.items():
            digest.update(name.encode())
            for use in uses:
                digest.update(f"{use.models.shrinkage!r} {use.models.contrast_slope!r}".encode())
                for number, booster in use.models.boosters.items():
                    digest.update(b"%d" % number + booster.save_raw("ubj"))
                arrays += [use.models.pooled, use.cells, use.months]
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


class TileUse(NamedTuple):
    """A ``ModelUse`` in one tile.

    Parameters
    ----------
    models : RegionModels
        The models.
    months : numpy.ndarray of bool, shape (months,)
        Mapped months that they predict.
    pixels : numpy.ndarray of bool, shape (pixels of the tile,)
        Pixels that they predict.
    weights : dict of int to numpy.ndarray
        Weight of each model in these pixels, shape (predicted pixels,).
    """

    models: RegionModels
    months: np.ndarray
    pixels: np.ndarray
    weights: dict[int, np.ndarray]


def make_folders(folder: Path, products: Iterable[str]) -> None:
    """Make the folders in ``folder`` that ``predict_tile`` needs, one for each product."""
    for name in products:
        (folder / name).mkdir(parents=True, exist_ok=True)


def require_folder(*folders: Path) -> None:
    """Check that this machine can access the folders.

    Raises
    ------
    InputError
        When it cannot access one of them.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{platform.node()} cannot access the folder {folder}; every machine that works on "
                "the maps needs it under this path."
            )


def predict_tile(
    job: MapJob,
    products: list[str],
    folder: Path,
    wanted: np.ndarray,
    tile: Tile,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Predict a tile and save the predictions of each product as a checkpoint.

    Parameters
    ----------
    job : MapJob
        The job.
    products : list of str
        Names of the products to predict. A product whose checkpoint exists is not predicted again.
    folder : Path
        Folder of the checkpoints, prepared with ``make_folders``.
    wanted : numpy.ndarray of int
        Numbers of the months to predict.
    tile : Tile
        Tile of coarse cells.
    progress : Progress
        Only checked for cancellation.

    Returns
    -------
    dict of str to numpy.ndarray
        Block means of the predictions of each product, cm, shape (months, rows, columns) of the
        tile, NaN outside the mapped cells.

    Raises
    ------
    InputError
        When this machine cannot access the folders.
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


def read_part(folder: Path, product: str, tile: Tile, pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Read the checkpoint of a tile month by month.

    Parameters
    ----------
    folder, product, tile
        As ``predict_tile``.
    pixels : numpy.ndarray of bool
        Mapped pixels of the tile.

    Yields
    ------
    numpy.ndarray of float32, shape of ``pixels``
        The prediction, cm, NaN outside ``pixels``.
    """
    for values in np.load(_part_file(folder, product, tile), mmap_mode="r"):
        month = np.full(pixels.shape, np.nan, dtype=np.float32)
        month[pixels] = values
        yield month


def _part_file(folder: Path, product: str, tile: Tile) -> Path:
    """The checkpoint of a tile."""
    return folder / product / f"{tile.rows.start}_{tile.columns.start}.npy"


def _save(path: Path, raw: np.ndarray) -> None:
    """Write a checkpoint atomically.

    A worker that was given up as dead may write the same file at the same time, so that each uses a
    temporary name of its own. No folder is made: such a worker must not restore a deleted one.
    """
    temporary = path.with_suffix(f".{uuid4().hex}.part")
    with open(temporary, "wb") as file:
        np.save(file, raw)
    temporary.replace(path)


def _predict(
    job: MapJob,
    products: list[str],
    wanted: np.ndarray,
    tile: Tile,
    pixels: np.ndarray,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Predictions of each product: cm, float32, shape (wanted months, pixels)."""
    predictions = {
        name: np.full((wanted.size, int(pixels.sum())), np.nan, dtype=np.float32)
        for name in products
    }
    uses = [
        (predictions[name], use)
        for name in products
        for use in _uses_on_tile(job, job.products[name], tile, pixels)
    ]
    selection = PixelSelection(tile.fine(job.conservation.factor), pixels)
    # The features are read for as many months at a time as the memory bound allows, and used for
    # all products.
    step = months_at_once(job.predictors, tile)
    for first in range(0, wanted.size, step):
        numbers = wanted[first : first + step]
        months = read_pixels(job.predictors, job.months[numbers], selection)
        for i, (number, features) in enumerate(zip(numbers, months), start=first):
            for raw, use in uses:
                progress.stop_if_cancelled()
                if use.months[number]:
                    rows = [take_rows(feature, use.pixels) for feature in features]
                    raw[i, use.pixels] = use.models.predict(rows, use.weights)
    return predictions


def _uses_on_tile(
    job: MapJob, uses: list[ModelUse], tile: Tile, pixels: np.ndarray
) -> Iterator[TileUse]:
    """The uses that predict pixels of the tile."""
    grid = job.predictors.grid
    factor = job.conservation.factor
    feather_km = job.options.feather_km
    fine = tile.fine(factor)
    # The weights near the edge of the tile depend on regions beyond it.
    wide = fine.widened(_blend_margin(feather_km, grid), grid.shape)
    inner = fine.relative_to(wide)
    regions = job.regions.pixels(wide)
    for use in uses:
        if use.cells[tile].any():
            inside = spread(use.cells[tile], factor)[pixels]
            weights = blend(use.models.numbers(regions), grid.subgrid(*wide), feather_km)
            weights = {number: weight[inner][pixels][inside] for number, weight in weights.items()}
            yield TileUse(use.models, use.months, inside, weights)


def _blend_margin(feather_km: float, grid: Grid) -> int:
    """Pixels on each side on which blended weights depend, on the shortest parallel of the grid."""
    latitude = np.radians(np.abs(grid.bounds[1::2]).max())
    return round(feather_km / (KM_PER_DEGREE * grid.dx * max(np.cos(latitude), 0.05))) + 1
