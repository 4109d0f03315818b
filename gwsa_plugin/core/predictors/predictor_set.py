"""The predictor set: a folder of aligned rasters, fine and coarse, that a model is trained on and predicts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.months import month_range, name_runs, parse_month
from ..base.tiles import Tile
from ..files.rasters import open_raster
from .bands import require_shape
from .catalogue import Predictor, parse_predictors, read_json
from .files import COARSE, FINE, month_bands

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
                raise InputError(
                    f'"files" of {predictor.name} in {CONTENTS} is not in {FINE}/; build the set again.'
                )
        grid, factor = _grid_in(content, folder)
        months = (
            _months_in(content, "months")
            if "months" in content
            else _shared_months(predictors, folder)
        )
        before = _months_in(content, "before") if "before" in content else months[:0]
        return cls(
            folder, grid, factor, predictors, months, before, content.get("land", cls.land_file)
        )

    @property
    def coarse_grid(self) -> Grid:
        return self.grid.coarsen(self.factor)

    @property
    def features(self) -> tuple[str, ...]:
        """Names in the order of ``read_features``'s second axis: ``ndvi``, ``ndvi_lag3``, ``ndvi_mean6``, ``landcover_2``."""
        return tuple(feature for predictor in self.predictors for feature in predictor.features)

    def land(self, tile: Tile | None = None) -> np.ndarray:
        """bool, shape of the fine grid, or of the ``tile`` of it: True on land."""
        path = self.folder / self.land_file
        with open_raster(path) as source:
            require_shape(source, self.grid, path)
            return source.read(1, window=Window.from_slices(*self._tile(FINE, tile))) == 1

    def path_of(self, predictor: Predictor, scale: str, month=None) -> Path:
        """The raster of a predictor: ``month`` picks the year of a monthly one."""
        name = predictor.files if month is None else predictor.file_of(month)
        return self.folder / scale / Path(name).relative_to(FINE)

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
    first, last = (
        parse_month(str(month), f'A month of "{key}" in {CONTENTS}') for month in content[key]
    )
    return month_range(first, last)


def _shared_months(predictors, folder: Path) -> np.ndarray:
    """What a set that does not state its months covers: the calendar months that every monthly variable has."""
    monthly = [predictor for predictor in predictors if predictor.monthly and predictor.files]
    if not monthly:
        return np.array([], dtype="datetime64[M]")
    covered = [list(month_bands(predictor, folder)) for predictor in monthly]
    for predictor, months in zip(monthly, covered):
        if not months:
            raise InputError(
                f"The predictor set {folder.name} has no {predictor.files}; build it again."
            )
    return month_range(max(months[0] for months in covered), min(months[-1] for months in covered))
