"""TODO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Samples:
    """What there is to learn from: coarse cells in months, in the order of ``month``, ``row`` and ``column``, which are
    numbers of mapped months and of cells of the coarse grid: int, (samples,). ``target``: cm, (samples,). ``cells``:
    their features, float32, (samples, features), NaN missing; ``pixels``: those of a few pixels of each, (samples,
    pixels, features). ``names``: of the features."""

    month: np.ndarray
    row: np.ndarray
    column: np.ndarray
    target: np.ndarray
    cells: np.ndarray
    pixels: np.ndarray
    names: tuple[str, ...]

    def at(self, field: np.ndarray) -> np.ndarray:
        """What ``field``, of the coarse shape, has in the cell of each sample: (samples,)."""
        return field[self.row, self.column]

    def mean_by_cell(self, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """The mean of the ``values``, (samples,), of each cell of a coarse grid of ``shape``, those that are NaN left
        out: float64, NaN for a cell without one."""
        known = ~np.isnan(values)
        cells, size = (
            np.ravel_multi_index((self.row[known], self.column[known]), shape),
            shape[0] * shape[1],
        )
        count, total = (
            np.bincount(cells, minlength=size),
            np.bincount(cells, values[known], minlength=size),
        )
        return np.divide(total, count, out=np.full(size, np.nan), where=count > 0).reshape(shape)

    def pixel_table(self, where: np.ndarray) -> np.ndarray:
        """The features of the pixels of the samples ``where`` (any index of them): float32, (samples x pixels,
        features), the pixels of a sample one after the other."""
        return self.pixels[where].reshape(-1, len(self.names))


ONE_SCALE_UP = 2
