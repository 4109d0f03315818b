"""The prediction of one tile of the maps.

The predictions of a tile in some years are saved as a checkpoint, from which the maps are written
when those of all tiles exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...base.grid import KM_PER_DEGREE, Grid
from ...base.progress import Progress
from ...base.tiles import Tile
from ...files.checkpoint import require_folder, save_checkpoint
from ...predictors.features import PixelSelection
from ...predictors.stored_features import TileFeature, row_blocks
from ...predictors.tile_features import TileRasters, months_in_memory
from ...spatial.aquifers import blend
from ...spatial.mass_conservation import spread
from ..models.region_models import RegionModels
from ..prior.fields import PixelLines, PriorJob, read_lines
from ..prior.lines import line_basis
from .map_job import MapJob, ModelUse

# Pixels whose features are computed at a time, so that those of a variable in some years stay in
# the second-level cache of the processor.
BLOCK_PIXELS = 4096


class TileUse(NamedTuple):
    """A ``ModelUse`` in one tile, or in some of its pixels.

    Parameters
    ----------
    models : RegionModels
        The models.
    months : numpy.ndarray of bool, shape (months,)
        Mapped months that they predict.
    pixels : numpy.ndarray of bool, shape (pixels,)
        Pixels that they predict.
    weights : dict of int to numpy.ndarray
        Weight of each model in these pixels, shape (predicted pixels,).
    prior : int or None
        Number of the prior that is added.
    lines : PixelLines or None
        Levels and trends of the prior in these pixels.
    """

    models: RegionModels
    months: np.ndarray
    pixels: np.ndarray
    weights: dict[int, np.ndarray]
    prior: int | None
    lines: PixelLines | None

    def block(self, rows: slice) -> TileUse:
        """Return the use in some of the pixels."""
        first = np.count_nonzero(self.pixels[: rows.start])
        own = slice(first, first + np.count_nonzero(self.pixels[rows]))
        return self._replace(
            pixels=self.pixels[rows],
            weights={number: weight[own] for number, weight in self.weights.items()},
            lines=self.lines and PixelLines(*(each[..., own] for each in self.lines)),
        )


def make_folders(folder: Path, products: Iterable[str]) -> None:
    """Make the folders in ``folder`` that ``predict_tile`` needs, one for each product."""
    for name in products:
        (folder / name).mkdir(parents=True, exist_ok=True)


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
    absent = [name for name in products if not part_file(folder, name, tile).exists()]
    if absent:
        for name, raw in _predict(job, absent, wanted, tile, pixels, progress).items():
            save_checkpoint(part_file(folder, name, tile), partial(np.save, arr=raw))
    return {
        name: np.stack(
            [
                job.conservation.block_mean(spread_pixels(month, pixels), tile)
                for month in read_part(folder, name, tile)
            ]
        )
        for name in products
    }


def read_part(folder: Path, product: str, tile: Tile) -> np.ndarray:
    """Open the checkpoint of a tile.

    Parameters
    ----------
    folder, product, tile
        As ``predict_tile``.

    Returns
    -------
    numpy.ndarray of float32, shape (predicted months, mapped pixels of the tile)
        The predictions, cm. They are read when they are used.
    """
    return np.load(part_file(folder, product, tile), mmap_mode="r")


def spread_pixels(values: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return a field with ``values`` at the ``pixels`` and NaN elsewhere, float32."""
    field = np.full(pixels.shape, np.nan, dtype=np.float32)
    field[pixels] = values
    return field


def part_file(folder: Path, product: str, tile: Tile) -> Path:
    """Return the path of the checkpoint of a tile."""
    return folder / product / f"{tile.rows.start}_{tile.columns.start}.npy"


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
    has_trees = any(use.models.shrinkage for _, use in uses)
    if not has_trees:
        for raw, use in uses:
            raw[np.ix_(use.months[wanted], use.pixels)] = 0.0
    trees = job.features if has_trees else ()
    terms = job.terms
    if not trees and not terms:
        return predictions
    # Rasters are read for as many months at a time as the memory bound allows, and used for all
    # products. Terms of the prior are computed with the features, from the same rasters.
    selection = PixelSelection(tile.fine(job.conservation.factor), pixels)
    step = months_in_memory(job.predictors, (*trees, *terms), selection)
    for first in range(0, wanted.size, step):
        numbers = wanted[first : first + step]
        rasters = TileRasters(job.predictors, (trees, terms), job.months[numbers], selection)
        for rows in row_blocks(rasters.rows, BLOCK_PIXELS):
            progress.stop_if_cancelled()
            features, prior_terms = rasters.features(rows)
            part = [(raw[first : first + step, rows], use.block(rows)) for raw, use in uses]
            if has_trees:
                _predict_trees(features, part, numbers)
            if job.prior:
                _add_priors(job.prior, prior_terms, part, numbers)
    return predictions


def _predict_trees(
    features: list[TileFeature],
    uses: list[tuple[np.ndarray, TileUse]],
    numbers: np.ndarray,
) -> None:
    """Fill in what the trees predict in the months ``numbers``."""
    for raw, use in uses:
        months = np.flatnonzero(use.months[numbers])
        if months.size == numbers.size and use.pixels.all():
            raw[:] = use.models.predict_months(features, months.size, use.weights)
        elif months.size and use.pixels.any():
            rows = np.flatnonzero(use.pixels).astype(np.int32)
            own = [feature.select(months, rows) for feature in features]
            raw[np.ix_(months, rows)] = use.models.predict_months(own, months.size, use.weights)


def _add_priors(
    job: PriorJob,
    terms: list[TileFeature],
    uses: list[tuple[np.ndarray, TileUse]],
    numbers: np.ndarray,
) -> None:
    """Add the prior of each use in the months ``numbers``."""
    basis = line_basis(job.months).astype(np.float32)
    for month, number in enumerate(numbers):
        values = np.stack([term.month(month, slice(0, term.rows)) for term in terms])
        for raw, use in uses:
            if use.prior is not None and use.lines is not None and use.months[number]:
                raw[month, use.pixels] += use.lines.values(
                    job.priors[use.prior], values[:, use.pixels], basis[number]
                )


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
    lines = _read_lines(job, tile)
    for use in uses:
        if use.cells[tile].any():
            inside = spread(use.cells[tile], factor)[pixels]
            weights = blend(use.models.numbers(regions), grid.subgrid(*wide), feather_km)
            weights = {number: weight[inner][pixels][inside] for number, weight in weights.items()}
            # The prior has lines in the pixels of its use.
            own = None if job.prior is None or use.prior is None else lines[use.prior]
            yield TileUse(use.models, use.months, inside, weights, use.prior, own)


def _read_lines(job: MapJob, tile: Tile) -> list[PixelLines]:
    """Levels and trends of the priors in a tile."""
    if job.prior is None:
        return []
    if job.lines is None:
        raise ValueError("Levels and trends of the prior must be computed before the maps.")
    require_folder(job.lines)
    return read_lines(job.lines, tile)


def _blend_margin(feather_km: float, grid: Grid) -> int:
    """Pixels on each side on which blended weights depend, on the shortest parallel of the grid."""
    latitude = np.radians(np.abs(grid.bounds[1::2]).max())
    return round(feather_km / (KM_PER_DEGREE * grid.dx * max(np.cos(latitude), 0.05))) + 1
