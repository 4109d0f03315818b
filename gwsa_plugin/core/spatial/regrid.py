"""Conservative regridding between regular longitude/latitude grids, by area overlap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix

from ..base.errors import InputError
from ..base.grid import EDGE_TOLERANCE, Grid

# Fraction of a cell: a smaller overlap is a rounding error.
ROUNDING = 1e-7


class Regridding:
    """Area-weighted mean of the source cells under each cell of ``target``.

    Only the rows ``rows`` (a slice) and the columns ``columns`` (a list of slices) of the source
    are needed. A field that is passed to the call holds these alone, with the slices of columns
    side by side.

    Parameters
    ----------
    latitudes, longitudes : ndarray of float
        Centres of the source cells in degrees, in any regular order: latitudes ascending or
        descending, longitudes from -180 or from 0, also with a jump from 360 to 0. A single row or
        column has the cell size of the other axis.
    target : Grid
        The grid of the result.
    name : str
        Name of the source file, for error messages.

    Raises
    ------
    InputError
        When the centres are not evenly spaced, or the source is a single cell.
    """

    def __init__(self, latitudes: np.ndarray, longitudes: np.ndarray, target: Grid, name: str):
        row_edges, column_edges = _cell_edges(latitudes, longitudes, name)
        cells = _start_in_180_west(column_edges)
        rows = _overlap_fractions(row_edges, _row_edges(target), _sines)
        # A cell that crosses 180° has its eastern part one turn further west.
        # The target may run beyond 180°.
        edges = _column_edges(target)
        columns = _overlap_fractions(cells, edges)
        for turn in (-360.0, 360.0):
            columns += _overlap_fractions(cells + turn, edges)
        self.target = target
        self.rows = next(iter(_runs(rows.any(axis=0))), slice(0, 0))
        self.columns = _runs(columns.any(axis=0))
        self._reached = rows.any(axis=1), columns.any(axis=1)
        self._row_fractions = csr_matrix(rows[:, self.rows])
        self._column_fractions = csr_matrix(columns[:, columns.any(axis=0)].T)
        # Made once, because a product with the matrix on the right makes it each time.
        self._transposed_fractions = self._column_fractions.T
        self._same_cells = (
            _complete_cells(rows[:, self.rows]),
            _complete_cells(columns[:, columns.any(axis=0)]),
        )

    @property
    def source_shape(self) -> tuple[int, int]:
        """Rows and columns of a field that the call takes."""
        return self._row_fractions.shape[1], self._column_fractions.shape[0]

    def covered(self) -> Grid | None:
        """Return the part of the target that the source covers; None when there is none."""
        rows, columns = (np.flatnonzero(reached) for reached in self._reached)
        if not (rows.size and columns.size):
            return None
        return self.target.subgrid(slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))

    def __call__(self, field: np.ndarray) -> np.ndarray:
        """Regrid a field.

        Parameters
        ----------
        field : ndarray of float, shape ``source_shape``
            NaN where there is no value.

        Returns
        -------
        ndarray of float64, shape of the target
            NaN where less than half of a cell's area has a value.
        """
        finite = np.isfinite(field)
        by_row, by_column = self._same_cells
        if by_row is not None and by_column is not None:
            # What the sums below return for cells that coincide, -0.0 as 0.0.
            cells = np.where(finite, field, np.nan)[by_row[:, None], by_column]
            return cells.astype(np.float64) + 0.0
        fraction = self._sums(finite.astype(np.float64))
        total = self._sums(np.where(finite, field, 0.0).astype(np.float64))
        return np.where(
            fraction >= 0.5 - EDGE_TOLERANCE, total / np.maximum(fraction, EDGE_TOLERANCE), np.nan
        )

    def _sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of the source cells by their overlap with each target cell."""
        return (self._transposed_fractions @ (self._row_fractions @ values).T).T

    def largest(self, field: np.ndarray) -> np.ndarray:
        """Return the value of the source cell with the largest overlap with each target cell.

        For values that cannot be averaged, for example identifiers.
        """
        rows = self._row_fractions.argmax(axis=1)
        columns = self._column_fractions.argmax(axis=0)
        return field[np.ix_(np.asarray(rows).ravel(), np.asarray(columns).ravel())]


def _complete_cells(fractions: np.ndarray) -> np.ndarray | None:
    """The source cell that each target cell coincides with; None where some do not."""
    covered = fractions == 1.0
    if np.count_nonzero(fractions) == len(fractions) and covered.any(axis=1).all():
        return covered.argmax(axis=1)
    return None


def _cell_edges(
    latitudes: np.ndarray, longitudes: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    height = _spacing(latitudes, f"The latitudes of {name}")
    width = _spacing(longitudes, f"The longitudes of {name}")
    if not (height or width):
        raise InputError(
            f"{name} holds a single cell, whose size cannot be determined; "
            "give a crop of two cells or more."
        )
    return _edges(latitudes, height or width), _edges(longitudes, width or height)


def _spacing(centres: np.ndarray, what: str) -> float:
    """Distance between neighbouring centres, modulo 360°; 0 for a single centre."""
    steps = (np.diff(centres.astype(np.float64)) + 180.0) % 360.0 - 180.0
    step = float(steps.mean()) if steps.size else 0.0
    if not (np.abs(steps - step) <= EDGE_TOLERANCE * abs(step)).all():
        raise InputError(f"{what} are not evenly spaced; give the product on its regular grid.")
    return step


def _edges(centres: np.ndarray, step: float) -> np.ndarray:
    """Lower and upper edge of each cell, shape (cells, 2)."""
    middle = float(centres[0]) + np.arange(centres.size) * step
    return np.stack([middle - abs(step) / 2, middle + abs(step) / 2], axis=1)


def _row_edges(grid: Grid) -> np.ndarray:
    return np.stack([grid.latitudes - grid.dy / 2, grid.latitudes + grid.dy / 2], axis=1)


def _column_edges(grid: Grid) -> np.ndarray:
    return np.stack([grid.longitudes - grid.dx / 2, grid.longitudes + grid.dx / 2], axis=1)


def _sines(latitudes: np.ndarray) -> np.ndarray:
    """The area on the sphere is proportional to the difference of these sines."""
    return np.sin(np.radians(np.clip(latitudes, -90.0, 90.0)))


def _start_in_180_west(edges: np.ndarray) -> np.ndarray:
    """Cells shifted by multiples of 360° so that each one starts in -180..180."""
    return edges - 360.0 * np.floor((edges[:, :1] + 180.0) / 360.0)


def _overlap_fractions(
    source: np.ndarray, target: np.ndarray, measure: Callable = np.asarray
) -> np.ndarray:
    """The fraction of each target cell that each source cell covers, shape (target, source).

    Both are edges in degrees, shape (cells, 2). ``measure`` maps degrees to a coordinate along
    which area is uniform.
    """
    source = measure(_snap_to_edges(source, target))
    target = measure(target)
    overlap = np.minimum(target[:, 1:], source[:, 1]) - np.maximum(target[:, :1], source[:, 0])
    fractions = overlap / (target[:, 1:] - target[:, :1])
    return np.where(fractions > ROUNDING, fractions, 0.0)


def _snap_to_edges(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Source edges, moved onto a target edge where the two differ only by the rounding of files.

    Otherwise cells would overlap their neighbours by slivers.
    """
    step = target[0, 1] - target[0, 0]
    nearest = target[0, 0] + np.rint((source - target[0, 0]) / step) * step
    near = np.abs(source - nearest) <= EDGE_TOLERANCE * min(step, source[0, 1] - source[0, 0])
    return np.where(near, nearest, source)


def _runs(wanted: np.ndarray) -> list[slice]:
    """The runs of True as slices."""
    places = np.flatnonzero(wanted)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if places.size else []
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs]
