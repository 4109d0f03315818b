"""The rasters of a predictor set: each input on the fine grid, and its means over coarse cells.

A fine raster is first written as float32, unless it holds class codes or a copy of integers. When
the value range of all rasters of a predictor is known, they are converted to int16. The coarse
means are computed from the values before that rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import calendar_year, month_range
from ..base.progress import Progress
from ..base.tiles import LEAST_SIDE
from ..files.atomic import atomic_file
from ..files.stack import MISSING, OBSERVED
from ..rasters.geotiff import UNIT_TAG, GeoTiff, Header, can_compress, new_geotiff
from ..rasters.raster import Raster, Window
from ..rasters.reading import open_raster
from ..spatial.block_mean import BlockMean
from ..spatial.warp import Geometry, coincides, warp_to_block
from .band_check import BandCheck
from .bands import one_hot
from .catalogue import NO_CLASS, Predictor
from .files import ALWAYS, COARSE, FINE, in_unit, read_numbers, scaling
from .inputs import open_input
from .int16 import CLASS_CODES, FLOAT32, Encoding, RangeFinder, ValueRange, encode
from .land_mask import LandMask

# Sides of GeoTIFF blocks in pixels: that of a prediction tile at 1 km, and, in the coarse rasters,
# a small one, because training reads windows of eight by eight cells.
BLOCK = LEAST_SIDE
COARSE_BLOCK = 64
# Side of the windows that are processed at once.
TILE = 2 * BLOCK
# Tag of a coarse raster: the value range of the fine one.
EXTENT_TAG = "GWSA_EXTENT"
# A horizontal predictor would save a tenth of the disk space (half for smooth fields), but double
# the time of reading.
FAST = {"compress": "ZSTD", "zstd_level": 1, "predictor": 1, "sparse_ok": True}
# Some builds of GDAL lack ZSTD.
PORTABLE = {"compress": "DEFLATE", "zlevel": 1, "predictor": 1, "sparse_ok": True}


@dataclass(frozen=True, eq=False)
class Region:
    """The grids and the land that all rasters of a set share.

    Parameters
    ----------
    fine : Grid
        The fine grid.
    factor : int
        Fine pixels per coarse cell along a side.
    land : LandMask
        Values off the land are not stored.
    """

    fine: Grid
    factor: int
    land: LandMask


@dataclass(frozen=True, eq=False)
class Pair:
    """A fine raster of one predictor and its coarse aggregate, and what they are made from.

    Parameters
    ----------
    predictor : Predictor
        The variable.
    file : str
        Name of both files.
    sources : dict
        Band to write, counted from 1 -> (input file, its band).
    months : tuple of numpy.datetime64
        Months of the bands, January to December; empty for a static predictor.
    origin : dict
        Tags of both files that identify their inputs.
    """

    predictor: Predictor
    file: str
    sources: dict[int, tuple[Path, int]]
    months: tuple[np.datetime64, ...] = ()
    origin: dict[str, str] = field(default_factory=dict)


class PairContents(NamedTuple):
    """The values of a pair of rasters.

    Parameters
    ----------
    value_range : ValueRange
        Range of the values before rounding.
    stored_as : (str, float, float)
        Data type, scale and offset of the fine raster.
    """

    value_range: ValueRange
    stored_as: tuple[str, float, float]


def make_pairs(predictor: Predictor, inputs: dict, months: np.ndarray) -> list[Pair]:
    """List the raster pairs of a predictor: one if it is static, else one per year.

    Parameters
    ----------
    predictor : Predictor
        The variable.
    inputs : dict
        Month, or ALWAYS -> (input file, its band).
    months : numpy.ndarray
        Months to write, datetime64[M].
    """
    if not predictor.monthly:
        return [Pair(predictor, f"{predictor.name}.tif", {1: inputs[ALWAYS]})]
    years = np.unique(calendar_year(months))
    return [_yearly_pair(predictor, inputs, months, year) for year in years]


def _yearly_pair(predictor: Predictor, inputs: dict, months: np.ndarray, year: int) -> Pair:
    calendar = month_range(f"{year:04}-01", f"{year:04}-12")
    wanted = {month for month in months if month in inputs}
    sources = {
        band: inputs[month] for band, month in enumerate(calendar, start=1) if month in wanted
    }
    return Pair(predictor, f"{predictor.name}_{year:04}.tif", sources, tuple(calendar))


def write_pair(
    pair: Pair, region: Region, folder: Path, as_float32: bool, progress: Progress
) -> PairContents:
    """Write the fine and the coarse raster of a pair.

    Parameters
    ----------
    pair : Pair
        The rasters and their inputs.
    region : Region
        Grids and land.
    folder : Path
        Folder of the set.
    as_float32 : bool
        Write float32 although the inputs are integers on the fine grid. By default their numbers
        are copied as int16. Numbers that int16 cannot hold then have no value in the fine raster,
        while the returned range includes them.
    progress : Progress
        Checked for cancellation.
    """
    integers = _integer_scaling(pair, region)
    encoding = FLOAT32
    if pair.predictor.classes:
        encoding = CLASS_CODES
    elif integers and not as_float32:
        encoding = Encoding("int16", *integers)
    with (
        _new_fine(pair, region, folder / FINE / pair.file, encoding) as fine,
        _new_coarse(pair, region, folder / COARSE / pair.file) as coarse,
    ):
        target = _PairTarget(fine, coarse, encoding, RangeFinder())
        # Bands that come from the same input file are neighbours, so that each is opened once.
        for path, group in groupby(pair.sources.items(), key=lambda item: item[1][0]):
            with open_input(path, pair.predictor) as source:
                for band, (_, input_band) in group:
                    label = pair.months[band - 1] if pair.months else input_band
                    check = BandCheck(pair.predictor, path, source.bands[input_band - 1], label)
                    read = block_reader(source, path, pair.predictor, input_band, check.add)
                    _write_band(band, read, pair, region, target, progress)
                    check.require_plausible()
        value_range = target.range_finder.value_range(integers)
        coarse.write_tag(EXTENT_TAG, json.dumps(value_range))
    return PairContents(value_range, encoding.stored_as)


def convert_pair(
    pair: Pair, region: Region, folder: Path, encoding: Encoding, progress: Progress
) -> None:
    """Replace the fine raster of a pair, stored as float32, by one of int16."""
    path = folder / FINE / pair.file
    with (
        atomic_file(path) as part,
        open_raster(path) as plain,
        _new_fine(pair, region, part, encoding) as converted,
    ):
        for band in pair.sources:
            for rows, columns in windows(region.fine):
                progress.stop_if_cancelled()
                values = plain.read(band, (rows, columns))
                converted.write(band, encode(values, encoding), (rows.start, columns.start))


def find_pair(pair: Pair, folder: Path) -> PairContents | None:
    """Look for a pair in the folder of an earlier set.

    Returns
    -------
    PairContents or None
        None unless both rasters exist and their tags state the same origin as ``pair``.
    """
    try:
        with (
            open_raster(folder / FINE / pair.file) as fine,
            open_raster(folder / COARSE / pair.file) as coarse,
        ):
            if any(_tags(pair).items() - raster.tags().items() for raster in (fine, coarse)):
                return None
            pixels, low, high, middle, integers = json.loads(coarse.tags()[EXTENT_TAG])
            scale_and_offset = (integers[0], integers[1]) if integers else None
            stored = fine.bands[0]
            value_range = ValueRange(pixels, low, high, middle, scale_and_offset)
            return PairContents(value_range, (stored.dtype, stored.scale, stored.offset))
    except (InputError, KeyError):
        return None


def block_reader(
    source: Raster,
    path: Path,
    predictor: Predictor,
    band: int,
    watch: Callable[[np.ndarray], None] = lambda numbers: None,
) -> Callable[[Grid], np.ndarray]:
    """Make a function that reads one band of an open raster on any block of the fine grid.

    ``watch`` is called with the stored numbers of each window.
    """

    def read(window: Window) -> np.ndarray:
        numbers = read_numbers(source, predictor, band, window)
        watch(numbers)
        return numbers

    def read_block(block: Grid) -> np.ndarray:
        # The fewer pixels of the block are scaled, not those of the raster.
        numbers = warp_to_block(read, geometry, block, categories=bool(predictor.classes))
        return in_unit(numbers, *scaling(source.bands[band - 1], predictor))

    geometry = Geometry.from_raster(source, path)
    return read_block


def windows(grid: Grid) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the windows in which a fine raster is processed."""
    for top in range(0, grid.rows, TILE):
        for left in range(0, grid.columns, TILE):
            yield (
                slice(top, min(top + TILE, grid.rows)),
                slice(left, min(left + TILE, grid.columns)),
            )


def _integer_scaling(pair: Pair, region: Region) -> tuple[float, float] | None:
    """Scale and offset of the inputs if they are integers that can be copied, else None.

    They can if all have one scaling and their pixels coincide with those of the fine grid.
    """
    scalings: set[tuple[float, float] | None] = set()
    for path, bands in groupby(pair.sources.values(), key=lambda item: item[0]):
        with open_input(path, pair.predictor) as source:
            copied = coincides(Geometry.from_raster(source, path), region.fine)
            for _, number in bands:
                band = source.bands[number - 1]
                integer = np.issubdtype(band.dtype, np.integer)
                scalings.add(scaling(band, pair.predictor) if copied and integer else None)
    return scalings.pop() if len(scalings) == 1 else None


class _PairTarget(NamedTuple):
    """The two rasters of a pair, open for writing, and the range of the values written so far."""

    fine: GeoTiff
    coarse: GeoTiff
    encoding: Encoding
    range_finder: RangeFinder


def _write_band(
    band: int,
    read: Callable[[Grid], np.ndarray],
    pair: Pair,
    region: Region,
    target: _PairTarget,
    progress: Progress,
) -> None:
    """Write one band of the fine raster and its means: one coarse band, or one per class."""
    classes = pair.predictor.classes
    encoding = target.encoding
    means = [BlockMean(region.fine, region.factor) for _ in classes or [pair.predictor.name]]
    for rows, columns in windows(region.fine):
        progress.stop_if_cancelled()
        values = read(region.fine.subgrid(rows, columns))
        values = np.where(region.land[rows, columns], values, np.nan)
        if classes:
            stored = _class_codes(values)
        else:
            stored = encode(values, encoding) if encoding.is_int16 else values
        target.fine.write(band, stored, (rows.start, columns.start))
        # The mean of the one-hot values of a class is the fraction of the area it covers.
        for mean, part in zip(means, one_hot(stored, classes) if classes else [values]):
            mean.add(part, rows, columns)
        target.range_finder.add(values)
    for place, mean in enumerate(means):
        target.coarse.write(band + place, mean.mean())


def _class_codes(values: np.ndarray) -> np.ndarray:
    """Class codes as uint16; values that are no possible code become NO_CLASS."""
    return np.where((values >= 0) & (values < NO_CLASS), values, NO_CLASS).astype(np.uint16)


def _new_fine(
    pair: Pair, region: Region, path: Path, encoding: Encoding
) -> AbstractContextManager[GeoTiff]:
    """Create the fine raster of a pair, to be used in a ``with`` statement."""
    names = _month_names(pair) or (pair.predictor.name,)
    header = Header(
        region.fine,
        names,
        pair.predictor.unit,
        _tags(pair),
        _band_sources(pair),
        dtype=encoding.dtype,
        nodata=encoding.nodata,
        scale=encoding.scale,
        offset=encoding.offset,
    )
    return new_geotiff(path, header, BLOCK, compression())


def _new_coarse(pair: Pair, region: Region, path: Path) -> AbstractContextManager[GeoTiff]:
    """Create the coarse raster of a pair, to be used in a ``with`` statement."""
    coarse = region.fine.coarsen(region.factor)
    names = _month_names(pair) or (pair.predictor.name,)
    if len(pair.predictor.classes) > 1:
        names = pair.predictor.features
    header = Header(coarse, names, pair.predictor.unit, _tags(pair), _band_sources(pair))
    return new_geotiff(path, header, COARSE_BLOCK, compression())


def _month_names(pair: Pair) -> tuple[str, ...]:
    return tuple(map(str, pair.months))


def _band_sources(pair: Pair) -> tuple[str, ...]:
    """The GWSA_SOURCE of each monthly band."""
    return tuple(
        OBSERVED if band in pair.sources else MISSING for band in range(1, len(pair.months) + 1)
    )


def _tags(pair: Pair) -> dict[str, str]:
    """Tags of both rasters, without empty ones, which GDAL does not store."""
    tags = {"GWSA_VARIABLE": pair.predictor.name, UNIT_TAG: pair.predictor.unit, **pair.origin}
    return {name: text for name, text in tags.items() if text}


def compression() -> dict:
    """Return how the rasters of a set are compressed."""
    return FAST if can_compress("ZSTD") else PORTABLE
