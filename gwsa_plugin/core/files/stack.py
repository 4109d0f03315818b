"""The monthly stack: one variable, months x rows x columns, in memory and as a GeoTIFF that any tool reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import BASELINE, in_baseline, month_range
from ..base.progress import SILENT, Progress
from ..base.units import CM, in_centimetres
from .atomic import atomic_file
from .geotiff import SOURCE_TAG, Header, new_geotiff
from .rasters import band_months, open_lonlat, read_bands

OBSERVED, FILLED, MISSING = "observed", "filled", "missing"
BLOCK = 128  # pixels along a side; small ones hold less of the sea
DEFLATED = {"compress": "DEFLATE", "zlevel": 1}
"""How stacks are written. The digits of storage are noise: a higher level or a predictor hardly makes them smaller, in
three times the time."""


@dataclass(frozen=True)
class MonthlyStack:
    """Every calendar month from the first to the last, none left out.

    ``months``: datetime64[M], shape (months,), consecutive. ``values``: float32, shape (months, rows, columns), NaN
    where there is no value; a missing month is all NaN. ``source``: one of observed, filled, missing per month.
    """

    grid: Grid
    months: np.ndarray
    values: np.ndarray
    source: tuple[str, ...]
    variable: str = "TWSA"
    unit: str = CM
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on_calendar(
        cls, grid, months, values, variable, unit=CM, period=None, source=None
    ) -> MonthlyStack:
        """A stack from the months at hand, sorted or not: absent ones become all-NaN bands.

        ``period`` is (first, last), by default the months' own; ``source`` is one word per given month, by default
        observed where the month has any value.
        """
        months = np.asarray(months, dtype="datetime64[M]")
        calendar = month_range(*(period or (months.min(), months.max())))
        full = np.full((calendar.size, *grid.shape), np.nan, dtype=np.float32)
        words = [MISSING] * calendar.size
        for i, place in enumerate((months - calendar[0]).astype(int)):
            if 0 <= place < calendar.size:
                full[place] = values[i]
                has_values = bool(np.isfinite(full[place]).any())
                words[place] = (
                    source[i] if source is not None else OBSERVED if has_values else MISSING
                )
        return cls(grid, calendar, full, tuple(words), variable, unit)

    @property
    def valid(self) -> np.ndarray:
        """Cells that have a value in any month: bool, shape (rows, columns)."""
        return np.isfinite(self.values).any(axis=0)

    def named(self, *words: str) -> np.ndarray:
        """The months whose source is one of ``words``: datetime64[M]."""
        return self.months[np.isin(self.source, words)]

    def select(self, first, last) -> MonthlyStack:
        """The months from ``first`` to ``last`` that the stack has; InputError when it has none of them."""
        keep = (self.months >= first) & (self.months <= last)
        if not keep.any():
            raise InputError(
                f"The {self.variable} stack covers {self.months[0]} to {self.months[-1]}, "
                f"nothing from {first} to {last}; choose a period inside it."
            )
        if keep.all():
            return self
        source = tuple(word for word, kept in zip(self.source, keep) if kept)
        return replace(self, months=self.months[keep], values=self.values[keep], source=source)

    def crop(self, grid: Grid) -> MonthlyStack:
        """The part on ``grid``, which must be aligned with and inside this stack's."""
        rows, columns = self.grid.window_of(grid)
        return replace(self, grid=grid, values=self.values[:, rows, columns])

    def on(self, grid: Grid) -> MonthlyStack:
        """The stack on an aligned ``grid``, NaN where it does not reach; InputError when it reaches none of it."""
        if grid == self.grid:
            return self
        shared = grid.overlap(self.grid)
        rows, columns = grid.window_of(shared)
        values = np.full((self.months.size, *grid.shape), np.nan, dtype=np.float32)
        values[:, rows, columns] = self.crop(shared).values
        return replace(self, grid=grid, values=values)

    def anomaly(self, baseline=BASELINE) -> MonthlyStack:
        """Minus one mean per cell over the baseline months that have a value (not a monthly climatology).

        InputError when no month of the baseline has data: an anomaly against another period would be a wrong number.
        """
        centred = replace(self, values=self.values - self.baseline_mean(baseline))
        return centred.tagged(GWSA_BASELINE=period_name(baseline))

    def baseline_mean(self, baseline=BASELINE) -> np.ndarray:
        """float32, shape (rows, columns), NaN where a cell has no value in the baseline."""
        inside = in_baseline(self.months, baseline)
        if not np.isfinite(self.values[inside]).any():
            raise InputError(
                f"The {self.variable} stack has no data between {baseline[0]} and {baseline[1]}, the baseline; "
                "extend its period so that it covers the baseline."
            )
        return nan_mean(self.values[inside]).astype(np.float32)

    def tagged(self, **tags: str) -> MonthlyStack:
        return replace(self, tags={**self.tags, **tags})


def period_name(period) -> str:
    return f"{period[0]}..{period[1]}"


def nan_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis in float64, NaN where nothing is finite, without numpy's warning."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def write_stack(
    path, stack: MonthlyStack, tags: dict[str, str] | None = None, progress: Progress = SILENT
) -> None:
    """A tiled, DEFLATE-compressed float32 GeoTIFF, one band per calendar month, whole or not at all.

    Bands are named YYYY-MM and carry the unit and GWSA_SOURCE; ``tags`` (provenance) join the stack's own. The months
    of ``stack.values`` are asked for one by one, so they may be made when asked for. Raises OSError when the disk is
    full or the like.
    """
    tags = {**stack.tags, **(tags or {}), "GWSA_VARIABLE": stack.variable}
    header = Header(stack.grid, tuple(map(str, stack.months)), stack.unit, tags, stack.source)
    with atomic_file(path) as part, new_geotiff(part, header, BLOCK, DEFLATED) as target:
        for place in range(stack.months.size):
            progress.advance(place / stack.months.size)
            target.write(place + 1, np.asarray(stack.values[place], dtype=np.float32))
    progress.advance(1)


def read_stack(path, variable: str | None = None) -> MonthlyStack:
    """Any GeoTIFF with a month in each band's description, or a yearly file of months in order (year in the name).

    Values: float32, nodata as NaN, scale and offset applied, cm when the band unit says mm or m. Raises InputError for
    a file that cannot be opened, has no CRS or another one than EPSG:4326, is not north-up, or whose bands name no
    month or one month twice.
    """
    path = Path(path)
    with open_lonlat(path) as source:
        grid = Grid.from_transform(source.transform, source.shape, path.name)
        months = band_months(source, path)
        values = read_bands(source)
        words = [source.tags(band).get(SOURCE_TAG) for band in source.indexes]
        tags = source.tags()
        unit = (source.units[0] or tags.get("GWSA_UNIT") or CM).strip()
    words = [
        word or (OBSERVED if np.isfinite(band).any() else MISSING) for word, band in zip(words, values)
    ]  # fmt: skip
    name = variable or tags.get("GWSA_VARIABLE") or path.stem
    values, unit = in_centimetres(values, unit)
    stack = MonthlyStack.on_calendar(grid, months, values, name, unit, source=words)
    kept = {key: value for key, value in tags.items() if key == "GWSA_BASELINE"}
    return replace(stack, tags=kept)
