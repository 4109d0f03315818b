"""Closure: how the block means of the maps compare with the coarse field. It is not skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

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


class TileClosure(NamedTuple):
    """The closure of a tile in the months of a year.

    Parameters
    ----------
    corrected : numpy.ndarray, shape (months, rows, columns)
        Block means of the map after the correction, cm.
    steps : numpy.ndarray, shape (months, 2, 2, 2, 2)
        Before and after the correction, as ``edge_steps``.
    changes : numpy.ndarray, shape (months,)
        Largest absolute correction of a pixel, cm.
    """

    corrected: np.ndarray
    steps: np.ndarray
    changes: np.ndarray


class TileRecorder:
    """Accumulates the closure of a tile month by month.

    Parameters
    ----------
    conservation : MassConservation
        The mass-conserving correction.
    tile : Tile
        Tile of coarse cells.

    Attributes
    ----------
    surrounded : numpy.ndarray of bool, coarse shape of the tile
        The cells whose steps are summed.
    """

    def __init__(self, conservation: MassConservation, tile: Tile):
        self._conservation = conservation
        self._tile = tile
        cells = conservation.cells
        wide = tile.widened(1, conservation.coarse.shape)
        inner = tile.relative_to(wide)
        self.surrounded = np.ascontiguousarray(surrounded(cells[wide])[inner])
        self._months: list[tuple[np.ndarray, Sequence[np.ndarray], float]] = []

    def add(self, before: np.ndarray, after: np.ndarray) -> None:
        """Add the next month.

        Parameters
        ----------
        before, after : numpy.ndarray, fine shape of the tile
            The map before and after the correction, cm.
        """
        factor = self._conservation.factor
        steps = [edge_steps(field, self.surrounded, factor) for field in (before, after)]
        corrected = self._conservation.block_mean(after, self._tile)
        self.append(corrected, steps, float(np.nanmax(np.abs(after - before))))

    def append(self, corrected: np.ndarray, steps: Sequence[np.ndarray], change: float) -> None:
        """Add the next month, given by its entries in ``TileClosure``."""
        self._months.append((corrected, steps, change))

    def closure(self) -> TileClosure:
        """Return the closure of the months so far."""
        return TileClosure(*map(np.array, zip(*self._months)))


def join_closures(
    parts: Sequence[tuple[Tile, TileClosure]],
    months: np.ndarray,
    numbers: np.ndarray,
    target: np.ndarray,
    raw: np.ndarray,
) -> Closure:
    """Join the closures of all tiles of a year.

    Parameters
    ----------
    parts : sequence of (Tile, TileClosure)
        All tiles and their closures.
    months : numpy.ndarray of datetime64[M]
        The mapped months of the year.
    numbers : numpy.ndarray of int, shape (months,)
        Their numbers among all mapped months.
    target : numpy.ndarray, shape (months, rows, columns)
        Coarse field, cm.
    raw : numpy.ndarray, shape (months, rows, columns)
        Block means of the predictions, cm.

    Raises
    ------
    RuntimeError
        When a block mean differs from the coarse field by ``TOLERANCE_CM`` or more.
    """
    corrected = np.full(raw.shape, np.nan)
    steps = np.zeros((numbers.size, 2, 2, 2, 2))
    for tile, part in parts:
        corrected[:, tile.rows, tile.columns] = part.corrected
        steps += part.steps
    worst = np.nanmax(np.abs(corrected - target), axis=(1, 2))
    for month, difference in zip(months, worst):
        if not difference < TOLERANCE_CM:
            raise RuntimeError(
                f"{month}: block means differ from the coarse field by {difference:g} cm"
            )
    seams = np.array([[ratio_from_steps(each) for each in pair] for pair in steps])
    changes = np.max([part.changes for _, part in parts], axis=0)
    residuals = np.nanmax(np.abs(target - raw), axis=(1, 2))
    return Closure(numbers, raw, corrected, seams, changes, residuals)
