"""The predictor set: a folder of aligned rasters, fine and coarse, that a model is trained on and predicts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from .catalogue import NO_CLASS, Predictor, parse_predictors, read_json
from .errors import InputError
from .grid import Grid
from .months import month_range, name_runs, parse_month
from .predictor_files import month_bands, open_raster, read_values
from .stack import band_months
from .tiles import Tile
from .trailing import TrailingMeans

FINE, COARSE = "fine", "coarse"
CONTENTS = "predictors.json"


@dataclass(frozen=True, eq=False)
class PredictorSet:
    """``grid`` is the fine one, ``factor`` x ``factor`` pixels a coarse cell.

    ``months``: datetime64[M], consecutive, those that there are features of; empty when all variables are static,
    which then serve any month. ``before``: the months just before them that have rasters for lags and means.
    """

    folder: Path
    grid: Grid
    factor: int
    predictors: tuple[Predictor, ...]
    months: np.ndarray
    before: np.ndarray
    land_file: str = "fine/land.tif"

    @classmethod
    def open(cls, folder) -> PredictorSet:
        """The set in a folder; no raster is read. InputError for a folder without a sound predictors.json."""
        folder = Path(folder).absolute()
        if not (folder / CONTENTS).is_file():
            raise InputError(
                f"The folder {folder.name} has no {CONTENTS}; choose the folder that Build predictors wrote."
            )
        content = read_json(folder / CONTENTS)
        predictors = parse_predictors(content, CONTENTS)
        for predictor in predictors:
            if predictor.files and Path(predictor.files).parts[0] != FINE:
                raise InputError(f'"files" of {predictor.name} in {CONTENTS} is not in {FINE}/; build the set again.')
        grid, factor = _grid_in(content, folder)
        months = _months_in(content, "months") if "months" in content else _shared_months(predictors, folder)
        before = _months_in(content, "before") if "before" in content else months[:0]
        return cls(folder, grid, factor, predictors, months, before, content.get("land", cls.land_file))

    @property
    def coarse_grid(self) -> Grid:
        return self.grid.coarsen(self.factor)

    @property
    def features(self) -> tuple[str, ...]:
        """Names in the order of ``read``'s second axis: ``ndvi``, ``ndvi_lag3``, ``ndvi_mean6``, ``landcover_2``."""
        return tuple(feature for predictor in self.predictors for feature in predictor.features)

    def land(self, tile: Tile | None = None) -> np.ndarray:
        """bool, shape of the fine grid, or of the ``tile`` of it: True on land."""
        path = self.folder / self.land_file
        with open_raster(path) as source:
            return source.read(1, window=window_in(source, self.grid, self._tile(FINE, tile), path)) == 1

    def read(self, scale: str, months, tile: Tile | None = None) -> np.ndarray:
        """Every feature in each of ``months``: float32, shape (months, features, rows, columns), NaN where missing.

        ``scale`` is "fine" or "coarse" and ``tile`` a part of that grid, None all of it. Static variables repeat over
        the months; a lag that reaches before the first month that has rasters is NaN, a mean is over the months of it
        that have a value. A month has the same bits whichever others are asked for. Each band is read once. InputError
        for a month that the set does not have, and for a file that is gone or of another shape.
        """
        months = np.asarray(months, dtype="datetime64[M]")
        self.require(months)
        tile = self._tile(scale, tile)
        values = np.full((months.size, len(self.features), *tile.shape), np.nan, dtype=np.float32)
        counts = [len(predictor.features) for predictor in self.predictors]
        parts = dict(zip(self.predictors, np.split(values, np.cumsum(counts)[:-1], axis=1)))
        for family in families(self.predictors):
            self._fill_monthly({predictor: parts[predictor] for predictor in family}, scale, months, tile)
        for predictor in self.predictors:
            if not predictor.monthly:
                parts[predictor][:] = self._read_static(predictor, scale, tile)
        return values

    def path_of(self, predictor: Predictor, scale: str, month=None) -> Path:
        """The raster of a predictor: ``month`` picks the year of a monthly one."""
        name = predictor.files if month is None else predictor.file_of(month)
        return self.folder / scale / Path(name).relative_to(FINE)

    def _fill_monthly(self, parts: dict[Predictor, np.ndarray], scale: str, months: np.ndarray, tile: Tile) -> None:
        """Fill the features of a family of monthly predictors, from the newest month back."""
        wanted = np.unique(np.concatenate([months - back for predictor in parts for back in predictor.reach]))
        stored = np.concatenate([self.before, self.months])
        wanted = wanted[np.isin(wanted, stored)][::-1]
        bands = {predictor.name: self._bands(predictor, scale, wanted, tile) for predictor in parts if predictor.files}
        means = {
            predictor: TrailingMeans(part[:, len(predictor.lags) :], months, predictor.means, stored[0])
            for predictor, part in parts.items()
        }
        for month, *read in zip(wanted, *bands.values()):
            known = dict(zip(bands, read))
            for predictor, part in parts.items():
                band = known[predictor.name] if predictor.files else np.subtract(*map(known.get, predictor.difference))
                for column, lag in enumerate(predictor.lags):
                    part[months - lag == month, column] = band
                means[predictor].take(month, band)

    def _bands(self, predictor: Predictor, scale: str, months: np.ndarray, tile: Tile) -> Iterator[np.ndarray]:
        """The values of each month, float32 (rows, columns), NaN for one that no band holds."""
        for path, members in groupby(months, partial(self.path_of, predictor, scale)):
            with open_raster(path) as source:
                window = window_in(source, self.grid_of(scale), tile, path)
                bands = {month: band for band, month in enumerate(band_months(source, path), start=1)}
                for month in members:
                    if month in bands:
                        yield read_values(source, _as_stored(predictor, scale), bands[month], window)
                    else:
                        yield np.full((window.height, window.width), np.nan, dtype=np.float32)

    def _read_static(self, predictor: Predictor, scale: str, tile: Tile) -> np.ndarray:
        """float32, shape (features, rows, columns)."""
        path = self.path_of(predictor, scale)
        with open_raster(path) as source:
            window = window_in(source, self.grid_of(scale), tile, path)
            if predictor.classes and scale == FINE:
                return one_hot(source.read(1, window=window), predictor.classes)
            bands = range(1, len(predictor.features) + 1)
            return np.stack([read_values(source, _as_stored(predictor, scale), band, window) for band in bands])

    def grid_of(self, scale: str) -> Grid:
        return {FINE: self.grid, COARSE: self.coarse_grid}[scale]

    def _tile(self, scale: str, tile: Tile | None) -> Tile:
        return tile or Tile.whole(self.grid_of(scale).shape)

    def require(self, months: np.ndarray) -> None:
        """InputError for a month that the set does not have."""
        absent = months[~np.isin(months, self.months)]
        if self.months.size and absent.size:
            raise InputError(
                f"The predictor set {self.folder.name} covers {self.months[0]} to {self.months[-1]}, not "
                f"{name_runs(absent)}; build it for a longer period or choose months inside it."
            )


def families(predictors: tuple[Predictor, ...]) -> list[list[Predictor]]:
    """The monthly predictors, those that a difference ties together in one family and each other one alone."""
    monthly = [predictor for predictor in predictors if predictor.monthly]
    names = {name for predictor in monthly if predictor.difference for name in (predictor.name, *predictor.difference)}
    tied = [predictor for predictor in monthly if predictor.name in names]
    return ([tied] if tied else []) + [[predictor] for predictor in monthly if predictor.name not in names]


def _as_stored(predictor: Predictor, scale: str) -> Predictor:
    """Scale and offset in predictors.json are those of the fine rasters; a coarse one states its own."""
    return predictor if scale == FINE else replace(predictor, scale=None, offset=None)


def one_hot(codes: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """1 where the code is the class, else 0, NaN where it is NO_CLASS: float32 (classes, rows, columns)."""
    hot = (codes == np.reshape(classes, (-1, 1, 1))).astype(np.float32)
    hot[:, codes == NO_CLASS] = np.nan
    return hot


def _grid_in(content: dict, folder: Path) -> tuple[Grid, int]:
    try:
        shape = dict(content["grid"])
        factor = shape.pop("factor")
        grid = Grid(**shape)
        grid.coarsen(factor)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise InputError(
            f'"grid" in {CONTENTS} of {folder.name} is incomplete; it needs west, north, dx, dy, rows, columns and '
            "factor, rows and columns being multiples of factor: build the set again."
        ) from None
    return grid, factor


def _months_in(content: dict, key: str) -> np.ndarray:
    first, last = (parse_month(str(month), f'A month of "{key}" in {CONTENTS}') for month in content[key])
    return month_range(first, last)


def _shared_months(predictors, folder: Path) -> np.ndarray:
    """What a set that does not state its months covers: the calendar months that every monthly variable has."""
    monthly = [predictor for predictor in predictors if predictor.monthly and predictor.files]
    if not monthly:
        return np.array([], dtype="datetime64[M]")
    covered = [list(month_bands(predictor, folder)) for predictor in monthly]
    for predictor, months in zip(monthly, covered):
        if not months:
            raise InputError(f"The predictor set {folder.name} has no {predictor.files}; build it again.")
    return month_range(max(months[0] for months in covered), min(months[-1] for months in covered))


def window_in(source, grid: Grid, tile: Tile, path: Path) -> Window:
    if source.shape != grid.shape:
        raise InputError(
            f"{path.parent.name}/{path.name} has {source.shape[0]} x {source.shape[1]} pixels, the predictor set "
            f"{grid.rows} x {grid.columns}; build the set again."
        )
    return Window.from_slices(*tile)
