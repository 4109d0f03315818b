"""How many trees, and which: settled for each training by cells that it leaves out, never by those it is scored on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...base.progress import Progress
from ..folds import Split, widened
from ..samples import Samples
from .training import Boosting, early_stopping

WATCHED = 0.3  # of the blocks of cells
CANDIDATES = (
    {"depth": 4}, {"depth": 6, "column_share": 0.3}, {"least_rows": 40.0}, {"depth": 7, "least_rows": 40.0},
    {"column_share": 0.25}, {"depth": 3}, {"least_rows": 3.0}, {"row_share": 0.8},
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tuning:
    """``blocks``: int, coarse shape, the block of each cell; those of one block are watched together, and cells within
    ``reach`` of a watched one are not trained on. ``search``: how many settings are tried beside the given ones."""

    blocks: np.ndarray
    reach: int
    search: int = 0

    def settle(
        self, samples: Samples, split: Split, boosting: Boosting, progress: Progress
    ) -> Boosting:
        """The settings to train the samples that ``split`` leaves with: those of the least squared error of local
        contrast in the watched blocks, with the number of trees at which it is reached.

        As given where the samples lie in too few blocks to leave some out.
        """
        where, cells = split.trained(samples), self._watched(~split.near, boosting.seed)
        watched, rest = where & samples.at(cells), where & ~samples.at(widened(cells, self.reach))
        if not watched.any() or not rest.any():
            return boosting
        tried = [boosting, *(replace(boosting, **change) for change in CANDIDATES[: self.search])]
        found = [early_stopping(samples, rest, watched, settings, progress) for settings in tried]
        best = min(range(len(tried)), key=lambda i: found[i][1])
        return replace(tried[best], trees=found[best][0])

    def _watched(self, cells: np.ndarray, seed: int) -> np.ndarray:
        """Those of the ``cells`` (bool, coarse shape) that are in some blocks, chosen at random of those that they are
        in."""
        present = np.unique(self.blocks[cells])
        count = min(max(1, round(WATCHED * present.size)), present.size - 1)
        chosen = np.random.default_rng(seed).permutation(present)[:count]
        return cells & np.isin(self.blocks, chosen)
