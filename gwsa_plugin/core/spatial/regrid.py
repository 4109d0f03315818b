"""From one regular longitude/latitude grid to another by area overlap, which conserves mass."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from ..base.errors import InputError
from ..base.grid import EDGE_TOLERANCE, Grid

ROUNDING = 1e-7  # of a cell: an overlap this small is arithmetic


class Regridding:
    """The area-weighted mean of the source cells under each cell of ``target``.

    The source is given by its cell centres in degrees, in any regular order: latitudes up or down, longitudes of
    either convention, also where they jump from 360 to 0. Of the source only ``rows`` (a slice) and ``columns``
    (slices, side by side) are needed; a field passed to the call holds just those.
    """

    def __init__(self, latitudes: np.ndarray, longitudes: np.ndarray, target: Grid, name: str):
        """A single row or column has the cell size of the other axis.

        Raises InputError, naming the file ``name``, for centres that are not evenly spaced and for a single cell.
        """
        row_edges, column_edges = _cell_edges(latitudes, longitudes, name)
        cells = _from_180_west(column_edges)
        rows = _shares(row_edges, _row_edges(target), _sines)
        columns = _shares(cells, _column_edges(target)) + _shares(
            cells - 360.0, _column_edges(target)
        )
        self.target = target
        self.rows = next(iter(_runs(rows.any(axis=0))), slice(0, 0))
        self.columns = _runs(columns.any(axis=0))
        self._reached = rows.any(axis=1), columns.any(axis=1)
        self._row_shares = csr_matrix(rows[:, self.rows])
        self._column_shares = csr_matrix(columns[:, columns.any(axis=0)].T)

    @property
    def source_shape(self) -> tuple[int, int]:
        """Rows and columns of a field that the call takes."""
        return self._row_shares.shape[1], self._column_shares.shape[0]

    def covered(self) -> Grid | None:
        """The part of the target that the source reaches; None when there is none."""
        rows, columns = (np.flatnonzero(reached) for reached in self._reached)
        if not (rows.size and columns.size):
            return None
        return self.target.sub(slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))

    def __call__(self, field: np.ndarray) -> np.ndarray:
        """float64, shape of the target; NaN where less than half of a cell's area has a value."""
        finite = np.isfinite(field)
        share = self._row_shares @ finite.astype(np.float64) @ self._column_shares
        total = (
            self._row_shares @ np.where(finite, field, 0.0).astype(np.float64) @ self._column_shares
        )
        return np.where(
            share >= 0.5 - EDGE_TOLERANCE, total / np.maximum(share, EDGE_TOLERANCE), np.nan
        )

    def largest(self, field: np.ndarray) -> np.ndarray:
        """The value of the source cell with the largest share in each target cell: for numbers that have no mean."""
        rows, columns = self._row_shares.argmax(axis=1), self._column_shares.argmax(axis=0)
        return field[np.ix_(np.asarray(rows).ravel(), np.asarray(columns).ravel())]


def _cell_edges(
    latitudes: np.ndarray, longitudes: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    height, width = (
        _step(latitudes, f"The latitudes of {name}"),
        _step(longitudes, f"The longitudes of {name}"),
    )
    if not (height or width):
        raise InputError(
            f"{name} holds a single cell, whose size it does not tell; give a crop of two cells or more."
        )
    return _edges(latitudes, height or width), _edges(longitudes, width or height)


def _step(centres: np.ndarray, what: str) -> float:
    """From one centre to the next, 0 for a single one; a jump of 360° between neighbours is none."""
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
    """Area on the sphere is proportional to the sine of latitude."""
    return np.sin(np.radians(np.clip(latitudes, -90.0, 90.0)))


def _from_180_west(edges: np.ndarray) -> np.ndarray:
    """Each cell shifted by whole turns so that it starts in -180..180."""
    return edges - 360.0 * np.floor((edges[:, :1] + 180.0) / 360.0)


def _shares(source: np.ndarray, target: np.ndarray, measure=np.asarray) -> np.ndarray:
    """The share of each target cell that each source cell covers, shape (target cells, source cells).

    Both are edges in degrees; ``measure`` turns degrees into what area is proportional to.
    """
    source, target = measure(_onto_edges(source, target)), measure(target)
    overlap = np.minimum(target[:, 1:], source[:, 1]) - np.maximum(target[:, :1], source[:, 0])
    shares = overlap / (target[:, 1:] - target[:, :1])
    return np.where(shares > ROUNDING, shares, 0.0)


def _onto_edges(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Source edges on those of the target where they differ only as files round them, so that no sliver is shared."""
    step = target[0, 1] - target[0, 0]
    nearest = target[0, 0] + np.rint((source - target[0, 0]) / step) * step
    near = np.abs(source - nearest) <= EDGE_TOLERANCE * min(step, source[0, 1] - source[0, 0])
    return np.where(near, nearest, source)


def _runs(wanted: np.ndarray) -> list[slice]:
    """The runs of True as slices."""
    places = np.flatnonzero(wanted)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if places.size else []
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs]
