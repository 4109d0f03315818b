"""One raster of a predictor set: where its months are, and its bands as they are stored where that is as int16."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.tiles import Tile
from ..files.rasters import band_months, open_raster
from .catalogue import NO_CLASS, Predictor
from .files import ALWAYS, in_unit, read_numbers, read_values, scaling
from .stored_features import StoredFeature


class StoredAs(NamedTuple):
    """How bands are stored: ``dtype`` int16 with a ``nodata``, or float32 where NaN is no value."""

    dtype: str
    scale: float
    offset: float
    nodata: int | None


@dataclass(frozen=True, eq=False)
class Bands:
    """``of_month``: month, or ALWAYS, -> band. ``numbers``: of all bands; None where they differ or are stored in
    another way, which rasterio sorts out whenever they are read."""

    path: Path
    predictor: Predictor
    of_month: dict
    numbers: StoredAs | None

    @classmethod
    def look(cls, path: Path, predictor: Predictor, grid: Grid) -> Bands:
        """InputError for a file that is gone, or is not on ``grid``."""
        with open_raster(path) as source:
            require_shape(source, grid, path)
            months = band_months(source, path) if predictor.monthly else [ALWAYS]
            kinds = {_numbers(source, predictor, band) for band in source.indexes}
        numbers = kinds.pop() if len(kinds) == 1 else None
        return cls(
            path, predictor, {month: band for band, month in enumerate(months, start=1)}, numbers
        )

    def read(self, bands: list[int], tile: Tile) -> list:
        """Each of ``bands``: ``StoredFeature`` or float32, NaN where there is no value, shape of the tile."""
        window = Window.from_slices(*tile)
        if self.numbers is None:
            with open_raster(self.path) as source:
                return [read_values(source, self.predictor, band, window) for band in bands]
        dtype, scale, offset, nodata = self.numbers
        stored = read_numbers(self.path, bands, window, dtype) if bands else []
        if dtype == "int16":
            return [StoredFeature(band, scale, offset, nodata) for band in stored]
        return [
            in_unit(np.where(np.isfinite(band), band, np.float32(np.nan)), scale, offset)
            for band in stored
        ]


def _numbers(source, predictor: Predictor, band: int) -> StoredAs | None:
    dtype, nodata = source.dtypes[band - 1], source.nodatavals[band - 1]
    if predictor.nodata is not None or source.mask_flag_enums[band - 1] != [MaskFlags.nodata]:
        return None
    if dtype == "int16":
        return StoredAs(dtype, *scaling(source, predictor, band), int(nodata))
    if dtype == "float32" and np.isnan(nodata):
        return StoredAs(dtype, *scaling(source, predictor, band), None)
    return None


def require_shape(source, grid: Grid, path: Path) -> None:
    """InputError for an open raster that is not of the set's ``grid``."""
    if source.shape != grid.shape:
        raise InputError(
            f"{path.parent.name}/{path.name} has {source.shape[0]} x {source.shape[1]} pixels, the predictor set "
            f"{grid.rows} x {grid.columns}; build the set again."
        )


def one_hot(codes: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """1 where the code is the class, else 0, NaN where it is NO_CLASS: float32 (classes, rows, columns)."""
    hot = (codes == np.reshape(classes, (-1, 1, 1))).astype(np.float32)
    hot[:, codes == NO_CLASS] = np.nan
    return hot
