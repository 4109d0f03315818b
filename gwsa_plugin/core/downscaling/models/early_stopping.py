"""Choose the number of trees, and optionally other hyper-parameters, for each training.

The choice is validated on blocks of training cells that are left out, never on the held-out samples
that the models are scored on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...base.progress import Progress
from ..folds import Split, dilate
from ..samples import Samples
from .training import Boosting, early_stopping

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

    def choose(
        self, samples: Samples, split: Split, boosting: Boosting, progress: Progress
    ) -> Boosting:
        """Choose the hyper-parameters with the smallest error of the local contrast.

        Parameters
        ----------
        samples : Samples
            The training set.
        split : Split
            Only samples that it trains on are used.
        boosting : Boosting
            The given hyper-parameters; its ``trees`` are the most that are tried.
        progress : Progress
            Allows cancellation.

        Returns
        -------
        Boosting
            The chosen hyper-parameters with the best number of trees. ``boosting`` itself when the
            samples lie in too few blocks to leave any out.
        """
        trained = split.trained(samples)
        cells = self._validation_cells(~split.excluded_cells, boosting.seed)
        validation = trained & samples.at(cells)
        training = trained & ~samples.at(dilate(cells, self.buffer_cells, self.buffer_cells))
        if not validation.any() or not training.any():
            return boosting
        candidates = [
            boosting,
            *(replace(boosting, **change) for change in CANDIDATES[: self.search]),
        ]
        results = [
            early_stopping(samples, training, validation, candidate, progress)
            for candidate in candidates
        ]
        best = min(range(len(candidates)), key=lambda i: results[i][1])
        trees, _ = results[best]
        return replace(candidates[best], trees=trees)

    def _validation_cells(self, cells: np.ndarray, seed: int) -> np.ndarray:
        """Those of ``cells`` (bool, coarse shape) that lie in randomly chosen blocks."""
        present = np.unique(self.blocks[cells])
        count = min(max(1, round(VALIDATION_FRACTION * present.size)), present.size - 1)
        chosen = np.random.default_rng(seed).permutation(present)[:count]
        return cells & np.isin(self.blocks, chosen)
