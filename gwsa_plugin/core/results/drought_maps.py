"""Maps of the drought index: a monthly stack or yearly files, written tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.grid import Grid
from ..base.months import calendar_year, month_range
from ..base.progress import Progress
from ..base.tiles import Tile, squares
from ..files.atomic import atomic_file, atomic_folder
from ..files.stack import MISSING
from ..files.stack_files import NO_UNIT, VARIABLE_TAG
from ..files.stack_tags import carried_tags
from ..files.yearly_maps import YearlyMaps
from ..rasters.geotiff import UNIT_TAG, GeoTiff, Header, new_geotiff
from .drought_index import VARIABLE, IndexOptions, drought_index

# Side of a tile and of a block of the files in pixels, as in the maps of gwsa:downscale. A tile of
# 225 months takes 50 MB, and the index as much twice.
SIDE = 240
# Stored values are multiples of it, standard deviations.
STEP = 2.0**-8
ENCODING = {"compress": "DEFLATE", "predictor": 3, "zlevel": 1, "sparse_ok": True}
YEARLY_FILES = rf"{VARIABLE}_\d{{4}}\.tif"


class _Sheet(NamedTuple):
    """An open file and the months of its bands."""

    target: GeoTiff
    months: np.ndarray


def write_index_maps(
    maps: YearlyMaps,
    used: np.ndarray,
    options: IndexOptions,
    tags: Mapping[str, str],
    stack: Path | None,
    folder: Path | None,
    progress: Progress,
) -> list[Path]:
    """Write the index of each pixel as a stack, as yearly files, or both.

    All months of a tile are read, computed and written before the next tile, so that memory does
    not depend on the size of the maps. The stack has every calendar month from the first to the
    last, a yearly file January to December. Months without a map have no value and the source
    MISSING. Tiles without any value are left out of the files.

    Parameters
    ----------
    maps : YearlyMaps
        GWSA.
    used : ndarray of bool, shape (months,)
        Months of ``maps`` that define the climatology.
    options : IndexOptions
    tags : mapping of str to str
        Provenance.
    stack : Path or None
        The stack to write.
    folder : Path or None
        Folder for ``GGDI_YYYY.tif``, whose earlier files of such names are removed.
    progress : Progress
        Receives the fraction done.

    Returns
    -------
    list of Path
        The yearly files in the order of years.

    Raises
    ------
    InputError
        When a map cannot be read or has impossible values.
    OSError
        When a file cannot be written.
    """
    all_tags = {**carried_tags(maps.tags(), VARIABLE), **tags, VARIABLE_TAG: VARIABLE}
    all_tags[UNIT_TAG] = NO_UNIT
    tiles = squares(maps.grid.shape, SIDE)
    with _files(maps, all_tags, stack, folder, progress) as sheets, maps.opened() as read:
        for number, tile in enumerate(tiles):
            progress.advance(number / len(tiles))
            values = read(maps.months, tuple(tile))
            if np.isfinite(values).any():
                index = drought_index(maps.months, values, used, options).values
                _write_tile(sheets, maps.months, index, tile, progress)
        for sheet in sheets:
            sheet.target.add_overviews(progress)
    return yearly_index_files(folder) if folder else []


def yearly_index_files(folder: Path) -> list[Path]:
    """Return the ``GGDI_YYYY.tif`` of a folder in the order of years."""
    return sorted(folder.glob(f"{VARIABLE}_[0-9][0-9][0-9][0-9].tif"))


@contextmanager
def _files(
    maps: YearlyMaps,
    tags: Mapping[str, str],
    stack: Path | None,
    folder: Path | None,
    progress: Progress,
) -> Iterator[list[_Sheet]]:
    """Create all files; they get their names when the context ends without an exception."""
    progress.stop_if_cancelled()
    sources = dict(zip(maps.months, maps.source))
    with ExitStack() as stacked:

        def create(path: Path, months: np.ndarray) -> _Sheet:
            header = _header(maps.grid, months, sources, tags)
            return _Sheet(stacked.enter_context(new_geotiff(path, header, SIDE, ENCODING)), months)

        sheets = []
        if stack:
            part = stacked.enter_context(atomic_file(stack))
            sheets.append(create(part, month_range(maps.months[0], maps.months[-1])))
        if folder:
            parts = stacked.enter_context(atomic_folder(folder, earlier=YEARLY_FILES))
            for year in np.unique(calendar_year(maps.months)):
                name = f"{VARIABLE}_{year}.tif"
                sheets.append(create(parts / name, month_range(f"{year}-01", f"{year}-12")))
        yield sheets


def _header(
    grid: Grid, months: np.ndarray, sources: Mapping[np.datetime64, str], tags: Mapping[str, str]
) -> Header:
    return Header(
        grid,
        names=tuple(map(str, months)),
        unit=NO_UNIT,
        tags=tags,
        sources=tuple(sources.get(month, MISSING) for month in months),
        step=STEP,
    )


def _write_tile(
    sheets: list[_Sheet], months: np.ndarray, index: np.ndarray, tile: Tile, progress: Progress
) -> None:
    """Write the months of a tile that have a value."""
    places = {month: place for place, month in enumerate(months)}
    has_value = np.isfinite(index).any(axis=(1, 2))
    for sheet in sheets:
        progress.stop_if_cancelled()
        for band, month in enumerate(sheet.months, start=1):
            place = places.get(month)
            if place is not None and has_value[place]:
                sheet.target.write(band, index[place], tile.corner)
