"""The mass-conserving correction of a tile, month by month, and its closure."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np

from ...base.numba_modules import load_numba_module
from ...base.tiles import Tile
from ...spatial.mass_conservation import MassConservation
from ..skill.closure import TileClosure, TileRecorder
from ..skill.seams import edge_steps, sum_columns
from .predict_tile import spread_pixels

_kernel = partial(load_numba_module, "downscaling.maps.tile_correction_numba")


class TileCorrection:
    """Corrects the predictions of a tile and records how the maps close.

    Parameters
    ----------
    conservation : MassConservation
        The mass-conserving correction.
    tile : Tile
        Tile of coarse cells.
    """

    def __init__(self, conservation: MassConservation, tile: Tile):
        self._conservation = conservation
        self._tile = tile
        self._pixels = conservation.pixels(tile)
        self._recorder = TileRecorder(conservation, tile)

    def correct(self, predicted: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Correct the next month.

        Parameters
        ----------
        predicted : numpy.ndarray of float32, shape (mapped pixels,)
            The prediction, cm.
        nodes : numpy.ndarray of float64, coarse shape
            Result of ``MassConservation.nodes``, cm.

        Returns
        -------
        numpy.ndarray of float32, shape of the pixels of the tile
            The map, cm, NaN outside the mapped pixels.
        """
        change = self._conservation.bilinear(nodes, self._tile)
        kernel = _kernel()
        if kernel is None:
            before = spread_pixels(predicted, self._pixels)
            after = before + change
            self._recorder.add(before, after)
            return after.astype(np.float32)
        columns = self._pixels.shape[1]
        corrected = np.empty(self._pixels.shape, dtype=np.float32)
        downwards, across = np.zeros((2, 2, columns)), np.zeros((2, columns - 1))
        totals = np.empty(self._tile.shape)
        largest = kernel.correct(
            predicted,
            self._pixels,
            change,
            self._recorder.surrounded,
            self._conservation.row_areas(self._tile),
            self._conservation.factor,
            corrected,
            downwards,
            across,
            totals,
        )
        steps = self._counted_steps.copy()
        sums = sum_columns(downwards, across, self._conservation.factor)
        steps[..., 0] = np.moveaxis(sums, -1, 0)
        self._recorder.append(totals / self._cell_areas, list(steps), largest)
        return corrected

    @cached_property
    def _counted_steps(self) -> np.ndarray:
        """Steps of a field without any, before and after the correction, with their numbers."""
        flat = np.where(self._pixels, 0.0, np.nan)
        steps = edge_steps(flat, self._recorder.surrounded, self._conservation.factor)
        return np.stack([steps, steps])

    @cached_property
    def _cell_areas(self) -> np.ndarray:
        """Area of the mapped pixels of each cell, NaN where there are none."""
        areas = self._conservation.land_areas(self._tile)
        return np.where(areas > 0, areas, np.nan)

    def closure(self) -> TileClosure:
        """Return the closure of the months so far."""
        return self._recorder.closure()
