"""Maps of the trend of each pixel, with its interval and significance, and of its season.

The maps are made in two passes. The first computes all but q, tile by tile, and keeps the tiles
beside the output, from where an interrupted run continues. q depends on the p-values of all pixels:
these are counted, and the second pass looks q up and writes the map.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import NamedTuple

import numpy as np

from ..base.cores import usable_cores
from ..base.errors import InputError
from ..base.grid import Bounds, Grid
from ..base.progress import SILENT, Progress
from ..base.tiles import Tile, squares
from ..compute.threads import run_all
from ..files.atomic import atomic_file
from ..files.checkpoint import resumable_folder, save_checkpoint
from ..files.stack_files import VARIABLE_TAG
from ..files.yearly_maps import YearlyMaps
from ..rasters.geotiff import DEFLATE, Header, new_geotiff
from ..stats.false_discovery import PValueCounts, round_p
from ..stats.trend_breaks import strongest_break
from ..stats.trend_fields import LEAST_MONTHS, same_months, trend_fields

VARIABLE = "trend"
# Name and unit of the bands, in their order in the file.
TREND_BANDS = {
    "trend": "cm/yr",
    "lower": "cm/yr",
    "upper": "cm/yr",
    "p": "",
    "q": "",
    "amplitude": "cm",
    "peak month": "",
}
BREAK_BANDS = {"break year": "", "change of trend": "cm/yr"}
Q = "q"
P = "p"
# Share of false discoveries at which pixels are counted as significant.
FALSE_DISCOVERIES = 0.1
# Tiles of one task, which has the files open; pixels of a tile without usable blocks of the files.
TILES_OF_TASK = 4
SIDE = 256
USABLE_SIDES = range(64, 513, 16)
# Values that a task reads at a time, series that it computes at a time, and tasks at a time. They
# bound the memory, together with the blocks of a task that GDAL keeps.
VALUES_READ = 16_000_000
SERIES = 4096
TASKS_AT_A_TIME = 10


@dataclass(frozen=True)
class TrendMapOptions:
    """Options of a trend map.

    Parameters
    ----------
    confidence : float
        Of the interval of the trend, between 0 and 1.
    find_breaks : bool
        Whether to find the strongest change of the trend.
    first, last : datetime64[M] or None
        Period of the trend; None for the first and the last month of the maps.
    bounds : (float, float, float, float) or None
        West, south, east and north of the region, degrees; None for all.
    """

    confidence: float = 0.9
    find_breaks: bool = False
    first: np.datetime64 | None = None
    last: np.datetime64 | None = None
    bounds: Bounds | None = None

    @property
    def bands(self) -> dict[str, str]:
        """Name -> unit of the bands."""
        return {**TREND_BANDS, **(BREAK_BANDS if self.find_breaks else {})}


@dataclass(frozen=True)
class TrendSummary:
    """Numbers of a trend map.

    Parameters
    ----------
    months : int
        Months of the maps in the period.
    pixels, significant : int
        Pixels with a trend, and those among them with q of at most ``FALSE_DISCOVERIES``.
    """

    months: int
    pixels: int
    significant: int

    def sentence(self) -> str:
        """The numbers as a sentence for the log."""
        share = 100 * self.significant / self.pixels if self.pixels else 0.0
        return (
            f"{self.pixels} pixels have a trend over {self.months} months; "
            f"{share:.0f} % of them are significant at a false discovery rate of "
            f"{FALSE_DISCOVERIES:g}."
        )


def write_trend_map(
    maps: YearlyMaps,
    path: Path,
    options: TrendMapOptions = TrendMapOptions(),
    tags: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> TrendSummary:
    """Compute the trend of each pixel and write it as a GeoTIFF.

    Parameters
    ----------
    maps : YearlyMaps
        Monthly maps, cm.
    path : Path
        The GeoTIFF, with the bands of ``TrendMapOptions.bands``, float32; NaN where a pixel has no
        trend (see ``trend_fields``). Tiles without any value are left out of the file.
    options : TrendMapOptions
    tags : mapping of str to str
        Provenance of the output, on which the reuse of an interrupted run depends too.
    progress : Progress

    Returns
    -------
    TrendSummary

    Raises
    ------
    InputError
        When the period has fewer than ``LEAST_MONTHS`` months, no pixel has as many values, or a
        file cannot be read.
    """
    months = _months_in_period(maps, options)
    all_tags = {**(tags or {}), VARIABLE_TAG: VARIABLE}
    layout = _layout(maps, options.bounds)
    run = json.dumps([all_tags, repr(options), repr(layout), list(map(str, months))])
    fingerprint = hashlib.sha256(run.encode()).hexdigest()
    with resumable_folder(path, fingerprint, progress) as folder:
        at_a_time = BoundedSemaphore(TASKS_AT_A_TIME)
        tasks = [
            partial(_compute_tiles, maps, months, options, part, folder, at_a_time)
            for part in _parts(layout.tiles, usable_cores())
        ]
        run_all(tasks, progress.part(0, 0.92).timed("The trends"))
        counts = PValueCounts()
        for tile in layout.tiles:
            progress.stop_if_cancelled()
            fields = _saved_fields(folder, tile)
            if fields is not None:
                counts.add(fields[_number(options, P)])
        if not counts.total:
            raise InputError(
                f"No pixel has values in at least {LEAST_MONTHS} months of the period; "
                "give more months."
            )
        saved = partial(_saved_fields, folder)
        rest = progress.part(0.92, 1)
        with atomic_file(path) as part:
            significant = _write(part, layout, saved, options, all_tags, counts, rest)
    return TrendSummary(months.size, counts.total, significant)


def _months_in_period(maps: YearlyMaps, options: TrendMapOptions) -> np.ndarray:
    months = maps.months
    first = months[0] if options.first is None else options.first
    last = months[-1] if options.last is None else options.last
    months = months[(months >= first) & (months <= last)]
    if months.size < LEAST_MONTHS:
        raise InputError(
            f"The maps have {months.size} months from {first} to {last}, but a trend needs at "
            f"least {LEAST_MONTHS}; give more years, or a longer period (START, END)."
        )
    return months


class _Layout(NamedTuple):
    """The grid of the output, the side of its blocks, and its tiles as windows of the maps."""

    grid: Grid
    side: int
    tiles: list[Tile]


def _layout(maps: YearlyMaps, bounds: Bounds | None) -> _Layout:
    """Tiles that are blocks of the maps, where those are usable."""
    rows, columns = maps.block()
    side = rows if rows == columns and rows in USABLE_SIDES else SIDE
    window = Tile(*maps.grid.window(bounds)) if bounds else Tile.full(maps.grid.shape)
    top, left = window.corner
    tiles = [
        Tile(
            slice(top + tile.rows.start, top + tile.rows.stop),
            slice(left + tile.columns.start, left + tile.columns.stop),
        )
        for tile in squares(window.shape, side)
    ]
    return _Layout(maps.grid.subgrid(*window), side, tiles)


def _parts(tiles: list[Tile], workers: int) -> list[list[Tile]]:
    size = TILES_OF_TASK if workers <= TASKS_AT_A_TIME // 2 else 1
    return [tiles[first : first + size] for first in range(0, len(tiles), size)]


def _number(options: TrendMapOptions, name: str) -> int:
    """Index of a band among the saved ones, which are all but q."""
    return [band for band in options.bands if band != Q].index(name)


def _file(folder: Path, tile: Tile) -> Path:
    return folder / f"{tile.rows.start}_{tile.columns.start}.npy"


def _saved_fields(folder: Path, tile: Tile) -> np.ndarray | None:
    """The fields of a tile but q, float32, (bands, rows, columns); None without values."""
    fields = np.load(_file(folder, tile))
    return fields if fields.size else None


def _compute_tiles(
    maps: YearlyMaps,
    months: np.ndarray,
    options: TrendMapOptions,
    tiles: list[Tile],
    folder: Path,
    at_a_time: BoundedSemaphore,
    progress: Progress,
) -> None:
    """Compute and save the fields of those tiles that are not saved yet."""
    missing = [tile for tile in tiles if not _file(folder, tile).exists()]
    if not missing:
        return
    with at_a_time, maps.opened() as read:
        for tile in missing:
            fields = _fields(read, months, options, tile, progress)
            saved = fields if np.isfinite(fields[0]).any() else np.empty(0)
            save_checkpoint(_file(folder, tile), partial(np.save, arr=saved))


def _fields(
    read, months: np.ndarray, options: TrendMapOptions, tile: Tile, progress: Progress
) -> np.ndarray:
    """All bands but q of a tile, float32, shape (bands, rows, columns)."""
    rows, columns = tile.shape
    fields = np.full((len(options.bands) - 1, rows, columns), np.nan, dtype=np.float32)
    height = max(1, VALUES_READ // (months.size * columns))
    for top in range(0, rows, height):
        bottom = min(top + height, rows)
        window = (slice(tile.rows.start + top, tile.rows.start + bottom), tile.columns)
        values = read(months, window).reshape(months.size, -1)
        used = np.flatnonzero(np.isfinite(values).sum(axis=0, dtype=np.int32) >= LEAST_MONTHS)
        strip = fields[:, top:bottom].reshape(len(fields), -1)
        for first in range(0, used.size, SERIES):
            progress.stop_if_cancelled()
            pixels = used[first : first + SERIES]
            strip[:, pixels] = _bands(months, values[:, pixels], options)
        fields[:, top:bottom] = strip.reshape(len(fields), bottom - top, columns)
    return fields


def _bands(months: np.ndarray, values: np.ndarray, options: TrendMapOptions) -> np.ndarray:
    """All bands but q of some series, shape (bands, series)."""
    trends = trend_fields(months, values, options.confidence)
    trends = trends._replace(p=round_p(trends.p))
    if not options.find_breaks:
        return np.array(trends, dtype=np.float32)
    breaks = np.full((len(BREAK_BANDS), values.shape[1]), np.nan)
    for known, members in same_months(values):
        breaks[:, members] = strongest_break(months[known], values[known][:, members])
    return np.array([*trends, *breaks], dtype=np.float32)


def _write(
    path: Path,
    layout: _Layout,
    saved: Callable[[Tile], np.ndarray | None],
    options: TrendMapOptions,
    tags: Mapping[str, str],
    counts: PValueCounts,
    progress: Progress,
) -> int:
    """Write the map from the saved tiles; return the number of significant pixels."""
    names = tuple(options.bands)
    header = Header(layout.grid, names, tuple(options.bands.values()), tags)
    table = counts.adjusted()
    encoding = {**DEFLATE, "sparse_ok": True}
    significant = 0
    top, left = layout.tiles[0].corner
    with new_geotiff(path, header, layout.side, encoding) as target:
        for number, tile in enumerate(layout.tiles):
            progress.advance(number / len(layout.tiles))
            fields = saved(tile)
            if fields is None:
                continue
            q = counts.look_up(table, fields[_number(options, P)])
            significant += int((q <= FALSE_DISCOVERIES).sum())
            for band, name in enumerate(names, start=1):
                field = q if name == Q else fields[_number(options, name)]
                target.write(band, field, (tile.rows.start - top, tile.columns.start - left))
        target.add_overviews(progress, "NEAREST")
    return significant
