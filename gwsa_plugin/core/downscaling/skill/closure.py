"""Closure: how the block means of the maps compare with the coarse field. It is not skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...base.tiles import Tile
from ...files.checkpoint import save_checkpoint
from ...spatial.mass_conservation import MassConservation
from .seams import edge_steps, ratio_from_steps, surrounded

# Largest difference between a coarse value and its block mean before encoding, cm.
TOLERANCE_CM = 1e-3


@dataclass(frozen=True, eq=False)
class Closure:
    """Block means and seams of the maps of one year.

    Parameters
    ----------
    months : numpy.ndarray of int, shape (months,)
        Numbers of the months among the mapped months.
    raw : numpy.ndarray, shape (months, rows, columns)
        Block means of the predictions, cm, NaN outside the mapped cells.
    corrected : numpy.ndarray, shape (months, rows, columns)
        Block means of the maps after the correction, before encoding, cm.
    seams : numpy.ndarray, shape (months, 2)
        Edge ratio before and after the correction, see ``edge_ratio``.
    changes : numpy.ndarray, shape (months,)
        Largest absolute correction of a pixel, cm.
    residuals : numpy.ndarray, shape (months,)
        Largest absolute difference between coarse field and ``raw``, cm.
    """

    months: np.ndarray
    raw: np.ndarray
    corrected: np.ndarray
    seams: np.ndarray
    changes: np.ndarray
    residuals: np.ndarray

    @classmethod
    def read(cls, path: Path) -> Closure:
        """Read a file of ``save``."""
        with np.load(path) as file:
            return cls(**file)

    def save(self, path: Path) -> None:
        """Save the closure as a checkpoint in NumPy's npz format."""
        save_checkpoint(path, lambda file: np.savez(file, **asdict(self)))

    @property
    def amplification(self) -> float:
        """Ratio of the largest correction to the largest residual, in the month of its maximum."""
        return float((self.changes / np.maximum(self.residuals, 1e-9)).max())


class ClosureRecorder:
    """Accumulates the closure of a year tile by tile.

    Parameters
    ----------
    conservation : MassConservation
        The mass-conserving correction.
    months : numpy.ndarray of datetime64[M]
        The mapped months of the year.
    numbers : numpy.ndarray of int, shape (months,)
        Their numbers among all mapped months.
    target : sequence of numpy.ndarray
        Coarse field of each of these months, cm.
    raw : numpy.ndarray, shape (months, rows, columns)
        Block means of the predictions, cm.
    """

    def __init__(
        self,
        conservation: MassConservation,
        months: np.ndarray,
        numbers: np.ndarray,
        target: Sequence[np.ndarray],
        raw: np.ndarray,
    ):
        self._conservation = conservation
        self._months = months
        self._numbers = numbers
        self._target = np.stack(target)
        self._raw = raw
        self._corrected = np.full(raw.shape, np.nan)
        self._steps = np.zeros((months.size, 2, 2, 2, 2))
        self._changes = np.zeros(months.size)
        self._surrounded = surrounded(conservation.cells)

    def add(self, month: int, tile: Tile, before: np.ndarray, after: np.ndarray) -> None:
        """Add a tile of one month.

        Parameters
        ----------
        month : int
            Number of the month in the year.
        tile : Tile
            Tile of coarse cells.
        before, after : numpy.ndarray, fine shape of the tile
            The map before and after the correction, cm.
        """
        self._corrected[month][tile] = self._conservation.block_mean(after, tile)
        factor = self._conservation.factor
        cells = self._surrounded[tile]
        self._steps[month] += [edge_steps(field, cells, factor) for field in (before, after)]
        self._changes[month] = max(self._changes[month], np.nanmax(np.abs(after - before)))

    def closure(self) -> Closure:
        """Return the closure when all tiles of all months have been added.

        Raises
        ------
        RuntimeError
            When a block mean differs from the coarse field by ``TOLERANCE_CM`` or more.
        """
        worst = np.nanmax(np.abs(self._corrected - self._target), axis=(1, 2))
        for month, difference in zip(self._months, worst):
            if not difference < TOLERANCE_CM:
                raise RuntimeError(
                    f"{month}: block means differ from the coarse field by {difference:g} cm"
                )
        seams = np.array([[ratio_from_steps(steps) for steps in pair] for pair in self._steps])
        residuals = np.nanmax(np.abs(self._target - self._raw), axis=(1, 2))
        return Closure(self._numbers, self._raw, self._corrected, seams, self._changes, residuals)
