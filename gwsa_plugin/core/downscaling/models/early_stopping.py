"""Choose the number of trees, and optionally other hyper-parameters, once for all trainings.

The choice is validated on blocks of cells that are left out. Cells of other blocks and months that
some training holds out take part in it, so that scores are those of models whose size, and nothing
else, was chosen with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..folds import dilate
from ..samples import Samples
from .training import Boosting

# Fraction of the blocks that validates the choice.
VALIDATION_FRACTION = 0.3
# Changes to the given hyper-parameters, in the order in which a search tries them.
CANDIDATES: tuple[dict, ...] = (
    {"depth": 4},
    {"depth": 6, "column_share": 0.3},
    {"least_rows": 40.0},
    {"depth": 7, "least_rows": 40.0},
    {"column_share": 0.25},
    {"depth": 3},
    {"least_rows": 3.0},
    {"row_share": 0.8},
)


@dataclass(frozen=True, eq=False)
class Tuning:
    """How hyper-parameters are chosen.

    Parameters
    ----------
    blocks : numpy.ndarray of int
        Block of each cell, coarse shape. The cells of a block are validated on together.
    buffer_cells : int
        Cells within so many rows and columns of a validation cell are not trained on.
    search : int
        Number of candidates that are tried besides the given hyper-parameters.
    """

    blocks: np.ndarray
    buffer_cells: int
    search: int = 0

    def candidates(self, given: Boosting) -> list[Boosting]:
        """Return the given hyper-parameters and those that a search compares them with."""
        return [given, *(replace(given, **change) for change in CANDIDATES[: self.search])]

    def parts(self, samples: Samples, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Choose samples that are trained on and samples that validate, without overlap.

        Parameters
        ----------
        samples : Samples
            The training set.
        seed : int
            Seed of the random choice of blocks.

        Returns
        -------
        training, validation : numpy.ndarray of bool, shape (samples,)
            One of them is empty when the samples lie in too few blocks to leave any out.
        """
        cells = np.zeros(self.blocks.shape, dtype=bool)
        cells[samples.row, samples.column] = True
        left_out = self._validation_cells(cells, seed)
        near = dilate(left_out, self.buffer_cells, self.buffer_cells)
        return ~samples.at(near), samples.at(left_out)

    def _validation_cells(self, cells: np.ndarray, seed: int) -> np.ndarray:
        """Those of ``cells`` (bool, coarse shape) that lie in randomly chosen blocks."""
        present = np.unique(self.blocks[cells])
        count = min(max(1, round(VALIDATION_FRACTION * present.size)), present.size - 1)
        chosen = np.random.default_rng(seed).permutation(present)[:count]
        return cells & np.isin(self.blocks, chosen)
