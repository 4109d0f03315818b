"""The rasters of a predictor set: each input on the fine grid, and its mean over the coarse cells.

The fine one is written as float32 at first, unless it is a copy of integers; once the values of all rasters of a
predictor are known, it is packed. The means are those of the values before they are rounded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from rasterio.windows import Window

from ..base.grid import Grid
from ..base.months import calendar_year, month_range
from ..base.progress import Progress
from ..base.tiles import LEAST_SIDE
from ..files.atomic import atomic_file
from ..files.geotiff import creation, describe_band
from ..files.rasters import open_raster
from ..files.stack import MISSING, OBSERVED
from ..spatial.block_mean import BlockMean
from ..spatial.warp import Geometry, coincides, on_block
from .bands import one_hot
from .catalogue import NO_CLASS, Predictor
from .files import ALWAYS, COARSE, FINE, read_values, scaling
from .int16 import CODES, PLAIN, Encoding, RangeFinder, ValueRange, encode

BLOCK = LEAST_SIDE  # pixels along a side of what a file compresses at once: a tile of predictions is one, of 1 km
TILE = 2 * BLOCK
EXTENT_TAG = "GWSA_EXTENT"  # of a coarse raster: what the fine one holds
# GDAL's predictors would save a tenth of the disk, of smooth fields half, and double the time that reading takes.
FAST = {
    "compress": "ZSTD", "zstd_level": 1, "predictor": 1, "sparse_ok": True, "blockxsize": BLOCK, "blockysize": BLOCK,
}  # fmt: skip
FAST_COARSE = {
    **FAST,
    "blockxsize": 64,
    "blockysize": 64,
}  # a tile has eight cells of 0.25 degrees along a side


@dataclass(frozen=True, eq=False)
class Region:
    """What every raster is brought onto. ``land``: bool, shape of the fine grid."""

    fine: Grid
    factor: int
    land: np.ndarray


@dataclass(frozen=True, eq=False)
class Pair:
    """One fine raster, ``file``, and its aggregate. ``sources``: band to write -> (input file, its band).

    ``months`` are those of the bands, January to December; a static predictor has none. ``origin``: tags of both that
    say what they are made of.
    """

    predictor: Predictor
    file: str
    sources: dict[int, tuple[Path, int]]
    months: tuple[np.datetime64, ...] = ()
    origin: dict[str, str] = field(default_factory=dict)


def pairs_of(predictor: Predictor, inputs: dict, months: np.ndarray) -> list[Pair]:
    """One pair for a static predictor, one a year for a monthly one. ``inputs``: month -> (file, band)."""
    if not predictor.monthly:
        return [Pair(predictor, f"{predictor.name}.tif", {1: inputs[ALWAYS]})]
    return [_year(predictor, inputs, months, year) for year in np.unique(calendar_year(months))]


def _year(predictor: Predictor, inputs: dict, months: np.ndarray, year: int) -> Pair:
    calendar = month_range(f"{year:04}-01", f"{year:04}-12")
    sources = {
        band: inputs[month] for band, month in enumerate(calendar, start=1) if month in months
    }
    return Pair(predictor, f"{predictor.name}_{year:04}.tif", sources, tuple(calendar))


class PairContents(NamedTuple):
    """What a pair of rasters holds; ``numbers``: type, scale and offset of the fine one."""

    extent: ValueRange
    numbers: tuple[str, float, float]


def write_pair(
    pair: Pair, region: Region, folder: Path, unpacked: bool, progress: Progress
) -> PairContents:
    """Write both rasters under ``folder``: the fine one as the classes or the integers that it copies, else, and where
    it must be ``unpacked``, as float32. Integers that int16 cannot hold are lost, which the extent tells."""
    integers, fine_file = _integers(pair, region), folder / FINE / pair.file
    encoding = (
        CODES
        if pair.predictor.classes
        else Encoding("int16", *integers)
        if integers and not unpacked
        else PLAIN
    )
    with (
        _create_fine(pair, region, fine_file, encoding) as fine,
        _create_coarse(pair, region, folder) as coarse,
    ):
        target = _Target(fine, coarse, encoding, RangeFinder())
        for path, group in groupby(pair.sources.items(), key=lambda item: item[1][0]):
            with open_raster(path) as source:
                for band, (_, own_band) in group:
                    _write_band(
                        band,
                        reader(source, path, pair.predictor, own_band),
                        pair,
                        region,
                        target,
                        progress,
                    )
        extent = target.survey.extent(integers)
        coarse.update_tags(**{EXTENT_TAG: json.dumps(extent)})
    return PairContents(extent, encoding.numbers)


def pack_pair(
    pair: Pair, region: Region, folder: Path, encoding: Encoding, progress: Progress
) -> None:
    """Replace the fine raster, of float32, by one of int16."""
    path = folder / FINE / pair.file
    with (
        atomic_file(path) as part,
        rasterio.open(path) as plain,
        _create_fine(pair, region, part, encoding) as packed,
    ):
        for band in pair.sources:
            for rows, columns in blocks(region.fine):
                progress.stop_if_cancelled()
                window = Window.from_slices(rows, columns)
                packed.write(encode(plain.read(band, window=window), encoding), band, window=window)


def find_pair(pair: Pair, folder: Path) -> PairContents | None:
    """None unless both rasters are in the folder of a set and say that they have the origin of ``pair``."""
    try:
        with (
            rasterio.open(folder / FINE / pair.file) as fine,
            rasterio.open(folder / COARSE / pair.file) as coarse,
        ):
            if any(_tags(pair).items() - raster.tags().items() for raster in (fine, coarse)):
                return None
            *values, integers = json.loads(coarse.tags()[EXTENT_TAG])
            extent = ValueRange(*values, integers and tuple(integers))
            return PairContents(extent, (fine.dtypes[0], fine.scales[0], fine.offsets[0]))
    except (rasterio.errors.RasterioIOError, KeyError):
        return None


def reader(source, path: Path, predictor: Predictor, band: int) -> Callable[[Grid], np.ndarray]:
    """A function that gives one band of an open raster on any block of the fine grid."""
    return partial(
        on_block, partial(read_values, source, predictor, band), Geometry.of(source, path),
        categories=bool(predictor.classes),
    )  # fmt: skip


def find_land(
    layers: list[tuple[Predictor, Path]], is_land: Callable, fine: Grid, progress: Progress
) -> np.ndarray:
    """Where at least half of the layers say so by ``is_land`` (values -> bool): bool, shape of the fine grid."""
    land = np.zeros(fine.shape, dtype=bool)
    with ExitStack() as opened:
        readers = [
            reader(opened.enter_context(open_raster(path)), path, layer, 1)
            for layer, path in layers
        ]
        for rows, columns in blocks(fine):
            progress.advance(rows.stop / fine.rows)
            votes = sum(
                is_land(read(block=fine.sub(rows, columns))).astype(int) for read in readers
            )
            land[rows, columns] = 2 * votes >= len(readers)
    return land


def write_land(land: np.ndarray, fine: Grid, path: Path) -> None:
    """uint8, 1 on land and 0 elsewhere."""
    with rasterio.open(
        path, "w", **creation(fine, 1, dtype="uint8", nodata=None, predictor=2)
    ) as target:
        target.write(land.astype(np.uint8), 1)
        target.descriptions = ("land",)


def blocks(grid: Grid) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of each tile of a fine raster."""
    for top in range(0, grid.rows, TILE):
        for left in range(0, grid.columns, TILE):
            yield (
                slice(top, min(top + TILE, grid.rows)),
                slice(left, min(left + TILE, grid.columns)),
            )


def _integers(pair: Pair, region: Region) -> tuple[float, float] | None:
    """Scale and offset of the sources, if they are integers with one scaling and their pixels are those of the set."""
    scalings = set()
    for path, bands in groupby(pair.sources.values(), key=lambda item: item[0]):
        with open_raster(path) as source:
            copied = coincides(Geometry.of(source, path), region.fine)
            for _, band in bands:
                whole = np.issubdtype(source.dtypes[band - 1], np.integer)
                scalings.add(scaling(source, pair.predictor, band) if copied and whole else None)
    return scalings.pop() if len(scalings) == 1 else None


class _Target(NamedTuple):
    """The rasters of a pair, open; how the numbers of the fine one are stored, and what they are."""

    fine: rasterio.io.DatasetWriter
    coarse: rasterio.io.DatasetWriter
    encoding: Encoding
    survey: RangeFinder


def _write_band(
    band: int, read, pair: Pair, region: Region, target: _Target, progress: Progress
) -> None:
    classes, encoding = pair.predictor.classes, target.encoding
    means = [BlockMean(region.fine, region.factor) for _ in classes or [pair.predictor.name]]
    for rows, columns in blocks(region.fine):
        progress.stop_if_cancelled()
        values = np.where(
            region.land[rows, columns], read(block=region.fine.sub(rows, columns)), np.nan
        )
        stored = (
            _codes(values) if classes else encode(values, encoding) if encoding.packed else values
        )
        target.fine.write(stored, band, window=Window.from_slices(rows, columns))
        for mean, part in zip(means, one_hot(stored, classes) if classes else [values]):
            mean.add(part, rows, columns)
        target.survey.add(values)
    for place, mean in enumerate(means):
        target.coarse.write(mean.mean(), band + place)


def _codes(values: np.ndarray) -> np.ndarray:
    """Class codes as they are stored, uint16; what is no code is NO_CLASS."""
    return np.where((values >= 0) & (values < NO_CLASS), values, NO_CLASS).astype(np.uint16)


def _create_fine(pair: Pair, region: Region, path: Path, encoding: Encoding):
    kind = {"dtype": encoding.dtype, "nodata": encoding.nodata}
    target = _create(path, pair, creation(region.fine, len(pair.months) or 1, **FAST, **kind))
    target.scales, target.offsets = (
        (encoding.scale,) * target.count,
        (encoding.offset,) * target.count,
    )
    return target


def _create_coarse(pair: Pair, region: Region, folder: Path):
    count = len(pair.months) or len(pair.predictor.features)
    profile = creation(region.fine.coarsen(region.factor), count, **FAST_COARSE)
    return _create(folder / COARSE / pair.file, pair, profile)


def _create(path: Path, pair: Pair, profile: dict):
    """A raster open for writing, its bands named."""
    target = rasterio.open(path, "w", **profile)
    target.update_tags(**_tags(pair))
    target.units = (pair.predictor.unit,) * target.count
    for band, month in enumerate(pair.months, start=1):
        describe_band(target, band, month, OBSERVED if band in pair.sources else MISSING)
    if not pair.months:
        names = pair.predictor.features if target.count > 1 else [pair.predictor.name]
        target.descriptions = tuple(names)
    return target


def _tags(pair: Pair) -> dict[str, str]:
    tags = {"GWSA_VARIABLE": pair.predictor.name, "GWSA_UNIT": pair.predictor.unit, **pair.origin}
    return {name: text for name, text in tags.items() if text}  # GDAL forgets an empty one
