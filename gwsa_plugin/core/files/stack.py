"""The monthly stack: one variable for consecutive months, in memory and as a GeoTIFF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Bounds, Grid
from ..base.months import BASELINE, in_baseline, month_range, period_name
from ..base.nan_mean import nan_mean
from ..base.plausible import limits_for
from ..base.progress import SILENT, Progress
from ..base.units import CM, is_dimensionless
from ..rasters.encoded_blocks import encode_bands
from ..rasters.geotiff import UNIT_TAG, Header, new_geotiff
from ..rasters.geotiff_blocks import append_blocks, require_blocks
from ..rasters.read_back import require_described
from .atomic import atomic_file
from .packed_tiles import NO_TILE, TILES_DOMAIN, pack_tiles
from .stack_files import NO_UNIT, VARIABLE_TAG, read_files, reading_line, variable_in_name
from .stack_tags import FILLED, MISSING, OBSERVED, carried_tags, region_inside

# Pixels along the side of a block of a stack. Small blocks along coasts contain less sea.
BLOCK = 128
# Values that are encoded together.
ENCODED_TOGETHER = 1 << 22
# Compression of stacks. Their last digits are noise: a higher level or a predictor takes three
# times as long and saves little.
DEFLATED = {"compress": "DEFLATE", "zlevel": 1}


@dataclass(frozen=True)
class MonthlyStack:
    """One variable on a grid for every month from the first to the last.

    Parameters
    ----------
    grid : Grid
    months : ndarray of datetime64[M], shape (months,)
        Consecutive.
    values : ndarray of float32, shape (months, rows, columns)
        NaN where there is no value; a missing month is all NaN.
    source : tuple of str
        OBSERVED, FILLED or MISSING for each month.
    variable : str
    unit : str
    tags : dict of str to str
        Further tags of the file, such as GWSA_BASELINE.
    tiles : ndarray of int32, shape (rows, columns), optional
        Number of the mascon of each cell, whose cells share one TWSA series; -1 for a cell in none.
        None where no mascons are known.
    """

    grid: Grid
    months: np.ndarray
    values: np.ndarray
    source: tuple[str, ...]
    variable: str = "TWSA"
    unit: str = CM
    tags: dict[str, str] = field(default_factory=dict)
    tiles: np.ndarray | None = None

    @classmethod
    def on_calendar(
        cls, grid, months, values, variable, unit=CM, period=None, source=None
    ) -> MonthlyStack:
        """Make a stack from months in any order; absent months become all NaN.

        Parameters
        ----------
        grid : Grid
        months : array_like of datetime64[M], shape (n,)
        values : array_like of float, shape (n, rows, columns)
        variable, unit : str
        period : (first, last), optional
            First and last month of the stack; by default those of ``months``. Months outside are
            dropped.
        source : sequence of str, optional
            OBSERVED, FILLED or MISSING for each of ``months``; by default OBSERVED for a month with
            any value and MISSING for others.
        """
        months = np.asarray(months, dtype="datetime64[M]")
        calendar = month_range(*(period or (months.min(), months.max())))
        full = np.full((calendar.size, *grid.shape), np.nan, dtype=np.float32)
        full_source = [MISSING] * calendar.size
        for i, place in enumerate((months - calendar[0]).astype(int)):
            if 0 <= place < calendar.size:
                full[place] = values[i]
                full_source[place] = _default_source(full[place]) if source is None else source[i]
        return cls(grid, calendar, full, tuple(full_source), variable, unit)

    @property
    def valid(self) -> np.ndarray:
        """True for cells that have a value in any month, shape (rows, columns)."""
        return np.isfinite(self.values).any(axis=0)

    @property
    def region(self) -> Grid:
        """The cells of the region that was asked for, without the margin (tag GWSA_REGION).

        All cells of a stack without the tag.

        Raises
        ------
        InputError
            When the tag is not a region, or the stack has no cell in it.
        """
        bounds = region_inside(self.grid, self.tags, self.variable)
        if bounds is None:
            return self.grid
        return self.grid.subgrid(*self.grid.window(bounds))

    def months_with_source(self, *sources: str) -> np.ndarray:
        """Return the months whose source is one of ``sources``, datetime64[M]."""
        return self.months[np.isin(self.source, sources)]

    def select(self, first, last) -> MonthlyStack:
        """Return the months of a period, as far as the stack has them.

        Parameters
        ----------
        first, last : datetime64[M]
            First and last month, both included.

        Raises
        ------
        InputError
            When the stack has no month of the period.
        """
        keep = (self.months >= first) & (self.months <= last)
        if not keep.any():
            raise InputError(
                f"The {self.variable} stack covers {self.months[0]} to {self.months[-1]}, "
                f"nothing from {first} to {last}; choose a period inside it."
            )
        if keep.all():
            return self
        source = tuple(one for one, kept in zip(self.source, keep) if kept)
        return replace(self, months=self.months[keep], values=self.values[keep], source=source)

    def crop(self, grid: Grid) -> MonthlyStack:
        """Return the part on ``grid``, which must be aligned with and inside the stack's grid."""
        rows, columns = _window_inside(self.grid, grid)
        tiles = None if self.tiles is None else self.tiles[rows, columns]
        return replace(self, grid=grid, values=self.values[:, rows, columns], tiles=tiles)

    def turned(self, bounds: Bounds) -> MonthlyStack:
        """Return the stack with the longitudes of a region, as ``Grid.turned``."""
        grid = self.grid.turned(bounds)
        columns = round((self.grid.west - grid.west) / grid.dx) if grid.wraps else 0
        if not columns:
            return replace(self, grid=grid)
        tiles = None if self.tiles is None else np.roll(self.tiles, columns, axis=-1)
        return replace(self, grid=grid, values=np.roll(self.values, columns, -1), tiles=tiles)

    def on(self, grid: Grid) -> MonthlyStack:
        """Crop and extend the stack to another grid.

        Parameters
        ----------
        grid : Grid
            Aligned with the grid of the stack. Its cells outside the stack become NaN and are in
            no tile.

        Raises
        ------
        InputError
            When the grids have no cell in common.
        """
        if grid == self.grid:
            return self
        shared = grid.overlap(self.grid)
        rows, columns = _window_inside(grid, shared)
        values = np.full((self.months.size, *grid.shape), np.nan, dtype=np.float32)
        part = self.crop(shared)
        values[:, rows, columns] = part.values
        tiles = None
        if part.tiles is not None:
            tiles = np.full(grid.shape, NO_TILE, dtype=np.int32)
            tiles[rows, columns] = part.tiles
        return replace(self, grid=grid, values=values, tiles=tiles)

    def anomaly(self, baseline=BASELINE) -> MonthlyStack:
        """Subtract the mean over the baseline from each cell.

        It is one mean per cell, not one per calendar month, so the annual cycle remains.

        Parameters
        ----------
        baseline : (first, last)
            Months of the baseline; those without a value do not count.

        Raises
        ------
        InputError
            When no month of the baseline has a value.
        """
        centred = replace(self, values=self.values - self.baseline_mean(baseline))
        return centred.tagged(GWSA_BASELINE=period_name(baseline))

    def baseline_mean(self, baseline=BASELINE) -> np.ndarray:
        """Average each cell over the baseline.

        Parameters
        ----------
        baseline : (first, last)

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            NaN where a cell has no value in the baseline.

        Raises
        ------
        InputError
            When no month of the baseline has a value.
        """
        inside = in_baseline(self.months, baseline)
        if not np.isfinite(self.values[inside]).any():
            raise InputError(
                f"The {self.variable} stack has no data in the baseline, {baseline[0]} to "
                f"{baseline[1]}; extend its period so that it covers the baseline."
            )
        return nan_mean(self.values[inside]).astype(np.float32)

    def tagged(self, **tags: str) -> MonthlyStack:
        """Return the stack with more tags."""
        return replace(self, tags={**self.tags, **tags})


def _window_inside(outer: Grid, inner: Grid) -> tuple[slice, slice]:
    """Rows and columns of ``inner`` in ``outer``."""
    window = outer.window_of(inner)
    if window is None:
        raise ValueError("the grid is not inside that of the stack")
    return window


def _default_source(values: np.ndarray) -> str:
    """Source of a month for which none is given."""
    return OBSERVED if np.isfinite(values).any() else MISSING


def write_stack(
    path: str | Path,
    stack: MonthlyStack,
    tags: dict[str, str] | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write a stack atomically as a tiled float32 GeoTIFF with one band per month.

    The band descriptions are the months as YYYY-MM. Each band has the unit and the tag GWSA_SOURCE.

    Parameters
    ----------
    path : str or Path
    stack : MonthlyStack
        Its ``values`` are indexed by one month at a time, so an object that computes each month on
        demand may take the place of the array.
    tags : dict of str to str, optional
        Tags of the file, such as the provenance, in addition to those of the stack.
    progress : Progress

    Raises
    ------
    OSError
        When the file cannot be written, for example because the disk is full.
    """
    tags = {**stack.tags, **(tags or {}), UNIT_TAG: stack.unit}
    if limits_for(stack.variable):
        # Any other name is that of a file, which states nothing about its variable.
        tags[VARIABLE_TAG] = stack.variable
    header = Header(
        stack.grid,
        names=tuple(map(str, stack.months)),
        unit=stack.unit,
        tags=tags,
        sources=stack.source,
        domains={} if stack.tiles is None else {TILES_DOMAIN: pack_tiles(stack.tiles)},
    )
    side = block_side(stack.grid)
    with atomic_file(path) as part:
        with new_geotiff(part, header, side, {**DEFLATED, "sparse_ok": True}):
            pass
        checksums = append_blocks(part, enumerate(_encoded_blocks(stack, side, progress)))
        require_blocks(part, checksums)
        require_described(part, header.tags, header.names, header.sources)
    progress.advance(1)


def _encoded_blocks(stack: MonthlyStack, side: int, progress: Progress) -> Iterator[bytes]:
    """The blocks of the months of a stack, of which some are encoded together."""
    months = stack.months.size
    together = max(1, ENCODED_TOGETHER // (stack.grid.rows * stack.grid.columns))
    for first in range(0, months, together):
        some = range(first, min(first + together, months))
        header = Header(stack.grid, ("",) * len(some), "", {})
        fields = enumerate(_months(stack, some, progress), start=1)
        yield from encode_bands(header, side, DEFLATED, fields)


def _months(stack: MonthlyStack, places: range, progress: Progress) -> Iterator[np.ndarray]:
    """The values of some months."""
    for place in places:
        progress.advance(place / stack.months.size)
        yield np.asarray(stack.values[place])


def block_side(grid: Grid) -> int:
    """Return the side of the blocks of a stack in cells; a small stack is one block."""
    return min(BLOCK, 16 * ceil(max(grid.shape) / 16))


def read_stack(
    path: str | Path, variable: str | None = None, progress: Progress = SILENT
) -> MonthlyStack:
    """Read a GeoTIFF of monthly bands or a folder of monthly or yearly ones, from any program.

    Parameters
    ----------
    path : str or Path
        The months are those of ``band_months``; months between them that are absent are missing.
    variable : str, optional
        Name of the variable; by default the tag GWSA_VARIABLE, else the one in the name of the
        file or folder, else that name.
    progress : Progress
        Receives one line about what was read.

    Returns
    -------
    MonthlyStack
        With nodata as NaN, scale and offset applied, and in cm EWH, or in the unit ``1`` where the
        file states that; north-up, in longitudes from -180 to 180; with the tags that stages pass
        on (``stack_tags.CARRIED_TAGS``) and the tiles that ``write_stack`` stored.

    Raises
    ------
    InputError
        When a file cannot be opened or read, is not in longitude and latitude, or has a band
        without a month or two bands of the same month; when a unit is not known or a value is not
        possible (``plausible``); when files of a folder are not one series; when a tag of
        ``carried_tags`` cannot be read.
    """
    path = Path(path)
    files = read_files(path, variable, progress)
    first = files[0]
    in_name = variable_in_name(f"{path.stem} {first.name}")
    name = variable or first.variable or in_name or path.stem
    one_file = len(files) == 1
    values = first.values if one_file else np.concatenate([file.values for file in files])
    months = np.concatenate([file.months for file in files])
    stated = [source for file in files for source in file.sources]
    sources = [one or _default_source(band) for one, band in zip(stated, values)]
    progress.info(reading_line(files, name, path.name, sources.count(FILLED)))
    unit = NO_UNIT if is_dimensionless(first.unit) else CM
    stack = MonthlyStack.on_calendar(first.grid, months, values, name, unit, source=sources)
    region_inside(first.grid, first.tags, path.name)
    return replace(stack, tags=carried_tags(first.tags, path.name), tiles=first.tiles)
