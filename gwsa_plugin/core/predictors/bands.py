"""The bands of one raster of a predictor set, read as they are stored where that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.errors import InputError
from ..base.grid import Grid
from ..base.tiles import Tile
from ..rasters.raster import Band, Raster
from ..rasters.reading import band_months, open_raster
from .catalogue import NO_CLASS, Predictor
from .files import ALWAYS, in_unit, read_stored, read_values, scaling
from .stored_features import Feature, StoredFeature


class StoredAs(NamedTuple):
    """How a band is stored.

    Parameters
    ----------
    dtype : str
        int16 or float32.
    scale, offset : float
        ``stored * scale + offset`` is the value.
    nodata : int or None
        Stored number for no value; None for NaN.
    """

    dtype: str
    scale: float
    offset: float
    nodata: int | None


@dataclass(frozen=True, eq=False)
class Bands:
    """The bands of one raster of a predictor set.

    Parameters
    ----------
    path : Path
        The file.
    predictor : Predictor
        The variable.
    numbers : dict
        Month, or ALWAYS -> number of the band.
    stored_as : StoredAs or None
        How all bands are stored. None if they differ or are stored in another way; they are then
        read by ``read_values``, which handles every case but is slower.
    block : tuple of int
        Rows and columns of the blocks of the file, which are decoded as a unit.
    """

    path: Path
    predictor: Predictor
    numbers: dict
    stored_as: StoredAs | None
    block: tuple[int, int]

    @classmethod
    def open(cls, path: Path, predictor: Predictor, grid: Grid) -> Bands:
        """Read the properties of the bands of a raster.

        Raises
        ------
        InputError
            When the file does not exist or is not on ``grid``.
        """
        with open_raster(path) as source:
            require_shape(source, grid, path)
            months = band_months(source, path) if predictor.monthly else [ALWAYS]
            kinds = {_stored_as(band, predictor) for band in source.bands}
            block = source.block
        numbers = {month: band for band, month in enumerate(months, start=1)}
        return cls(path, predictor, numbers, kinds.pop() if len(kinds) == 1 else None, block)

    def read(self, bands: list[int], tile: Tile) -> list[Feature]:
        """Read bands on a tile.

        Returns
        -------
        list
            One ``StoredFeature`` or float32 array with NaN for no value per band, each of the
            shape of the tile.
        """
        if self.stored_as is None:
            with open_raster(self.path) as source:
                return [read_values(source, self.predictor, band, tile) for band in bands]
        if not bands:
            return []
        dtype, scale, offset, nodata = self.stored_as
        stored = np.empty((len(bands), *tile.shape), dtype=dtype)
        read_stored(self.path, bands, tile, stored)
        if nodata is not None:
            return [StoredFeature(band, scale, offset, nodata) for band in stored]
        return [
            in_unit(np.where(np.isfinite(band), band, np.float32(np.nan)), scale, offset)
            for band in stored
        ]


def _stored_as(band: Band, predictor: Predictor) -> StoredAs | None:
    """How a band is stored; None unless that is int16 with a nodata number or plain float32."""
    if predictor.nodata is not None or band.nodata is None or not band.only_nodata:
        return None
    if band.dtype == "int16":
        return StoredAs(band.dtype, *scaling(band, predictor), int(band.nodata))
    if band.dtype == "float32" and np.isnan(band.nodata):
        return StoredAs(band.dtype, *scaling(band, predictor), None)
    return None


def require_shape(source: Raster, grid: Grid, path: Path) -> None:
    """Raise InputError for an open raster that has another shape than ``grid``."""
    if source.shape != grid.shape:
        raise InputError(
            f"{path.parent.name}/{path.name} has {source.shape[0]} x {source.shape[1]} pixels, "
            f"the predictor set {grid.rows} x {grid.columns}; build the set again."
        )


def one_hot(codes: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """Encode class codes as one feature per class.

    Parameters
    ----------
    codes : numpy.ndarray
        Class codes, shape (rows, columns), NO_CLASS for no value.
    classes : tuple of int
        Codes of the classes.

    Returns
    -------
    numpy.ndarray of float32
        Shape (classes, rows, columns): 1 where the code is that of the class, else 0, NaN where it
        is NO_CLASS.
    """
    hot = (codes == np.reshape(classes, (-1, 1, 1))).astype(np.float32)
    hot[:, codes == NO_CLASS] = np.nan
    return hot
