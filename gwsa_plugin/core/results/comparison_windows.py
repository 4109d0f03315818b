"""Scores of all cells, computed and written window by window, and their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, log2, sqrt
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, vstack

from ..base.grid import Grid
from ..base.progress import Progress
from ..base.tiles import Tile, squares
from ..compute.threads import run_all
from ..files.yearly_maps import YearlyMaps
from ..rasters.geotiff import GeoTiff
from ..spatial.aquifers import Aquifer
from ..spatial.polygon_weights import pixel_areas, points_per_pixel, separate_groups
from ..spatial.polygons import area_km2
from .comparison_grid import MapsOnGrid, Read
from .comparison_scores import OFFSET, TREND, Periods, RegionSums, anomalies, score_cells

# Rows that are written at once, and the side of a block of the maps.
STRIP = 128
# Points along the side of a window in which polygons are burned.
BURNED_SIDE = 4096
# Cells that are kept of each map for percentiles and pictures.
MOST_KEPT = 2_000_000
# Windows that are scored at once, on as many cores; each takes up to 200 MB.
AT_A_TIME = 4
EVERYWHERE = "complete common area"
PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class MapSummary:
    """Distribution of a score over the area, each cell weighted by its area.

    Parameters
    ----------
    mean : float
        In the unit of the score.
    percentiles : tuple of float
        5, 25, 50, 75 and 95 %.
    area_km2 : float
        Area of the cells that have the score.
    """

    mean: float
    percentiles: tuple[float, ...]
    area_km2: float


class _Scored(NamedTuple):
    """The cells of a window that have values: their places, anomalies, scores and areas."""

    cells: np.ndarray
    first: np.ndarray
    other: np.ndarray
    offset: np.ndarray
    scores: dict[str, np.ndarray]
    weights: object


class WindowScores:
    """Scores of the cells of a grid, which are written, and what is kept of them.

    Parameters
    ----------
    grid : Grid
        The common grid.
    periods : Periods
    scores : sequence of str
        Scores to compute, see ``score_cells``.
    polygons : sequence of Aquifer
        Regions to score, in addition to the complete common area.

    Attributes
    ----------
    sums : RegionSums
        Sums over the common area and the polygons.
    kept : dict of str to ndarray of float32
        Score -> every ``step``-th cell of every ``step``-th row.
    step : int
    """

    def __init__(
        self,
        grid: Grid,
        periods: Periods,
        scores: Sequence[str],
        polygons: Sequence[Aquifer],
    ):
        self._grid = grid
        self._periods = periods
        self._scores = scores
        self._polygons = polygons
        self._groups = separate_groups(polygons)
        self.sums = RegionSums(
            [EVERYWHERE, *(polygon.name for polygon in polygons)],
            [np.nan, *(area_km2(polygon.geometry) for polygon in polygons)],
            periods.months,
        )
        self.step = ceil(sqrt(grid.rows * grid.columns / MOST_KEPT))
        shape = -(-grid.rows // self.step), -(-grid.columns // self.step)
        self.kept = {name: np.full(shape, np.nan, dtype=np.float32) for name in scores}

    @property
    def found(self) -> bool:
        """Whether any cell is scored."""
        return any(self.sums.total(name)[1] > 0 for name in self._scores)

    def run(
        self,
        first: YearlyMaps,
        other: YearlyMaps,
        targets: Mapping[str, GeoTiff],
        progress: Progress,
    ) -> None:
        """Score all cells.

        Parameters
        ----------
        first, other : YearlyMaps
        targets : mapping of str to GeoTiff
            Score -> the open map.
        progress : Progress
        """
        months = self._periods.months
        sources = [MapsOnGrid(maps, months, self._grid) for maps in (first, other)]
        side = self._side(min(source.most_cells for source in sources))
        reading, scoring = progress.part(0.0, 0.1), progress.part(0.1, 1.0).timed("Comparison")
        opened = [source.opened(part) for source, part in zip(sources, reading.parts(len(sources)))]
        with opened[0] as read_first, opened[1] as read_other:
            for top in range(0, self._grid.rows, STRIP):
                rows = min(STRIP, self._grid.rows - top)
                strip = {
                    name: np.full((rows, self._grid.columns), np.nan, dtype=np.float32)
                    for name in self._scores
                }
                windows = squares((rows, self._grid.columns), side)
                batches = [windows[i : i + AT_A_TIME] for i in range(0, len(windows), AT_A_TIME)]
                part = scoring.part(top / self._grid.rows, (top + rows) / self._grid.rows)
                for batch, step in zip(batches, part.parts(len(batches))):
                    tasks = [
                        partial(self._score, _moved_down(window, top), read_first, read_other)
                        for window in batch
                    ]
                    # Sums are added in the order of the windows, whatever their number at once.
                    for window, scored in zip(batch, run_all(tasks, step)):
                        if scored is not None:
                            self._add(scored, window, strip)
                self._keep(strip, top)
                for name, target in targets.items():
                    target.write(1, strip[name], (top, 0))

    def summaries(self) -> dict[str, MapSummary]:
        """Return the distribution of each score over the common area."""
        rows = np.arange(0, self._grid.rows, self.step)
        areas = np.repeat(
            self._grid.row_areas()[rows, None], next(iter(self.kept.values())).shape[1], axis=1
        )
        summaries = {}
        for name, values in self.kept.items():
            known = np.isfinite(values)
            total, area = self.sums.total(name)
            summaries[name] = MapSummary(
                float(total / area) if area else np.nan,
                _percentiles(values[known], areas[known]),
                float(area),
            )
        return summaries

    def _side(self, most_cells: int) -> int:
        """Side of a window that can be read and in which polygons can be burned."""
        side = max(int(sqrt(most_cells)), 1)
        if self._polygons:
            side = min(side, max(BURNED_SIDE // points_per_pixel(self._grid), 1))
        # Powers of two divide the strips.
        return min(2 ** int(log2(side)), STRIP)

    def _score(
        self, tile: Tile, read_first: Read, read_other: Read, progress: Progress
    ) -> _Scored | None:
        """Score the cells of a window; None where there is no cell."""
        months = self._periods.months
        other = read_other(tile).reshape(months.size, -1)
        if not np.isfinite(other).any():
            return None
        progress.stop_if_cancelled()
        first = read_first(tile).reshape(months.size, -1)
        cells = np.flatnonzero((np.isfinite(first) & np.isfinite(other)).any(axis=0))
        if not cells.size:
            return None
        first, other, offset = anomalies(first[:, cells], other[:, cells], self._periods)
        scores = score_cells(first, other, months, TREND in self._scores, progress)
        return _Scored(cells, first, other, offset, scores, self._weights(tile, cells))

    def _add(self, scored: _Scored, window: Tile, strip: Mapping[str, np.ndarray]) -> None:
        """Add the cells of a window to the sums and to the strip."""
        scores = {**scored.scores, OFFSET: scored.offset}
        self.sums.add(scored.weights, scored.first, scored.other, scores)
        for name, values in scored.scores.items():
            field = np.full(window.shape, np.nan, dtype=np.float32)
            field.flat[scored.cells] = values
            strip[name][window] = field

    def _weights(self, tile: Tile, cells: np.ndarray):
        """Area of each region in the cells of a window, km²."""
        grid = self._grid.subgrid(*tile)
        everywhere = np.repeat(grid.row_areas(), grid.columns)[None, cells]
        if not self._polygons:
            return everywhere
        parts = pixel_areas(self._polygons, self._groups, grid)[:, cells]
        return vstack([csr_matrix(everywhere), parts]).tocsr()

    def _keep(self, strip: Mapping[str, np.ndarray], top: int) -> None:
        """Keep the cells of a strip that are on every ``step``-th row and column."""
        first = -top % self.step
        for name, values in strip.items():
            thinned = values[first :: self.step, :: self.step]
            begin = (top + first) // self.step
            self.kept[name][begin : begin + len(thinned)] = thinned


def _moved_down(window: Tile, rows: int) -> Tile:
    return Tile(slice(window.rows.start + rows, window.rows.stop + rows), window.columns)


def _percentiles(values: np.ndarray, weights: np.ndarray) -> tuple[float, ...]:
    """Percentiles of values with weights; the least value whose cumulative weight is enough."""
    if not values.size:
        return (np.nan,) * len(PERCENTILES)
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order], dtype=np.float64)
    places = np.searchsorted(cumulative, np.array(PERCENTILES) / 100 * cumulative[-1])
    return tuple(values[order][np.minimum(places, values.size - 1)].tolist())
