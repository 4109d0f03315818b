"""The training set of downscaling: one sample per coarse cell and month.

Its features take most of the time and memory, and are read only where trees are trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Cells along the side of a block, when skill and scaling are estimated one scale up.
ONE_SCALE_UP = 2


@dataclass(frozen=True, eq=False)
class Samples:
    """Coarse cells in months, sorted by ``month``, then ``row``, then ``column``.

    Parameters
    ----------
    month : numpy.ndarray of int, shape (samples,)
        Number of the mapped month, from 0.
    row, column : numpy.ndarray of int, shape (samples,)
        Row and column of the cell in the coarse grid.
    target : numpy.ndarray, shape (samples,)
        GWSA of the cell, cm.
    cells : numpy.ndarray of float32, shape (samples, features)
        Features of the cell; NaN for no value.
    pixels : numpy.ndarray of float32, shape (samples, pixels, features)
        Features of some land pixels of the cell; NaN for no value.
    names : tuple of str
        Names of the features; empty as long as they are not read.
    """

    month: np.ndarray
    row: np.ndarray
    column: np.ndarray
    target: np.ndarray
    cells: np.ndarray
    pixels: np.ndarray
    names: tuple[str, ...]

    def at(self, field: np.ndarray) -> np.ndarray:
        """Return the value of a coarse field in the cell of each sample, shape (samples,)."""
        return field[self.row, self.column]

    def mean_by_cell(self, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Average the values of each cell over its months.

        Parameters
        ----------
        values : numpy.ndarray, shape (samples,)
            A value per sample; NaN is left out.
        shape : tuple of int
            Rows and columns of the coarse grid.

        Returns
        -------
        numpy.ndarray of float64
            Coarse shape, NaN for a cell without a value.
        """
        known = ~np.isnan(values)
        size = shape[0] * shape[1]
        cells = np.ravel_multi_index((self.row[known], self.column[known]), shape)
        count = np.bincount(cells, minlength=size)
        total = np.bincount(cells, values[known], minlength=size)
        return np.divide(total, count, out=np.full(size, np.nan), where=count > 0).reshape(shape)

    def pixel_table(self, where: np.ndarray) -> np.ndarray:
        """Return the features of the pixels of some samples as a table.

        Parameters
        ----------
        where : numpy.ndarray
            Any index of the samples.

        Returns
        -------
        numpy.ndarray of float32
            Shape (samples x pixels, features); the pixels of a sample follow each other.
        """
        return self.pixels[where].reshape(-1, len(self.names))
