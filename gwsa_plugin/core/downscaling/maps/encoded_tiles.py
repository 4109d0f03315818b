"""Encoded tiles of a year, each a file of blocks, and the GeoTIFF of the year that joins them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ...base.months import month_range
from ...base.progress import Progress
from ...base.tiles import Tile
from ...base.units import CM
from ...files.checkpoint import save_checkpoint
from ...files.stack import MISSING
from ...rasters.encoded_blocks import encode_blocks, read_blocks, save_blocks
from ...rasters.geotiff import UNIT_TAG, Header, add_overviews, new_geotiff
from ...rasters.geotiff_blocks import append_blocks, require_blocks
from ...rasters.read_back import require_described
from ...spatial.mass_conservation import MassConservation
from .map_job import MapOptions


def save_tile(
    path: Path,
    conservation: MassConservation,
    options: MapOptions,
    tile: Tile,
    fields: Iterable[tuple[int, np.ndarray]],
) -> None:
    """Save the encoded months of a tile as a checkpoint.

    Parameters
    ----------
    path : Path
        The new file.
    conservation : MassConservation
        Gives the grids.
    options : MapOptions
        Encoding.
    tile : Tile
        Tile of coarse cells.
    fields : iterable of (int, numpy.ndarray)
        Calendar months and their values, cm, float32, shape of the pixels of the tile.
    """
    factor = conservation.factor
    grid = conservation.coarse.refine(factor).subgrid(*tile.fine(factor))
    header = Header(grid, ("",) * 12, "", {}, step=options.storage.step)
    blocks = encode_blocks(header, conservation.block_side, options.creation, fields)
    save_checkpoint(path, partial(save_blocks, blocks))


def join_tiles(
    path: Path,
    year: int,
    conservation: MassConservation,
    options: MapOptions,
    sources: dict[np.datetime64, str],
    tiles: Iterable[tuple[Tile, Path]],
    progress: Progress,
) -> None:
    """Write the GeoTIFF of a year with twelve bands, and overviews if it is large.

    Parameters
    ----------
    path : Path
        The new file. After an exception it is incomplete and must be deleted.
    year : int
        The year.
    conservation : MassConservation
        Gives the grids.
    options : MapOptions
        Encoding and tags.
    sources : dict of datetime64 to str
        Source of GWSA in the months that have values; the others are all nodata.
    tiles : iterable of (Tile, Path)
        The tiles with their files of ``save_tile``.
    progress : Progress
        Only checked for cancellation.

    Raises
    ------
    OSError
        When the file cannot be written or has not the blocks of the tiles.
    """
    months = month_range(f"{year}-01", f"{year}-12")
    factor = conservation.factor
    header = Header(
        conservation.coarse.refine(factor),
        names=tuple(map(str, months)),
        unit=CM,
        tags={**options.tags, UNIT_TAG: CM},
        sources=tuple(sources.get(month, MISSING) for month in months),
        step=options.storage.step,
    )
    side = conservation.block_side
    with new_geotiff(path, header, side, options.creation):
        pass
    checksums = append_blocks(path, _numbered(tiles, header.grid.shape, factor, side))
    add_overviews(path, options.creation, progress)
    require_blocks(path, checksums)
    require_described(path, header.tags, header.names, header.sources)


def _numbered(
    tiles: Iterable[tuple[Tile, Path]], shape: tuple[int, int], factor: int, side: int
) -> Iterator[tuple[int, bytes]]:
    """The blocks of the tiles with their numbers in a raster of this shape."""
    rows, columns = (-(-length // side) for length in shape)
    for tile, path in tiles:
        top, left = tile.fine(factor).corner
        place = top // side * columns + left // side
        for band, block in enumerate(read_blocks(path)):
            yield band * rows * columns + place, block
